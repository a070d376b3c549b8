/** Lists as real servers give them: without pages, with a record that fails its page, with pages too heavy or too far. */
import { describe, expect, it } from 'vitest'
import { verifyResource } from '../../../src/sync/verify/verify.ts'
import { withLease } from '../../../src/sync/with-lease.ts'
import type { ListBody } from '../../support/network/relay.ts'
import { livingIds, openAccount, pullOne, remoteIds } from '../../support/scopestack/account.ts'
import { edit } from '../../support/scopestack/increments.ts'
import { readCapability, setLearned } from '../../support/tables/capabilities.ts'
import { readDrift, readParked } from '../../support/tables/progress.ts'

const TYPE = 'services'
const BELOW = 'project-materials'

const asked = (sim: { stats(): { requests: Record<string, number> } }): number =>
  sim.stats().requests[`GET /{account}/v1/${TYPE}`] ?? 0

const parked = async ({ sql }: Awaited<ReturnType<typeof openAccount>>['worker']) =>
  (await readParked(sql, ['recordId', 'reason'], { isOpen: true })).map(({ recordId: id, reason }) => ({ id, reason }))

const LONG_AGO = '2020-01-01T00:00:00Z'

type Meta = (counts: Record<string, unknown>) => Record<string, unknown>
const META: readonly (readonly [string, Meta | undefined])[] = [
  ['its records are counted', undefined],
  ['pages are counted that there are not', (counts) => ({ ...counts, 'page-count': 3 })],
  ['nothing is counted', () => ({})],
  ['only pages are counted', () => ({ 'page-count': 3 })],
]

describe('a list without pages', () => {
  const openUnpaged = async (meta: Meta | undefined, pageSize: number) => {
    const alter = meta && ((body: ListBody) => ({ ...body, meta: meta(body.meta) }))
    const account = await openAccount({}, alter, { pageSize })
    account.sim.setSwitches({ unpagedLists: [TYPE, 'clients', 'project-services'] })
    return account
  }

  it.each(META.flatMap(([name, meta]) => [7, 100].map((size) => [name, size, meta] as const)))(
    'is complete at once, where %s (pages of %i)',
    async (_, size, meta) => {
      const { sim, worker } = await openUnpaged(meta, size)
      expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'ok', message: null })
      expect(await livingIds(worker, TYPE)).toEqual(remoteIds(sim, TYPE))
      const [first, second] = remoteIds(sim, TYPE)
      sim.records.remove(TYPE, first!)
      sim.records.update(TYPE, second!, { attributes: { name: 'Renamed' } })
      sim.resetStats()
      expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'ok', deleted: 1, updated: 1 })
      expect(await livingIds(worker, TYPE)).toEqual(remoteIds(sim, TYPE))
      // And what its filters may hide is counted.
      expect(asked(sim)).toBe(3)
    },
  )

  it.each([1, 2])('is complete with %i records that nothing counts', async (count) => {
    const { sim, worker } = await openUnpaged(() => ({}), 10)
    for (const id of remoteIds(sim, 'clients').slice(count)) sim.records.remove('clients', id)
    expect(await pullOne(worker, 'clients')).toMatchObject({ outcome: 'ok', seen: count })
  })

  it('is tried by pages again a day later', async () => {
    const { sim, worker } = await openUnpaged(() => ({}), 10)
    expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'ok' })
    sim.setSwitches({ unpagedLists: [], pageMax: 7, pageOverflow: 'clamped' })
    const added = sim.records.create(TYPE, { attributes: { name: 'The last one' } }).id
    await setLearned(worker.sql, TYPE, ['unpagedAt'], LONG_AGO)
    // Nothing is counted, so nothing proves it.
    expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'incomplete' })
    expect(await livingIds(worker, TYPE)).toContain(added)
  })

  it('is complete below parents, too', async () => {
    const { sim, worker } = await openUnpaged(() => ({}), 4)
    const [first, second] = remoteIds(sim, 'projects')
    for (const project of [first!, first!, first!, second!]) sim.records.create(BELOW, { relationships: { project } })
    sim.setSwitches({ missingLists: [BELOW], unpagedLists: [BELOW, 'projects'] })
    await worker.run(['projects'])
    sim.resetStats()
    expect(await pullOne(worker, BELOW)).toMatchObject({ outcome: 'ok' })
    expect(await livingIds(worker, 'project_materials')).toEqual(remoteIds(sim, BELOW))
    sim.resetStats()
    expect(await pullOne(worker, BELOW)).toMatchObject({ outcome: 'ok', updated: 0 })
    expect(sim.stats().requests[`GET /{account}/v1/projects/{id}/${BELOW}`]).toBe(remoteIds(sim, 'projects').length)
  })

  it('is distinguished from a server that ignores only page numbers: that is an error, and nothing is marked deleted', async () => {
    const first = new Map<number, ListBody>()
    const { sim, worker } = await openAccount({}, (body, { page }) => {
      if (page === 1) first.set(body.data.length, body)
      return { ...(first.get(body.data.length) ?? body), meta: {} }
    })
    const before = remoteIds(sim, TYPE).length
    expect(before).toBeGreaterThan(20)
    expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'failed', code: 'SYNC_PAGE_REPEATED', deleted: 0 })
  })
})

