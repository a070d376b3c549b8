/** What the program has noted of itself does not grow for ever, and what it shows of the last runs stays. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openDatabase, type Database } from '../../../src/store/connection/database.ts'
import { pruneRecords } from '../../../src/store/runs/prune-records.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { countRecords, fillYear, readStatusView } from '../../support/tables/old-records.ts'

let database: TestDatabase
let sql: Database

beforeAll(async () => {
  database = await createDatabase()
  sql = openDatabase(database.url, { connections: 1 })
})

afterAll(async () => {
  await sql?.end({ timeout: 1 })
  await database?.[Symbol.asyncDispose]()
})

it('keeps 90 days of runs, alerts and settled records, and of older ones what is shown', async () => {
  await fillYear(sql, 400)
  const shown = await readStatusView(sql)
  expect(shown).toMatchObject([{ resource: 'clients', last_outcome: 'failed' }, { resource: 'projects' }])
  const steps = [true]
  while (steps.at(-1) === true) steps.push(await pruneRecords(sql))
  expect(steps.length).toBeGreaterThan(10)
  expect(await readStatusView(sql)).toEqual(shown)
  const left = await countRecords(sql)
  // The last of clients that was ok, the only backfill, and nothing else; the command that was killed two years ago is the newest pull.
  expect(left.oldRuns.toSorted()).toEqual(['backfill', 'incremental', 'pull'])
  expect(left.runs).toBe(90 * 12 + 3)
  expect(left.outcomes).toBe(2 * (90 * 12 + 1))
  expect(left.alerts).toEqual(['credentials', 'full'])
  expect(left.parked).toEqual(['open', 'young'])
})
