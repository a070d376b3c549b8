/** The last requests to ScopeStack, as they were sent: with retries and waits, without bodies, tokens and values of filters. */
import { expect, test } from 'vitest'
import { createHttp } from '../../../src/remote/http/http.ts'
import { throwIfTemporary } from '../../../src/remote/http/response.ts'
import { overHttp } from '../../../src/remote/http/send.ts'
import { noted, shownPath, withAttempts } from '../../../src/remote/http/with-request-log.ts'
import { withRetry } from '../../../src/remote/http/with-retry.ts'
import { used } from '../../../src/report/lines.ts'
import { createRequestLog } from '../../../src/request-log.ts'
import { saveRequests } from '../../../src/store/runs/requests.ts'
import { serve } from '../../support/network/http.ts'
import { createDatabase } from '../../support/postgres/database.ts'
import { onTestFinished } from '../../support/run/test-context.ts'
import { ageHalfOfRequests, readRequestLog } from '../../support/tables/runs.ts'
import { openBoard, rowsOf } from './board.ts'

test('each attempt is noted with its outcome, and a page shows the newest first', async () => {
  let asked = 0
  await using remote = await serve((request, response) => {
    request.resume()
    response.writeHead(++asked === 1 ? 503 : 200).end('{"data":"secret body"}')
  })
  const http = createHttp({ connections: 1 })
  onTestFinished(() => http.close())
  const requests = createRequestLog()
  const policy = { attempts: 3, baseMs: 1, capMs: 2 }
  const retried = withRetry({ policy, rateLimit: { backOff: async () => {} } })(overHttp(noted(http, requests)))
  const url = `${remote.url}/demo/v1/clients?filter[name]=Jane+Doe&page[number]=2`
  const read = (response: { status: number; headers: object; body: string }): string => {
    throwIfTemporary(response as never, url)
    return response.body
  }
  const headers = { authorization: 'Bearer secret-token' }
  const { signal } = new AbortController()
  const purpose = { runId: 12, resource: 'clients' }
  await withAttempts(retried)({ method: 'GET', url, headers, purpose, read }, signal)
  const taken = requests.take()
  expect(taken).toMatchObject([
    { method: 'GET', status: 503, code: null, attempt: 1, bytes: 22 },
    { method: 'GET', status: 200, code: null, attempt: 2, bytes: 22 },
  ])
  expect(taken[1]!.waitedMs).toBeGreaterThanOrEqual(0)
  expect(requests.take()).toEqual([])

  await using database = await createDatabase()
  await using board = await openBoard(database.url)
  const edit = { ...taken[0]!, purpose: { runId: null, resource: 'tags' } }
  await saveRequests(board.sql, 'here, process 7', [{ ...edit, purpose: null }, edit, ...taken])
  const page = await board.get('/requests')
  expect(page.text).toContain('4 in the last minute, of 300 that SYNC_RATE allows: 1 %.')
  expect(
    rowsOf(page.body)
      .slice(1)
      .map((cells) => [cells[1], cells[2], cells[5], cells[7], cells[8]]),
  ).toEqual([
    ['GET /demo/v1/clients?filter[name]=…&page[number]=2', '200', '2', 'run 12: clients', 'here, process 7'],
    ['GET /demo/v1/clients?filter[name]=…&page[number]=2', '503', '1', 'run 12: clients', 'here, process 7'],
    ['GET /demo/v1/clients?filter[name]=…&page[number]=2', '503', '1', 'local edit: tags', 'here, process 7'],
    ['GET /demo/v1/clients?filter[name]=…&page[number]=2', '503', '1', '–', 'here, process 7'],
  ])
  const requestsAt = async (address: string) =>
    rowsOf((await board.get(address)).body)
      .slice(1)
      .map(([, , response, , , , , job]) => [response, job])
  expect(await requestsAt('/requests?run=12&failed')).toEqual([['503', 'run 12: clients']])
  expect(await requestsAt('/requests?resource=tags')).toEqual([['503', 'local edit: tags']])
  expect((await board.get('/requests?run=12&failed=')).text).toContain(
    'The last 1 requests to ScopeStack that failed of run 12',
  )
  // What no page of ours asks for is all of them.
  expect(await requestsAt(`/requests?run=x&resource=${encodeURIComponent("' or 1=1 <b>")}`)).toHaveLength(4)
  expect(page.body).toMatch(/run <a href="\/runs\/12">12<\/a>: <a href="\/resources\/clients">/)
  expect(page.text).not.toMatch(/secret|Jane|Bearer/)
  expect(JSON.stringify(await readRequestLog(board.sql, ['text']))).not.toMatch(/secret|Jane|Bearer/)
})

test('no more than a thousand are kept, and of a process not more than two hundred between two times of saving', async () => {
  await using database = await createDatabase()
  await using board = await openBoard(database.url)
  const log = createRequestLog()
  const one = {
    at: new Date(),
    method: 'GET',
    path: '/',
    status: 200,
    code: null,
    ms: 1,
    bytes: 2,
    attempt: 1,
    waitedMs: 0,
    purpose: null,
  }
  for (let round = 0; round < 7; round++) {
    for (let at = 0; at < 1_000; at++) log.note(one)
    const taken = log.take()
    expect(taken).toHaveLength(200)
    await saveRequests(board.sql, 'x', taken)
  }
  expect(await readRequestLog(board.sql, [])).toHaveLength(1_000)
  await saveRequests(board.sql, 'x', [])
  expect((await board.get('/requests')).text).toContain('At least 1,000 in the last minute, of 300 that')
  await ageHalfOfRequests(board.sql, '2 minutes')
  expect((await board.get('/requests')).text).toContain('500 in the last minute')

  // The pull's statements would wait behind it.
  const gate = Promise.withResolvers<void>()
  const locked = Promise.withResolvers<void>()
  const locking = board.sql.begin(async (tx) => {
    await tx`lock table sync.requests`
    locked.resolve()
    await gate.promise
  })
  await locked.promise
  await expect(saveRequests(board.sql, 'x', [one])).rejects.toThrow('lock timeout')
  gate.resolve()
  await locking
})

test('a failure has its code, and a limit of none is no percentage', async () => {
  const http = createHttp({ connections: 1 })
  onTestFinished(() => http.close())
  const log = createRequestLog()
  const request = { method: 'GET', url: 'http://127.0.0.1:1/x', headers: {} } as const
  // As in `start`, on a host whose clock is an hour ahead.
  const host = Date.now
  onTestFinished(() => void (Date.now = host))
  Date.now = () => host() - 3_600_000
  await expect(noted(http, log).send(request, new AbortController().signal)).rejects.toMatchObject({
    code: 'SYNC_REMOTE_UNREACHABLE',
  })
  const [failed] = log.take()
  expect(failed).toMatchObject({ status: null, code: 'SYNC_REMOTE_UNREACHABLE', bytes: null, attempt: 1 })
  expect(Math.abs(failed!.at.getTime() - Date.now())).toBeLessThan(1_800_000)
  expect(used({ lastMinute: 40, isCut: false }, 0)).toBe('40 in the last minute; SYNC_RATE sets no limit.')
  expect(shownPath(`http://x/${'y'.repeat(1_000)}`)).toHaveLength(500)
})
