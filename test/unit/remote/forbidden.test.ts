import { describe, expect, it } from 'vitest'
import { causeOfForbidden } from '../../../src/remote/auth/forbidden.ts'
import { createClient } from '../../../src/remote/client.ts'
import { createHttp } from '../../../src/remote/http/http.ts'
import { createRateLimit } from '../../../src/remote/http/rate-limit.ts'
import { serveInTurn } from '../../support/network/in-turn.ts'

const PAGE = '<html><head><title>Blocked</title></head></html>'

/** Retry-After × body × token: all eight. What a read then throws, how often it is sent, and what a write returns. */
describe.each([
  [true, 'ScopeStack’s', 'doubted', 'limit', 'SYNC_RATE_LIMITED', 1],
  [true, 'ScopeStack’s', 'proved', 'limit', 'SYNC_RATE_LIMITED', 1],
  [true, 'foreign', 'doubted', 'limit', 'SYNC_RATE_LIMITED', 1],
  [true, 'foreign', 'proved', 'limit', 'SYNC_RATE_LIMITED', 1],
  [false, 'foreign', 'doubted', 'intermediary', 'SYNC_REMOTE_FAILED', 2],
  [false, 'foreign', 'proved', 'intermediary', 'SYNC_REMOTE_FAILED', 2],
  [false, 'ScopeStack’s', 'doubted', 'token', 'SYNC_FORBIDDEN', 2],
  [false, 'ScopeStack’s', 'proved', 'role', 'SYNC_FORBIDDEN', 1],
] as const)(
  'a 403: Retry-After %j, a body that is %s, a token that is %s',
  (retryAfter, whose, token, cause, code, sent) => {
    const headers: Record<string, string> = retryAfter ? { 'retry-after': '3600' } : {}
    const body = whose === 'foreign' ? PAGE : ''

    it(`is of the ${cause}`, () => {
      expect(causeOfForbidden({ status: 403, headers, body }, token === 'proved')).toBe(cause)
    })

    it(`fails a read with ${code}, after ${sent} request(s)`, async () => {
      await using client = await clientFor([403, body, headers], token)
      await expect(client.read()).rejects.toMatchObject({ code })
      expect(client.requests).toHaveLength(sent + client.before)
    })

    it('fails a write alike, but for the role, whose 403 it returns', async () => {
      await using client = await clientFor([403, body, headers], token)
      const written = client.write()
      if (code === 'SYNC_FORBIDDEN') expect(await written).toBe(403)
      else await expect(written).rejects.toMatchObject({ code })
    })
  },
)

/** @param token `proved`: an earlier 403 has renewed it. */
async function clientFor(response: readonly [number, string, Record<string, string>], token: 'doubted' | 'proved') {
  const before = token === 'proved' ? 2 : 0
  const server = await serveInTurn([...Array.from({ length: before }, () => [403, ''] as const), response])
  let generation = 1
  const http = createHttp({ connections: 1 })
  const client = createClient({
    http,
    tokens: {
      get: async () => ({ accessToken: 'x', generation, issuedAt: 0, expiresAt: Infinity }),
      reject: async () => void generation++,
    },
    concurrency: 1,
    rateLimit: createRateLimit({ rate: 0 }),
    policy: { attempts: 2, baseMs: 1, capMs: 2 },
    apiUrl: server.url,
    userAgent: 'x/1',
  })
  const never = new AbortController().signal
  const read = () => client.get('/list', () => null, never)
  if (token === 'proved') await read().catch(() => {})
  return {
    before,
    requests: server.requests,
    read,
    write: () => client.write({ method: 'PATCH', path: '/list' }, ({ status }) => status, never),
    async [Symbol.asyncDispose]() {
      await http.close()
      await server[Symbol.asyncDispose]()
    },
  }
}
