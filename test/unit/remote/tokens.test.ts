import { beforeEach, describe, expect, it } from 'vitest'
import { credentialsRefused } from '../../../src/errors/credentials.ts'
import { rateLimited, remoteFailed } from '../../../src/errors/requests.ts'
import { actionOn } from '../../../src/jobs/job-outcome.ts'
import { createSeal } from '../../../src/remote/auth/seal.ts'
import type { IssuedToken } from '../../../src/remote/auth/token-response.ts'
import { createTokens, decide } from '../../../src/remote/auth/tokens.ts'
import type { CoolDown, StoredToken, TokenStore } from '../../../src/token-store.ts'

/** The contract in memory, for what depends on the clock alone; the store in Postgres has integration tests. */
function memoryStore(): TokenStore & { row: StoredToken; claims: Set<string> } {
  let row: StoredToken = { now, generation: 0, sealed: null, issuedAt: 0, expiresAt: 0, coolDown: null }
  const claims = new Set<string>()
  return {
    claims,
    get row() {
      return row
    },
    read: async () => ({ ...row, now }),
    claim: async (_, generation) => (claims.size > 0 || generation !== row.generation ? null : (claims.add('c'), 'c')),
    publish: async (claim, { aboveGeneration, ...token }) => {
      if (!claims.delete(claim)) return null
      const generation = Math.max(row.generation, aboveGeneration) + 1
      row = { now, ...token, generation, coolDown: null }
      return generation
    },
    fail: async (claim, coolDown: CoolDown) => void (claims.delete(claim) && (row = { ...row, coolDown })),
    reject: async (generation) => void (row.generation === generation && (row = { ...row, sealed: null })),
  }
}

const seal = createSeal({ authUrl: 'https://a', clientId: 'id', clientSecret: 'secret' })
const policy = { attempts: 1, baseMs: 1, capMs: 1 }
const signal = new AbortController().signal
const HOUR = 3_600_000

let now = 0
let requests = 0
let respond: () => Promise<IssuedToken>
beforeEach(() => {
  now = Date.parse('2026-01-01T00:00:00Z')
  requests = 0
  respond = async () => ({ accessToken: `token ${requests}`, lifetimeSeconds: 86_400 })
})

const tokensOn = (store: TokenStore) =>
  createTokens({ store, seal, policy, elapsed: () => now, random: () => 0, request: () => (requests++, respond()) })

describe('the token', () => {
  it('is requested once for several callers at the same time', async () => {
    const tokens = tokensOn(memoryStore())
    const got = await Promise.all(Array.from({ length: 50 }, () => tokens.get(signal)))
    expect([requests, new Set(got.map(({ accessToken }) => accessToken)).size]).toEqual([1, 1])
  })

  it('is read from the store when another process has published one', async () => {
    const store = memoryStore()
    await tokensOn(store).get(signal)
    expect(await tokensOn(store).get(signal)).toMatchObject({ accessToken: 'token 1', generation: 1 })
    expect(requests).toBe(1)
  })

  it('is never stored readable', async () => {
    const store = memoryStore()
    await tokensOn(store).get(signal)
    expect(store.row.sealed).not.toContain('token')
    expect(seal.unseal(store.row.sealed!)).toBe('token 1')
  })

  it('is renewed five minutes before a long life ends, and used meanwhile', async () => {
    const tokens = tokensOn(memoryStore())
    await tokens.get(signal)
    now += 24 * HOUR - 301_000
    await tokens.get(signal)
    expect(requests).toBe(1)
    now += 2_000
    expect((await tokens.get(signal)).generation).toBe(1)
    await expect.poll(async () => (await tokens.get(signal)).generation).toBe(2)
    expect(requests).toBe(2)
  })

  it('that could not be renewed in time is used until it ends', async () => {
    const tokens = tokensOn(memoryStore())
    await tokens.get(signal)
    respond = async () => Promise.reject(remoteFailed({ url: 'u', status: 503, requestId: undefined }))
    now += 24 * HOUR - 1_000
    expect((await tokens.get(signal)).generation).toBe(1)
    now += 2_000
    await expect(tokens.get(signal)).rejects.toThrow('503')
  })

  it('is replaced once for several callers that reject it', async () => {
    const tokens = tokensOn(memoryStore())
    const { generation } = await tokens.get(signal)
    await Promise.all(Array.from({ length: 50 }, () => tokens.reject(generation)))
    const got = await Promise.all(Array.from({ length: 50 }, () => tokens.get(signal)))
    expect(new Set(got.map((token) => token.generation))).toEqual(new Set([2]))
    await tokens.reject(generation)
    expect((await tokens.get(signal)).generation).toBe(2)
    expect(requests).toBe(2)
  })
})

