/** An interrupted snapshot goes on where it stopped, and is as complete as any. */
import { expect, it } from 'vitest'
import type { PageChain } from '../../../src/remote/pages/page-chains.ts'
import type { Simulator } from '../../../src/simulator/server.ts'
import { pull } from '../../../src/sync/run/run.ts'
import { livingIds, openAccount, pullOne, remoteIds } from '../../support/scopestack/account.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import { readLeases } from '../../support/tables/fleet.ts'
import { beginSnapshotsAgo, keepSnapshots, readCheckpoints, restoreSnapshot } from '../../support/tables/progress.ts'
import { readRunOutcomes, readRuns } from '../../support/tables/runs.ts'

/** Pages asked for, also those that had not changed. */
const asked = (sim: Simulator): number => sim.stats().requests['GET /{account}/v1/services'] ?? 0
const pages = (sim: Simulator): readonly number[] => sim.stats().pages['services'] ?? []

/** A first reading counts what its filters may hide: without them, with the empty value, and with one value. */
const COUNTS = [1, 1, 1]

const chainsOf = async ({ sql }: TestWorker): Promise<PageChain[] | null> =>
  (await readCheckpoints(sql, ['chains'], { resource: 'services' }))[0]!.chains

/** Stopped for good by a list that breaks at page 3, behind those that lie behind it. */
async function interrupted() {
  const { sim, worker, databaseUrl } = await openAccount()
  const fault = sim.addFault({ kind: '403', match: { type: 'services', page: 3 }, count: 'always' })
  expect((await worker.run(['services'])).outcomes[0]).toMatchObject({ outcome: 'forbidden' })
  sim.removeFault(fault.id)
  sim.resetStats()
  return { sim, worker, databaseUrl, last: Math.ceil(remoteIds(sim, 'services').length / 10) }
}

it('an interrupted read resumes at its page, and is as complete as any', async () => {
  const { sim, worker, last } = await interrupted()
  expect(await chainsOf(worker)).toMatchObject([{ first: last, next: 3 }])
  expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok', seen: remoteIds(sim, 'services').length })
  expect(pages(sim)).toEqual([3, 2, 1, ...COUNTS])
  expect(await livingIds(worker, 'services')).toEqual(remoteIds(sim, 'services'))
  expect(await chainsOf(worker)).toBeNull()
})

it('an interrupted read begins again on request', async () => {
  const { sim, worker, last } = await interrupted()
  await pullOne(worker, 'services', { restart: true })
  expect(asked(sim)).toBe(1 + last + COUNTS.length)
})

it('an interrupted read begins again when its request has changed', async () => {
  const { sim, databaseUrl } = await interrupted()
  await using other = await startWorker(sim, databaseUrl, { pageSize: 9, concurrency: 1 })
  await pullOne(other, 'services')
  expect(asked(sim)).toBe(1 + Math.ceil(remoteIds(sim, 'services').length / 9) + COUNTS.length)
})

it('an interrupted read begins again when the declaration has changed', async () => {
  const { sim, worker, last } = await interrupted()
  const services = worker.catalog.get('services')!
  const columns = services.columns.filter(({ name }) => name !== 'sku')
  const { signal } = new AbortController()
  const { outcomes } = await pull(worker, { resources: [{ ...services, columns }], signal, onEvent: () => {} })
  expect(outcomes).toMatchObject([{ outcome: 'ok' }])
  expect(asked(sim)).toBe(1 + last + COUNTS.length)
  const [kept] = await worker.sql`select count(*)::int as n from scopestack.services where sync_extra ? 'sku'`
  expect(kept).toEqual({ n: remoteIds(sim, 'services').length })
})

it('an interrupted read begins again when the list does not give its number of pages', async () => {
  const numbers: number[] = []
  const { sim, worker } = await openAccount({}, (body, { type, page }) => {
    if (type !== 'services') return body
    numbers.push(page)
    return { ...body, meta: { 'record-count': body.meta['record-count'] } }
  })
  sim.setSwitches({ refusedSorts: { services: ['id'] } })
  expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok' })
  const stop = new AbortController()
  let left = 3
  const stopped = worker.run(['services'], {
    signal: stop.signal,
    onEvent: ({ type }) => type === 'progress' && --left === 0 && stop.abort(),
  })
  await expect(stopped).rejects.toMatchObject({ code: 'SYNC_STOPPED' })
  expect(await chainsOf(worker)).toEqual([])
  // Met before the stop, it would stand for one that slips past after it.
  sim.records.remove('services', remoteIds(sim, 'services')[3]!)
  numbers.length = 0
  expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok', deleted: 1 })
  expect(new Set(numbers)).toEqual(new Set(Array.from({ length: Math.max(...numbers) }, (_, index) => index + 1)))
  expect(await livingIds(worker, 'services')).toEqual(remoteIds(sim, 'services'))
})

