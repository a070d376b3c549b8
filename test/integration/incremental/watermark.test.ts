/** How far a reading of changes has come, whatever the clocks say. */
import { expect, it, describe } from 'vitest'
import { saveCapability } from '../../../src/store/progress/capabilities.ts'
import { readWatermark } from '../../../src/store/progress/watermark.ts'
import type { ListBody } from '../../support/network/relay.ts'
import { edit, openAccount, PARTS, requestsOf } from '../../support/scopestack/increments.ts'
import { expectAsRemote } from '../../support/scopestack/living.ts'
import type { TestWorker } from '../../support/scopestack/worker.ts'
import { readCapability } from '../../support/tables/capabilities.ts'
import { until } from '../../support/until.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const WAYS = { filter: {}, sort: { dateFilter: 'refused' } } as const

/** One of each kind: what has a change time, what belongs to projects, what has both, and what comes with its projects. */
const TYPES = ['projects', 'surveys', 'project-documents', 'project-resources', 'project-services']
const INCOMPLETE_PARTS = Object.fromEntries(
  TYPES.filter((type) => PARTS.includes(type)).map((type) => [type, { outcome: 'incomplete' } as const]),
)

const watermark = async ({ sql }: TestWorker): Promise<number> => (await readWatermark(sql, 'projects'))!.getTime()
const strategy = ({ sql }: TestWorker) => readCapability(sql, 'projects', 'changes')

describe.each(['filter', 'sort'] as const)('by %s', (way) => {
  const open = async (options: Parameters<typeof openAccount>[0] = {}) => {
    const account = await openAccount({ types: TYPES, switches: WAYS[way], ...options })
    const ids = account.sim.records.list('projects').map(({ id }) => id)
    const stamp = (id: string, at: number): void => {
      const attributes = { 'project-name': `at ${at}`, 'updated-at': new Date(at).toISOString() }
      account.sim.records.update('projects', id, { attributes })
    }
    return { ...account, ids, stamp }
  }

  it.each([
    ['ahead', 3 * HOUR],
    ['behind', -3 * HOUR],
  ])('reads every change from a server whose clock is %s', async (_, skew) => {
    await using set = await open({ now: () => Date.now() + skew })
    const { sim, worker, changes, ids } = set
    for (const id of ids.slice(0, 4)) {
      edit(sim, 'projects', id)
      await changes()
      expect(await watermark(worker)).toBeLessThanOrEqual(Date.now())
    }
    await expectAsRemote(worker, sim, TYPES)
  })

  it('reads several changes of one moment, of which some were read before', async () => {
    await using set = await open()
    const { sim, worker, changes, ids, stamp } = set
    const at = Date.now() - HOUR
    for (const id of ids.slice(0, 3)) stamp(id, at)
    await changes()
    for (const id of ids.slice(3, 6)) stamp(id, at)
    await changes()
    expect(await watermark(worker)).toBe(at)
    await expectAsRemote(worker, sim, TYPES)
  })

  it('reads a change that is stamped a little before the newest', async () => {
    await using set = await open({ pageSize: 4 })
    const { sim, worker, changes, ids, stamp } = set
    const at = Date.now() - HOUR
    // A page of those that are known hides it.
    for (const [index, id] of ids.slice(0, 4).entries()) stamp(id, at - index)
    await changes()
    stamp(ids[5]!, at - (way === 'filter' ? 23 * HOUR : 4 * MINUTE))
    await changes()
    await expectAsRemote(worker, sim, TYPES)
  })

  it('reads more changes than a page holds', async () => {
    await using set = await open({ projects: 60, pageSize: 10 })
    const { sim, worker, changes, ids } = set
    for (const id of ids.slice(5, 40)) edit(sim, 'projects', id)
    sim.resetStats()
    await changes(['projects'])
    expect(sim.stats().pages['projects']).toEqual(expect.arrayContaining([1, 2, 3, 4]))
    await changes()
    await expectAsRemote(worker, sim, TYPES)
  })

  it('a run that fails in the middle leaves the watermark where it was, and the next run reads everything', async () => {
    await using set = await open({ projects: 60, pageSize: 10, concurrency: 1 })
    const { sim, worker, changes, ids } = set
    edit(sim, 'projects', ids[0]!)
    await changes()
    const before = await watermark(worker)
    for (const id of ids.slice(5, 40)) edit(sim, 'projects', id)
    const fault = sim.addFault({ kind: '403', match: { type: 'projects', page: 2 }, count: 'always' })
    // Roles are asked for by the projects that have them, in the same list; of the other children it is unknown which changed.
    await changes(TYPES, { ...INCOMPLETE_PARTS, projects: { outcome: 'forbidden' }, 'project-resources': {} })
    expect(await watermark(worker)).toBe(before)
    sim.removeFault(fault.id)
    // ScopeStack's clock, which it never passes, says whole seconds.
    await until(async () => {
      await changes()
      return (await watermark(worker)) > before
    }, 'the watermark to go on')
    await expectAsRemote(worker, sim, TYPES)
  })

  it.each(['is deleted', 'changes again', 'changes for the first time'])(
    'a project that %s between two pages pushes no other out',
    async (what) => {
      await using set = await open({ projects: 60, pageSize: 10, concurrency: 1 })
      const { sim, worker, changes, ids } = set
      edit(sim, 'projects', ids[0]!)
      await changes()
      for (const id of ids.slice(5, 40)) edit(sim, 'projects', id)
      // By the filter the last page comes first, newest first it is the first.
      const page = way === 'filter' ? 2 : 1
      const met = way === 'filter' ? ids[6]! : ids[39]!
      const id = what === 'changes for the first time' ? ids[3]! : met
      const attributes = { 'project-name': 'now' }
      const step =
        what === 'is deleted' ? { delete: { type: 'projects', id } } : { update: { type: 'projects', id, attributes } }
      sim.addScript({ when: { type: 'projects', page }, at: 'after', do: [step] })
      await changes(['projects'])
      await expectAsRemote(worker, sim, ['projects'], { except: (row) => row['id'] === id })
    },
  )

  it('a read method that is refused after it worked costs a full read, and the next run finds another', async () => {
    await using set = await open()
    const { sim, worker, changes, ids } = set
    edit(sim, 'projects', ids[0]!)
    await changes()
    expect(await strategy(worker)).toBe(way)
    sim.setSwitches({ dateFilter: 'refused', sortUpdatedAt: way === 'sort' ? 'refused' : 'ok' })
    edit(sim, 'projects', ids[1]!)
    await changes()
    expect(await strategy(worker)).toBeUndefined()
    await expectAsRemote(worker, sim, TYPES)
    edit(sim, 'projects', ids[2]!)
    await changes()
    expect(await strategy(worker)).toBe(way === 'sort' ? 'none' : 'sort')
    await expectAsRemote(worker, sim, TYPES)
  })
})

