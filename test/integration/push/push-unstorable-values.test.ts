/** What ScopeStack says and Postgres does not hold: it is noted as far as it goes, and never in the way of other edits. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { Client } from '../../../src/remote/client.ts'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { resolveChange } from '../../../src/store/outbox/change-actions.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import { emptyOutbox, readChanges, refuseSent } from '../../support/tables/outbox.ts'

let sim: Simulator
let database: TestDatabase
let worker: TestWorker

beforeAll(async () => {
  sim = await startSimulator({ projects: 2 })
  database = await createDatabase()
  worker = await startWorker(sim, database.url)
})

beforeEach(async () => {
  await emptyOutbox(worker.sql)
  await worker.run(['vendors', 'clients'])
})

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
  await sim?.close()
})

const first = (type: string) => sim.records.list(type)[0]!.id

/** An edit of another resource, which comes behind. */
const editBehind = (domain: string) =>
  worker.sql`update scopestack.clients set domain = ${domain} where id = ${first('clients')}`

it.each([
  ['a null character', 'their \0 city', 'their \uFFFD city'],
  ['half a surrogate pair', 'their \uD800 city', 'their \uFFFD city'],
])('a conflict with a value that has %s is noted, and can be settled', async (name, theirs, noted) => {
  const id = first('vendors')
  await worker.sql`update scopestack.vendors set city = ${`Mine, not ${name}`} where id = ${id}`
  sim.records.update('vendors', id, { attributes: { city: theirs } })
  await editBehind(`behind ${name}`)
  expect(await worker.push()).toMatchObject([
    { outcome: 'parked', error: { code: 'SYNC_PUSH_CONFLICT' } },
    { outcome: 'sent' },
  ])
  const [change] = await readChanges(worker.sql, ['id', 'decisions'], { state: 'parked' })
  expect(change!.decisions).toMatchObject([{ member: 'city', remote: noted }])
  await resolveChange(worker.sql, worker.catalog, change!.id, 'local')
  expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
  expect(sim.records.read('vendors', id)!.attributes['city']).toBe(`Mine, not ${name}`)
})

it('a refusal whose reason has such characters is noted', async () => {
  const id = first('clients')
  await editBehind('refused.test')
  const errors = [{ title: 'is bad: \0', detail: '\uD83D', source: { pointer: '/data/attributes/domain' } }]
  const refuse = (client: Client): Client => ({
    ...client,
    write: async (_, parse) => parse({ status: 422, headers: {}, body: JSON.stringify({ errors }) }, ''),
  })
  expect(await worker.push({ through: refuse })).toMatchObject([{ outcome: 'parked', change: { recordId: id } }])
  expect(await readChanges(worker.sql, ['code', 'errors'])).toMatchObject([
    { code: 'SYNC_PUSH_INVALID', errors: [{ column: 'domain', message: 'is bad: \uFFFD' }] },
  ])
})

it('an edit whose outcome Postgres refuses is parked alone', async () => {
  const allow = await refuseSent(worker.sql, 'Nowhere')
  try {
    await worker.sql`update scopestack.vendors set city = 'Nowhere' where id = ${first('vendors')}`
    await editBehind('behind-nowhere.test')
    expect(await worker.push()).toMatchObject([
      { outcome: 'parked', error: { code: 'SYNC_PUSH_NOT_HELD' } },
      { outcome: 'sent' },
    ])
    const [parked] = await readChanges(worker.sql, ['reason'], { state: 'parked' })
    expect(parked!.reason).toMatch(/no_such_city.*It may have been applied: look in ScopeStack/)
  } finally {
    await allow()
  }
})
