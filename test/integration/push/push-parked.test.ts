/** One change that cannot go on holds up no other: its question is refused, its row is locked, or its row is no more. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { openPusher } from '../../../src/assemble/worker.ts'
import type { Client } from '../../../src/remote/client.ts'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { retryChange } from '../../../src/store/outbox/change-actions.ts'
import { listOpenChanges } from '../../../src/store/outbox/changes.ts'
import { hasConcurrentTwin } from '../../../src/store/outbox/similar-creates.ts'
import { naturalKeyOf } from '../../../src/sync/push/find-created.ts'
import { plan } from '../../../src/sync/push/plan.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import {
  discardCreates,
  emptyOutbox,
  insertCreateInFlight,
  insertEdits,
  makeDue,
  readChanges,
} from '../../support/tables/outbox.ts'

let sim: Simulator
let database: TestDatabase
let worker: TestWorker

beforeAll(async () => {
  sim = await startSimulator({ projects: 1 })
  database = await createDatabase()
  worker = await startWorker(sim, database.url)
  await worker.run(['vendors', 'clients'])
})

beforeEach(async () => {
  sim.removeFault()
  await emptyOutbox(worker.sql)
  sim.resetStats()
})

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
  await sim?.close()
})

const vendors = (): string[] => sim.records.list('vendors').map(({ id }) => id)
const made = (name: string) => sim.records.list('vendors').filter(({ attributes }) => attributes['name'] === name)
const requests = () => sim.stats().requests
/** The edit of another resource, made behind all others. */
const behind = async (domain: string): Promise<() => unknown> => {
  const [client] = sim.records.list('clients')
  await worker.sql`update scopestack.clients set domain = ${domain} where id = ${client!.id}`
  return () => sim.records.read('clients', client!.id)!.attributes['domain']
}
const due = () => makeDue(worker.sql)

it('a new row whose lookup is refused is parked, and the others are sent', async () => {
  // A filter that is refused is left out; this is the list itself.
  sim.addFault({ kind: '409', count: 'always', match: { method: 'GET', type: 'vendors' } })
  await worker.sql`insert into scopestack.vendors (name) values ('Not to be asked for')`
  const other = await behind('behind-a-look-up.test')
  const outcomes = await worker.push()
  expect(outcomes).toMatchObject([{ outcome: 'parked', error: { code: 'SYNC_PUSH_REFUSED' } }, { outcome: 'sent' }])
  expect(outcomes[0]!.error!.message).toMatch(
    /^ScopeStack refused the lookup of the record, so the new row of vendors local-\S+ was not sent \(409\): .+\. "changes retry" tries again; /,
  )
  expect(other()).toBe('behind-a-look-up.test')
  sim.removeFault()
  const [change] = await readChanges(worker.sql, ['id'])
  await retryChange(worker.sql, change!.id)
  expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
  expect(made('Not to be asked for')).toHaveLength(1)
})

it('an edit whose record may not be read is parked alone', async () => {
  const [one, two, three] = vendors()
  await worker.sql`update scopestack.vendors set city = 'Looked at' where id in ${worker.sql([one!, two!, three!])}`
  const refusing = (client: Client): Client => ({
    ...client,
    get: (path, ...rest) => client.get(path.includes(`/${two!}`) ? path.replace(two!, 'not-an-id') : path, ...rest),
  })
  // The question for all three is refused, and so is that for one of them.
  sim.addFault({ kind: '404', match: { method: 'GET', type: 'vendors', page: 1 } })
  sim.addFault({ kind: '409', count: 'always', match: { method: 'GET', path: '/vendors/not-an-id' } })
  const pusher = openPusher(worker, { conflict: undefined })
  const { planned } = await plan({ ...pusher, client: refusing(pusher.client) }, new AbortController().signal)
  expect(planned.map(({ action }) => action)).toEqual(['send', 'refused', 'send'])
  sim.addFault({ kind: '404', match: { method: 'GET', type: 'vendors', page: 1 } })
  const settled = await worker.push({ through: refusing })
  expect(new Map(settled.map(({ change, outcome, error }) => [change.recordId, error?.code ?? outcome]))).toEqual(
    new Map([
      [one!, 'sent'],
      [two!, 'SYNC_PUSH_REFUSED'],
      [three!, 'sent'],
    ]),
  )
})

