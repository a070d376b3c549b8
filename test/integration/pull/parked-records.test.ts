/** Records that cannot be rows are parked, with the reason, and cost no other record. */
import { describe, expect, it, vi } from 'vitest'
import type { Simulator } from '../../../src/simulator/server.ts'
import { parkRecords } from '../../../src/store/progress/parked-records.ts'
import { leased } from '../../support/postgres/leased.ts'
import { asOf, livingIds, openAccount, pullOne } from '../../support/scopestack/account.ts'
import type { TestWorker } from '../../support/scopestack/worker.ts'
import { readCheckpoints, readParked } from '../../support/tables/progress.ts'

const services = (sim: Simulator) => sim.records.list('services')
const count = async (worker: TestWorker): Promise<number> => (await livingIds(worker, 'services')).length

/** `JSON.stringify` cannot write what `JSON.parse` reads; the relay's is made to. */
async function withDeepNesting<T>(act: () => Promise<T>): Promise<T> {
  const deep = `{"name":${'['.repeat(9000)}${']'.repeat(9000)}}`
  const original = JSON.stringify
  const write = (...given: Parameters<typeof original>) =>
    original(...given)?.replace('"attributes":"DEEP"', `"attributes":${deep}`)
  vi.spyOn(JSON, 'stringify').mockImplementation(write as typeof original)
  try {
    return await act()
  } finally {
    vi.restoreAllMocks()
  }
}

describe('a list whose members are not all records', () => {
  it('loads the rest when members are of another type, nameless, or not storable, and parks those', async () => {
    const { sim, worker } = await openAccount({}, (body, { type, page }) => {
      if (type !== 'services' || page !== 1) return body
      const [a, b, c, d, ...rest] = body.data
      return {
        ...body,
        data: [
          { ...a, type: 'work\0s' },
          { ...b, id: 7 },
          'no object',
          { ...c, id: 'nul\0l' },
          { ...d, id: '\ud800' },
          ...rest,
        ],
      }
    })
    const outcome = await pullOne(worker, 'services')
    expect(outcome).toMatchObject({ outcome: 'incomplete', parked: 5 })
    expect(await count(worker)).toBe(services(sim).length - 4)
    const parked = await readParked(worker.sql, ['reason', 'body'])
    expect(parked.map(({ reason }) => reason).toSorted()).toEqual(
      [
        ...Array<string>(2).fill(
          'Its id holds U+0000 or half a character, which Postgres does not store. (SYNC_RECORD_UNUSABLE)',
        ),
        ...[1, 2].map(() => 'It has no id and type of its own. (SYNC_RECORD_UNUSABLE)'),
        'Its type is "work\\u0000s", not "services". (SYNC_RECORD_UNUSABLE)',
      ].toSorted(),
    )
    expect(parked.map(({ body }) => body)).toContain('"no object"')
  })

  it('closes a parked record once a complete list is free of it, and not before', async () => {
    let sent: 'broken' | 'short' | 'right' = 'broken'
    const { worker } = await openAccount({}, (body, { type, page }) => {
      if (type !== 'services' || page !== 2 || sent === 'right') return body
      const [first, ...others] = body.data
      // It may be the very one that is missing from the shorter page.
      return { ...body, data: sent === 'short' ? others : [{ ...first, type: 'x' }, ...others] }
    })
    const open = async () => (await readParked(worker.sql, [], { isOpen: true })).length
    expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'incomplete', parked: 1 })
    sent = 'short'
    expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'incomplete', parked: 0 })
    expect(await open()).toBe(1)
    sent = 'right'
    expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok' })
    expect(await open()).toBe(0)
  })

  it('parks a record that Postgres refuses, with its reason, and loads the others', async () => {
    const id = Array.from({ length: 3000 }, (_, at) => String.fromCodePoint(0x4e00 + ((at * 7919) % 20_000))).join('')
    const { sim, worker } = await openAccount({}, (body, { type, page }) =>
      type === 'services' && page === 1 ? { ...body, data: [{ ...body.data[0], id }, ...body.data.slice(1)] } : body,
    )
    expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'incomplete', parked: 1 })
    expect(await count(worker)).toBe(services(sim).length - 1)
    const [parked] = await readParked(worker.sql, ['recordId', 'reason'])
    expect(parked).toEqual({
      recordId: id,
      reason: expect.stringMatching(/index row.* \(SYNC_RECORD_REJECTED\)$/) as string,
    })
  })
})

