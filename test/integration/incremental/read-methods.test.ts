/** How the parts of changed projects are asked for is found out, remembered, and found out again. */
import { describe, expect, it } from 'vitest'
import { saveCapability } from '../../../src/store/progress/capabilities.ts'
import { edit, openAccount, projectWith, requestsOf } from '../../support/scopestack/increments.ts'
import { expectAsRemote } from '../../support/scopestack/living.ts'
import type { TestWorker } from '../../support/scopestack/worker.ts'
import { learnedEarlier, readCapability } from '../../support/tables/capabilities.ts'

const TYPES = ['projects', 'project-phases', 'project-services']

describe('children are read by the method that the server accepts:', () => {
  const REFUSED = { 'project-phases': ['project'] }

  it('nested lists, and the method is remembered', async () => {
    await using account = await openAccount({ types: TYPES, switches: { refusedFilters: REFUSED } })
    const { sim, worker, changes } = account
    const { parts } = projectWith(sim, 'project-phases', 3)
    edit(sim, 'project-phases', parts[0]!)
    await changes()
    edit(sim, 'project-phases', parts[0]!)
    sim.records.remove('project-phases', parts[1]!)
    sim.resetStats()
    await changes()
    const asked = requestsOf(sim)
    // Not its pages: these count what the filter hides.
    expect(asked['project-phases']).toBe(2)
    expect(asked['projects/{id}/project-phases']).toBe(1)
    await expectAsRemote(worker, sim, TYPES)
  })

  it('the complete list where there are no nested lists either, which are tried again after a day', async () => {
    await using account = await openAccount({ types: TYPES, switches: { refusedFilters: REFUSED } })
    const { sim, worker, changes } = account
    const { parts } = projectWith(sim, 'project-phases', 3)
    const missing = sim.addFault({
      kind: '404',
      match: { path: String.raw`/projects\/\d+\/project-phases/` },
      count: 'always',
    })
    edit(sim, 'project-phases', parts[0]!)
    sim.records.remove('project-phases', parts[1]!)
    await changes()
    await expectAsRemote(worker, sim, TYPES)
    expect(await rememberedFor(worker)).toBe('none')

    sim.removeFault(missing.id)
    sim.setSwitches({ refusedFilters: {} })
    edit(sim, 'project-phases', parts[0]!)
    await learnedEarlier(worker.sql, 'parts', '23 hours')
    await changes()
    expect(await rememberedFor(worker)).toBe('none')
    edit(sim, 'project-phases', parts[0]!)
    await learnedEarlier(worker.sql, 'parts', '2 hours')
    await changes()
    expect(await rememberedFor(worker)).toBe('declared')
    await expectAsRemote(worker, sim, TYPES)
  })

  it('another one when the remembered one is refused now', async () => {
    await using account = await openAccount({ types: TYPES })
    const { sim, worker, changes } = account
    const { parts } = projectWith(sim, 'project-phases', 3)
    await saveCapability(worker.sql, 'project-phases', 'parts', 'declared')
    sim.setSwitches({ refusedFilters: REFUSED })
    edit(sim, 'project-phases', parts[0]!)
    await changes()
    expect(await rememberedFor(worker)).toBe('nested')
    await expectAsRemote(worker, sim, TYPES)
  })

  const rememberedFor = ({ sql }: TestWorker) => readCapability(sql, 'project-phases', 'parts')
})
