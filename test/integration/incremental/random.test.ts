/**
 * Whatever happens at ScopeStack between and during readings of changes: one more while nothing changes, and the mirror
 * holds what ScopeStack has, but for projects that were deleted; and everything after a reading of all.
 *
 * A seed that failed is in the error; SEED=… tries it alone. `npm run faults` tries many.
 */
import { expect, test } from 'vitest'
import { createRandom } from '../../../src/simulator/records/random.ts'
import type { Simulator } from '../../../src/simulator/server.ts'
import { anySeed, LONG, trySeeds } from '../../support/run/seeds.ts'
import { INCREMENTAL, openAccount, PARTS } from '../../support/scopestack/increments.ts'
import { expectAsFreshRead, expectAsRemote } from '../../support/scopestack/living.ts'

type Switches = Parameters<Simulator['setSwitches']>[0]
type Random = ReturnType<typeof createRandom>
type Step = Parameters<Simulator['addScript']>[0]['do'][number]

const ROUNDS = 4

const SERVERS: readonly Switches[] = [
  {},
  { dateFilter: 'refused' },
  { dateFilter: 'ignored', listOrder: 'newest-first' },
  { dateFilter: 'refused', sortUpdatedAt: 'refused' },
  { refusedIncludes: { projects: ['project-resources'], 'project-services': ['project-subservices'] } },
  { refusedFilters: Object.fromEntries(PARTS.map((type) => [type, ['project']])), unstableTies: true },
  { unstableTies: true, refusedSorts: { projects: ['id'] } },
  { dateFilter: 'refused', unstableTies: true },
]

/** What it makes of pages. */
const PAGES: readonly Switches[] = [
  {},
  {},
  { unpagedLists: ['projects', ...PARTS] },
  { heavyPages: 3 },
  { pageDepth: 120 },
]

/** A subservice lies on the project of its service, and neither leaves it. */
const MOVING = PARTS.filter((type) => type !== 'project-services' && type !== 'project-subservices')

function newPart({ records }: Simulator, random: Random, type: string, project: string): Step {
  if (type !== 'project-subservices') return { create: { type, relationships: { project } } }
  const { id, relationships } = random.pick(records.list('project-services'))
  const links = { 'project-service': id, project: relationships['project'] as string }
  return { create: { type, relationships: links } }
}

/** Anything that a user of ScopeStack may do. */
function anyStep(sim: Simulator, random: Random): Step {
  const { records } = sim
  const projects = records.list('projects')
  const project = random.pick(projects).id
  const type = random.pick(PARTS)
  const parts = records.list(type)
  const attributes = {
    name: `name ${random.between(0, 1e9)}`,
    description: `text ${random.between(0, 1e9)}`,
    status: `status ${random.between(0, 1e9)}`,
  }
  const renamed = { 'project-name': attributes.name }
  const kind = random.between(0, 9)
  if (kind === 0) return { create: { type: 'projects', attributes: renamed } }
  if (kind === 1 && projects.length > 8 && random.chance(0.4)) return { delete: { type: 'projects', id: project } }
  if (kind <= 2) return { update: { type: 'projects', id: project, attributes: renamed } }
  if (kind <= 4 && parts.length > 8) return { delete: { type, id: random.pick(parts).id } }
  if (kind === 5) {
    const moved = random.pick(MOVING)
    const [some] = records.list(moved).slice(random.between(0, 3))
    if (some !== undefined) return { update: { type: moved, id: some.id, relationships: { project } } }
  }
  if (kind <= 6 || parts.length === 0) return newPart(sim, random, type, project)
  return { update: { type, id: random.pick(parts).id, attributes } }
}

function take({ records }: Simulator, step: Step): void {
  if ('create' in step) records.create(step.create.type, step.create)
  else if ('update' in step) records.update(step.update.type, step.update.id, step.update)
  else records.remove(step.delete.type, step.delete.id)
}

async function scenario(seed: number): Promise<void> {
  const random = createRandom(seed)
  // Two changes of one moment, one of them behind the read, cannot be distinguished.
  let clock = 0
  await using account = await openAccount({
    projects: 14,
    seed,
    now: () => (clock = Math.max(clock + 1, Date.now())),
    switches: { ...random.pick(SERVERS), ...random.pick(PAGES) },
    pageSize: random.between(4, 20),
    concurrency: random.between(1, 4),
    deleteLimit: 100,
  })
  const { sim, worker } = account
  for (let round = 0; round < ROUNDS; round++) {
    for (let count = random.between(0, 12); count > 0; count--) take(sim, anyStep(sim, random))
    if (random.chance(0.4)) {
      clock = Math.max(clock + 1, Date.now())
      const attributes = { 'project-name': `in bulk ${round}`, 'updated-at': new Date(clock).toISOString() }
      for (const { id } of sim.records.list('projects')) {
        if (random.chance(0.7)) sim.records.update('projects', id, { attributes })
      }
    }
    for (let count = random.between(0, 8); count > 0; count--) {
      const when = { type: random.pick(['projects', ...PARTS]), page: random.between(1, 3) }
      sim.addScript({ when, at: random.pick(['before', 'after']), do: [anyStep(sim, random)] })
    }
    const whole = random.chance(0.2)
    const { outcomes } = await worker.run(INCREMENTAL, { changesOnly: !whole })
    const bad = outcomes.filter(({ outcome }) => outcome !== 'ok' && outcome !== 'incomplete')
    expect(bad).toEqual([])
    sim.clearScripts()
  }
  const { outcomes } = await worker.run(INCREMENTAL, { changesOnly: true })
  expect(outcomes.filter(({ outcome }) => outcome !== 'ok')).toEqual([])
  const living = new Set(sim.records.list('projects').map(({ id }) => id))
  const isOfDeleted = (row: Record<string, unknown>): boolean => !living.has(String(row['project_id'] ?? row['id']))
  await expectAsRemote(worker, sim, ['projects', ...PARTS], { except: isOfDeleted })

  const last = await worker.run(INCREMENTAL, { allowMassDelete: true })
  expect(last.outcomes.filter(({ outcome }) => outcome !== 'ok')).toEqual([])
  await expectAsFreshRead(worker, sim, INCREMENTAL)
}

test(
  'an incremental run behind the last change brings the mirror up to date, and a full run makes it equal to the remote',
  () => trySeeds(scenario, { first: anySeed(), long: 80 }),
  LONG ? 80 * 30_000 : 300_000,
)