it('a parked record holds back no other: the next run is incremental', async () => {
  const { sim, worker } = await openAccount({ projects: 90 }, (body, { type, page }) =>
    type === 'projects' && page === 1 ? { ...body, data: body.data.map(broken) } : body,
  )
  const [first, ...others] = sim.records.list('projects').map(({ id }) => id)
  const broken = (record: Record<string, unknown>) =>
    record['id'] === first ? { ...record, attributes: 'none' } : record
  const outcome = await pullOne(worker, 'projects')
  expect(outcome).toMatchObject({ outcome: 'incomplete', parked: 1 })
  const before = await asOf(worker, 'projects')
  expect(before).not.toBeNull()
  const [cursor] = await readCheckpoints(worker.sql, ['watermark'], { resource: 'projects' })
  expect(cursor!['watermark']).not.toBeNull()
  sim.records.update('projects', others[5]!, { attributes: { 'project-name': 'Renamed' } })
  sim.resetStats()
  expect(await pullOne(worker, 'projects', { changesOnly: true })).toMatchObject({ updated: 1 })
  expect(sim.stats().pages['projects']!.length).toBeLessThan(outcome.pages)
  expect(await asOf(worker, 'projects')).toEqual(before)
})

describe('a record that cannot be a row', () => {
  it('is parked alone when it is nested deeper than the stack allows', async () => {
    const { sim, worker } = await openAccount({}, (body, { type, page }) => {
      if (type !== 'services' || page !== 1) return body
      const [first, ...rest] = body.data
      return { ...body, data: [{ ...first, attributes: 'DEEP' }, ...rest] }
    })
    const outcome = await withDeepNesting(() => pullOne(worker, 'services'))
    expect(outcome).toMatchObject({ outcome: 'incomplete', parked: 1, seen: services(sim).length })
    expect(await count(worker)).toBe(services(sim).length - 1)
    const [parked] = await readParked(worker.sql, ['reason', 'body'])
    expect(parked!.reason).toContain('cannot be written as a row')
    expect(parked!.body).toContain('…')
  })

  it('is parked with its content when its attributes or relationships are no object', async () => {
    const { sim, worker } = await openAccount({}, (body, { type, page }) => {
      if (type !== 'services' || page !== 1) return body
      const [a, b, c, ...rest] = body.data
      return {
        ...body,
        data: [{ ...a, attributes: ['x'] }, { ...b, relationships: 'y' }, { ...c, attributes: null }, ...rest],
      }
    })
    expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'incomplete', parked: 2 })
    expect(await count(worker)).toBe(services(sim).length - 2)
    const parked = await readParked(worker.sql, ['reason', 'body'])
    expect(parked.map(({ reason }) => reason)).toEqual([
      'Its attributes are not an object. (SYNC_RECORD_UNUSABLE)',
      'Its relationships are not an object. (SYNC_RECORD_UNUSABLE)',
    ])
    expect(parked[0]!.body).toContain('"attributes":["x"]')
  })

  it('is parked with a reason that Postgres can store', async () => {
    const { worker } = await openAccount()
    const odd = { id: '1', reason: 'NUL \0 and half \ud800', body: null }
    await leased(worker.sql, (tx) => parkRecords(tx, 'services', [odd]))
    expect(await readParked(worker.sql, ['reason'])).toEqual([
      { reason: 'NUL \ufffd and half \ufffd (SYNC_RECORD_UNUSABLE)' },
    ])
  })
})
