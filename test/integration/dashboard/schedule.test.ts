/** Pause, resume and run now, and what a scheduler makes of them. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { tickOnce } from '../../../src/jobs/scheduler.ts'
import { createLogger } from '../../../src/logger.ts'
import { readOverview } from '../../../src/report/overview.ts'
import { readOpenRuns } from '../../../src/store/runs/scheduled-runs.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { endRuns, readTicks } from '../../support/tables/runs.ts'
import { openBoard, overviewDeps, SCHEDULES, type Board } from './board.ts'

let database: TestDatabase
let board: Board
const added: [number, readonly string[]][] = []
let queueIsAway = false

beforeAll(async () => {
  database = await createDatabase()
  const addRun = async (id: number, planned: readonly string[]): Promise<void> => {
    if (queueIsAway) throw new Error('away')
    added.push([id, planned])
  }
  board = await openBoard(database.url, {}, { addRun })
})

afterAll(async () => {
  await board?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
})

async function tick(at: string): Promise<void> {
  const deps = {
    sql: board.sql,
    session: board.sql,
    queues: { addRun: async () => {} } as never,
    log: createLogger({ level: 'silent', terminal: false }),
    schedules: SCHEDULES,
    resources: { full: ['clients'], incremental: [] },
    holder: 'x',
    version: '0.1.0',
  }
  await tickOnce(deps, new Date(at))
}

const decided = () => readTicks(board.sql, ['note', 'run'])

test('a paused schedule makes no run, records that, and goes on with its next tick when it is resumed', async () => {
  const paused = await board.post('/schedule', { do: 'pause:full' })
  expect(paused.text).toContain('The full schedule is paused. What goes on is read to its end.')
  expect(paused.body).toContain('value="resume:full"')
  expect(paused.body).not.toContain('value="pause:full"')
  await board.post('/schedule', { do: 'pause:full' })
  await tick('2026-01-02T02:00:01Z')
  expect(await decided()).toEqual([{ note: 'Skipped: the full schedule is paused.', run: null }])
  const overview = await readOverview(board.sql, overviewDeps(board.sql))
  expect(overview.paused.map(({ schedule }) => schedule)).toEqual(['full'])
  expect(overview.nextTicks.map(({ schedule }) => schedule)).toEqual(['incremental'])

  expect((await board.post('/schedule', { do: 'resume:full' })).text).toContain('goes on with its next tick')
  // The tick that was skipped is decided: it is not caught up.
  await tick('2026-01-02T02:00:05Z')
  expect(await readOpenRuns(board.sql)).toEqual([])
  await tick('2026-01-03T02:00:01Z')
  expect(await readOpenRuns(board.sql)).toMatchObject([{ kind: 'full', planned: ['clients'] }])
  const page = await board.get('/schedule')
  expect(page.text).toContain('full 2026-01-02 02:00 UTC just now Skipped: the full schedule is paused.')
  await endRuns(board.sql)
})

test('a run now is one run, also when it is asked for twice, and does without a queue that is away', async () => {
  const first = await board.post('/schedule', { do: 'run:full' })
  expect(first.text).toMatch(/Run \d+ \(full\) begins\./)
  expect(first.body).not.toContain('value="run:full"')
  expect(added.map(([, planned]) => planned)).toEqual([['clients', 'tags']])
  const second = await board.post('/schedule', { do: 'run:full' })
  expect(second.status).toBe(409)
  expect(second.text).toContain('A full run goes on already.')
  queueIsAway = true
  expect((await board.post('/schedule', { do: 'run:incremental' })).status).toBe(200)
  // From these a scheduler makes the jobs.
  expect(await readOpenRuns(board.sql)).toMatchObject([{ kind: 'full' }, { kind: 'incremental' }])
  for (const wrong of ['', 'run', 'run:verify', 'drop:full', 'pause:'])
    expect((await board.post('/schedule', { do: wrong })).status, wrong).toBe(400)
  expect((await board.post('/schedule', { do: 'pause:full', key: 'guessed' })).status).toBe(403)
  expect((await readOverview(board.sql, overviewDeps(board.sql))).paused).toEqual([])
})

test('who paused, resumed and began what is in the log, and a run that begins has its line there as a scheduled one has', async () => {
  await endRuns(board.sql)
  const before = board.lines.length
  await board.post('/schedule', { do: 'pause:incremental' })
  await board.post('/schedule', { do: 'resume:incremental' })
  await board.post('/schedule', { do: 'run:incremental' })
  await board.post('/schedule', { do: 'run:incremental' })
  const id = (await readOpenRuns(board.sql))[0]!.id
  const who = { schedule: 'incremental', tokenMay: 'none asked for', from: '127.0.0.1' }
  const lines = board.lines.slice(before)
  expect(lines).toMatchObject([
    { level: 30, action: 'pause', ...who, msg: 'done by the dashboard' },
    { level: 30, action: 'resume', ...who },
    { level: 30, run: id, kind: 'incremental', resources: 1, msg: 'run begins' },
    { level: 30, action: 'run', run: id, ...who },
    { level: 40, action: 'run', ...who, msg: 'refused by the dashboard: An incremental run goes on already.' },
  ])
})
