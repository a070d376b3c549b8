import { once } from 'node:events'
/** What happens is followed by every page that is open, and costs one reader. */
import { get as httpGet, type IncomingMessage } from 'node:http'
import { html } from 'hono/html'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { NOTHING_READ, recordOutcome } from '../../../src/store/runs/runs.ts'
import { cachedFor } from '../../../src/web/cached-for.ts'
import { createLive } from '../../../src/web/live.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { onTestFinished } from '../../support/run/test-context.ts'
import { endRuns, insertOpenRun, readRuns } from '../../support/tables/runs.ts'
import { until } from '../../support/until.ts'
import { openBoard, type Board } from './board.ts'

let database: TestDatabase
let board: Board

beforeAll(async () => {
  database = await createDatabase()
  board = await openBoard(database.url)
})

afterAll(async () => {
  await board?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
})

async function tab(url: string): Promise<{ status: number; events: string[]; readonly close: () => void }> {
  const [response] = (await once(httpGet(url, { agent: false }), 'response')) as [IncomingMessage]
  const events: string[] = []
  response.setEncoding('utf8').on('data', (text: string) => events.push(text))
  response.on('error', () => {})
  const close = (): void => void response.destroy()
  onTestFinished(close)
  return { status: response.statusCode!, events, close }
}

test('a hundred open pages are one reader, which stops with the last of them; more are asked to come later', async () => {
  const tabs = await Promise.all(Array.from({ length: 100 }, () => tab(`${board.url}/live`)))
  const taken = tabs.filter(({ status }) => status === 200)
  expect(taken).toHaveLength(96)
  expect(tabs.filter(({ status }) => status === 503)).toHaveLength(4)
  // The probes of a supervisor find a place beside them.
  expect((await board.get('/healthz')).status).toBe(200)
  await until(() => taken.every(({ events }) => events.join('').includes('Nothing was read yet')), 'each to have it')
  await insertOpenRun(board.sql, 'clients')
  await until(() => taken.every(({ events }) => events.join('').includes('0 of 1 resources done')), 'the run')
  for (const one of taken) one.close()
  await until(() => board.dashboard.live.readers === 0, 'the last to have left')
})

test('the page of a run follows it to its end, and then not any more', async () => {
  await endRuns(board.sql)
  await insertOpenRun(board.sql, 'tags')
  const { id } = (await readRuns(board.sql, ['id'])).at(-1)!
  expect((await board.get(`/runs/${id}`)).body).toContain(`data-live="/runs/${id}/live"`)
  const tabs = await Promise.all([tab(`${board.url}/runs/${id}/live`), tab(`${board.url}/runs/${id}/live`)])
  await until(() => tabs.every(({ events }) => events.join('').includes('0 of 1 done')), 'the run')
  await recordOutcome(board.sql, id, {
    ...NOTHING_READ,
    resource: 'tags',
    outcome: 'ok',
    tookMs: 1,
    code: null,
    message: null,
  })
  await until(() => tabs.every(({ events }) => events.join('').includes('1 of 1 done')), 'its resource')
  expect(board.dashboard.live.readers).toBe(2)
  await endRuns(board.sql)
  await until(() => tabs.every(({ events }) => /: ok<\/h1>/.test(events.join(''))), 'its end')
  await until(() => board.dashboard.live.readers === 0, 'the streams to have ended')
  expect((await tab(`${board.url}/runs/${id}/live`)).status).toBe(204)
  expect((await board.get(`/runs/${id}`)).body).not.toContain('data-live')
  expect((await board.get('/runs/999999/live')).status).toBe(404)
})

test('what is the same is not sent again, what changed is sent to all from one rendering', async () => {
  let made = 0
  let content = 'one'
  const live = createLive(
    async () => {
      made++
      return html`<p>${content}</p>`
    },
    { everyMs: () => 1, most: 3 },
  )
  const readers = [live.open()!, live.open()!].map((response) => response.body!.getReader())
  expect(live.open()).not.toBeNull()
  expect(live.open()).toBeNull()
  const next = async (at: number) => Buffer.from((await readers[at]!.read()).value ?? []).toString()
  expect([await next(0), await next(1)]).toEqual(['data: <p>one</p>\n\n', 'data: <p>one</p>\n\n'])
  const before = made
  await until(() => made > before + 3, 'some turns')
  content = 'two\nlines'
  expect([await next(0), await next(1)]).toEqual([
    'data: <p>two\ndata: lines</p>\n\n',
    'data: <p>two\ndata: lines</p>\n\n',
  ])
  await Promise.all(readers.map((reader) => reader.cancel()))
  expect(live.readers).toBe(1)
})

test('a reader is asked once for all who come meanwhile, and again when its result is old or it failed', async () => {
  let now = 0
  let asked = 0
  let fails = false
  const read = cachedFor(
    1000,
    async () => {
      asked++
      if (fails) throw new Error('away')
      return asked
    },
    () => now,
  )
  expect(await Promise.all([read(), read(), read()])).toEqual([1, 1, 1])
  now = 999
  expect(await read()).toBe(1)
  now = 1000
  fails = true
  await expect(Promise.all([read(), read()])).rejects.toThrow('away')
  expect(asked).toBe(2)
  fails = false
  expect(await read()).toBe(3)
})

test('a database that is away is a sentence on the page, and the stream goes on', async () => {
  await using away = await openBoard('postgres://none@127.0.0.1:1/none')
  const page = await away.get('/')
  expect(page.status).toBe(200)
  expect(page.text).toContain('The state cannot be read just now')
  expect(page.text).toContain('SYNC_DATABASE_UNREACHABLE')
  expect((await away.get('/changes')).status).toBe(503)
  const { events } = await tab(`${away.url}/live`)
  await until(() => events.join('').includes('SYNC_DATABASE_UNREACHABLE'), 'the sentence')
})
