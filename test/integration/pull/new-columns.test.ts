/** A column that the catalog has since the last whole reading holds nothing, whatever changes: so all of it is read again. */
import { expect, it } from 'vitest'
import { openAccount, pullOne, remoteIds } from '../../support/scopestack/account.ts'
import { forgetCapability, readCapability } from '../../support/tables/capabilities.ts'

it.each(['status', 'client'])(
  'the next run of any kind fills a new column (%s) in every row, and the run after it reads only what changed',
  async (member) => {
    const { sim, worker } = await openAccount({}, undefined, { pageSize: 50 })
    const { sql } = worker
    const projects = worker.catalog.get('projects')!
    const columns = projects.columns.filter((column) => column.member !== member)
    const include = projects.include.filter((name) => name !== member)
    const { name } = projects.columns.find((column) => column.member === member)!
    expect((await worker.runResource({ ...projects, columns, include })).outcomes[0]).toMatchObject({ outcome: 'ok' })
    const filled = async () =>
      (await sql.unsafe<{ n: number }[]>(`select count(${name})::int as n from scopestack.projects`))[0]!.n
    expect(await filled()).toBe(0)

    const changes = () => worker.runResource(projects, { changesOnly: true })
    expect((await changes()).outcomes[0]).toMatchObject({ outcome: 'ok', seen: remoteIds(sim, 'projects').length })
    const carrying = sim.records.list('projects').filter(({ attributes, relationships }) => {
      return (member === 'client' ? relationships['client'] : attributes[member]) !== null
    })
    expect(carrying.length).toBeGreaterThan(0)
    expect(await filled()).toBe(carrying.length)

    const [id] = remoteIds(sim, 'projects')
    await changes()
    sim.records.update('projects', id!, { attributes: { 'project-name': 'Renamed' } })
    sim.resetStats()
    expect((await changes()).outcomes[0]).toMatchObject({ outcome: 'ok', updated: 1 })
    // What changed, and three counts of what the filters of the list may hide.
    expect(sim.stats().pages['projects']).toEqual([1, 1, 1, 1])
  },
)

it('a run that does not know the declaration before fills it, too, once', async () => {
  const { sim, worker } = await openAccount()
  await pullOne(worker, 'clients')
  await pullOne(worker, 'projects')
  for (const name of ['declaration', 'told']) await forgetCapability(worker.sql, name)
  const all = remoteIds(sim, 'projects').length
  expect(await pullOne(worker, 'projects', { changesOnly: true })).toMatchObject({
    outcome: 'ok',
    seen: all,
    updated: 0,
  })
  for (const name of ['declaration', 'told']) {
    expect(await readCapability(worker.sql, 'projects', name), name).not.toBe(undefined)
  }
})
