/** Who may send what, and when: order, the lease of the push, and what waits together. */
import { afterAll, beforeEach, expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { depart, pauseAll } from '../../../src/store/changes/writes.ts'
import { openDatabase } from '../../../src/store/connection/database.ts'
import { openLeases, type Lease } from '../../../src/store/fleet/leases.ts'
import { createMirror } from '../../../src/store/mirror/load.ts'
import { checkActionAllowed, discardChange, retryChange } from '../../../src/store/outbox/change-actions.ts'
import { findChange } from '../../../src/store/outbox/changes.ts'
import { loseInFlight, nextBatch, PUSH_LEASE } from '../../../src/store/outbox/next-batch.ts'
import { pruneSettledChanges, readDue } from '../../../src/store/outbox/notify.ts'
import { settle } from '../../../src/store/outbox/settle.ts'
import { disableCapture } from '../../../src/store/schema/capture-triggers.ts'
import { createDatabase } from '../../support/postgres/database.ts'
import { leased } from '../../support/postgres/leased.ts'
import { expirePush } from '../../support/tables/fleet.ts'
import {
  emptyOutbox,
  parkOf,
  parkReturned,
  readChanges,
  readStates,
  retryParked,
  setClockAhead,
  settleDaysAgo,
} from '../../support/tables/outbox.ts'
import { until } from '../../support/until.ts'

const database = await createDatabase()
const sql = openDatabase(database.url)
const [one, other] = [await openLeases(sql, 'one'), await openLeases(sql, 'other')]

afterAll(async () => {
  await Promise.all([one.close(), other.close()])
  await sql.end()
  await database[Symbol.asyncDispose]()
})

let lease: Lease

beforeEach(async () => {
  await emptyOutbox(sql)
  await leased(sql, async (tx) => {
    await disableCapture(tx)
    for (const table of ['clients', 'projects']) await tx`delete from scopestack.${tx(table)}`
    const records = ['1', '2', '3'].map((id) => ({ type: 'clients', id, attributes: { name: `Client ${id}` } }))
    await createMirror(catalog.get('clients')!).load(tx, records)
  })
  await expirePush(sql)
  lease = await one.acquire(PUSH_LEASE)
})

const take = async (by = lease, limit = 20) => (await nextBatch(catalog, by, limit)) ?? []
const edit = (id: string, name: string) => sql`update scopestack.clients set name = ${name} where id = ${id}`
type Change = Awaited<ReturnType<typeof take>>[number]

/** As if ScopeStack had responded to it. */
async function answer(change: Change, id: string, name: string, by = lease): Promise<void> {
  const record = { type: 'clients', id, attributes: { name } }
  const ending = { event: 'settle', decisions: [], answerId: id } as const
  const mirror = createMirror(catalog.get(change.resource)!)
  await settle({ sql, catalog, mirror }, change, by, {
    ending,
    row: record,
    response: { record, decisions: [], wasFound: false },
  })
}

const create = async (change: Change, id: string, name: string): Promise<void> => {
  await sql`update sync.outbox set state = 'answered', answer_id = ${id} where id = ${change.id}`
  await answer(change, id, name)
}

it('one process pushes at a time, and a batch has one change of a record', async () => {
  await sql`update scopestack.clients set domain = 'x.test'`
  await sql`update scopestack.clients set domain = 'y.test'`
  await expect(other.acquire(PUSH_LEASE)).rejects.toMatchObject({ code: 'SYNC_BUSY' })
  expect((await take(lease, 2)).map(({ recordId }) => recordId)).toEqual(['1', '2'])
  expect((await take()).map(({ recordId }) => recordId)).toEqual(['1', '2', '3'])
})

it('keeps the edits of a record in order: the second waits until the first is settled (S5)', async () => {
  await edit('1', 'First')
  const [first] = await take()
  await depart(sql, first!, lease, null)
  await edit('1', 'Second')
  expect(await take()).toEqual(
    [first].map((change) => ({ ...change, state: 'in_flight', silentFor: expect.any(Number) as number })),
  )
  await answer(first!, '1', 'First')
  // The row keeps what was edited meanwhile.
  expect(await sql`select name from scopestack.clients where id = '1'`).toEqual([{ name: 'Second' }])
  expect(await take()).toMatchObject([{ attributes: { name: 'Second' }, base: { attributes: { name: 'First' } } }])
})

it('sends none beside another of the record, also where an older one is retried (S5)', async () => {
  await sql`update scopestack.clients set domain = 'set-aside.test' where id = '1'`
  await parkReturned(sql)
  await edit('1', 'Newer')
  const [newer] = await take()
  await depart(sql, newer!, lease, null)
  await retryParked(sql)
  expect((await take()).map(({ id }) => id)).toEqual([newer!.id])
})

it('what is discarded while a batch is under way does not leave, and an edit made meanwhile waits', async () => {
  await edit('1', 'Discarded')
  await edit('2', 'Edited')
  const [first, second] = await take()
  await discardChange(sql, catalog, first!.id)
  await edit('2', 'Edited again')
  await expect(depart(sql, first!, lease, null)).rejects.toMatchObject({ code: 'SYNC_CLAIM_LOST' })
  await depart(sql, second!, lease, null)
  expect(await readStates(sql)).toEqual(['discarded', 'sending', 'waiting'])
})

it('an edit that refers to a new row and commits while a batch is taken waits for that row', async () => {
  const project = { type: 'projects', id: '1', attributes: { 'project-name': 'Before' } }
  await leased(sql, (tx) => createMirror(catalog.get('projects')!).load(tx, [project]))
  await sql`update scopestack.projects set project_name = 'Edited first' where id = '1'`
  let batch: ReturnType<typeof take> | undefined
  await sql.begin(async (tx) => {
    // The batch has found its records, and waits for its number.
    await tx`alter sequence sync.outbox_term cache 1`
    batch = take()
    const waiting = () => sql`select from pg_locks where relation = 'sync.outbox_term'::regclass and not granted`
    await until(async () => (await waiting()).length > 0, 'the batch to wait for its number')
    await sql.begin(async (editor) => {
      const [row] = await editor`insert into scopestack.clients (name) values ('New') returning id`
      await editor`update scopestack.projects set client_id = ${row!['id'] as string} where id = '1'`
    })
  })
  expect(await batch).toEqual([])
  const [client] = await take()
  expect(client).toMatchObject({ op: 'create', resource: 'clients' })
  await depart(sql, client!, lease, null)
  await create(client!, '7', 'New')
  expect(await take()).toMatchObject([
    { attributes: { 'project-name': 'Edited first' }, relationships: { client: '7' }, state: 'waiting' },
  ])
})

it('passes over a change that another transaction holds, and the others go on', async () => {
  await edit('1', 'Held')
  await edit('2', 'Goes on')
  await sql.begin(async (tx) => {
    await tx`select from sync.outbox where record_id = '1' for update`
    expect((await take()).map(({ recordId }) => recordId)).toEqual(['2'])
  })
  expect((await take()).map(({ recordId }) => recordId)).toEqual(['1', '2'])
})

it('takes the edits that wait together for one', async () => {
  await edit('1', 'First')
  await sql`update scopestack.clients set domain = 'x.test' where id = '1'`
  await edit('1', 'Second')
  const changes = await take()
  expect(changes).toMatchObject([
    { attributes: { name: 'Second', domain: 'x.test' }, base: { attributes: { name: 'Client 1', domain: null } } },
  ])
  const id = changes[0]!.id
  expect(await readChanges(sql, ['state', 'supersededBy'])).toEqual([
    { state: 'superseded', supersededBy: id },
    { state: 'superseded', supersededBy: id },
    { state: 'waiting', supersededBy: null },
  ])
})

it('lets no process send or settle whose lease passed to another', async () => {
  await edit('1', 'Mine')
  await edit('2', 'Mine too')
  const [change, unsent] = await take()
  await depart(sql, change!, lease, null)
  await expirePush(sql)
  const now = await other.acquire(PUSH_LEASE)
  expect(now.term).toBeGreaterThan(lease.term)
  await expect(depart(sql, unsent!, lease, null)).rejects.toMatchObject({ code: 'SYNC_CLAIM_LOST' })
  await expect(answer(change!, '1', 'Late')).rejects.toMatchObject({ code: 'SYNC_CLAIM_LOST' })
  await expect(take()).rejects.toMatchObject({ code: 'SYNC_LEASE_LOST' })
  expect(await pauseAll(sql, [change!.id, unsent!.id], lease, 60)).toBe(0)
  expect(await sql`select name from scopestack.clients where id = '1'`).toEqual([{ name: 'Mine' }])
  // What the other process was sending is read before anything is sent again.
  await loseInFlight(now)
  expect(await take(now)).toMatchObject([{ state: 'lost' }, { state: 'waiting' }])
  await answer((await take(now))[0]!, '1', 'Mine', now)
})

it('another process takes over at once from one that is gone, before its time', async () => {
  await one.release(lease)
  const dying = await openLeases(sql, 'dying')
  await dying.acquire(PUSH_LEASE)
  await expect(other.acquire(PUSH_LEASE)).rejects.toMatchObject({ code: 'SYNC_BUSY' })
  expect(await readDue(sql)).toMatchObject({ due: false })
  await edit('1', 'Mine')
  await dying.close()
  await until(async () => (await readDue(sql)).due, 'the session of the dead process to end')
  expect(await take(await other.acquire(PUSH_LEASE))).toMatchObject([{ recordId: '1' }])
})

it('a person may act on what a process that is gone was sending, and not on what a living one sends', async () => {
  await edit('1', 'Mine')
  const [change] = await take()
  await depart(sql, change!, lease, null)
  await expect(retryChange(sql, change!.id)).rejects.toThrow('is being sent just now, so it cannot be retried')
  const found = await findChange(sql, change!.id)
  expect(() => checkActionAllowed('discard', found)).toThrow('is being sent just now, so it cannot be discarded')
  await expirePush(sql)
  await discardChange(sql, catalog, change!.id)
  expect(await readStates(sql)).toEqual(['discarded'])
})

it('is not held up by times of a clock that was a day ahead and was set back', async () => {
  await edit('1', 'Postponed')
  const [put] = await take()
  await pauseAll(sql, [put!.id], lease, 60)
  const vendor = await sql<{ id: string }[]>`insert into scopestack.vendors (name) values ('Left') returning id`
  const [left] = await take()
  await depart(sql, left!, lease, null)
  await loseInFlight(lease)
  await one.release(lease)
  expect(await readDue(sql)).toMatchObject({ due: true })
  await setClockAhead(sql, 86_400)
  expect(await readDue(sql)).toMatchObject({ due: true })
  lease = await one.acquire(PUSH_LEASE)
  const [first] = await take()
  await answer(first!, '1', 'Postponed')
  const [then] = await take()
  expect([first!.recordId, then!.recordId]).toEqual(['1', vendor[0]!.id])
  const requested = await readChanges(sql, ['requestedAgo'])
  expect(requested.filter(({ requestedAgo }) => requestedAgo !== null && requestedAgo < 0)).toEqual([])
})

it('lets what refers to a new row wait for it, and gives it the real id', async () => {
  await sql`
    with c as (insert into scopestack.clients (name) values ('New') returning id)
    insert into scopestack.projects (project_name, client_id) select 'Its project', id from c`
  const [first, ...rest] = await take()
  expect(first).toMatchObject({ resource: 'clients', op: 'create' })
  expect(rest).toEqual([])
  await create(first!, '77', 'New')
  expect(await sql`select client_id from scopestack.projects`).toEqual([{ client_id: '77' }])
  expect(await take()).toMatchObject([{ resource: 'projects', relationships: { client: '77' } }])
  expect(await sql`select id from scopestack.clients where name = 'New'`).toEqual([{ id: '77' }])
})

it('distinguishes what is due and blocked from what is due and may be sent', async () => {
  await one.release(lease)
  expect(await readDue(sql)).toMatchObject({ due: false })
  await sql`
    with c as (insert into scopestack.clients (name) values ('Refused') returning id)
    insert into scopestack.projects (project_name, client_id) select 'Behind it', id from c`
  lease = await one.acquire(PUSH_LEASE)
  expect(await take()).toHaveLength(1)
  await parkOf(sql, 'clients')
  expect(await take()).toEqual([])
  await one.release(lease)
  const { batches, due } = await readDue(sql)
  expect(due).toBe(true)
  await edit('1', 'Goes on')
  lease = await one.acquire(PUSH_LEASE)
  expect(await take()).toHaveLength(1)
  await one.release(lease)
  expect(await readDue(sql)).toEqual({ due: true, open: true, batches: batches + 1 })
})

it('replaces the id also where a pull has read the record before its response came', async () => {
  await sql`insert into scopestack.clients (name) values ('Raced')`
  const [change] = await take()
  const record = { type: 'clients', id: '88', attributes: { name: 'Raced' } }
  await leased(sql, (tx) => createMirror(catalog.get('clients')!).load(tx, [record]))
  await create(change!, '88', 'Raced')
  expect(await sql`select id from scopestack.clients where name = 'Raced'`).toEqual([{ id: '88' }])
})

it('keeps what became of an edit for 90 days, and what is not settled for ever', async () => {
  for (const [id, name] of [
    ['1', 'Old'],
    ['2', 'New'],
    ['3', 'Waiting'],
  ] as const) {
    await edit(id, name)
  }
  await settleDaysAgo(sql, '1', 'sent', 91)
  await settleDaysAgo(sql, '2', 'sent', 89)
  await settleDaysAgo(sql, '3', 'parked', 999)
  expect(await pruneSettledChanges(sql)).toBe(1)
  expect(await readChanges(sql, ['recordId'])).toEqual([{ recordId: '2' }, { recordId: '3' }])
})
