import { describe, expect, it } from 'vitest'
import type { SyncError } from '../../../src/errors/sync-error.ts'
import type { Tokens } from '../../../src/remote/auth/tokens.ts'
import { createClient } from '../../../src/remote/client.ts'
import { createHttp } from '../../../src/remote/http/http.ts'
import { createRateLimit } from '../../../src/remote/http/rate-limit.ts'
import { wasNeverSent } from '../../../src/remote/http/retry.ts'
import { serve } from '../../support/network/http.ts'
import { serveInTurn, type ServerResponse } from '../../support/network/in-turn.ts'

const POLICY = { attempts: 4, baseMs: 1, capMs: 2 }
const PAGE = '<html><head><title>Blocked</title></head></html>'
const never = new AbortController().signal

/** A client whose server gives these responses in turn, the last one for ever, and tokens `t1`, `t2`… by generation. */
async function clientFor(responses: readonly ServerResponse[]) {
  const server = await serveInTurn(responses)
  let generation = 1
  const tokens: Tokens = {
    get: async () => ({ accessToken: `t${generation}`, generation, issuedAt: 0, expiresAt: Infinity }),
    reject: async (rejected) => void (generation += rejected === generation ? 1 : 0),
  }
  const http = createHttp({ connections: 4, maxBodyBytes: 1_000_000 })
  const remote = { http, tokens, concurrency: 4, rateLimit: createRateLimit({ rate: 0 }) }
  const client = createClient({ ...remote, policy: POLICY, apiUrl: server.url, userAgent: 'x/1' })
  return {
    get: () => client.get('/list', (body) => JSON.parse(body) as unknown, never),
    write: (method: 'POST' | 'PATCH' | 'DELETE', signal = never, beforeSend = async () => {}) =>
      client.write({ method, path: '/list', body: '{}', beforeSend }, (response) => response, signal),
    parse: (parse: (body: string) => unknown) => client.get('/list', parse, never),
    requests: server.requests,
    tokens: () => server.requests.map(({ headers }) => headers.authorization),
    async [Symbol.asyncDispose]() {
      await http.close()
      await server[Symbol.asyncDispose]()
    },
  }
}

