/** What a whole list no longer holds is marked deleted, behind three locks: the list, the share, and each record's own address. */
import { describe, expect, it } from 'vitest'
import type { Simulator } from '../../../src/simulator/server.ts'
import type { Alter, ListBody } from '../../support/network/relay.ts'
import { withoutCapture } from '../../support/postgres/without-capture.ts'
import { onTestFinished } from '../../support/run/test-context.ts'
import { livingIds, openAccount, pullOne, remoteIds } from '../../support/scopestack/account.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import { missingSinceEarlier, readCapability } from '../../support/tables/capabilities.ts'
import { readDrift, readParked } from '../../support/tables/progress.ts'
import { readRunOutcomes } from '../../support/tables/runs.ts'

interface Row {
  readonly id: string
  readonly name: string
  readonly sync_deleted_at: Date | null
  readonly sync_changed_at: Date
}

/** @param hidden services that the list does not tell of, though they are there. */
async function open(hidden: ReadonlySet<string> = new Set(), one?: Alter['one']) {
  const hide = (body: ListBody): ListBody => {
    const data = body.data.filter(({ id }) => !hidden.has(String(id)))
    return { ...body, data, meta: { ...body.meta, 'record-count': Number(body.meta['record-count']) - hidden.size } }
  }
  const { sim, worker } = await openAccount(
    {},
    (body, { type }) => (type === 'services' ? hide(body) : body),
    {
      pageSize: 100,
    },
    one,
  )
  await pullOne(worker, 'services')
  const row = async (id: string): Promise<Row> =>
    (
      await worker.sql<Row[]>`
        select id, name, sync_deleted_at, sync_changed_at from scopestack.services where id = ${id}`
    )[0]!
  return { sim, worker, row, ids: remoteIds(sim, 'services'), again: (how = {}) => pullOne(worker, 'services', how) }
}

const single = (sim: Simulator): number => sim.stats().requests['GET /{account}/v1/services/{id}'] ?? 0

describe('a record that is gone', () => {
  it('keeps its row, with the time when it was missed, and no other row is written', async () => {
    const { sim, worker, row, ids, again } = await open()
    const [first, second] = ids as [string, string]
    const before = [await row(first), await row(second)]
    sim.records.remove('services', first)
    expect(await again()).toMatchObject({ outcome: 'ok', deleted: 1, updated: 0, seen: ids.length - 1 })
    const gone = await row(first)
    expect(gone).toMatchObject({ id: first, name: before[0]!.name, sync_deleted_at: expect.any(Date) as Date })
    expect(gone.sync_changed_at.getTime()).toBeGreaterThan(before[0]!.sync_changed_at.getTime())
    expect(await row(second)).toEqual(before[1])
    expect(await readRunOutcomes(worker.sql, ['deleted'])).toEqual([{ deleted: 0 }, { deleted: 1 }])
    const [status] = await worker.sql`select rows::int from scopestack.sync_status where resource = 'services'`
    expect(status).toEqual({ rows: ids.length - 1 })
    // Once marked deleted, it is not looked up again.
    sim.resetStats()
    expect(await again()).toMatchObject({ outcome: 'ok', deleted: 0 })
    expect(single(sim)).toBe(0)
    expect(await row(first)).toEqual(gone)
  })

  it('is found where a trigger of others has taken as many rows away as are missing', async () => {
    const { sim, worker, row, ids, again } = await open()
    const [first, taken] = ids as [string, string]
    await worker.sql.unsafe(`
      create function public.take_away() returns trigger language plpgsql as $$ begin
        delete from scopestack.services where id = '${taken}';
        return null;
      end $$;
      create trigger take_away after insert or update on scopestack.services for each statement
        execute function public.take_away()`)
    sim.records.update('services', taken, { attributes: { name: 'Not wanted here' } })
    expect(await again()).toMatchObject({ deleted: 0 })
    expect(await row(taken)).toBeUndefined()
    sim.records.remove('services', first)
    expect(await again()).toMatchObject({ deleted: 1 })
    expect((await row(first)).sync_deleted_at).not.toBeNull()
  })

  it('is alive again when it returns, even as it was', async () => {
    const { sim, row, ids, again } = await open()
    const { attributes, relationships } = sim.records.read('services', ids[3]!)!
    sim.records.remove('services', ids[3]!)
    expect(await again()).toMatchObject({ outcome: 'ok', deleted: 1 })
    sim.records.create('services', { id: ids[3]!, attributes, relationships })
    expect(await again()).toMatchObject({ outcome: 'ok', updated: 1, deleted: 0 })
    expect((await row(ids[3]!)).sync_deleted_at).toBeNull()
  })

  it('stays while the list cannot be proved complete', async () => {
    const { sim, row, ids, again } = await open()
    sim.setSwitches({ refusedFilters: { services: ['active'] } })
    sim.records.remove('services', ids[0]!)
    expect(await again()).toMatchObject({ outcome: 'incomplete', deleted: 0 })
    expect((await row(ids[0]!)).sync_deleted_at).toBeNull()
  })
})