it('a plan that does not show every change says so', async () => {
  const [one, two] = vendors()
  await insertEdits(worker.sql, one!, 1_100)
  await insertEdits(worker.sql, two!, 3)
  const pusher = openPusher(worker, { conflict: undefined })
  const looked = await plan(pusher, new AbortController().signal)
  expect(looked.planned.map(({ change }) => [change.recordId, change.attributes])).toEqual([[one, { city: '1100' }]])
  expect(looked.behind).toBe(3)
})

it('a name that is too long for an address is not looked up: the row is sent, and unknown when its response is lost', async () => {
  const [long, lost] = ['x'.repeat(20_000), 'y'.repeat(20_000)]
  await worker.sql`insert into scopestack.vendors (name) values (${long})`
  expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
  expect(made(long)).toHaveLength(1)
  await worker.sql`insert into scopestack.vendors (name) values (${lost})`
  const other = await behind('behind-a-name.test')
  sim.addFault({ kind: 'lost-answer', match: { method: 'POST', type: 'vendors' } })
  expect(await worker.push()).toMatchObject([{ outcome: 'postponed' }, { outcome: 'sent' }])
  expect(other()).toBe('behind-a-name.test')
  await due()
  expect(await worker.push()).toMatchObject([{ outcome: 'parked', error: { code: 'SYNC_PUSH_UNKNOWN' } }])
})

it('a change that ScopeStack fails at repeatedly is sent after the others', async () => {
  const one = vendors()[3]
  await worker.sql`update scopestack.vendors set city = 'Poisoned' where id = ${one!}`
  const other = await behind('behind-a-failure.test')
  sim.addFault({ kind: '500', count: 'always', match: { method: 'GET', path: `/vendors/${one!}` } })
  const hasty = (client: Client): Client => ({
    ...client,
    get: (path, parse, signal, options) => client.get(path, parse, signal, { ...options, attempts: 1 }),
  })
  await expect(worker.push({ through: hasty })).rejects.toMatchObject({ code: 'SYNC_REMOTE_FAILED' })
  expect(await worker.push({ through: hasty })).toMatchObject([{ outcome: 'sent' }])
  expect(other()).toBe('behind-a-failure.test')
})

it.each(['update', 'delete'] as const)(
  'the %s of a new row that is discarded is parked, and nothing is requested',
  async (op) => {
    await worker.sql`insert into scopestack.vendors (name) values ('Discarded')`
    await worker.sql.begin(async (tx) => {
      if (op === 'update') await tx`update scopestack.vendors set city = 'There' where name = 'Discarded'`
      else await tx`delete from scopestack.vendors where name = 'Discarded'`
    })
    await discardCreates(worker.sql)
    const other = await behind(`behind-a-${op}.test`)
    const outcomes = await worker.push()
    expect(outcomes).toMatchObject([{ outcome: 'parked', error: { code: 'SYNC_PUSH_GONE' } }, { outcome: 'sent' }])
    expect(other()).toBe(`behind-a-${op}.test`)
    expect(requests()).not.toHaveProperty('GET /{account}/v1/vendors/{id}')
    await worker.sql.begin(async (tx) => {
      await tx`select set_config('sync.origin', 'pull', true)`
      await tx`delete from scopestack.vendors where name = 'Discarded'`
    })
  },
)

it('a row in another open transaction is settled later, and the others are sent', async () => {
  const [one] = vendors()
  await worker.sql`update scopestack.vendors set city = 'Held' where id = ${one!}`
  const other = await behind('behind-a-lock.test')
  await worker.sql.begin(async (tx) => {
    await tx`update scopestack.vendors set state = 'Open' where id = ${one!}`
    const outcomes = await worker.push()
    expect(outcomes).toMatchObject([
      { outcome: 'postponed', error: { code: 'SYNC_PUSH_ROW_LOCKED' } },
      { outcome: 'sent' },
    ])
    expect(other()).toBe('behind-a-lock.test')
  })
  // What was written then is not written again, and what was edited meanwhile goes out behind it.
  await due()
  expect(await worker.push()).toMatchObject([{ outcome: 'sent' }, { outcome: 'sent' }])
  expect(sim.records.read('vendors', one!)!.attributes).toMatchObject({ city: 'Held', state: 'Open' })
  expect(requests()['PATCH /{account}/v1/vendors/{id}']).toBe(2)
})

