/** However a server lets changes be asked for, the mirror is the same afterwards. Only the requests differ. */
import { expect, test } from 'vitest'
import type { Simulator } from '../../../src/simulator/server.ts'
import {
  addPart,
  edit,
  INCREMENTAL,
  openAccount,
  PARTS,
  partsOf,
  requestsOf,
  total,
} from '../../support/scopestack/increments.ts'
import { expectAsRemote } from '../../support/scopestack/living.ts'

type Switches = Parameters<Simulator['setSwitches']>[0]

const NO_FILTERS = Object.fromEntries(PARTS.map((type) => [type, ['project']]))
const NO_INCLUDES = { projects: ['project-resources'], 'project-services': ['project-subservices'] }

interface Case {
  readonly name: string
  readonly switches: Switches
  /**
   * Of one run over 120 projects of which 10 changed, when everything about the server is known. Two or three of each list
   * with a filter count what that hides.
   */
  readonly requests: number
  /** More than 120, where complete lists of the children of so few would cost fewer requests. */
  readonly projects?: number
  /** A chain that is split reads one page twice, and how often one is split depends on which page comes first. */
  readonly joints?: number
}

const CASES: readonly Case[] = [
  { name: 'by the filter', switches: {}, requests: 20 },
  { name: 'newest first, where the filter is refused', switches: { dateFilter: 'refused' }, requests: 20 },
  { name: 'newest first, where the filter is ignored', switches: { dateFilter: 'ignored' }, requests: 20 },
  {
    name: 'by the filter, where the page size is refused',
    switches: { pageMax: 50 },
    requests: 20,
  },
  {
    name: 'by all of it, where neither is taken',
    switches: { dateFilter: 'refused', sortUpdatedAt: 'refused' },
    // Two of them look whether its filters hide some projects.
    requests: 19,
  },
  {
    name: 'by nested lists, where includes are refused',
    switches: { refusedIncludes: NO_INCLUDES },
    requests: 66,
    joints: 4,
  },
  {
    name: 'by nested lists and all of the rest, where filters are refused too',
    switches: { refusedIncludes: NO_INCLUDES, refusedFilters: NO_FILTERS },
    requests: 102,
    joints: 8,
    projects: 300,
  },
]

const changedAt = (sim: Simulator, from: number): string[] => {
  const ids = sim.records
    .list('projects')
    .slice(from, from + 10)
    .map(({ id }) => id)
  for (const id of ids) {
    edit(sim, 'projects', id)
    for (const type of PARTS) {
      const [edited, gone] = partsOf(sim, type, id)
      if (edited !== undefined) edit(sim, type, edited)
      if (gone !== undefined && type !== 'project-services') sim.records.remove(type, gone)
      addPart(sim, type, id)
    }
  }
  return ids
}

test.each(CASES)('$name', async ({ switches, requests, projects = 120, joints = 0 }) => {
  await using account = await openAccount({ projects: projects - 1, switches })
  const { sim, worker, changes } = account
  for (const { id } of sim.records.list('projects').slice(20, 22)) edit(sim, 'projects', id)
  await changes()
  changedAt(sim, 40)
  sim.records.create('projects', { attributes: { 'project-name': 'new' } })
  await changes()
  await expectAsRemote(worker, sim, INCREMENTAL)

  for (const { id } of sim.records.list('projects').slice(60, 70)) edit(sim, 'projects', id)
  sim.resetStats()
  await changes()
  const asked = requestsOf(sim)
  expect(total(asked), JSON.stringify(asked)).toBeGreaterThanOrEqual(requests)
  expect(total(asked), JSON.stringify(asked)).toBeLessThanOrEqual(requests + joints)
})
