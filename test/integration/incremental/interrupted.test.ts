/** A reading of changes beside a full read that has not ended, or never was. */
import { expect, it } from 'vitest'
import { withoutCapture } from '../../support/postgres/without-capture.ts'
import { edit, INCREMENTAL, openAccount, PARTS, partsOf } from '../../support/scopestack/increments.ts'
import { expectAsRemote } from '../../support/scopestack/living.ts'
import type { TestWorker } from '../../support/scopestack/worker.ts'
import {
  emptyPageCache,
  forgetCheckpoints,
  readChangedProjects,
  readCheckpoints,
  readSeenPages,
} from '../../support/tables/progress.ts'

const TYPES = ['projects', 'project-phases']

/** What an interrupted read resumes with. */
const cursorOf = async ({ sql }: TestWorker, type: string): Promise<Record<string, unknown>> =>
  (await readCheckpoints(sql, ['resumesWith'], { resource: type }))[0]!.resumesWith

it('an incremental run reads completely each resource that never had a full read', async () => {
  await using account = await openAccount()
  const { sim, worker, changes } = account
  await forgetCheckpoints(worker.sql)
  for (const type of INCREMENTAL) {
    const { table } = worker.catalog.get(type)!
    await withoutCapture(worker.sql, (tx) => tx`delete from scopestack.${tx(table)}`)
    await emptyPageCache(worker.sql, type)
  }
  await changes()
  await expectAsRemote(worker, sim, INCREMENTAL)
  edit(sim, 'projects', sim.records.list('projects')[0]!.id)
  await changes()
  await expectAsRemote(worker, sim, INCREMENTAL)
})

it('an incremental run leaves the checkpoint of an interrupted full read, which resumes afterwards and is proved complete', async () => {
  await using account = await openAccount({ types: TYPES, projects: 60, pageSize: 10, concurrency: 1 })
  const { sim, worker, changes } = account
  const ids = sim.records.list('projects').map(({ id }) => id)
  for (const id of [ids[2]!, ids[35]!]) edit(sim, 'projects', id)
  const fault = sim.addFault({ kind: '403', match: { type: 'projects', page: 3 }, count: 'always' })
  const { outcomes } = await worker.run(['projects'])
  expect(outcomes).toMatchObject([{ outcome: 'forbidden' }])
  sim.removeFault(fault.id)
  const before = await cursorOf(worker, 'projects')
  expect(before).toMatchObject({ chains: [{ next: 3 }] })
  const seen = await readSeenPages(worker.sql, ['page', 'ids'])

  for (const id of [ids[1]!, ids[25]!, ids[55]!]) edit(sim, 'projects', id)
  for (const name of ['new', 'newer']) sim.records.create('projects', { attributes: { 'project-name': name } })
  sim.records.remove('projects', ids[5]!)
  await changes()
  expect(await cursorOf(worker, 'projects')).toEqual(before)
  expect(await readSeenPages(worker.sql, ['page', 'ids'])).toEqual(seen)

  sim.resetStats()
  const again = await worker.run(['projects'])
  expect(again.outcomes).toMatchObject([{ outcome: 'ok', deleted: 1 }])
  expect(Math.max(...sim.stats().pages['projects']!)).toBeLessThanOrEqual(3)
  await expectAsRemote(worker, sim, ['projects'])
})

it('reads again what changed behind the checkpoint of a full read that resumes', async () => {
  await using account = await openAccount({ types: TYPES, projects: 40, pageSize: 20, concurrency: 1 })
  const { sim, worker, changes } = account
  const phases = sim.records.list('project-phases')
  const fault = sim.addFault({ kind: '403', match: { type: 'project-phases', page: 2 }, count: 'always' })
  await worker.run(['project-phases'])
  sim.removeFault(fault.id)
  // The last page was read, and is not read again.
  edit(sim, 'project-phases', phases.at(-1)!.id)
  await changes(['projects'])
  await worker.run(['project-phases'])
  await changes()
  await expectAsRemote(worker, sim, TYPES)
})

it('keeps a changed project until every resource below projects has processed it, and no longer', async () => {
  await using account = await openAccount()
  const { sim, worker, changes } = account
  const [first, second] = sim.records.list('projects').map(({ id }) => id)
  const noted = async (): Promise<unknown[]> => {
    const rows = await readChangedProjects(worker.sql, ['recordId'])
    return rows.map(({ recordId }) => recordId)
  }
  edit(sim, 'project-phases', partsOf(sim, 'project-phases', first!)[0]!)
  await changes(['projects'])
  for (const type of PARTS.slice(1)) await changes(['projects', type])
  expect(await noted()).toEqual([first])
  edit(sim, 'projects', first!)
  await changes(['projects'])
  expect(await noted()).toEqual([first])
  await changes()
  edit(sim, 'projects', second!)
  await changes()
  expect(await noted()).toEqual([second])
  await expectAsRemote(worker, sim, INCREMENTAL)
})
