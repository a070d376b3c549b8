import { describe, expect, it } from 'vitest'
import type { SyncError } from '../../../src/errors/sync-error.ts'
import type { Tokens } from '../../../src/remote/auth/tokens.ts'
import { createClient, wasNeverSent } from '../../../src/remote/client.ts'
import { createHttp } from '../../../src/remote/http/http.ts'
import { createRateLimiter } from '../../../src/remote/http/rate-limit.ts'
import { serve } from '../../support/network/http.ts'

type Answer = readonly [status: number, body?: string, headers?: Record<string, string>]

const POLICY = { attempts: 4, baseMs: 1, capMs: 2 }
const PAGE = '<html><head><title>Blocked</title></head></html>'
const never = new AbortController().signal

/** A client whose server gives these answers in turn, the last one for ever, and tokens `t1`, `t2`… by generation. */
async function clientFor(answers: readonly Answer[]) {
  const asked: { token: string; method: string | undefined; path: string; headers: NodeJS.Dict<string | string[]> }[] =
    []
  const server = await serve((request, response) => {
    const { method, headers: sent, url: path = '' } = request
    asked.push({ token: sent.authorization ?? '', method, path, headers: sent })
    const [status, body = '{"data":[]}', headers = {}] = answers[Math.min(asked.length, answers.length) - 1]!
    response.writeHead(status, headers).end(body)
  })
  let generation = 1
  const tokens: Tokens = {
    get: async () => ({ accessToken: `t${generation}`, generation, issuedAt: 0, expiresAt: Infinity }),
    reject: async (rejected) => void (generation += rejected === generation ? 1 : 0),
  }
  const http = createHttp({ connections: 4, maxBodyBytes: 1_000_000 })
  const pace = createRateLimiter({ rate: 0, concurrency: 4 })
  const client = createClient({ http, tokens, rateLimiter: pace, policy: POLICY, apiUrl: server.url, userAgent: 'x/1' })
  return {
    get: () => client.get('/list', (body) => JSON.parse(body) as unknown, never),
    write: (method: 'POST' | 'PATCH' | 'DELETE', signal = never) =>
      client.write({ method, path: '/list', body: '{}' }, (answer) => answer, signal),
    parse: (judge: (body: string) => unknown) => client.get('/list', judge, never),
    asked,
    async [Symbol.asyncDispose]() {
      await http.close()
      await server[Symbol.asyncDispose]()
    },
  }
}

