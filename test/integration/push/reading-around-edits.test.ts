/** What a reading does about rows that hold local edits: it neither marks deleted them, nor calls them different, nor forgets them. */
import { describe, expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { discardChange } from '../../../src/store/outbox/change-actions.ts'
import { verifyResource } from '../../../src/sync/verify/verify.ts'
import { withLease } from '../../../src/sync/with-lease.ts'
import { leased } from '../../support/postgres/leased.ts'
import { openAccount, pullOne, remoteIds } from '../../support/scopestack/account.ts'
import { addPart, openAccount as openChanging, projectWith } from '../../support/scopestack/increments.ts'
import type { TestWorker } from '../../support/scopestack/worker.ts'
import { newestId, readChanges } from '../../support/tables/outbox.ts'
import { beginSnapshot, readPageCache } from '../../support/tables/progress.ts'

/** Vendors, pulled once, on pages of three. */
async function open() {
  const { sim, worker } = await openAccount({}, undefined, { pageSize: 3 })
  await pullOne(worker, 'vendors')
  const name = async (id: string) =>
    (await worker.sql`select name, sync_deleted_at is null as lives from scopestack.vendors where id = ${id}`)[0]
  return { sim, worker, sql: worker.sql, ids: remoteIds(sim, 'vendors'), name }
}

const states = ({ sql }: TestWorker) => readChanges(sql, ['op', 'state', 'isReturned'])

/** What ScopeStack refuses is parked. */
async function park({ sim, worker, ids }: Awaited<ReturnType<typeof open>>, of: number): Promise<void> {
  await worker.sql`update scopestack.vendors set name = 'Mine' where id = ${ids[of]!}`
  const fault = sim.addFault({ kind: '403', match: { method: 'PATCH' }, count: 'always' })
  expect(await worker.push()).toMatchObject([{ outcome: 'parked' }])
  sim.removeFault(fault.id)
}

describe('the detection of deletes', () => {
  it('leaves rows that are not sent yet, and does not count them', async () => {
    const { worker, sim, sql, ids, name } = await open()
    await sql`insert into scopestack.vendors (name) select 'New ' || n from generate_series(1, 30) n`
    await sql`update scopestack.vendors set name = 'Mine' where id = ${ids[0]!}`
    for (const id of ids.slice(0, 2)) sim.records.remove('vendors', id)
    expect(await pullOne(worker, 'vendors')).toMatchObject({ outcome: 'ok', deleted: 1 })
    expect([await name(ids[0]!), await name(ids[1]!)]).toMatchObject([{ name: 'Mine', lives: true }, { lives: false }])
    const [living] = await sql`select count(*)::int as n from scopestack.vendors where id like 'local-%'`
    expect(living).toEqual({ n: 30 })
  })

  it('does not accept an empty list because of new rows', async () => {
    const { worker, sim, sql, ids } = await open()
    for (const id of ids.slice(3)) sim.records.remove('vendors', id)
    await pullOne(worker, 'vendors', { allowMassDelete: true })
    await sql`insert into scopestack.vendors (name) values ('New')`
    for (const id of ids.slice(0, 3)) sim.records.remove('vendors', id)
    expect(await pullOne(worker, 'vendors')).toMatchObject({ outcome: 'suspect', deleted: 0 })
  })

  it('marks deleted the row of a parked change, which is kept', async () => {
    const account = await open()
    await park(account, 1)
    const { worker, sim, ids, name } = account
    sim.records.remove('vendors', ids[1]!)
    expect(await pullOne(worker, 'vendors')).toMatchObject({ outcome: 'ok', deleted: 1 })
    expect(await name(ids[1]!)).toMatchObject({ lives: false })
    expect(await states(worker)).toEqual([{ op: 'update', state: 'parked', isReturned: true }])
  })
})

describe('a page that has not changed', () => {
  it('is read again when a row of it was parked or discarded', async () => {
    const account = await open()
    const { worker, sim, ids, name } = account
    const before = await name(ids[1]!)
    await park(account, 1)
    await pullOne(worker, 'vendors')
    expect(await name(ids[1]!)).toEqual(before)

    await worker.sql`update scopestack.vendors set name = 'Mine again' where id = ${ids[1]!}`
    await pullOne(worker, 'vendors')
    expect(await name(ids[1]!)).toMatchObject({ name: 'Mine again' })
    await discardChange(worker.sql, catalog, await newestId(worker.sql))
    await pullOne(worker, 'vendors')
    expect(await name(ids[1]!)).toEqual(before)
    expect(sim.records.read('vendors', ids[1]!)!.attributes['name']).toBe(before!['name'])
  })

  it('is not cached while a row of it waits', async () => {
    const { worker, sim, sql, ids } = await open()
    await sql`update scopestack.vendors set name = 'Mine' where id = ${ids[1]!}`
    sim.records.update('vendors', ids[0]!, { attributes: { name: 'Theirs' } })
    await pullOne(worker, 'vendors')
    const held = (await readPageCache(sql, ['ids', 'loadedAt'], { resource: 'vendors' })).filter((page) =>
      page.ids.includes(ids[0]!),
    )
    const [row] = await sql`select sync_changed_at as at from scopestack.vendors where id = ${ids[0]!}`
    for (const { loadedAt } of held) expect(Date.parse(loadedAt)).toBeLessThan((row!['at'] as Date).getTime())
  })

  it('is read again when the response to an edit had the record as it was before', async () => {
    const { worker, sim, ids, name } = await open()
    const before = sim.records.read('vendors', ids[1]!)!.attributes['name']
    await worker.sql`update scopestack.vendors set name = 'Mine' where id = ${ids[1]!}`
    const through = (client: TestWorker['client']): TestWorker['client'] => ({
      ...client,
      write: async (request, parse, signal) => {
        const back = JSON.parse(request.body!) as { data: { attributes: object } }
        back.data.attributes = { name: before }
        return await client.write({ ...request, body: JSON.stringify(back) }, parse, signal)
      },
    })
    expect(await worker.push({ through })).toMatchObject([{ outcome: 'parked', error: { code: 'SYNC_PUSH_IGNORED' } }])
    await pullOne(worker, 'vendors')
    expect(await name(ids[1]!)).toMatchObject({ name: before })
  })
})

describe('verify', () => {
  it('leaves out rows with local edits, and repairs the others', async () => {
    const account = await open()
    await park(account, 4)
    const { worker, sql, ids, name } = account
    await sql`insert into scopestack.vendors (name) values ('New')`
    await sql`update scopestack.vendors set name = 'Mine' where id = ${ids[0]!}`
    const found = await withLease(worker.leases, 'vendors', new AbortController().signal, (signal, lease) =>
      verifyResource(worker, {
        resource: catalog.get('vendors')!,
        lease,
        repair: true,
        signal,
        onDifference: () => {},
        onProgress: () => {},
      }),
    )
    expect(found).toMatchObject({ missing: 0, extra: 0, different: 0, repaired: 0, doubt: null })
    // One parked, one new, one in flight.
    expect(found).toMatchObject({ edited: 3 })
    expect(await name(ids[0]!)).toMatchObject({ name: 'Mine' })
  })
})

it('a list in no order is not proved by records that were pushed while it was read', async () => {
  const { sim, worker, sql, ids } = await open()
  sim.setSwitches({ listOrder: 'shuffled', refusedSorts: { vendors: ['id'] } })
  const lease = await worker.leases.acquire('vendors')
  await beginSnapshot(sql, 'vendors')
  const [row] = await sql<{ id: string }[]>`insert into scopestack.vendors (name) values ('New') returning id`
  expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
  expect(row!.id).toMatch(/^local-/)
  const { createMirror } = await import('../../../src/store/mirror/load.ts')
  const made = remoteIds(sim, 'vendors').find((id) => !ids.includes(id))!
  const records = [made, ids[0]!].map((id) => ({ ...sim.records.read('vendors', id)!, type: 'vendors', id }))
  const loaded = await leased(sql, (tx) => createMirror(catalog.get('vendors')!).load(tx, records))
  expect(loaded).toMatchObject({ fresh: 1, left: [made] })
  await worker.leases.release(lease)
})

describe('an incremental read', () => {
  it('restores the row of a parked change, and of a discarded one', async () => {
    await using account = await openChanging()
    const { sim, worker, changes } = account
    const [one, two] = sim.records.list('projects').map(({ id }) => id) as [string, string]
    await worker.sql`update scopestack.projects set project_name = 'Mine' where id in (${one}, ${two})`
    // Their last change was read long before the edit is discarded.
    await changes()
    const fault = sim.addFault({ kind: '403', match: { method: 'PATCH' }, count: 'always' })
    await worker.push()
    sim.removeFault(fault.id)
    await discardChange(worker.sql, worker.catalog, await newestId(worker.sql, { recordId: two }))
    await changes()
    for (const id of [one, two]) {
      const [row] = await worker.sql`select project_name as name from scopestack.projects where id = ${id}`
      expect(row).toEqual({ name: sim.records.read('projects', id)!.attributes['project-name'] })
    }
  })

  it('reads the children again of a project that was pushed', async () => {
    await using account = await openChanging()
    const { sim, worker, changes } = account
    const { project } = projectWith(sim, 'project-phases', 2)
    await changes()
    await worker.sql`update scopestack.projects set project_name = 'Mine' where id = ${project}`
    const phase = addPart(sim, 'project-phases', project)
    sim.records.update('projects', project, { attributes: {} })
    expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
    await changes()
    expect(await worker.sql`select id from scopestack.project_phases where id = ${phase}`).toHaveLength(1)
  })
})

it('a resource without known writes refuses edits, with the reason', async () => {
  const { sql } = await open()
  const closed = [...catalog.values()].filter(({ writes }) => writes.length === 0)
  expect(closed.map(({ type }) => type)).toEqual(expect.arrayContaining(['audit-logs', 'notes', 'teams', 'quotes']))
  for (const { table, type } of closed) {
    await expect(sql`update scopestack.${sql(table)} set sync_hash = ''`).rejects.toThrow(
      `scopestack.${table} is read-only: ScopeStack's API is not known to take changes of ${type}.`,
    )
  }
})