it('a record that the list does not hold and its own address does is kept, and brought up to date', async () => {
  const hidden = new Set<string>()
  const { sim, row, ids, again } = await open(hidden)
  hidden.add(ids[5]!)
  sim.records.update('services', ids[5]!, { attributes: { name: 'Hidden, not gone' } })
  expect(await again()).toMatchObject({ outcome: 'ok', deleted: 0 })
  expect(await row(ids[5]!)).toMatchObject({ name: 'Hidden, not gone', sync_deleted_at: null })
  expect(single(sim)).toBeGreaterThan(0)
})

describe('a record that the list does not hold and its own address does', () => {
  const driftOf = async ({ sql }: TestWorker) =>
    (await readDrift(sql, ['member', 'kind'], { resource: 'services' })).filter(({ kind }) => kind !== 'gone')

  it('leaves its drift on record: an undeclared member, and a value that does not fit', async () => {
    const hidden = new Set<string>()
    const { worker, ids, again } = await open(hidden, (one) => {
      const odd = { ...(one.data['attributes'] as object), shade: 'blue', 'total-hours': 'many' }
      return hidden.has(String(one.data['id'])) ? { data: { ...one.data, attributes: odd } } : one
    })
    expect(await driftOf(worker)).toEqual([])
    hidden.add(ids[5]!)
    expect(await again()).toMatchObject({ deleted: 0, updated: 0 })
    expect(await driftOf(worker)).toEqual([
      { member: 'shade', kind: 'undeclared' },
      { member: 'total-hours', kind: 'misfit' },
    ])
  })

  it('says nothing of what the records of the list carry when it lacks a member itself', async () => {
    const hidden = new Set<string>()
    const { worker, ids, again } = await open(hidden, (one) => {
      const { name: _, ...rest } = one.data['attributes'] as Record<string, unknown>
      return hidden.has(String(one.data['id'])) ? { data: { ...one.data, attributes: rest } } : one
    })
    const expected = () => readCapability(worker.sql, 'services', 'told')
    const before = await expected()
    hidden.add(ids[5]!)
    expect(await again({ reloadAll: true })).toMatchObject({ outcome: 'ok', deleted: 0 })
    expect(await expected()).toEqual(before)
    expect(await driftOf(worker)).toEqual([])
  })

  it('is parked when it makes no row, found in the list filtered by id', async () => {
    const hidden = new Set<string>()
    const { sim, worker } = await openAccount({}, (body, { type, query }) => {
      if (type !== 'services') return body
      if (query.has('filter[id]')) {
        return { ...body, data: body.data.map((one) => (hidden.has(String(one.id)) ? { ...one, attributes: 7 } : one)) }
      }
      const count = Number(body.meta['record-count']) - hidden.size
      const data = body.data.filter(({ id }) => !hidden.has(String(id)))
      return { ...body, data, meta: { ...body.meta, 'record-count': count } }
    })
    await pullOne(worker, 'services')
    const [id] = remoteIds(sim, 'services')
    hidden.add(id!)
    sim.addFault({ kind: '404', match: { path: '/services/\\d+$/' }, count: 'always' })
    expect(await pullOne(worker, 'services')).toMatchObject({ deleted: 0 })
    expect(await readParked(worker.sql, ['recordId', 'reason'], { isOpen: true })).toEqual([
      { recordId: id, reason: 'Its attributes are not an object. (SYNC_RECORD_UNUSABLE)' },
    ])
    expect(await livingIds(worker, 'services')).toContain(id)
  })
})