describe('a record that fails every page which holds it', () => {
  it.each([
    ['in the middle', (ids: readonly string[]) => [ids[23]!]],
    ['at both ends', (ids: readonly string[]) => [ids[0]!, ids.at(-1)!]],
    ['with its neighbours', (ids: readonly string[]) => ids.slice(8, 13)],
  ])('is parked, the rest is loaded, and deletes are detected: %s', async (_, pick) => {
    const { sim, worker } = await openAccount()
    await pullOne(worker, TYPE)
    const broken = pick(remoteIds(sim, TYPE))
    const [gone, renamed] = remoteIds(sim, TYPE)
      .filter((id) => !broken.includes(id))
      .slice(12, 14)
    sim.records.remove(TYPE, gone!)
    sim.records.update(TYPE, renamed!, { attributes: { name: 'Renamed' } })
    sim.setSwitches({ brokenRecords: { [TYPE]: broken } })
    const outcome = await pullOne(worker, TYPE)
    expect(outcome).toMatchObject({ outcome: 'incomplete', deleted: 1, updated: 1, parked: broken.length })
    expect(outcome.message).toContain(`${broken.length} could not be loaded and are parked`)
    expect((await parked(worker)).map(({ id }) => id)).toEqual(broken.toSorted())
    expect(await livingIds(worker, TYPE)).toEqual(remoteIds(sim, TYPE))

    sim.setSwitches({ brokenRecords: {} })
    expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'ok', deleted: 0 })
    expect(await parked(worker)).toEqual([])
  })

  it('is distinguished from a refusal where the server also refuses a part of the request', async () => {
    const { sim, worker } = await openAccount()
    const broken = remoteIds(sim, TYPE)[0]!
    sim.setSwitches({
      pageMax: 6,
      includeErrors: 'empty',
      refusedIncludes: { [TYPE]: ['resource'] },
      brokenRecords: { [TYPE]: [broken] },
    })
    expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'incomplete', parked: 1 })
    expect(await livingIds(worker, TYPE)).toEqual(remoteIds(sim, TYPE).filter((id) => id !== broken))
  })

  it('is parked below a parent, too', async () => {
    const { sim, worker } = await openAccount({}, undefined, { pageSize: 4 })
    const [project] = remoteIds(sim, 'projects')
    const made = [1, 2, 3, 4, 5, 6].map(() => sim.records.create(BELOW, { relationships: { project: project! } }).id)
    sim.setSwitches({ missingLists: [BELOW], brokenRecords: { [BELOW]: [made[2]!] } })
    await worker.run(['projects'])
    expect(await pullOne(worker, BELOW)).toMatchObject({ outcome: 'incomplete', parked: 1 })
    const left = remoteIds(sim, BELOW).filter((id) => id !== made[2])
    expect(await livingIds(worker, 'project_materials')).toEqual(left)
  })

  it('is skipped by an incremental read, which requests it again, and by verify', async () => {
    const { sim, worker } = await openAccount({}, undefined, { pageSize: 5 })
    await worker.run(['projects'])
    for (const id of remoteIds(sim, 'projects')) edit(sim, 'projects', id)
    // The record that a try of the filter meets.
    const broken = remoteIds(sim, 'projects')[0]!
    sim.setSwitches({ brokenRecords: { projects: [broken] } })
    const changes = () => pullOne(worker, 'projects', { changesOnly: true })
    expect(await changes()).toMatchObject({
      outcome: 'incomplete',
      parked: 1,
      updated: remoteIds(sim, 'projects').length - 1,
    })
    sim.setSwitches({ brokenRecords: {} })
    expect(await changes()).toMatchObject({ outcome: 'ok', updated: 1 })
    sim.setSwitches({ brokenRecords: { projects: [broken] } })
    const resource = worker.catalog.get('projects')!
    const quiet = { repair: false, onDifference: () => {}, onProgress: () => {} }
    const verified = await withLease(worker.leases, 'projects', new AbortController().signal, (signal, lease) =>
      verifyResource(worker, { resource, lease, signal, ...quiet }),
    )
    expect(verified).toMatchObject({ missing: 0, extra: 0, different: 0, refused: 1, doubt: null })
  })

  it('is identified by its place where its id cannot be found', async () => {
    const { sim, worker } = await openAccount()
    sim.setSwitches({ brokenRecords: { [TYPE]: [remoteIds(sim, TYPE)[23]!] } })
    sim.addFault({ kind: '500', match: { type: TYPE, page: 24 }, count: 'always' })
    expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'incomplete', parked: 1 })
    expect((await parked(worker))[0]!.reason).toContain('at place 24')
  })

  it('costs a general outage no more than a few requests', async () => {
    const { sim, worker } = await openAccount({}, undefined, { concurrency: 4 })
    await pullOne(worker, TYPE)
    sim.addFault({ kind: '500', match: { type: TYPE }, count: 'always' })
    sim.resetStats()
    expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'failed', code: 'SYNC_REMOTE_FAILED', deleted: 0 })
    expect(asked(sim)).toBeLessThan(40)
    expect(await livingIds(worker, TYPE)).toEqual(remoteIds(sim, TYPE))
  })
})