describe('a call', () => {
  it('carries the token, the media type and who we are', async () => {
    await using client = await clientFor([[200]])
    await client.get()
    expect(client.asked[0]?.headers).toMatchObject({
      authorization: 'Bearer t1',
      accept: 'application/vnd.api+json',
      'user-agent': 'x/1',
    })
  })

  it('takes the next token after a 401 and repeats itself once', async () => {
    await using client = await clientFor([[401, ''], [200]])
    await client.get()
    expect(client.asked.map(({ token }) => token)).toEqual(['Bearer t1', 'Bearer t2'])
  })

  it('stops at a second 401', async () => {
    await using client = await clientFor([[401, '']])
    await expect(client.get()).rejects.toMatchObject({ code: 'SYNC_UNAUTHORIZED', remedy: 'stop' })
    expect(client.asked).toHaveLength(2)
  })

  it('asks for another token once on 403, and then believes it for every later call', async () => {
    await using client = await clientFor([[403, '']])
    await expect(client.get()).rejects.toMatchObject({ code: 'SYNC_FORBIDDEN' })
    await expect(client.get()).rejects.toMatchObject({ code: 'SYNC_FORBIDDEN' })
    expect(client.asked.map(({ token }) => token)).toEqual(['Bearer t1', 'Bearer t2', 'Bearer t2'])
  })

  it.each([500, 502, 503, 504])('is repeated on %i', async (status) => {
    await using client = await clientFor([[status, '<html>'], [status, ''], [200]])
    await expect(client.get()).resolves.toEqual({ data: [] })
  })

  it('gives up when its attempts are spent, with the last failure', async () => {
    await using client = await clientFor([[500, '', { 'x-request-id': 'r-7' }]])
    await expect(client.get()).rejects.toMatchObject({
      code: 'SYNC_REMOTE_FAILED',
      message: expect.stringContaining('(request r-7)'),
    })
    expect(client.asked).toHaveLength(POLICY.attempts)
  })

  it('is repeated when its body is not to be read', async () => {
    await using client = await clientFor([[200, '{"da'], [200]])
    const { parseDocument } = await import('../../../src/remote/documents/document.ts')
    await expect(client.parse((body) => parseDocument(body, '').records)).resolves.toEqual([])
  })

  it('is not repeated when its body is over the limit, and says so in a fact', async () => {
    await using client = await clientFor([[200, ' '.repeat(1_000_001)], [200]])
    await expect(client.get()).rejects.toMatchObject({ code: 'SYNC_BODY_UNREADABLE', facts: { tooLarge: true } })
    expect(client.asked).toHaveLength(1)
  })

  it('spends no attempt on 429', async () => {
    const busy: Answer = [429, '', { 'retry-after': '0' }]
    await using client = await clientFor([busy, busy, busy, busy, busy, busy, [200]])
    await expect(client.get()).resolves.toEqual({ data: [] })
  })

  it.each([403, 404, 500, 503])('spends none on %i with Retry-After either', async (status) => {
    const busy: Answer = [status, '', { 'retry-after': '0' }]
    await using client = await clientFor([busy, busy, busy, busy, busy, busy, [200]])
    await expect(client.get()).resolves.toEqual({ data: [] })
    expect(new Set(client.asked.map(({ token }) => token))).toEqual(new Set(['Bearer t1']))
  })

  it.each([408, 421, 425])('is repeated on %i', async (status) => {
    await using client = await clientFor([[status, '<html>'], [status, ''], [200]])
    await expect(client.get()).resolves.toEqual({ data: [] })
  })

  it.each([403, 404])('is repeated on a %i that a firewall sends, under the same token', async (status) => {
    await using client = await clientFor([[status, PAGE]])
    await expect(client.get()).rejects.toMatchObject({ code: 'SYNC_REMOTE_FAILED', facts: { status } })
    expect(client.asked.map(({ token }) => token)).toEqual(Array(POLICY.attempts).fill('Bearer t1'))
  })

  it('takes one new token for a 401 with a page, and no more than that', async () => {
    await using client = await clientFor([[401, PAGE]])
    await expect(client.get()).rejects.toMatchObject({ code: 'SYNC_REMOTE_FAILED', remedy: 'retry' })
    await expect(client.get()).rejects.toMatchObject({ code: 'SYNC_REMOTE_FAILED' })
    const [first, ...others] = client.asked.map(({ token }) => token)
    expect([first, ...new Set(others)]).toEqual(['Bearer t1', 'Bearer t2'])
  })

  it('goes on when the new token is what a 401 with a text was about', async () => {
    await using client = await clientFor([[401, 'You need to sign in.'], [200]])
    await expect(client.get()).resolves.toEqual({ data: [] })
  })

  it('does not follow where it is sent, and says where that is', async () => {
    await using client = await clientFor([[302, '', { location: '/login' }]])
    await expect(client.get()).rejects.toMatchObject({
      message: expect.stringMatching(/302 and redirects to .*\/login/),
    })
    expect(new Set(client.asked.map(({ path }) => path))).toEqual(new Set(['/list']))
  })

  it.each(['3600', '1e15', '9'.repeat(400), 'Thu, 01 Jan 2099 00:00:00 GMT'])(
    'leaves off when it is asked to wait for longer than a run should, an hour at most: %.30s',
    async (after) => {
      await using client = await clientFor([[429, '', { 'retry-after': after }]])
      await expect(client.get()).rejects.toMatchObject({
        code: 'SYNC_RATE_LIMITED',
        remedy: 'wait',
        message: expect.stringContaining('3600 s'),
      })
      expect(client.asked).toHaveLength(1)
    },
  )

  it.each([400, 404, 406, 422])('is not repeated on %i, and says what the server said', async (status) => {
    await using client = await clientFor([[status, '{"errors":[{"title":"No","detail":"not that"}]}']])
    await expect(client.get()).rejects.toMatchObject({
      code: 'SYNC_REQUEST_REFUSED',
      facts: { status },
      message: expect.stringContaining('No: not that'),
    })
    expect(client.asked).toHaveLength(1)
  })
})

