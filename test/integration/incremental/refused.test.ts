/** Where a part of the question is refused, changes are read by the question that is taken, at once and days later. */
import { expect, it } from 'vitest'
import { edit, openAccount, requestsOf, total } from '../../support/scopestack/increments.ts'
import { expectAsFreshRead } from '../../support/scopestack/living.ts'
import type { TestWorker } from '../../support/scopestack/worker.ts'
import { learnedAgo, readCapability } from '../../support/tables/capabilities.ts'

const REFUSED = { projects: ['client', 'rate-table'], 'project-services': ['project-phase'] }
const TYPES = ['projects', 'project-services', 'project-phases']

const changesOf = ({ sql }: TestWorker, type: string) => readCapability(sql, type, 'changes')

it.each([
  ['within the hour', '10 minutes', 0],
  // Whether all is taken by now, of two lists; where two are missing, all without the one that is named, and one of them.
  ['hours later', '2 hours', 4],
  ['days later', '3 days', 4],
] as const)('with a refused include, only what changed is read: %s', async (_, age, refusals) => {
  await using account = await openAccount({ types: TYPES, projects: 60, switches: { refusedIncludes: REFUSED } })
  const { sim, worker, changes } = account
  await learnedAgo(worker.sql, age)
  const [first] = sim.records.list('projects')
  edit(sim, 'projects', first!.id)
  sim.resetStats()
  await changes(TYPES)
  expect(sim.stats().statuses['400'] ?? 0).toBe(refusals)
  expect(await changesOf(worker, 'projects')).toBe('filter')

  edit(sim, 'projects', first!.id)
  sim.resetStats()
  await changes(TYPES)
  expect(sim.stats().statuses['400']).toBeUndefined()
  expect(total(requestsOf(sim)), JSON.stringify(requestsOf(sim))).toBe(10)
  await expectAsFreshRead(worker, sim, TYPES)
})

it('a refusal is not blamed on the filter by time while the list itself is refused', async () => {
  await using account = await openAccount({ types: TYPES })
  const { sim, worker, changes } = account
  sim.setSwitches({ refusedFilters: { projects: ['active'] } })
  await changes(['projects'], { projects: { outcome: 'incomplete' } })
  expect(await changesOf(worker, 'projects')).toBeUndefined()
  await changes(['projects'], { projects: { outcome: 'ok' } })
  expect(await changesOf(worker, 'projects')).toBe('filter')
})

it('a refusal is not blamed on the read method of children while the list itself is refused', async () => {
  await using account = await openAccount({ types: TYPES })
  const { sim, worker, changes } = account
  const TWO = ['projects', 'project-phases']
  sim.setSwitches({ refusedIncludes: { 'project-phases': ['project'] } })
  edit(sim, 'projects', sim.records.list('projects')[0]!.id)
  // The key that every record had is no longer sent.
  await changes(TWO, { 'project-phases': { outcome: 'incomplete' } })
  expect(await readCapability(worker.sql, 'project-phases', 'parts')).toBeUndefined()
  edit(sim, 'projects', sim.records.list('projects')[0]!.id)
  await changes(TWO, { 'project-phases': { outcome: 'incomplete' } })
  expect(await readCapability(worker.sql, 'project-phases', 'parts')).toBe('declared')
})