describe('a call', () => {
  it('has the token, the media type and the user agent', async () => {
    await using client = await clientFor([[200]])
    await client.get()
    expect(client.requests[0]?.headers).toMatchObject({
      authorization: 'Bearer t1',
      accept: 'application/vnd.api+json',
      'user-agent': 'x/1',
    })
  })

  it('is sent once more with the next token after a 401', async () => {
    await using client = await clientFor([[401, ''], [200]])
    await client.get()
    expect(client.tokens()).toEqual(['Bearer t1', 'Bearer t2'])
  })

  it('fails at a second 401', async () => {
    await using client = await clientFor([[401, '']])
    await expect(client.get()).rejects.toMatchObject({ code: 'SYNC_UNAUTHORIZED', remedy: 'stop' })
    expect(client.requests).toHaveLength(2)
  })

  it('renews the token once on 403, and takes every later 403 for the role’s', async () => {
    await using client = await clientFor([[403, '']])
    await expect(client.get()).rejects.toMatchObject({ code: 'SYNC_FORBIDDEN' })
    await expect(client.get()).rejects.toMatchObject({ code: 'SYNC_FORBIDDEN' })
    expect(client.tokens()).toEqual(['Bearer t1', 'Bearer t2', 'Bearer t2'])
  })

  it.each([500, 502, 503, 504])('is repeated on %i', async (status) => {
    await using client = await clientFor([[status, '<html>'], [status, ''], [200]])
    await expect(client.get()).resolves.toEqual({ data: [] })
  })

  it('fails when its attempts are spent, with the last failure', async () => {
    await using client = await clientFor([[500, '', { 'x-request-id': 'r-7' }]])
    await expect(client.get()).rejects.toMatchObject({
      code: 'SYNC_REMOTE_FAILED',
      message: expect.stringContaining('(request r-7)'),
    })
    expect(client.requests).toHaveLength(POLICY.attempts)
  })

  it('is repeated when its body cannot be read', async () => {
    await using client = await clientFor([[200, '{"da'], [200]])
    const { parseDocument } = await import('../../../src/remote/documents/document.ts')
    await expect(client.parse((body) => parseDocument(body, '').records)).resolves.toEqual([])
  })

  it('is not repeated when its body is over the limit, and the error has that as a fact', async () => {
    await using client = await clientFor([[200, ' '.repeat(1_000_001)], [200]])
    await expect(client.get()).rejects.toMatchObject({ code: 'SYNC_BODY_UNREADABLE', facts: { tooLarge: true } })
    expect(client.requests).toHaveLength(1)
  })

  it('spends no attempt on 429', async () => {
    const busy: ServerResponse = [429, '', { 'retry-after': '0' }]
    await using client = await clientFor([busy, busy, busy, busy, busy, busy, [200]])
    await expect(client.get()).resolves.toEqual({ data: [] })
  })

  it.each([403, 404, 500, 503])('spends none on %i with Retry-After either', async (status) => {
    const busy: ServerResponse = [status, '', { 'retry-after': '0' }]
    await using client = await clientFor([busy, busy, busy, busy, busy, busy, [200]])
    await expect(client.get()).resolves.toEqual({ data: [] })
    expect(new Set(client.tokens())).toEqual(new Set(['Bearer t1']))
  })

  it.each([408, 421, 425])('is repeated on %i', async (status) => {
    await using client = await clientFor([[status, '<html>'], [status, ''], [200]])
    await expect(client.get()).resolves.toEqual({ data: [] })
  })

  it.each([403, 404])('is repeated on a %i that a firewall sends, under the same token', async (status) => {
    await using client = await clientFor([[status, PAGE]])
    await expect(client.get()).rejects.toMatchObject({ code: 'SYNC_REMOTE_FAILED', facts: { status } })
    expect(client.tokens()).toEqual(Array(POLICY.attempts).fill('Bearer t1'))
  })

  it('renews the token once for a 401 with a page', async () => {
    await using client = await clientFor([[401, PAGE]])
    await expect(client.get()).rejects.toMatchObject({ code: 'SYNC_REMOTE_FAILED', remedy: 'retry' })
    await expect(client.get()).rejects.toMatchObject({ code: 'SYNC_REMOTE_FAILED' })
    const [first, ...others] = client.tokens()
    expect([first, ...new Set(others)]).toEqual(['Bearer t1', 'Bearer t2'])
  })

  it('succeeds with the new token where a 401 with a text was about the old one', async () => {
    await using client = await clientFor([[401, 'You need to sign in.'], [200]])
    await expect(client.get()).resolves.toEqual({ data: [] })
  })

  it('does not follow a redirect, and names its target', async () => {
    await using client = await clientFor([[302, '', { location: '/login' }]])
    await expect(client.get()).rejects.toMatchObject({
      message: expect.stringMatching(/302 and redirects to .*\/login/),
    })
    expect(new Set(client.requests.map(({ url }) => url))).toEqual(new Set(['/list']))
  })

  it.each(['3600', '1e15', '9'.repeat(400), 'Thu, 01 Jan 2099 00:00:00 GMT'])(
    'fails when Retry-After is longer than a run waits, with an hour at most: %.30s',
    async (after) => {
      await using client = await clientFor([[429, '', { 'retry-after': after }]])
      await expect(client.get()).rejects.toMatchObject({
        code: 'SYNC_RATE_LIMITED',
        remedy: 'wait',
        message: expect.stringContaining('3600 s'),
      })
      expect(client.requests).toHaveLength(1)
    },
  )

  it.each([400, 404, 406, 422])('is not repeated on %i, and has the text of the server', async (status) => {
    await using client = await clientFor([[status, '{"errors":[{"title":"No","detail":"not that"}]}']])
    await expect(client.get()).rejects.toMatchObject({
      code: 'SYNC_REQUEST_REFUSED',
      facts: { status },
      message: expect.stringContaining('No: not that'),
    })
    expect(client.requests).toHaveLength(1)
  })
})

