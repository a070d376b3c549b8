/** Values that ScopeStack ignores, though it responds with 200: they are found and reported. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import { addAttributes, emptyOutbox, readChanges } from '../../support/tables/outbox.ts'

let sim: Simulator
let database: TestDatabase
let worker: TestWorker

beforeAll(async () => {
  sim = await startSimulator({ projects: 1 })
  database = await createDatabase()
  worker = await startWorker(sim, database.url)
})

beforeEach(async () => {
  await emptyOutbox(worker.sql)
  await worker.run(['clients'])
})

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
  await sim?.close()
})

const held = async (id: string) => {
  const [row] = await worker.sql<{ domain: string; user_defined_fields: { name: string }[] }[]>`
    select domain, user_defined_fields from scopestack.clients where id = ${id}`
  return row!
}

/** What a version that did not refuse it yet has noted: ScopeStack makes nothing of such a date. */
const notedBefore = () => addAttributes(worker.sql, { 'msa-date': 'infinity' })

it('a user-defined field that is not defined is parked, and the rest is accepted', async () => {
  const { id } = sim.records.list('clients')[0]!
  await worker.sql`
    update scopestack.clients set domain = 'taken.test',
      user_defined_fields = user_defined_fields || '[{"name": "headcuont", "value": "7"}]'
    where id = ${id}`
  const [settled] = await worker.push()
  expect(settled).toMatchObject({ outcome: 'parked', error: { code: 'SYNC_PUSH_IGNORED' } })
  expect(settled!.error!.message).toBe(
    `ScopeStack accepted the change of clients ${id} but did not apply user_defined_fields.headcuont. Check that ` +
      'the value is of the right kind, and that the user-defined field exists; then edit that column again, or ' +
      '"changes discard" discards it. (SYNC_PUSH_IGNORED)',
  )
  expect(sim.records.read('clients', id)!.attributes['domain']).toBe('taken.test')
  await worker.run(['clients'])
  const row = await held(id)
  expect(row.domain).toBe('taken.test')
  expect(row.user_defined_fields.map(({ name }) => name)).not.toContain('headcuont')
})

it('a field that is written in its place is sent, and nothing stays parked', async () => {
  const { id } = sim.records.list('clients')[1]!
  await worker.sql`update scopestack.clients set msa_date = '2027-01-30' where id = ${id}`
  await notedBefore()
  expect(await worker.push()).toMatchObject([{ outcome: 'parked', error: { code: 'SYNC_PUSH_IGNORED' } }])
  await worker.sql`update scopestack.clients set msa_date = '2027-01-31' where id = ${id}`
  expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
  expect(sim.records.read('clients', id)!.attributes['msa-date']).toBe('2027-01-31')
  expect(await readChanges(worker.sql, [], { state: 'parked' })).toHaveLength(0)
})

it('a new row is created nevertheless, and a warning names what of it was ignored', async () => {
  await worker.sql`insert into scopestack.clients (name, msa_date) values ('Without a date', '2027-01-30')`
  await notedBefore()
  const [settled] = await worker.push()
  expect(settled).toMatchObject({ outcome: 'sent', error: { code: 'SYNC_PUSH_IGNORED' } })
  expect(settled!.error!.message).toMatch(
    /^ScopeStack accepted the new row of clients local-\S+ but did not apply msa_date\. /,
  )
  expect(sim.records.list('clients').filter(({ attributes }) => attributes['name'] === 'Without a date')).toHaveLength(
    1,
  )
})

it('a response with the record as it was before proves nothing of what was accepted', async () => {
  const { id } = sim.records.list('clients')[1]!
  sim.setSwitches({ foreignWrites: 'stale' })
  await worker.sql`update scopestack.clients set domain = 'late.example' where id = ${id}`
  expect(await worker.push()).toMatchObject([{ outcome: 'sent', error: null }])
  sim.setSwitches({ foreignWrites: 'off' })
  expect((await held(id)).domain).toBe('late.example')
  expect(sim.records.read('clients', id)?.attributes['domain']).toBe('late.example')
})