describe('a failed token request', () => {
  it('is repeated by no process before its cool-down has passed', async () => {
    const store = memoryStore()
    respond = async () => Promise.reject(remoteFailed({ url: 'u', status: 503, requestId: undefined }))
    await expect(tokensOn(store).get(signal)).rejects.toMatchObject({
      code: 'SYNC_TOKEN_FAILED',
      remedy: 'wait',
    })
    await expect(tokensOn(store).get(signal)).rejects.toMatchObject({ code: 'SYNC_TOKEN_COOLDOWN', remedy: 'wait' })
    expect(requests).toBe(1)
    now += 31_000
    respond = async () => ({ accessToken: 'good', lifetimeSeconds: 60 })
    expect((await tokensOn(store).get(signal)).accessToken).toBe('good')
  })

  it('waits as long as Retry-After says, and so does the job that needed the token', async () => {
    const store = memoryStore()
    respond = async () => Promise.reject(rateLimited({ url: 'u', status: 429, seconds: 300 }))
    const error: unknown = await tokensOn(store)
      .get(signal)
      .catch((failure: unknown) => failure)
    expect(error).toMatchObject({ code: 'SYNC_TOKEN_FAILED', facts: { seconds: 300 } })
    expect(actionOn(error, { lastAttempt: false })).toEqual({ do: 'wait', ms: 300_000 })
    expect(store.row.coolDown).toMatchObject({ until: now + 300_000 })
  })

  it('is not repeated when its claim could end meanwhile', async () => {
    const store = memoryStore()
    const patient = { attempts: 7, baseMs: 1, capMs: 1 }
    const tokens = createTokens({
      store,
      seal,
      policy: patient,
      elapsed: () => now,
      request: async () => {
        requests++
        // A server that does not respond: 5 s to connect the first time, a minute the second.
        now += requests === 1 ? 5_000 : 60_000
        throw remoteFailed({ url: 'u', status: 504, requestId: undefined })
      },
    })
    await expect(tokens.get(signal)).rejects.toMatchObject({ code: 'SYNC_TOKEN_FAILED', remedy: 'wait' })
    expect(requests).toBe(2)
    expect(store.row.coolDown).toMatchObject({ reason: expect.stringContaining('504') })
  })

  it('for refused credentials stays that during the cool-down', async () => {
    const store = memoryStore()
    respond = async () => Promise.reject(credentialsRefused({ url: 'u', error: 'invalid_client', description: '' }))
    for (let time = 0; time < 3; time++) {
      await expect(tokensOn(store).get(signal)).rejects.toMatchObject({ code: 'SYNC_CREDENTIALS_REFUSED' })
    }
    expect(requests).toBe(1)
  })

  it('ends the claim, so that the next one need not wait for it', async () => {
    const store = memoryStore()
    respond = async () => Promise.reject(new Error('boom'))
    await expect(tokensOn(store).get(signal)).rejects.toThrow('boom')
    expect(store.claims.size).toBe(0)
  })
})

it('a token that was obtained too late replaces none', async () => {
  const store = memoryStore()
  respond = async () => {
    // Held up for so long that another has claimed, published, and is done.
    store.claims.clear()
    respond = async () => ({ accessToken: 'second', lifetimeSeconds: 60 })
    await tokensOn(store).get(signal)
    return { accessToken: 'late', lifetimeSeconds: 60 }
  }
  expect(await tokensOn(store).get(signal)).toMatchObject({ accessToken: 'second', generation: 1 })
})

describe('the seal', () => {
  const credentials = { authUrl: 'https://a', clientId: 'id', clientSecret: 'secret' }

  it('opens with the same credentials only', () => {
    const sealed = createSeal(credentials).seal('token')
    expect(createSeal(credentials).unseal(sealed)).toBe('token')
    expect(createSeal({ ...credentials, clientSecret: 'other' }).unseal(sealed)).toBeNull()
    expect(createSeal({ ...credentials, clientId: 'other' }).unseal(sealed)).toBeNull()
  })

  it('notices an altered byte', () => {
    const bytes = Buffer.from(createSeal(credentials).seal('token'), 'base64')
    for (let index = 0; index < bytes.length; index++) {
      const altered = Buffer.from(bytes)
      altered[index]! ^= 1
      expect(createSeal(credentials).unseal(altered.toString('base64'))).toBeNull()
    }
  })

  it('differs each time, and identifies the credentials without showing them', () => {
    const one = createSeal(credentials)
    expect(one.seal('token')).not.toBe(one.seal('token'))
    expect(one.keyId).toMatch(/^[0-9a-f]{32}$/)
    expect(createSeal({ ...credentials, clientSecret: 'other' }).keyId).not.toBe(one.keyId)
  })
})

describe('what the stored row means', () => {
  const token = { accessToken: 'x', generation: 7, issuedAt: 0, expiresAt: 10 * HOUR }
  const coolDown = (until: number, refused = false) => ({ until, refused, reason: 'the reason' })
  const at = { now: HOUR, outdated: 0, rejected: 0 }

  it.each([
    ['a good token is used', null, token, at, 'use'],
    [
      'so is one of a generation that the caller does not have, however short it lives',
      null,
      token,
      { ...at, now: 10 * HOUR - 1 },
      'use',
    ],
    ['the same generation is used while it lives long enough', null, token, { ...at, outdated: 7 }, 'use'],
    ['and replaced when it expires soon', null, token, { ...at, outdated: 7, now: 10 * HOUR - 300_000 }, 'request'],
    ['a rejected generation is never used', null, token, { ...at, rejected: 7 }, 'request'],
    ['no token is requested', null, undefined, at, 'request'],
    ['a cool-down is respected', coolDown(HOUR + 1), undefined, at, 'SYNC_TOKEN_COOLDOWN'],
    ['also of refused credentials', coolDown(HOUR + 1, true), undefined, at, 'SYNC_CREDENTIALS_REFUSED'],
    ['a good token is used in spite of it', coolDown(HOUR + 1), token, at, 'use'],
    ['one that is over is none', coolDown(HOUR), undefined, at, 'request'],
    ['so is one that is longer than any', coolDown(4 * HOUR), undefined, at, 'request'],
  ] as const)('%s', (_, pause, stored, state, expected) => {
    const decision = decide({ coolDown: pause }, stored, state)
    expect(decision.action === 'fail' ? decision.error.code : decision.action).toBe(expected)
  })
})