describe('a page that is too large for the server', () => {
  it('is read in smaller ones, with which the next runs begin, until a day has passed', async () => {
    const { sim, worker } = await openAccount({}, undefined, { pageSize: 20 })
    sim.setSwitches({ heavyPages: 5 })
    expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'ok', message: null })
    expect(await livingIds(worker, TYPE)).toEqual(remoteIds(sim, TYPE))
    const refused = () => sim.stats().statuses['504'] ?? 0
    expect(refused()).toBeLessThan(12)
    sim.resetStats()
    expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'ok', updated: 0 })
    expect(refused()).toBe(0)
    // Its pages are known again, too.
    sim.resetStats()
    expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'ok', updated: 0 })
    // What its filters may hide is counted by two that are not.
    expect(sim.stats().statuses).toEqual({ 304: expect.any(Number) as number, 200: 2 })

    sim.setSwitches({ heavyPages: null })
    await setLearned(worker.sql, TYPE, ['most', 'at'], LONG_AGO)
    sim.resetStats()
    expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'ok', message: null })
    expect(asked(sim)).toBeLessThanOrEqual(Math.ceil(remoteIds(sim, TYPE).length / 20) + 3)
  })

  it('for a moment only is requested in its old size afterwards', async () => {
    const { sim, worker } = await openAccount({}, undefined, { pageSize: 20 })
    sim.addFault({ kind: '504', match: { type: TYPE }, count: 1 })
    expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'ok', message: null })
    expect(await readCapability(worker.sql, TYPE, 'question')).not.toHaveProperty('learned')
  })
})

describe('a list whose pages are refused behind some place', () => {
  it.each([
    ['from both ends', 40, {}],
    ['by its parts', 20, {}],
  ])('is read %s', async (_, pageDepth, switches) => {
    const { sim, worker } = await openAccount()
    expect(remoteIds(sim, TYPE).length).toBeGreaterThan(pageDepth)
    for (const id of remoteIds(sim, TYPE).slice(30)) sim.records.update(TYPE, id, { attributes: { active: false } })
    sim.setSwitches({ pageDepth, ...switches })
    expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'ok', message: null })
    expect(await livingIds(worker, TYPE)).toEqual(remoteIds(sim, TYPE))
    const drift = await readDrift(worker.sql, ['member'], { kind: 'refused' })
    expect(drift).toEqual([])

    sim.records.remove(TYPE, remoteIds(sim, TYPE)[3]!)
    expect(await pullOne(worker, TYPE)).toMatchObject({ outcome: 'ok', deleted: 1 })
  })

  it('is incomplete, with the records that it gave, where it cannot be read otherwise', async () => {
    const { sim, worker } = await openAccount()
    sim.setSwitches({ pageDepth: 20, refusedSorts: { [TYPE]: ['id'] } })
    const outcome = await pullOne(worker, TYPE)
    expect(outcome).toMatchObject({ outcome: 'incomplete', seen: 20, inserted: 20 })
    expect(outcome.message).toContain('refuses the pages')
  })
})

describe('a list whose counts are wrong', () => {
  type Counts = (held: number, all: Record<string, unknown>) => Record<string, unknown>
  const counting = (meta: Counts) => (body: ListBody) => ({ ...body, meta: meta(body.data.length, body.meta) })

  it.each<[string, Counts, string]>([
    ['speak of the page alone', (held) => ({ 'record-count': held, 'page-count': 1 }), 'incomplete'],
    ['are zero', () => ({ 'record-count': 0, 'page-count': 0 }), 'incomplete'],
    ['are beyond any list', () => ({ 'record-count': 1e15, 'page-count': 1e14 }), 'incomplete'],
    ['are texts', (_, all) => Object.fromEntries(Object.entries(all).map(([name, n]) => [name, String(n)])), 'ok'],
  ])('is read to its end, and its outcome follows its counts: they %s', async (_, meta, outcome) => {
    const { sim, worker } = await openAccount({}, counting(meta))
    expect(await pullOne(worker, TYPE)).toMatchObject({ outcome })
    expect(await livingIds(worker, TYPE)).toEqual(remoteIds(sim, TYPE))
  })
})