describe('too many missing records at once', () => {
  it('are suspect, and nothing is marked deleted until the operator allows it', async () => {
    const { sim, worker, ids, again } = await open()
    for (const id of ids.slice(0, Math.ceil(ids.length * 0.3))) sim.records.remove('services', id)
    sim.resetStats()
    const outcome = await again()
    expect(outcome).toMatchObject({ outcome: 'suspect', code: 'SYNC_SUSPECT', deleted: 0 })
    expect(outcome.message).toMatch(
      /more than may be at once \(20 %\)\. Nothing was deleted\..*pull --full --allow-mass-delete services/,
    )
    expect(single(sim)).toBe(0)
    expect(await livingIds(worker, 'services')).toEqual(ids)
    expect(await again({ allowMassDelete: true })).toMatchObject({
      outcome: 'ok',
      deleted: Math.ceil(ids.length * 0.3),
    })
    expect(await livingIds(worker, 'services')).toEqual(remoteIds(sim, 'services'))
  })

  it('are also those of an empty list where there were rows', async () => {
    const { sim, worker, ids, again } = await open()
    for (const id of ids) sim.records.remove('services', id)
    const outcome = await again()
    expect(outcome).toMatchObject({ outcome: 'suspect', seen: 0, deleted: 0 })
    expect(outcome.message).toContain(`All of its ${ids.length} rows`)
    expect(await livingIds(worker, 'services')).toEqual(ids)
    expect(await again({ allowMassDelete: true })).toMatchObject({ outcome: 'ok', deleted: ids.length })
    expect(await livingIds(worker, 'services')).toEqual([])
    expect(await again()).toMatchObject({ outcome: 'ok', seen: 0, deleted: 0 })
  })
})

it('are looked up by several runs when they are more than one run looks up', async () => {
  const { sim, worker } = await openAccount({}, undefined, { pageSize: 100, concurrency: 8, deleteLimit: 100 })
  await pullOne(worker, 'services')
  await withoutCapture(
    worker.sql,
    (tx) => tx`
      insert into scopestack.services (id, sync_hash)
      select id::text, '' from generate_series(9000001, 9001100) as id`,
  )
  // The first thousand are never settled.
  sim.addFault({ kind: '403', match: { path: String.raw`/services\/(9000\d{3}|9001000)$/` }, count: 'always' })
  expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'incomplete', deleted: 0 })
  expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'incomplete', deleted: 100 })
  sim.removeFault()
  expect(await pullOne(worker, 'services')).toMatchObject({ outcome: 'ok', deleted: 1000 })
})

describe('where nothing was seen of a resource without a list of its own', () => {
  it('nothing below parents is marked deleted, whatever the operator allows', async () => {
    const { sim, worker } = await openAccount()
    sim.setSwitches({ missingLists: ['project-materials'] })
    await worker.run(['projects', 'project-materials'])
    const held = await livingIds(worker, 'project_materials')
    expect(held.length).toBeGreaterThan(0)
    for (const id of held) sim.records.remove('project-materials', id)
    const outcome = await pullOne(worker, 'project-materials', { allowMassDelete: true })
    expect(outcome).toMatchObject({ outcome: 'incomplete', seen: 0, deleted: 0 })
    expect(outcome.message).toContain('They are kept.')
    expect(await livingIds(worker, 'project_materials')).toEqual(held)
  })

  it('no included record is marked deleted', async () => {
    const { sim, worker } = await openAccount()
    sim.setSwitches({ missingLists: ['business-units'] })
    await pullOne(worker, 'business-units')
    const held = await livingIds(worker, 'business_units')
    for (const id of remoteIds(sim, 'projects')) sim.records.remove('projects', id)
    sim.addFault({ kind: '404', match: { path: '/business-units/' }, count: 'always' })
    expect(await pullOne(worker, 'business-units', { allowMassDelete: true })).toMatchObject({ seen: 0, deleted: 0 })
    expect(await livingIds(worker, 'business_units')).toEqual(held)
  })
})

