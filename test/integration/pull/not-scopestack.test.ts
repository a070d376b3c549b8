/** What a proxy, a firewall or a tired server answers in ScopeStack's place says nothing about what was asked. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { FaultInput } from '../../../src/simulator/control/faults.ts'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import type { ListBody } from '../../support/network/relay.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { livingIds, openAccount, pullOne, remoteIds } from '../../support/scopestack/account.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import { emptyOutbox, makeDue, readChanges } from '../../support/tables/outbox.ts'

let sim: Simulator
let database: TestDatabase
let worker: TestWorker

beforeAll(async () => {
  sim = await startSimulator({ projects: 3 })
  database = await createDatabase()
  worker = await startWorker(sim, database.url)
})

beforeEach(async () => {
  await emptyOutbox(worker.sql)
  await worker.run(['vendors', 'clients'])
  sim.resetStats()
})

afterEach(() => {
  sim.removeFault()
})

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
  await sim?.close()
})

/** A few of each sort; test/unit/remote/response.test.ts has them all. */
const NOT_SCOPESTACK: readonly FaultInput[] = [
  { kind: '401', body: 'html' },
  { kind: '403', body: 'html' },
  { kind: '403', body: 'json' },
  { kind: '404', body: 'html' },
  { kind: '404', retryAfter: 'Thu, 01 Jan 1970 00:00:00 GMT' },
  { kind: '503', retryAfter: 0 },
  { kind: '302' },
  { kind: '408' },
  { kind: '425' },
]

describe.each(NOT_SCOPESTACK)('%j', (fault) => {
  it('costs a list nothing but time', async () => {
    // Twice, since a 401 or 403 of ScopeStack's own is believed the second time.
    const count = ['401', '403'].includes(fault.kind) ? 2 : 1
    sim.addFault({ ...fault, count, match: { type: 'vendors' } })
    expect(await pullOne(worker, 'vendors')).toMatchObject({ outcome: 'ok', deleted: 0 })
    expect(sim.faults()[0]).toMatchObject({ met: count })
  })

  it('parks neither a changed nor a deleted row, and both arrive', async () => {
    const { id } = sim.records.create('crm-opportunities', { attributes: { name: 'To go' } })
    const kept = sim.records.list('vendors')[0]!
    await pullOne(worker, 'crm-opportunities')
    await worker.sql`update scopestack.vendors set city = ${JSON.stringify(fault)} where id = ${kept.id}`
    await worker.sql`delete from scopestack.crm_opportunities where id = ${id}`
    sim.addFault({ ...fault, match: { method: 'PATCH', type: 'vendors' } })
    sim.addFault({ ...fault, match: { method: 'DELETE', type: 'crm-opportunities' } })
    expect(await worker.push()).toMatchObject([{ outcome: 'sent' }, { outcome: 'sent' }])
    expect(sim.records.read('vendors', kept.id)!.attributes['city']).toBe(JSON.stringify(fault))
    expect(sim.records.read('crm-opportunities', id)).toBeNull()
    expect(sim.faults()).toMatchObject([{ met: 1 }, { met: 1 }])
  })

  it('loses no new row, and makes none twice', async () => {
    const name = `New after ${JSON.stringify(fault)}`
    await worker.sql`insert into scopestack.vendors (name, city) values (${name}, 'Here')`
    sim.addFault({ ...fault, match: { method: 'POST', type: 'vendors' } })
    const settled = await worker.push()
    // 425 says that it was not begun; else it is looked for first.
    if (fault.kind !== '425') {
      expect(settled).toMatchObject([{ outcome: 'postponed' }])
      const [change] = await readChanges(worker.sql, ['attempts', 'requestedAgo'])
      expect(change).toEqual({ requestedAgo: expect.any(Number), attempts: fault.retryAfter === undefined ? 1 : 0 })
      await makeDue(worker.sql, 120)
      expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
    } else expect(settled).toMatchObject([{ outcome: 'sent' }])
    const made = sim.records.list('vendors').filter(({ attributes }) => attributes['name'] === name)
    expect(made).toHaveLength(1)
  })
})