it('a stop is none of its resource while the id of a record that fails its page is requested', async () => {
  const stop = new AbortController()
  const { sim, worker } = await openAccount({}, (body, { type, query }) => {
    if (type === 'services' && query.has('fields[services]')) stop.abort()
    return body
  })
  sim.setSwitches({ brokenRecords: { services: [remoteIds(sim, 'services')[3]!] } })
  const stopped = worker.run(['services'], { signal: stop.signal })
  await expect(stopped).rejects.toMatchObject({ code: 'SYNC_STOPPED' })
  expect(await readRunOutcomes(worker.sql, ['outcome'])).toEqual([])
})

it('an interrupted read begins again when it is older than half a day', async () => {
  const { sim, worker, last } = await interrupted()
  await beginSnapshotsAgo(worker.sql, '13 hours')
  await pullOne(worker, 'services')
  expect(asked(sim)).toBe(1 + last + COUNTS.length)
})

it('an interrupted read begins again when it is a single document, whose time is that of its own read', async () => {
  const { worker } = await openAccount()
  // What a kill behind its only batch leaves.
  await keepSnapshots(worker.sql)
  expect(await pullOne(worker, 'mes')).toMatchObject({ outcome: 'ok', seen: 1 })
  expect(await restoreSnapshot(worker.sql, '11 hours')).toBe(1)
  expect(await pullOne(worker, 'mes')).toMatchObject({ outcome: 'ok', seen: 1 })
  expect(await readCheckpoints(worker.sql, ['asOfThisHour'], { resource: 'mes' })).toEqual([{ asOfThisHour: true }])
})

it('a resumed read has every record that lived throughout, when the list shrank in between', async () => {
  const { sim, worker } = await interrupted()
  for (const id of remoteIds(sim, 'services').slice(0, 5)) sim.records.remove('services', id)
  expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok' })
  const held = new Set(await livingIds(worker, 'services'))
  expect(remoteIds(sim, 'services').filter((id) => !held.has(id))).toEqual([])
})

it('a resumed read has them also when more than a page was deleted, and others were created', async () => {
  const { sim, worker } = await interrupted()
  const before = remoteIds(sim, 'services')
  for (const id of before.slice(7, 19)) sim.records.remove('services', id)
  for (let more = 0; more < 15; more++) sim.records.create('services', { attributes: { name: `More ${more}` } })
  expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok' })
  const held = new Set(await livingIds(worker, 'services'))
  expect([...before.slice(0, 7), ...before.slice(19)].filter((id) => !held.has(id))).toEqual([])
  expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok' })
  expect(await livingIds(worker, 'services')).toEqual(remoteIds(sim, 'services'))
})

it('a run that is stopped on request keeps its checkpoint, and reports it', async () => {
  const { sim, worker } = await openAccount()
  const stop = new AbortController()
  sim.addFault({ kind: 'slow', ms: 60_000, match: { type: 'services', page: 3 } })
  let written = 0
  const stopped = worker.run(['services'], {
    signal: stop.signal,
    onEvent: (event) => {
      if (event.type !== 'progress') return
      written = event.records
      if (written === remoteIds(sim, 'services').length - 30) stop.abort()
    },
  })
  await expect(stopped).rejects.toMatchObject({ code: 'SYNC_STOPPED' })
  expect(await chainsOf(worker)).toMatchObject([{ next: 3 }])
  expect(await livingIds(worker, 'services')).toHaveLength(written)
  const run = (await readRuns(worker.sql, ['outcome', 'error'])).at(-1)
  expect(run).toEqual({ outcome: 'failed', error: expect.stringContaining('Stopped on request') as string })
  const [lease] = await readLeases(worker.sql, ['isHeld'])
  expect(lease).toEqual({ isHeld: false })
})
