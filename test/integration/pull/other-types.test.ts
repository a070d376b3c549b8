/** A key leads to the table that it is declared to lead to, or it is no key. */
import { expect, it } from 'vitest'
import { openAccount, pullOne, remoteIds } from '../../support/scopestack/account.ts'
import { learnedAgo } from '../../support/tables/capabilities.ts'
import { readDrift } from '../../support/tables/progress.ts'

it('a reference to another type than the declared one is kept in sync_extra, and noted as drift; its id joins nothing', async () => {
  const { sim, worker } = await openAccount()
  const { sql } = worker
  const row = async (id: string) =>
    (await sql`select client_id, sync_extra as extra from scopestack.projects where id = ${id}`)[0]
  const [id] = remoteIds(sim, 'projects')
  const [client] = remoteIds(sim, 'clients')
  sim.records.update('projects', id!, { relationships: { client: client! } })
  await pullOne(worker, 'projects')
  expect(await row(id!)).toMatchObject({ client_id: client })
  // The same id, of another type.
  sim.records.update('projects', id!, { relationships: { client: { type: 'vendors', id: client! } } })
  expect(await pullOne(worker, 'projects')).toMatchObject({ outcome: 'ok', updated: 1 })
  expect(await row(id!)).toMatchObject({ client_id: null, extra: { client: { type: 'vendors', id: client } } })
  expect(await readDrift(sql, ['kind', 'sample'], { resource: 'projects', member: 'client' })).toEqual([
    { kind: 'misfit', sample: 'of type vendors' },
  ])
  expect(await pullOne(worker, 'projects')).toMatchObject({ outcome: 'ok', updated: 0 })
  // Where it is asked for no more, what is kept beside stays too.
  sim.setSwitches({ refusedIncludes: { projects: ['client'] } })
  await learnedAgo(sql, '2 days')
  sim.records.update('projects', id!, { attributes: { 'project-name': 'Renamed' } })
  await pullOne(worker, 'projects')
  expect(await row(id!)).toMatchObject({ client_id: null, extra: { client: { type: 'vendors', id: client } } })
  sim.setSwitches({ refusedIncludes: {} })
  await learnedAgo(sql, '2 days')
  sim.records.update('projects', id!, { relationships: { client: client! } })
  expect(await pullOne(worker, 'projects')).toMatchObject({ outcome: 'ok', updated: 1 })
  const repaired = await row(id!)
  expect(repaired).toMatchObject({ client_id: client })
  expect(Object.keys((repaired!['extra'] ?? {}) as object)).not.toContain('client')
})

it.each(['lobs', 'line-of-businesses', 'lines-of-business'] as const)(
  'another name of a type (%s) counts as the type',
  async (lobType) => {
    const { sim, worker } = await openAccount()
    sim.setSwitches({ lobType })
    expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok' })
    const lobs = new Map(sim.records.list('services').map(({ id, relationships }) => [id, relationships['lob']]))
    for (const { id, lob } of await worker.sql`select id, lob_id as lob from scopestack.services`) {
      expect(lob).toEqual(lobs.get(id as string))
    }
    expect(await readDrift(worker.sql, ['member'], { resource: 'services', kind: 'misfit' })).toEqual([])
  },
)

it('a to-many with some ends of another type is kept in sync_extra as a whole', async () => {
  let type = 'subservices'
  const { worker } = await openAccount({}, (body, asked) => {
    if (asked.type !== 'services') return body
    const data = {
      data: [
        { type: 'subservices', id: '1' },
        { type, id: '2' },
      ],
    }
    return {
      ...body,
      data: body.data.map((record) => ({
        ...record,
        relationships: { ...(record['relationships'] as object), subservices: data },
      })),
    }
  })
  await pullOne(worker, 'services')
  const held = () => worker.sql`select distinct subservices_ids::text as ids from scopestack.services`
  expect(await held()).toEqual([{ ids: '{1,2}' }])
  type = 'robots'
  await pullOne(worker, 'services')
  expect(await held()).toEqual([{ ids: null }])
  const [row] = await worker.sql`select sync_extra as extra from scopestack.services limit 1`
  expect(row!['extra']).toMatchObject({ subservices: [{ type: 'subservices' }, { type: 'robots' }] })
})
