/** What the webhook gets about local edits that were parked. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { raiseParkedAlerts } from '../../../src/jobs/alerts/edit-alerts.ts'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { discardChange } from '../../../src/store/outbox/change-actions.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import { sendAll, emptyOutbox, parkEarlier, readChanges } from '../../support/tables/outbox.ts'
import { emptyAlerts, raiseEarlier, readAlerts } from '../../support/tables/runs.ts'

let sim: Simulator
let database: TestDatabase
let worker: TestWorker

beforeAll(async () => {
  sim = await startSimulator({ projects: 1 })
  database = await createDatabase()
  worker = await startWorker(sim, database.url)
  await worker.run(['clients'])
})

beforeEach(async () => {
  await emptyOutbox(worker.sql)
  await emptyAlerts(worker.sql)
})

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
  await sim?.close()
})

/** Of new rows whose name ScopeStack does not take. */
async function park(count: number): Promise<void> {
  const name = sim.records.list('clients')[0]!.attributes['name'] as string
  await worker.sql`insert into scopestack.clients (name) select ${name} from generate_series(1, ${count})`
  expect((await worker.push()).map(({ outcome }) => outcome)).toEqual(Array.from({ length: count }, () => 'parked'))
}

const raised = () => readAlerts(worker.sql, ['kind', 'body'])
const later = () => raiseEarlier(worker.sql, '11 minutes')

it('a bulk edit gives one alert, whichever process notices, with some reasons and the number of changes', async () => {
  await park(12)
  await Promise.all([raiseParkedAlerts(worker.sql), raiseParkedAlerts(worker.sql)])
  const alerts = await raised()
  expect(alerts).toMatchObject([{ kind: 'failure', body: { event: 'parked', count: 12 } }])
  const { text, changes } = alerts[0]!.body as { text: string; changes: object[] }
  expect(changes).toHaveLength(10)
  expect(changes[0]).toMatchObject({ resource: 'clients', code: 'SYNC_PUSH_INVALID' })
  expect(text).toMatch(/^scopestack-sync: 12 local edits are parked until a person decides \("changes list"\)\.\n• /)
  expect(text).toContain('name has already been taken')
})

it('changes that are parked later are alerted after a while, and the known ones not again', async () => {
  await park(1)
  await raiseParkedAlerts(worker.sql)
  await park(1)
  await raiseParkedAlerts(worker.sql)
  expect(await raised()).toHaveLength(1)
  await later()
  await raiseParkedAlerts(worker.sql)
  expect(await raised()).toMatchObject([{ body: { count: 1 } }, { body: { count: 2, changes: [{}] } }])
  await later()
  await raiseParkedAlerts(worker.sql)
  expect(await raised()).toHaveLength(2)
})

it('one alert says that none is left, and none is sent where none ever was', async () => {
  await raiseParkedAlerts(worker.sql)
  expect(await raised()).toEqual([])
  await park(2)
  await raiseParkedAlerts(worker.sql)
  const [first, second] = await readChanges(worker.sql, ['id'])
  await later()
  await discardChange(worker.sql, worker.catalog, second!.id)
  await raiseParkedAlerts(worker.sql)
  expect(await raised()).toHaveLength(1)
  await discardChange(worker.sql, worker.catalog, first!.id)
  await raiseParkedAlerts(worker.sql)
  await raiseParkedAlerts(worker.sql)
  expect(await raised()).toMatchObject([{ kind: 'failure' }, { kind: 'recovery', body: { event: 'recovery' } }])
})

it('an alert waits for the rest of an edit that is being sent', async () => {
  await park(1)
  await worker.sql`insert into scopestack.clients (name) values ('Under way')`
  await sendAll(worker.sql)
  await raiseParkedAlerts(worker.sql)
  expect(await raised()).toEqual([])
  await parkEarlier(worker.sql)
  await raiseParkedAlerts(worker.sql)
  expect(await raised()).toHaveLength(1)
})
