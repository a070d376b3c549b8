/** What a person decides about a change that was parked. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import type { Transaction } from '../../../src/store/connection/database.ts'
import { discardChange, resolveChange, retryChange } from '../../../src/store/outbox/change-actions.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import { emptyOutbox, makeDue, newestId, readOutcomes, readStates } from '../../support/tables/outbox.ts'
import { until } from '../../support/until.ts'

let sim: Simulator
let database: TestDatabase
let worker: TestWorker
const TYPES = ['clients', 'projects', 'vendors', 'crm-opportunities']

beforeAll(async () => {
  sim = await startSimulator({ projects: 2 })
  database = await createDatabase()
  worker = await startWorker(sim, database.url)
})

beforeEach(async () => {
  sim.removeFault()
  await emptyOutbox(worker.sql)
  theirs('Agreed')
  await worker.run(TYPES)
})

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
  await sim?.close()
})

const client = () => sim.records.list('clients')[0]!
const theirs = (name: string) => sim.records.update('clients', client().id, { attributes: { name } })
const newest = () => newestId(worker.sql)

async function conflict(): Promise<number> {
  await worker.sql`update scopestack.clients set name = 'Mine' where id = ${client().id}`
  theirs('Theirs')
  expect(await worker.push()).toMatchObject([{ outcome: 'parked' }])
  return await newest()
}

it('keeps the local value over the one that was shown, and no other', async () => {
  const id = await conflict()
  await resolveChange(worker.sql, worker.catalog, id, 'local')
  theirs('Theirs again')
  expect(await worker.push()).toMatchObject([{ outcome: 'parked', error: { code: 'SYNC_PUSH_CONFLICT' } }])
  await worker.run(['clients'])
  await resolveChange(worker.sql, worker.catalog, id, 'local')
  expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
  expect(client().attributes['name']).toBe('Mine')
  expect(await worker.sql`select name from scopestack.clients where id = ${client().id}`).toEqual([{ name: 'Mine' }])
})

it('keeps the value of ScopeStack, which the next pull shows', async () => {
  const id = await conflict()
  await resolveChange(worker.sql, worker.catalog, id, 'remote')
  expect(await worker.push()).toEqual([])
  await worker.run(['clients'])
  expect(await worker.sql`select name from scopestack.clients where id = ${client().id}`).toEqual([{ name: 'Theirs' }])
})

it('accepts only a conflict', async () => {
  sim.addFault({ kind: '403', count: 2, match: { method: 'PATCH' } })
  await worker.sql`update scopestack.clients set domain = 'x.test' where id = ${client().id}`
  expect(await worker.push()).toMatchObject([{ outcome: 'parked' }])
  const id = await newest()
  await expect(resolveChange(worker.sql, worker.catalog, id, 'local')).rejects.toThrow(/is no conflict/)
  await retryChange(worker.sql, id)
  expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
  await expect(discardChange(worker.sql, worker.catalog, id)).rejects.toThrow(
    `Change ${id} is sent, so it cannot be discarded.`,
  )
})

it('discards a new row, and parks what referred to it', async () => {
  const [made] = await worker.sql<{ id: string }[]>`insert into scopestack.clients (name) values ('Never') returning id`
  const create = await newest()
  await worker.sql`update scopestack.clients set domain = 'never.test' where id = ${made!.id}`
  await worker.sql`insert into scopestack.projects (project_name, client_id) values ('Orphan', ${made!.id})`
  await discardChange(worker.sql, worker.catalog, create)
  expect(await worker.sql`select from scopestack.clients where id = ${made!.id}`).toHaveLength(0)
  expect(await worker.push()).toMatchObject([{ outcome: 'parked', error: { code: 'SYNC_PUSH_PARENT_GONE' } }])
  // Made to refer to another record, it goes out.
  await worker.sql`update scopestack.projects set client_id = ${client().id} where project_name = 'Orphan'`
  expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
  expect(sim.records.list('projects').filter(({ attributes }) => attributes['project-name'] === 'Orphan')).toHaveLength(
    1,
  )
})

it.each([
  ['edited', (tx: Transaction) => tx`update scopestack.vendors set city = 'Open' where name = 'Raced'`],
  ['taken back', (tx: Transaction) => tx`delete from scopestack.vendors where name = 'Raced'`],
])('discards a new row together with an edit of it that is being made: %s', async (how, edit) => {
  await worker.sql`insert into scopestack.vendors (name) values ('Raced')`
  const create = await newest()
  let letting: Promise<void> | undefined
  await worker.sql.begin(async (tx) => {
    await edit(tx)
    letting = discardChange(worker.sql, worker.catalog, create)
    const blocked = () =>
      tx`select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
    await until(async () => (await blocked()).length > 0, 'the discarding to wait for the edit')
  })
  await letting
  expect(new Set(await readStates(worker.sql))).toEqual(new Set(['discarded']))
  expect(await worker.sql`select from scopestack.vendors where name = 'Raced'`).toHaveLength(0)
  await worker.sql`update scopestack.clients set domain = ${how} where id = ${client().id}`
  expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
})

it('sends a new row again that the operator reports as not arrived', async () => {
  sim.addFault({ kind: 'lost-answer', match: { method: 'POST' } })
  await worker.sql`insert into scopestack.vendors (name, city) values ('Doubtful', 'Here')`
  await worker.push()
  const [arrived] = sim.records.list('vendors').filter(({ attributes }) => attributes['name'] === 'Doubtful')
  sim.records.update('vendors', arrived!.id, { attributes: { city: 'There' } })
  await makeDue(worker.sql)
  expect(await worker.push()).toMatchObject([{ outcome: 'parked', error: { code: 'SYNC_PUSH_UNKNOWN' } }])
  sim.records.remove('vendors', arrived!.id)
  await retryChange(worker.sql, await newest())
  expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
  expect(sim.records.list('vendors').filter(({ attributes }) => attributes['name'] === 'Doubtful')).toHaveLength(1)
})

it('a parked deletion does not delete a record that was edited since', async () => {
  const { id } = sim.records.create('crm-opportunities', { attributes: { name: 'Deal', 'opportunity-id': 'K-1' } })
  await worker.run(['crm-opportunities'])
  await worker.sql`delete from scopestack.crm_opportunities where id = ${id}`
  sim.records.update('crm-opportunities', id, { attributes: { stage: 'Won' } })
  expect(await worker.push()).toMatchObject([{ outcome: 'parked' }])
  await worker.run(['crm-opportunities'])
  await worker.sql`update scopestack.crm_opportunities set amount = 5 where id = ${id}`
  expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
  expect(await readOutcomes(worker.sql)).toMatchObject([
    { op: 'delete', state: 'superseded' },
    { op: 'update', state: 'sent' },
  ])
  expect(sim.records.read('crm-opportunities', id)!.attributes['stage']).toBe('Won')
})