it('a record whose own address a firewall answers with 404 is not taken for deleted', async () => {
  const hidden = new Set<unknown>()
  const hide = (body: ListBody): ListBody => ({
    ...body,
    data: body.data.filter(({ id }) => !hidden.has(id)),
    meta: { ...body.meta, 'record-count': Number(body.meta['record-count']) - hidden.size },
  })
  const account = await openAccount({}, hide, { pageSize: 100 })
  await pullOne(account.worker, 'vendors')
  const ids = remoteIds(account.sim, 'vendors')
  hidden.add(ids[0])
  account.sim.addFault({ kind: '404', body: 'html', match: { path: `/vendors/${ids[0]}$/` }, count: 2 })
  await pullOne(account.worker, 'vendors')
  expect(account.sim.faults()).toMatchObject([{ met: 2 }])
  expect(await livingIds(account.worker, 'vendors')).toEqual(ids)
})

it('bytes that are no UTF-8 fail their list alone, at once, and change nothing', async () => {
  const before = await worker.sql`select id, name, sync_hash from scopestack.vendors order by id`
  sim.records.update('vendors', String(before[0]!['id']), { attributes: { city: 'Elsewhere' } })
  sim.addFault({ kind: 'bad-utf8', match: { method: 'GET', type: 'vendors' }, count: 'always' })
  const { outcomes } = await worker.run(['vendors', 'clients'])
  const [clients, vendors] = outcomes.toSorted((a, b) => a.resource.localeCompare(b.resource))
  expect(clients).toMatchObject({ resource: 'clients', outcome: 'ok' })
  expect(vendors).toMatchObject({ outcome: 'failed', code: 'SYNC_BODY_UNREADABLE' })
  expect(vendors!.message).toContain('not UTF-8')
  expect(sim.faults()[0]!.met).toBeLessThan(4)
  expect(await worker.sql`select id, name, sync_hash from scopestack.vendors order by id`).toEqual(before)
})

it.each([
  ['many-nodes', 'failed', 'SYNC_BODY_UNREADABLE'],
  ['long-number', 'ok', null],
] as const)('a page of %s stops nothing else: it is %s', async (kind, outcome, code) => {
  const changed = sim.records.list('vendors')[0]!
  sim.records.update('vendors', changed.id, { attributes: { city: `Changed, ${kind}` } })
  sim.addFault({ kind, match: { method: 'GET', type: 'vendors' }, count: 'always' })
  const { outcomes } = await worker.run(['vendors', 'clients'])
  const [clients, vendors] = outcomes.toSorted((a, b) => a.resource.localeCompare(b.resource))
  expect(clients).toMatchObject({ resource: 'clients', outcome: 'ok' })
  expect(vendors).toMatchObject({ outcome, code })
})

describe.each(['negotiated', 'unasked'] as const)('with compression %s', (compression) => {
  it('everything is read alike, in a fraction of the bytes, errors and tokens too', async () => {
    const types = ['projects', 'project-services', 'surveys']
    const plain = await openAccount({}, undefined, { pageSize: 100 })
    const packed = await openAccount({}, undefined, { pageSize: 100 })
    packed.sim.setSwitches({ compression, forbidden: ['surveys'] })
    packed.sim.revokeTokens()
    const both = [await plain.worker.run(types), await packed.worker.run(types)]
    const bad = both.map(({ outcomes }) => outcomes.filter(({ outcome }) => outcome !== 'ok'))
    expect(bad).toMatchObject([[], [{ resource: 'surveys', outcome: 'forbidden' }]])
    const hashes = (of: TestWorker) =>
      of.sql`select id, sync_hash from scopestack.projects union all
        select id, sync_hash from scopestack.project_services order by id`
    expect(await hashes(packed.worker)).toEqual(await hashes(plain.worker))
    expect(packed.sim.stats().bytesSent).toBeLessThan(plain.sim.stats().bytesSent / 4)
  })
})
