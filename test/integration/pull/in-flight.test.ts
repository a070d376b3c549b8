/** How many requests a pull has in flight, against a server that does not take any number. */
import { expect, it } from 'vitest'
import { livingIds, openAccount, pullOne, remoteIds } from '../../support/scopestack/account.ts'

it('a server that refuses more than two requests at once is read completely, with no more in flight than it takes', async () => {
  const { sim, worker } = await openAccount({ projects: 40, latency: 10 }, undefined, { concurrency: 16, pageSize: 5 })
  sim.setSwitches({ worksOn: 2, overloaded: 'refuse' })
  expect(await pullOne(worker, 'project-services')).toMatchObject({
    outcome: 'ok',
    seen: remoteIds(sim, 'project-services').length,
  })
  expect(await livingIds(worker, 'project_services')).toEqual(remoteIds(sim, 'project-services'))
  const { statuses, requests } = sim.stats()
  const asked = Object.values(requests).reduce((sum, one) => sum + one, 0)
  expect(statuses['429'] ?? 0).toBeLessThan(asked / 4)
})

it.each(['queue', 'slow'] as const)(
  'a server that takes three at once, and lets more %s, is read completely',
  async (overloaded) => {
    const { sim, worker } = await openAccount({ projects: 40, latency: 10 }, undefined, {
      concurrency: 16,
      pageSize: 5,
    })
    sim.setSwitches({ worksOn: 3, overloaded })
    expect(await pullOne(worker, 'project-services')).toMatchObject({ outcome: 'ok' })
    expect(await livingIds(worker, 'project_services')).toEqual(remoteIds(sim, 'project-services'))
  },
)
