/** The first screen shows what `status` shows, to those who may look, and follows it. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { statusLines } from '../../../src/commands/output/status-output.ts'
import { readOverview } from '../../../src/report/overview.ts'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import { newestId } from '../../support/tables/outbox.ts'
import { until } from '../../support/until.ts'
import { openBoard, rowsOf, SCHEDULES, type Board } from './board.ts'

let sim: Simulator
let database: TestDatabase
let worker: TestWorker
let board: Board
const TYPES = ['clients', 'projects', 'vendors', 'tags']

beforeAll(async () => {
  sim = await startSimulator({ projects: 3 })
  database = await createDatabase()
  worker = await startWorker(sim, database.url)
  board = await openBoard(database.url)
})

afterAll(async () => {
  await board?.[Symbol.asyncDispose]()
  await worker?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
  await sim?.close()
})

test('nothing was read yet, then all is up to date, and then a person sees what is wrong and what helps', async () => {
  expect((await board.get('/')).text).toContain('Nothing was read yet; next incremental read in ')
  await worker.run(TYPES)
  await until(
    async () => (await board.get('/')).text.includes('All 4 resources are up to date as of '),
    'all to be read',
  )

  sim.setSwitches({ forbidden: ['vendors'] })
  await worker.sql`update scopestack.clients set name = 'Mine' where id = ${sim.records.list('clients')[0]!.id}`
  sim.records.update('clients', sim.records.list('clients')[0]!.id, { attributes: { name: 'Theirs' } })
  await worker.push()
  await worker.run(TYPES)
  await until(async () => (await board.get('/')).text.includes('2 problems: '), 'both problems')
  const page = await board.get('/')
  expect(page.text).toMatch(
    /2 problems: 1 resource not up to date, 1 problem with local edits; next incremental read in \d+ min/,
  )
  expect(page.text).toMatch(/What needs a person vendors forbidden: .*"view" privilege/)
  expect(page.text).toContain('1 local edit parked, see "changes list". (SYNC_CHANGES_PARKED) See the changes')
  expect(page.body).toContain('href="/resources/vendors"')

  // Each figure is the one of "status".
  const overview = await readOverview(board.sql, SCHEDULES)
  const lines = statusLines({ ...overview, edits: [] }, { width: undefined, all: true })
  const shown = rowsOf(page.body).slice(1)
  expect(shown).toHaveLength(4)
  for (const cells of shown) expect(lines.some((line) => sameCells(line, cells))).toBe(true)
  for (const { message } of overview.problems) expect(page.text).toContain(message)
  for (const { schedule } of overview.nextTicks) expect(page.text).toContain(`Next ${schedule} run`)
  sim.setSwitches({ forbidden: [] })
  expect(await newestId(worker.sql)).toBeGreaterThan(0)
})

const sameCells = (line: string, cells: readonly string[]): boolean =>
  line.trim().split(/ {2,}/).join('|') === cells.join('|')