describe('a write', () => {
  it('says what it carries', async () => {
    await using client = await clientFor([[201]])
    await client.write('POST')
    expect(client.asked[0]).toMatchObject({
      method: 'POST',
      headers: { 'content-type': 'application/vnd.api+json', accept: 'application/vnd.api+json' },
    })
  })

  it.each([400, 403, 404, 409, 422])('hands a %i back, with what it says', async (status) => {
    await using client = await clientFor([[status, '{"errors":[]}', { location: '/clients/7' }]])
    const answer = { status, body: '{"errors":[]}', headers: { location: '/clients/7' } }
    expect(await client.write('PATCH')).toMatchObject(answer)
  })

  it.each([
    ['PATCH', 500, 'SYNC_REMOTE_FAILED'],
    ['DELETE', 503, 'SYNC_REMOTE_FAILED'],
    ['PATCH', 429, 'SYNC_RATE_LIMITED'],
    ['PATCH', 408, 'SYNC_REMOTE_FAILED'],
    ['PATCH', 425, 'SYNC_REMOTE_FAILED'],
  ] as const)(
    'is sent once where it is a %s that met %i: what it writes is looked at again first',
    async (method, status, code) => {
      await using client = await clientFor([
        [status, ''],
        [200, 'done'],
      ])
      await expect(client.write(method)).rejects.toMatchObject({ code })
      expect(client.asked).toHaveLength(1)
    },
  )

  it('is sent once where it is a POST', async () => {
    await using client = await clientFor([[500], [201]])
    const error = await client.write('POST').catch((thrown: unknown) => thrown as SyncError)
    expect(error).toMatchObject({ code: 'SYNC_REMOTE_FAILED' })
    expect(wasNeverSent(error as SyncError)).toBe(false)
    expect(client.asked).toHaveLength(1)
  })

  it.each([
    [408, {}],
    [403, {}],
    [404, {}],
    [503, { 'retry-after': '0' }],
    [403, { 'retry-after': '0' }],
  ] as const)('that met %i with a page and %j may have arrived', async (status, headers) => {
    await using client = await clientFor([[status, PAGE, headers], [201]])
    const error = await client.write('POST').catch((thrown: unknown) => thrown as SyncError)
    expect(error).toMatchObject({ code: expect.stringMatching(/SYNC_REMOTE_FAILED|SYNC_RATE_LIMITED/) })
    expect(wasNeverSent(error as SyncError)).toBe(false)
    expect(client.asked).toHaveLength(1)
  })

  it.each([401, 421, 425, 429])('is sent again where it is a POST that met %i: that was not taken', async (status) => {
    await using client = await clientFor([[status, ''], [201]])
    expect(await client.write('POST')).toMatchObject({ status: 201 })
    expect(client.asked).toHaveLength(2)
  })

  it('knows when nothing was sent', async () => {
    const gone = await serve(() => {})
    await gone[Symbol.asyncDispose]()
    const http = createHttp({ connections: 1 })
    const error = await http
      .send({ method: 'POST', url: gone.url, headers: {} }, never)
      .catch((thrown: unknown) => thrown)
    expect(wasNeverSent(error as SyncError)).toBe(true)
    await http.close()
  })

  it('is ended once it was sent, and not begun after a stop', async () => {
    const stop = new AbortController()
    await using client = await clientFor([[200, 'done']])
    const sent = client.write('PATCH', stop.signal)
    while (client.asked.length === 0) await new Promise(setImmediate)
    stop.abort()
    expect(await sent).toMatchObject({ body: 'done' })
    await expect(client.write('PATCH', stop.signal)).rejects.toMatchObject({ code: 'SYNC_STOPPED' })
    expect(client.asked).toHaveLength(1)
  })
})