it('a new row in an open transaction keeps the stored response: it is read by its id, whatever its name is by now', async () => {
  await worker.sql`insert into scopestack.vendors (name, city) values ('Held back', 'Here')`
  await worker.sql.begin(async (tx) => {
    await tx`update scopestack.vendors set city = 'There' where name = 'Held back'`
    expect(await worker.push()).toMatchObject([{ outcome: 'postponed', error: { code: 'SYNC_PUSH_ROW_LOCKED' } }])
  })
  const [record] = made('Held back')
  sim.records.update('vendors', record!.id, { attributes: { name: 'Renamed there' } })
  await due()
  expect((await worker.push()).map(({ change, outcome }) => [change.op, outcome])).toEqual([
    ['create', 'sent'],
    ['update', 'sent'],
  ])
  expect(requests()['POST /{account}/v1/vendors']).toBe(1)
  expect(made('Held back')).toEqual([])
  expect(made('Renamed there')).toMatchObject([{ id: record!.id, attributes: { city: 'There' } }])
})

it('a record that is deleted in ScopeStack before its row has the response is gone, and the row can be sent again', async () => {
  await worker.sql`insert into scopestack.vendors (name) values ('Short-lived')`
  await worker.sql.begin(async (tx) => {
    await tx`select from scopestack.vendors where name = 'Short-lived' for update`
    expect(await worker.push()).toMatchObject([{ outcome: 'postponed' }])
  })
  sim.records.remove('vendors', made('Short-lived')[0]!.id)
  await due()
  expect(await worker.push()).toMatchObject([{ outcome: 'parked', error: { code: 'SYNC_PUSH_GONE' } }])
  await worker.sql`update scopestack.vendors set city = 'Again' where name = 'Short-lived'`
  expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
  expect(made('Short-lived')).toHaveLength(1)
})

it('a write whose response cannot be read is never sent again: a retry reads the record', async () => {
  await worker.sql`insert into scopestack.vendors (name) values ('Unreadable')`
  await worker.sql.begin(async (tx) => {
    await tx`select from scopestack.vendors where name = 'Unreadable' for update`
    expect(await worker.push()).toMatchObject([{ outcome: 'postponed' }])
  })
  await due()
  const [record] = made('Unreadable')
  sim.addFault({ kind: '403', count: 2, match: { method: 'GET', path: `/vendors/${record!.id}` } })
  const [parked] = await worker.push()
  expect(parked).toMatchObject({ outcome: 'parked', error: { code: 'SYNC_PUSH_UNKNOWN' } })
  expect(parked!.error!.message).toContain(
    `was created in ScopeStack as ${record!.id}, and its row could not take that id`,
  )
  await worker.sql`update scopestack.vendors set city = 'Behind it' where name = 'Unreadable'`
  expect(await worker.push()).toEqual([])
  await retryChange(worker.sql, parked!.change.id)
  expect(await worker.push()).toMatchObject([{ outcome: 'sent' }, { outcome: 'sent' }])
  expect(made('Unreadable')).toMatchObject([{ id: record!.id, attributes: { city: 'Behind it' } }])
  expect(requests()['POST /{account}/v1/vendors']).toBe(1)
})

it.each([
  ['a member left out on both sides', '{"name": "T"}', '{"name": "T"}', true],
  ['one given as nothing', '{"name": "T", "sku": null}', '{"name": "T"}', true],
  ['one given as an empty text', '{"name": "T", "sku": ""}', '{"name": "T"}', true],
  ['another value', '{"name": "T", "sku": "S"}', '{"name": "T"}', false],
])('new rows are alike by a key of several members: %s', async (_, first, second, alike) => {
  for (const attributes of [first, second]) await insertCreateInFlight(worker.sql, 'products', attributes)
  const [one, other] = await listOpenChanges(worker.sql, 10)
  for (const change of [one!, other!]) {
    const key = naturalKeyOf(worker.catalog.get('products')!, change)!
    expect(await hasConcurrentTwin(worker.sql, change, key, [one!.id, other!.id])).toBe(alike)
  }
  await emptyOutbox(worker.sql)
})

it('a number is sent digit for digit, however long it is', async () => {
  const [client] = sim.records.list('clients')
  const long = '[{"name": "big", "value": 12345678901234567890}, {"name": "long", "value": 0.12345678901234567891}]'
  await worker.sql`update scopestack.clients set user_defined_fields = ${long}::text::jsonb where id = ${client!.id}`
  const bodies: string[] = []
  await worker.push({
    through: (one) => ({
      ...one,
      write(request, parse, signal) {
        bodies.push(request.body!)
        return one.write(request, parse, signal)
      },
    }),
  })
  expect(bodies).toEqual([expect.stringContaining('"value":12345678901234567890}')])
  expect(bodies[0]).toContain('"value":0.12345678901234567891}')
})