it('a project without a change time is read with the newest', async () => {
  await using account = await openAccount({ types: TYPES, switches: WAYS.sort })
  const { sim, worker, changes } = account
  const ids = sim.records.list('projects').map(({ id }) => id)
  sim.records.update('projects', ids[0]!, { attributes: { 'updated-at': null } })
  await changes()
  expect(await strategy(worker)).toBe('sort')
  sim.records.update('projects', ids[0]!, { attributes: { 'project-name': 'silent', 'updated-at': null } })
  edit(sim, 'projects', ids[1]!)
  sim.resetStats()
  await changes()
  expect(requestsOf(sim)['projects']).toBe(5)
  await expectAsRemote(worker, sim, TYPES)
})

it('a server that ignores the sort is not relied on', async () => {
  const unsorted = (body: ListBody, { type }: { type: string }): unknown =>
    type === 'projects' ? { ...body, data: body.data.toSorted((a, b) => Number(a['id']) - Number(b['id'])) } : body
  await using account = await openAccount({ types: TYPES, switches: WAYS.sort, alter: unsorted })
  const { sim, worker, changes } = account
  const ids = sim.records.list('projects').map(({ id }) => id)
  edit(sim, 'projects', ids[5]!)
  await changes()
  expect(await strategy(worker)).toBe('none')
  await expectAsRemote(worker, sim, TYPES)

  // One record alone would not show it.
  await saveCapability(worker.sql, 'projects', 'changes', 'sort')
  edit(sim, 'projects', ids[4]!)
  await changes()
  expect(await strategy(worker)).toBe('none')
  await expectAsRemote(worker, sim, TYPES)
})

it('an empty table gets no watermark, so that a server whose clock is behind loses nothing', async () => {
  await using account = await openAccount({
    types: TYPES,
    projects: 0,
    now: () => Date.now() - 3 * HOUR,
    switches: WAYS.sort,
    pageSize: 10,
  })
  const { sim, worker, changes } = account
  expect(await readWatermark(worker.sql, 'projects')).toBeNull()
  for (let number = 0; number < 25; number++)
    sim.records.create('projects', { attributes: { 'project-name': `${number}` } })
  await changes()
  await expectAsRemote(worker, sim, TYPES)
})
