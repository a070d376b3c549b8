/** What belongs to projects is read again where its project changed, and nowhere else. */
import { describe, expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import type { Simulator } from '../../../src/simulator/server.ts'
import { withoutCapture } from '../../support/postgres/without-capture.ts'
import {
  addPart,
  markedDeleted,
  edit,
  INCREMENTAL,
  openAccount,
  PARTS,
  partsOf,
  projectWith,
  requestsOf,
  writtenSince,
} from '../../support/scopestack/increments.ts'
import { expectAsRemote } from '../../support/scopestack/living.ts'
import type { TestWorker } from '../../support/scopestack/worker.ts'
import { emptyPageCache, forgetCheckpoints } from '../../support/tables/progress.ts'

const projectsOf = ({ records }: Simulator): string[] => records.list('projects').map(({ id }) => id)

const now = async ({ sql }: TestWorker): Promise<Date> =>
  (await sql<{ at: Date }[]>`select clock_timestamp() as at`)[0]!.at

/** Children of three kinds: with a change time of their own, without, and with children. */
const TYPES = ['projects', 'project-documents', 'project-phases', 'project-services']
const SERVICES = ['project-services', 'project-subservices']

describe.each(PARTS)('%s', (type) => {
  it('new and changed children are loaded, deleted ones are marked deleted, and those of other projects stay as they are', async () => {
    await using account = await openAccount({
      types: ['projects', ...(SERVICES.includes(type) ? SERVICES : [type])],
    })
    const { sim, worker, changes } = account
    const { table } = catalog.get(type)!
    const { project, parts } = projectWith(sim, type, 3)
    await changes()
    const other = projectsOf(sim)[1]!
    const elsewhere = addPart(sim, type, other)
    await changes()
    const before = await now(worker)

    edit(sim, type, parts[0]!)
    sim.records.remove(type, parts[1]!)
    const added = addPart(sim, type, project)
    // Without a touch, so that nothing tells of it.
    sim.records.update(type, elsewhere, { attributes: { name: 'unseen' }, touch: false })
    const outcome = (await changes()).find(({ resource }) => resource === type)
    expect(outcome).toMatchObject({ inserted: 1, deleted: 1 })

    expect(await markedDeleted(worker, table)).toEqual([parts[1]])
    const written = await writtenSince(worker, table, before)
    expect(written).toEqual(expect.arrayContaining([parts[0]!, parts[1]!, added]))
    // A document tells when it changed, and so is read again for a day all the same.
    if (type !== 'project-documents') expect(written).not.toContain(elsewhere)
    await expectAsRemote(worker, sim, [type], { except: ({ id }) => id === elsewhere })
  })
})

it('children that return are alive again', async () => {
  await using account = await openAccount({ types: TYPES })
  const { sim, worker, changes } = account
  const { project, parts } = projectWith(sim, 'project-phases', 3)
  await changes()
  sim.records.remove('project-phases', parts[0]!)
  await changes()
  expect(await markedDeleted(worker, 'project_phases')).toEqual([parts[0]])
  sim.records.create('project-phases', { id: parts[0]!, relationships: { project } })
  await changes()
  expect(await markedDeleted(worker, 'project_phases')).toEqual([])
  await expectAsRemote(worker, sim, TYPES)
})

it('children move to another project', async () => {
  await using account = await openAccount()
  const { sim, worker, changes } = account
  const [, , third, fourth] = projectsOf(sim)
  for (const type of PARTS) {
    addPart(sim, type, third!)
  }
  await changes()
  for (const type of PARTS) {
    sim.records.update(type, partsOf(sim, type, third!).at(-1)!, { relationships: { project: fourth! } })
  }
  await changes()
  await expectAsRemote(worker, sim, INCREMENTAL)
})

it('children move to another project, though only the project that they left shows a change', async () => {
  await using account = await openAccount({ types: TYPES })
  const { sim, worker, changes } = account
  const { project, parts } = projectWith(sim, 'project-phases', 2)
  await changes()
  const [, other] = projectsOf(sim)
  sim.records.update('project-phases', parts[0]!, { relationships: { project: other! }, touch: false })
  edit(sim, 'projects', project)
  await changes()
  await expectAsRemote(worker, sim, TYPES)
})

/** The project, and its first child of each kind. */
function editWithChildren(sim: Simulator, project: string): void {
  edit(sim, 'projects', project)
  for (const type of PARTS) {
    const [first] = partsOf(sim, type, project)
    if (first !== undefined) edit(sim, type, first, { touch: false })
  }
}

it('children are read in several batches where many projects changed', async () => {
  await using account = await openAccount({ types: ['projects', ...SERVICES], projects: 120 })
  const { sim, worker, changes } = account
  for (const id of projectsOf(sim).slice(10, 70)) editWithChildren(sim, id)
  sim.resetStats()
  await changes()
  // Subservices come with the services: three batches each, none of more than a page.
  expect(requestsOf(sim)['project-services']).toBeGreaterThanOrEqual(6)
  await expectAsRemote(worker, sim, ['projects', ...SERVICES])
})

it('children are read completely where that costs fewer requests', async () => {
  await using account = await openAccount({ projects: 60 })
  const { sim, worker, changes } = account
  for (const id of projectsOf(sim)) editWithChildren(sim, id)
  sim.resetStats()
  await changes()
  expect(requestsOf(sim)['project-locations']).toBe(1)
  await expectAsRemote(worker, sim, INCREMENTAL)
  await changes()
  sim.resetStats()
  await changes()
  expect(requestsOf(sim)).toEqual({ 'project-documents': 1, projects: 4, surveys: 1 })
})

it('children that changed behind the page that held them are read again', async () => {
  await using account = await openAccount({ types: TYPES })
  const { sim, worker, changes } = account
  const { project, parts } = projectWith(sim, 'project-phases', 2)
  await changes()
  edit(sim, 'projects', project)
  sim.addScript({
    when: { type: 'project-phases', page: 1 },
    at: 'after',
    do: [{ update: { type: 'project-phases', id: parts[0]!, attributes: { name: 'late' } } }],
  })
  await changes()
  await changes()
  await expectAsRemote(worker, sim, TYPES)
})

it('children are read again though a full read has loaded their project since', async () => {
  await using account = await openAccount({ types: TYPES })
  const { sim, worker, changes } = account
  const { parts } = projectWith(sim, 'project-phases', 2)
  await worker.run(TYPES)
  edit(sim, 'project-phases', parts[0]!)
  await worker.run(['projects'])
  await changes()
  await expectAsRemote(worker, sim, TYPES)
})

it('children are read again though the first full read of the projects came after theirs', async () => {
  await using account = await openAccount({ types: TYPES })
  const { sim, worker, changes } = account
  await forgetCheckpoints(worker.sql, 'projects')
  await emptyPageCache(worker.sql, 'projects')
  await withoutCapture(worker.sql, (tx) => tx`delete from scopestack.projects`)
  const { parts } = projectWith(sim, 'project-phases', 2)
  edit(sim, 'project-phases', parts[0]!)
  await worker.run(['projects'])
  await changes()
  await expectAsRemote(worker, sim, TYPES)
})

it('children are read completely in a run without the projects', async () => {
  await using account = await openAccount({ types: TYPES })
  const { sim, worker, changes } = account
  const { parts } = projectWith(sim, 'project-phases', 2)
  edit(sim, 'project-phases', parts[0]!)
  await changes(['project-phases'])
  await expectAsRemote(worker, sim, ['project-phases'])
})

it('children that a failed run did not read are read by the next run', async () => {
  await using account = await openAccount({ types: TYPES })
  const { sim, worker, changes } = account
  const { parts } = projectWith(sim, 'project-phases', 2)
  await changes()
  edit(sim, 'project-phases', parts[0]!)
  sim.setSwitches({ forbidden: ['project-phases'] })
  await changes(TYPES, { 'project-phases': { outcome: 'forbidden' } })
  sim.setSwitches({ forbidden: [] })
  await changes()
  await expectAsRemote(worker, sim, TYPES)
})

it('many children that disappear at once are suspect, and kept', async () => {
  await using account = await openAccount({ types: TYPES })
  const { sim, worker, changes } = account
  const { project, parts } = projectWith(sim, 'project-phases', 40)
  await changes()
  for (const id of parts) sim.records.remove('project-phases', id)
  edit(sim, 'projects', project)
  await changes(TYPES, { 'project-phases': { outcome: 'suspect', deleted: 0 } })
  expect(await markedDeleted(worker, 'project_phases')).toEqual([])
})

it('children are not reported as up to date when the projects could not be read', async () => {
  await using account = await openAccount({ types: TYPES })
  const { sim, worker, changes } = account
  const { parts } = projectWith(sim, 'project-services', 1)
  edit(sim, 'project-services', parts[0]!)
  const fault = sim.addFault({ kind: '403', match: { type: 'projects' }, count: 'always' })
  const types = ['projects', 'project-services']
  await changes(types, {
    projects: { outcome: 'forbidden' },
    'project-services': { outcome: 'incomplete', updated: 0 },
  })
  sim.removeFault(fault.id)
  await changes(types, { 'project-services': { outcome: 'ok', updated: 1 } })
  await expectAsRemote(worker, sim, types)
})