describe('a list whose records have no address of their own', () => {
  const later = ({ sql }: TestWorker, hours: number) => missingSinceEarlier(sql, hours)

  it.each(['404', '403', '405', '500'] as const)(
    '%s to each of them: the list filtered by id shows whether a record is gone',
    async (kind) => {
      const { sim, worker, ids, again } = await open()
      sim.records.remove('services', ids[0]!)
      sim.addFault({ kind, match: { path: '/services/\\d+$/' }, count: 'always' })
      expect(await again()).toMatchObject({ outcome: 'ok', deleted: 1 })
      expect(await livingIds(worker, 'services')).toEqual(ids.slice(1))
    },
  )

  it('a record among them that cannot be read is kept, and decides nothing of the others', async () => {
    const { sim, worker, ids, again } = await open()
    sim.records.remove('services', ids[0]!)
    sim.setSwitches({ missingRecords: ['services'], brokenRecords: { services: [ids[1]!] } })
    expect(await again()).toMatchObject({ outcome: 'incomplete', deleted: 1 })
    expect(await livingIds(worker, 'services')).toEqual(ids.slice(1))
    sim.setSwitches({ brokenRecords: {} })
    expect(await again()).toMatchObject({ outcome: 'ok', deleted: 0 })
  })

  it('and no filter by id: a record that two full reads miss, hours apart, is marked deleted by the second', async () => {
    const { sim, worker, ids, again } = await open()
    sim.setSwitches({ missingRecords: ['services'], refusedFilters: { services: ['id'] } })
    sim.records.remove('services', ids[0]!)
    const outcome = await again()
    expect(outcome).toMatchObject({ outcome: 'incomplete', code: 'SYNC_INCOMPLETE', deleted: 0 })
    expect(outcome.message).toContain('ScopeStack answers for no single record of it. They are kept. A full read 6')
    // Soon after it is the same reading for whatever hides it.
    await later(worker, 5)
    sim.records.remove('services', ids[1]!)
    expect(await again()).toMatchObject({ outcome: 'incomplete', deleted: 0 })
    expect(await livingIds(worker, 'services')).toEqual(ids)
    await later(worker, 1)
    expect(await again()).toMatchObject({ outcome: 'incomplete', deleted: 1 })
    expect(await livingIds(worker, 'services')).toEqual(ids.slice(1))
    await later(worker, 6)
    const last = await again()
    expect(last).toMatchObject({ outcome: 'ok', deleted: 1 })
    expect(last.message).toContain('two full reads in a row missed them')
    expect(await livingIds(worker, 'services')).toEqual(ids.slice(2))
    expect(await again()).toMatchObject({ outcome: 'ok', deleted: 0, message: null })
  })

  it('a record that was seen in between has to be missed twice again', async () => {
    const hidden = new Set<string>()
    const { sim, worker, ids, again } = await open(hidden)
    sim.setSwitches({ missingRecords: ['services'], refusedFilters: { services: ['id'] } })
    hidden.add(ids[0]!)
    expect(await again()).toMatchObject({ outcome: 'incomplete', deleted: 0 })
    await later(worker, 7)
    hidden.clear()
    expect(await again()).toMatchObject({ outcome: 'ok', deleted: 0 })
    hidden.add(ids[0]!)
    expect(await again()).toMatchObject({ outcome: 'incomplete', deleted: 0 })
    expect(await livingIds(worker, 'services')).toEqual(ids)
  })

  it('records included only in a record that cannot be read are not missed', async () => {
    const { sim, worker } = await openAccount()
    sim.setSwitches({ missingLists: ['business-units'], missingRecords: ['business-units'] })
    const named = remoteIds(sim, 'projects').at(-1)
    const unit = sim.records.create('business-units', { attributes: { name: 'Of one project' } })
    sim.records.update('projects', named!, { relationships: { 'business-unit': unit.id } })
    expect(await pullOne(worker, 'business-units')).toMatchObject({ outcome: 'ok' })
    sim.setSwitches({ brokenRecords: { projects: [named!] } })
    for (let times = 1; times <= 2; times++) {
      expect(await pullOne(worker, 'business-units')).toMatchObject({ outcome: 'incomplete', deleted: 0 })
      await later(worker, 7)
    }
    expect(await livingIds(worker, 'business_units')).toContain(unit.id)
    sim.setSwitches({ brokenRecords: {} })
    expect(await pullOne(worker, 'business-units')).toMatchObject({ outcome: 'ok', deleted: 0 })
  })

  it('too many missing records at once are suspect, however often they are missed', async () => {
    const { sim, worker, ids, again } = await open()
    sim.setSwitches({ missingRecords: ['services'], refusedFilters: { services: ['id'] } })
    for (const id of ids.slice(0, Math.ceil(ids.length * 0.3))) sim.records.remove('services', id)
    for (let times = 0; times < 3; times++) {
      expect(await again()).toMatchObject({ outcome: 'suspect', deleted: 0 })
      await later(worker, 24)
    }
    expect(await livingIds(worker, 'services')).toEqual(ids)
  })

  it('the account, which is only included in lists: its slug changes, and the old row is marked deleted', async () => {
    const { sim, worker, databaseUrl } = await openAccount()
    await worker.run(['payment-terms', 'accounts'])
    expect(await livingIds(worker, 'accounts')).toEqual(['demo'])
    sim.renameAccount('acme')
    const config = { pageSize: 10, concurrency: 1 }
    const renamed = await startWorker(sim, databaseUrl, config)
    onTestFinished(() => renamed[Symbol.asyncDispose]())
    const { outcomes } = await renamed.run(['payment-terms', 'accounts'])
    const ended = Object.fromEntries(outcomes.map(({ resource, outcome }) => [resource, outcome]))
    expect(ended).toEqual({ accounts: 'incomplete', 'payment-terms': 'ok' })
    expect(await livingIds(worker, 'accounts')).toEqual(['acme', 'demo'])
    await later(worker, 24)
    expect(await pullOne(renamed, 'accounts')).toMatchObject({ outcome: 'ok', deleted: 1 })
    expect(await livingIds(worker, 'accounts')).toEqual(['acme'])
    expect(await pullOne(renamed, 'accounts')).toMatchObject({ outcome: 'ok', deleted: 0 })
    const [keys] =
      await worker.sql`select distinct account_id from scopestack.payment_terms where sync_deleted_at is null`
    expect(keys).toEqual({ account_id: 'acme' })
  })

  it('children of a project are kept until a full read of all of them decides', async () => {
    const { sim, worker } = await openAccount({}, undefined, { pageSize: 100 })
    const TWO = ['projects', 'project-phases']
    await worker.run(TWO)
    const [first] = sim.records.list('project-phases')
    sim.setSwitches({ missingRecords: ['project-phases'], refusedFilters: { 'project-phases': ['id'] } })
    const held = await livingIds(worker, 'project_phases')
    sim.records.remove('project-phases', first!.id)
    const { outcomes } = await worker.run(TWO, { changesOnly: true })
    expect(outcomes.find(({ resource }) => resource === 'project-phases')).toMatchObject({ outcome: 'incomplete' })
    expect(await livingIds(worker, 'project_phases')).toEqual(held)
    expect(await pullOne(worker, 'project-phases')).toMatchObject({ outcome: 'incomplete', deleted: 0 })
    await later(worker, 6)
    expect(await pullOne(worker, 'project-phases')).toMatchObject({ outcome: 'ok', deleted: 1 })
  })
})

