/** The order of the client's layers, and what each order is for: src/remote/client.ts. */
import { expect, it } from 'vitest'
import type { SyncError } from '../../../src/errors/sync-error.ts'
import type { Tokens } from '../../../src/remote/auth/tokens.ts'
import { createClient } from '../../../src/remote/client.ts'
import { createHttp } from '../../../src/remote/http/http.ts'
import { createLocalRateLimitStore } from '../../../src/remote/http/rate-limit-local.ts'
import { createRateLimit } from '../../../src/remote/http/rate-limit.ts'
import { serveInTurn, type ServerResponse } from '../../support/network/in-turn.ts'
import { until } from '../../support/until.ts'

const never = new AbortController().signal

/** A client with one request at once, which notes the places of the rate limit and the tokens that it obtains, in their order. */
async function clientFor(responses: readonly ServerResponse[], { baseMs = 1 } = {}) {
  const server = await serveInTurn(responses)
  const events: string[] = []
  const retries: SyncError[] = []
  const store = createLocalRateLimitStore()
  const shared = {
    ...store,
    reserve(rate: number) {
      events.push('place')
      return store.reserve(rate)
    },
  }
  let generation = 1
  const tokens: Tokens = {
    async get() {
      events.push('token')
      return { accessToken: 'x', generation, issuedAt: 0, expiresAt: Infinity }
    },
    reject: async () => void generation++,
  }
  const http = createHttp({ connections: 4 })
  const rateLimit = createRateLimit({ rate: 1_000, shared })
  const client = createClient({
    http,
    tokens,
    concurrency: 1,
    rateLimit,
    policy: { attempts: 2, baseMs, capMs: baseMs },
    apiUrl: server.url,
    userAgent: 'x/1',
    onRetry: (error) => retries.push(error),
  })
  return {
    get: (signal = never) => client.get('/list', () => 'read', signal),
    requests: server.requests,
    events,
    retries,
    rateLimit,
    async [Symbol.asyncDispose]() {
      await http.close()
      await server[Symbol.asyncDispose]()
    },
  }
}

it('obtains the token behind the wait for the rate limit, so that it cannot expire meanwhile', async () => {
  await using client = await clientFor([[200]])
  await client.rateLimit.backOff(3_600_000)
  const stop = new AbortController()
  const waiting = client.get(stop.signal)
  await until(() => client.events.includes('place'), 'the wait for the rate limit')
  stop.abort()
  await expect(waiting).rejects.toMatchObject({ code: 'SYNC_STOPPED' })
  expect(client.events).toEqual(['place'])
})

it('waits for the rate limit once for a request that a 401 repeats', async () => {
  await using client = await clientFor([[401, ''], [200]])
  expect(await client.get()).toBe('read')
  expect(client.events).toEqual(['place', 'token', 'token'])
})

it('waits for the rate limit before each attempt', async () => {
  await using client = await clientFor([[500], [200]], { baseMs: 1 })
  expect(await client.get()).toBe('read')
  expect(client.events).toEqual(['place', 'token', 'place', 'token'])
})

it('holds no place of the concurrency while it waits before the next attempt', async () => {
  await using client = await clientFor([[500]], { baseMs: 110_000 })
  const stop = new AbortController()
  let ended = 0
  const failing = [1, 2, 3].map(() => client.get(stop.signal).finally(() => ended++))
  await until(() => client.retries.length >= 3, 'three requests in turn, each in its wait')
  expect(ended, 'a wait is anything from 0 to 110 s').toBeLessThan(2)
  stop.abort()
  await Promise.allSettled(failing)
})
