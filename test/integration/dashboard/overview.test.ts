/** The first screen shows what `status` shows, to those who may look, and follows it. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { statusLines } from '../../../src/commands/output/status-output.ts'
import { queueLine } from '../../../src/report/lines.ts'
import { readOverview } from '../../../src/report/overview.ts'
import { groupsOf, standingOf } from '../../../src/report/problems.ts'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { recordHeartbeat } from '../../../src/store/fleet/processes.ts'
import { openRateLimitStore } from '../../../src/store/fleet/rate-limit.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import { newestId } from '../../support/tables/outbox.ts'
import { agePulls, insertIncrementalRead } from '../../support/tables/progress.ts'
import { until } from '../../support/until.ts'
import { openBoard, rowsOf, overviewDeps, type Board } from './board.ts'

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
    async () => (await board.get('/')).text.includes('All 2 scheduled resources are up to date as of '),
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
  const overview = await readOverview(board.sql, overviewDeps(board.sql))
  const lines = statusLines({ ...overview, edits: [] }, { width: undefined, all: true })
  const shown = rowsOf(page.body).slice(1)
  expect(shown).toHaveLength(4)
  for (const cells of shown) expect(lines.some((line) => sameCells(line, cells))).toBe(true)
  for (const { message } of overview.problems) expect(page.text).toContain(message)
  for (const those of groupsOf(overview.problems)) expect(page.text).toContain(standingOf(those))
  expect(page.text).toMatch(/vendors forbidden: .* Equal as of 20\d\d-[-\d]+ [:\d]+ UTC\. Helps: "doctor"\./)
  expect(page.text).toContain(`Queue ${queueLine(overview.queue)} `)
  expect(page.text).toMatch(/Connections to Postgres \d+ of \d+, which is max_connections of the server /)
  expect(lines).toContain(`Queue: ${queueLine(overview.queue)}.`)
  expect(page.text).toContain('0 in the last minute, of 300 that SYNC_RATE allows: 0 %. See the requests')
  for (const { schedule } of overview.nextTicks) expect(page.text).toContain(`Next ${schedule} run`)
  sim.setSwitches({ forbidden: [] })

  // Who waits until when, and since when; what is late against its schedule.
  await openRateLimitStore(board.sql, 'key').backOff(60_000)
  await worker.sql`update scopestack.clients set name = 'Next' where id = ${sim.records.list('clients')[1]!.id}`
  await recordHeartbeat(board.sql, {
    id: 'one',
    holder: 'here, process 3',
    version: '1',
    parts: ['worker'],
    connections: 7,
  })
  await agePulls(board.sql, '40 minutes')
  const waiting = await board.get('/')
  expect(waiting.text).toMatch(/All processes wait until [:\d]{8} UTC, \d+ s, as ScopeStack asked\. The rate is 50 %/)
  expect(waiting.text).toMatch(/1 on its way to ScopeStack\. The oldest is change \d+ \(clients \d+\), made just now\./)
  expect(waiting.text).toMatch(/alive here, process 3: worker \(1\), 7 connections, since just now, seen just now/)
  expect(
    rowsOf(waiting.body)
      .slice(1)
      .map(([type, , , asOf, , every]) => [type, asOf, every]),
  ).toEqual([
    ['clients', '40 min ago, late', 'every 15 min'],
    ['projects', '40 min ago', 'not scheduled'],
    ['tags', '40 min ago', 'every 24 h'],
    ['vendors', expect.stringMatching(/min ago$/), 'not scheduled'],
  ])
  expect(await newestId(worker.sql)).toBeGreaterThan(0)
  await insertIncrementalRead(board.sql, 'clients')
  const [clients] = (await readOverview(board.sql, overviewDeps(board.sql))).resources
  expect(clients).toMatchObject({ resource: 'clients', everySeconds: 900, isLate: false })
})

test('a Redis that does not answer is waited for once: queue and rate are asked together', async () => {
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const fleet = {
    kind: 'redis' as const,
    depths: async () => {
      first.resolve()
      await second.promise
      return [{ queue: 'sync', state: 'waiting', jobs: 3 }]
    },
    rateState: async () => {
      second.resolve()
      await first.promise
      return { heldUntil: null, share: 0.5 }
    },
  }
  const { queue, requests } = await readOverview(board.sql, { ...overviewDeps(board.sql), fleet })
  expect(queue.depths).toHaveLength(1)
  expect(requests.state).toMatchObject({ share: 0.5 })
})

const sameCells = (line: string, cells: readonly string[]): boolean =>
  line.trim().split(/ {2,}/).join('|') === cells.join('|')
