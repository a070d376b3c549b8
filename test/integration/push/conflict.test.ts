/** Both sides change the same record: no edit is lost without a report. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { createMirror } from '../../../src/store/mirror/load.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import { emptyOutbox, readChanges } from '../../support/tables/outbox.ts'

let sim: Simulator
let database: TestDatabase
let worker: TestWorker
let resolute: TestWorker

beforeAll(async () => {
  sim = await startSimulator({ projects: 2 })
  database = await createDatabase()
  worker = await startWorker(sim, database.url)
  resolute = await startWorker(sim, database.url, { conflict: 'clients=local-wins,clients.name=remote-wins' })
})

beforeEach(async () => {
  await emptyOutbox(worker.sql)
  sim.records.update('clients', id(), { attributes: { name: 'Agreed', domain: 'agreed.test', 'msa-date': null } })
  await worker.run(['clients'])
})

afterAll(async () => {
  await resolute?.[Symbol.asyncDispose]()
  await worker?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
  await sim?.close()
})

const id = (): string => sim.records.list('clients')[0]!.id
const held = () => sim.records.read('clients', id())!.attributes
const theirs = (attributes: object) => sim.records.update('clients', id(), { attributes: { ...attributes } })
const row = async () =>
  (await worker.sql`select name, domain, msa_date::text from scopestack.clients where id = ${id()}`)[0]

it('merges edits of different fields', async () => {
  await worker.sql`update scopestack.clients set domain = 'mine.test' where id = ${id()}`
  theirs({ name: 'Theirs' })
  expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
  expect(held()).toMatchObject({ name: 'Theirs', domain: 'mine.test' })
  expect(await row()).toMatchObject({ name: 'Theirs', domain: 'mine.test' })
})

it('parks an edit of the same field, with all three values, and overwrites nothing', async () => {
  await worker.sql`update scopestack.clients set name = 'Mine', domain = 'mine.test' where id = ${id()}`
  theirs({ name: 'Theirs' })
  expect(await worker.push()).toMatchObject([{ outcome: 'parked', error: { code: 'SYNC_PUSH_CONFLICT' } }])
  expect(held()).toMatchObject({ name: 'Theirs', domain: 'agreed.test' })
  const [change] = await readChanges(worker.sql, ['reason', 'decisions'])
  expect(change!['decisions']).toEqual([
    { member: 'name', base: 'Agreed', local: 'Mine', remote: 'Theirs', decision: 'park' },
    { member: 'domain', base: 'agreed.test', local: 'mine.test', remote: 'agreed.test', decision: 'send' },
  ])
  await worker.run(['clients'])
  expect(await row()).toMatchObject({ name: 'Theirs', domain: 'agreed.test' })
})

it('follows the rules where there are any', async () => {
  await worker.sql`update scopestack.clients set name = 'Mine', domain = 'mine.test' where id = ${id()}`
  theirs({ name: 'Theirs', domain: 'theirs.test' })
  expect(await resolute.push()).toMatchObject([{ outcome: 'sent' }])
  expect(held()).toMatchObject({ name: 'Theirs', domain: 'mine.test' })
  expect(await row()).toMatchObject({ name: 'Theirs', domain: 'mine.test' })
})

it('writes the value of ScopeStack to the row at once where it wins', async () => {
  await worker.sql`update scopestack.clients set name = 'Mine' where id = ${id()}`
  theirs({ name: 'Theirs', 'msa-date': '2027-01-01' })
  expect(await resolute.push()).toMatchObject([{ outcome: 'superseded' }])
  expect(await row()).toMatchObject({ name: 'Theirs', msa_date: '2027-01-01' })
})

it('sends nothing where both sides made the same edit', async () => {
  await worker.sql`update scopestack.clients set name = 'Both' where id = ${id()}`
  theirs({ name: 'Both' })
  sim.resetStats()
  expect(await worker.push()).toMatchObject([{ outcome: 'superseded' }])
  expect(Object.keys(sim.stats().requests).filter((route) => route.startsWith('PATCH'))).toEqual([])
})

it('sends nothing where an edit was undone', async () => {
  await worker.sql`update scopestack.clients set name = 'Mine' where id = ${id()}`
  await worker.sql`update scopestack.clients set name = 'Agreed' where id = ${id()}`
  expect(await worker.push()).toMatchObject([{ outcome: 'superseded' }])
})

it('does not delete a record that ScopeStack has changed', async () => {
  const { id: deal } = sim.records.create('crm-opportunities', {
    attributes: { name: 'Deal', 'opportunity-id': 'C-1' },
  })
  await worker.run(['crm-opportunities'])
  await worker.sql`delete from scopestack.crm_opportunities where id = ${deal}`
  sim.records.update('crm-opportunities', deal, { attributes: { stage: 'Won, at last' } })
  expect(await worker.push()).toMatchObject([{ outcome: 'parked' }])
  expect(sim.records.read('crm-opportunities', deal)).not.toBeNull()
  await worker.run(['crm-opportunities'])
  const [back] = await worker.sql`select stage from scopestack.crm_opportunities where id = ${deal}`
  expect(back).toEqual({ stage: 'Won, at last' })
})

it('a pull leaves a row with unsettled edits alone', async () => {
  await worker.sql`update scopestack.clients set name = 'Mine' where id = ${id()}`
  theirs({ domain: 'theirs.test' })
  await worker.run(['clients'])
  expect(await row()).toMatchObject({ name: 'Mine', domain: 'agreed.test' })
  await worker.push()
  expect(await row()).toMatchObject({ name: 'Mine', domain: 'theirs.test' })
})

it('a pull does not restore values that it had read before an edit was settled', async () => {
  const lease = await worker.leases.acquire('clients')
  const read = { type: 'clients', id: id(), attributes: { ...held() } }
  await worker.sql`update scopestack.clients set name = 'Edited meanwhile' where id = ${id()}`
  expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
  await lease.transaction((tx) => createMirror(worker.catalog.get('clients')!).load(tx, [read]))
  await worker.leases.release(lease)
  expect(await row()).toMatchObject({ name: 'Edited meanwhile' })
  // The next one began later, and what it reads is newer.
  theirs({ name: 'Theirs, later' })
  await worker.run(['clients'])
  expect(await row()).toMatchObject({ name: 'Theirs, later' })
})
