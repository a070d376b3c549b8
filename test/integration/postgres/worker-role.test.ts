/** The role that works need not own anything: rights on the tables and sequences are enough, once another has migrated. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { openDatabase, type Database } from '../../../src/store/connection/database.ts'
import { migrate } from '../../../src/store/schema/migrate.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import { readChanges, readStates } from '../../support/tables/outbox.ts'

const role = `worker_${randomUUID().slice(0, 8)}`
let sim: Simulator
let database: TestDatabase
let owner: Database
let worker: TestWorker

beforeAll(async () => {
  sim = await startSimulator({ projects: 2 })
  database = await createDatabase()
  owner = openDatabase(database.url)
  await owner.unsafe(`
    create role ${role} login password 'secret';
    grant usage on schema scopestack, sync to ${role};
    grant select, insert, update, delete on all tables in schema scopestack, sync to ${role};
    grant usage on all sequences in schema scopestack, sync to ${role}`)
  const url = new URL(database.url)
  url.username = role
  url.password = 'secret'
  worker = await startWorker(sim, url.href)
})

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  await owner?.unsafe(`drop owned by ${role}; drop role ${role}`)
  await owner?.end()
  await database?.[Symbol.asyncDispose]()
  await sim?.close()
})

it('pulls, and what it loads is no edit', async () => {
  const { outcomes } = await worker.run(['clients', 'projects'])
  expect(outcomes.map(({ outcome }) => outcome)).toEqual(['ok', 'ok'])
  expect(await readChanges(owner, [])).toHaveLength(0)
})

it('pushes what another role edited: new rows, what refers to them, user-defined fields', async () => {
  const [client] = await owner<{ id: string }[]>`
    insert into scopestack.clients (name) values ('By another role') returning id`
  await owner`insert into scopestack.projects (project_name, client_id) values ('Of that one', ${client!.id})`
  const { id } = sim.records.list('clients')[0]!
  await owner`
    update scopestack.clients set user_defined_fields = '[{"name": "headcount", "value": "7"}]' where id = ${id}`
  expect((await worker.push()).map(({ outcome }) => outcome)).toEqual(['sent', 'sent', 'sent'])
  await owner`insert into scopestack.projects (project_name, client_id) values ('Of that one, later', ${client!.id})`
  expect((await worker.push()).map(({ outcome }) => outcome)).toEqual(['sent'])
  const { outcomes } = await worker.run(['clients', 'projects'])
  expect(outcomes.map(({ outcome }) => outcome)).toEqual(['ok', 'ok'])
  expect((await readStates(owner)).filter((state) => state !== 'sent')).toEqual([])
})

it.each([
  [
    'a right that was taken',
    `revoke update on scopestack.clients from ${role}`,
    `grant update on scopestack.clients to ${role}`,
    `has no right to UPDATE on scopestack.clients. Grant it: grant update on scopestack.clients to "${role}"`,
  ],
  [
    'row-level security',
    'alter table scopestack.clients enable row level security',
    'alter table scopestack.clients disable row level security',
    `Row-level security of scopestack.clients holds for role ${role}`,
  ],
  [
    'a schema out of reach',
    `revoke usage on schema scopestack from ${role}`,
    `grant usage on schema scopestack to ${role}`,
    `has no right to USAGE on schema scopestack`,
  ],
])('%s is reported with its remedy, and the next run is complete', async (name, make, repair, says) => {
  const types = ['clients', 'vendors']
  await owner.unsafe(make)
  const report = await worker.run(types)
  const outcomes = report.outcomes.toSorted((a, b) => a.resource.localeCompare(b.resource))
  await owner.unsafe(repair)
  expect(outcomes[0]).toMatchObject({
    outcome: 'failed',
    code: 'SYNC_TABLE_UNFIT',
    message: expect.stringContaining(says),
  })
  expect(outcomes[1]!.outcome).toBe(name === 'a schema out of reach' ? 'failed' : 'ok')
  expect((await worker.run(types)).outcomes.map(({ outcome }) => outcome)).toEqual(['ok', 'ok'])
})

it('of triggers that it cannot repair it names the role that can', async () => {
  await owner.unsafe('alter table scopestack.clients disable trigger write_back_update')
  const url = new URL(database.url)
  url.username = role
  url.password = 'secret'
  await using other = await startWorker(sim, url.href)
  expect(other.lostEdits).toMatch(
    /^Local edits are not noticed, and lost, in scopestack\.clients \(trigger write_back_update is disabled\)\. Run "migrate" as the owner/,
  )
  expect((await other.run(['clients'])).outcomes).toMatchObject([{ outcome: 'ok' }])
  await migrate(database.url)
  await using repaired = await startWorker(sim, url.href)
  expect(repaired.lostEdits).toBe(null)
})