describe('a write', () => {
  it('names its media type', async () => {
    await using client = await clientFor([[201]])
    await client.write('POST')
    expect(client.requests[0]).toMatchObject({
      method: 'POST',
      headers: { 'content-type': 'application/vnd.api+json', accept: 'application/vnd.api+json' },
    })
  })

  it.each([400, 403, 404, 409, 422])('returns a %i, with its body and headers', async (status) => {
    await using client = await clientFor([[status, '{"errors":[]}', { location: '/clients/7' }]])
    const response = { status, body: '{"errors":[]}', headers: { location: '/clients/7' } }
    expect(await client.write('PATCH')).toMatchObject(response)
  })

  it.each([
    ['PATCH', 500, 'SYNC_REMOTE_FAILED'],
    ['DELETE', 503, 'SYNC_REMOTE_FAILED'],
    ['PATCH', 429, 'SYNC_RATE_LIMITED'],
    ['PATCH', 408, 'SYNC_REMOTE_FAILED'],
    ['PATCH', 425, 'SYNC_REMOTE_FAILED'],
  ] as const)(
    'is sent once: a %s that failed with %i is repeated by the caller, who looks first',
    async (method, status, code) => {
      await using client = await clientFor([
        [status, ''],
        [200, 'done'],
      ])
      await expect(client.write(method)).rejects.toMatchObject({ code })
      expect(client.requests).toHaveLength(1)
    },
  )

  it('is sent once: a POST that failed with 500 may have arrived', async () => {
    await using client = await clientFor([[500], [201]])
    const error = await client.write('POST').catch((thrown: unknown) => thrown as SyncError)
    expect(error).toMatchObject({ code: 'SYNC_REMOTE_FAILED' })
    expect(wasNeverSent(error as SyncError)).toBe(false)
    expect(client.requests).toHaveLength(1)
  })

  it.each([
    [408, {}],
    [403, {}],
    [404, {}],
    [503, { 'retry-after': '0' }],
    [403, { 'retry-after': '0' }],
  ] as const)('that failed with %i, a page and %j may have arrived', async (status, headers) => {
    await using client = await clientFor([[status, PAGE, headers], [201]])
    const error = await client.write('POST').catch((thrown: unknown) => thrown as SyncError)
    expect(error).toMatchObject({ code: expect.stringMatching(/SYNC_REMOTE_FAILED|SYNC_RATE_LIMITED/) })
    expect(wasNeverSent(error as SyncError)).toBe(false)
    expect(client.requests).toHaveLength(1)
  })

  it.each([401, 421, 425, 429])('is sent again: a POST that failed with %i was not begun', async (status) => {
    await using client = await clientFor([[status, ''], [201]])
    expect(await client.write('POST')).toMatchObject({ status: 201 })
    expect(client.requests).toHaveLength(2)
  })

  it('that found no connection was never sent', async () => {
    const gone = await serve(() => {})
    await gone[Symbol.asyncDispose]()
    const http = createHttp({ connections: 1 })
    const error = await http
      .send({ method: 'POST', url: gone.url, headers: {} }, never)
      .catch((thrown: unknown) => thrown)
    expect(wasNeverSent(error as SyncError)).toBe(true)
    await http.close()
  })

  it('is waited for once it was sent, and not begun after a stop', async () => {
    const stop = new AbortController()
    await using client = await clientFor([[200, 'done']])
    const sent = client.write('PATCH', stop.signal)
    while (client.requests.length === 0) await new Promise(setImmediate)
    stop.abort()
    expect(await sent).toMatchObject({ body: 'done' })
    await expect(client.write('PATCH', stop.signal)).rejects.toMatchObject({ code: 'SYNC_STOPPED' })
    expect(client.requests).toHaveLength(1)
  })

  it('calls `beforeSend` each time just before it is sent, and is not sent where that throws', async () => {
    await using client = await clientFor([[401, ''], [429, '', { 'retry-after': '0' }], [201]])
    const before: number[] = []
    const note = async (): Promise<void> => void before.push(client.requests.length)
    expect(await client.write('POST', never, note)).toMatchObject({ status: 201 })
    expect(before).toEqual([0, 1, 2])
    const lost = new Error('claim lost')
    await expect(client.write('POST', never, () => Promise.reject(lost))).rejects.toBe(lost)
    expect(client.requests).toHaveLength(3)
  })
})