describe('the lookup of one record', () => {
  it('with a 403 keeps it, and the others are marked deleted', async () => {
    const { sim, worker, ids, again } = await open()
    for (const id of ids.slice(0, 3)) sim.records.remove('services', id)
    sim.addFault({ kind: '403', match: { path: `/services/${ids[1]}$/` }, count: 'always' })
    expect(await again()).toMatchObject({ outcome: 'incomplete', deleted: 2 })
    expect(await livingIds(worker, 'services')).toEqual([ids[1], ...ids.slice(3)])
  })

  it.each(['500', 'html'] as const)(
    'with %s keeps it, the others are marked deleted, and the next run looks it up again',
    async (kind) => {
      const { sim, worker, ids, again } = await open()
      for (const id of ids.slice(0, 3)) sim.records.remove('services', id)
      sim.addFault({ kind, match: { path: `/services/${ids[0]}$/` }, count: 'always' })
      expect(await again()).toMatchObject({ outcome: 'incomplete', deleted: 2 })
      expect(await livingIds(worker, 'services')).toEqual([ids[0], ...ids.slice(3)])
      sim.removeFault()
      expect(await again()).toMatchObject({ outcome: 'ok', deleted: 1 })
    },
  )

  it.each([
    ['record', { id: '999999' }],
    ['type', { type: 'clients' }],
  ])('with another %s keeps it, and its row is not overwritten', async (_, other) => {
    const hidden = new Set<string>()
    const { sim, row, ids, again } = await open(hidden, (one) =>
      hidden.has(String(one.data['id'])) ? { data: { ...one.data, ...other } } : one,
    )
    const before = await row(ids[0]!)
    hidden.add(ids[0]!)
    sim.records.update('services', ids[0]!, { attributes: { name: 'Another' } })
    expect(await again()).toMatchObject({ outcome: 'incomplete', deleted: 0, inserted: 0 })
    expect(await row(ids[0]!)).toEqual(before)
  })
})
