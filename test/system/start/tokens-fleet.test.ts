import postgres from 'postgres'
import { describe, expect, test } from 'vitest'
import type { Grant } from '../../../src/remote/auth/seal.ts'
import { startSimulator } from '../../../src/simulator/server.ts'
import { createNewDatabase } from '../../support/postgres/database.ts'
import { createRedis } from '../../support/redis/redis.ts'
import type { MemberOptions } from '../../support/scopestack/fleet-member.ts'
import { startFleet, type Member } from '../../support/scopestack/fleet.ts'
import { openSession } from '../../support/scopestack/session.ts'
import { watchTokens, type Form } from '../../support/scopestack/token-watch.ts'
import { expireClaims } from '../../support/tables/fleet.ts'
import { until } from '../../support/until.ts'

/** `npm run faults` runs longer, and more of them. */
const LONG = process.env['FAULTS'] === 'long'
const PROCESSES = LONG ? 10 : 3
const CALLERS = 10
/** So that the callers, who call again and again, are not what the machine is busy with. */
const LATENCY_MS = LONG ? 20 : 60
const REVOCATIONS = LONG ? 40 : 3
/** Forty revocations, beside all the other fleets of this file at a load of 30, reached the 32nd after 180 s. */
const LIMIT_MS = LONG ? 600_000 : 300_000

interface Held {
  readonly form: Form
  release(): void
}

/** ScopeStack, a store, and all requests to the token address; the next one can be delayed. */
async function setting(kind: 'Postgres' | 'Redis', grant: Grant) {
  const sim = await startSimulator({ projects: 1, latency: LATENCY_MS })
  const database = await createNewDatabase()
  const redis = kind === 'Redis' ? await createRedis() : undefined
  const sent: Form[] = []
  let hold = false
  let held: Held | undefined
  const proxy = await watchTokens(sim.url, async (form) => {
    sent.push(form)
    if (!hold) return undefined
    hold = false
    await new Promise<void>((release) => (held = { form, release }))
    return undefined
  })
  const { clientId, clientSecret, username, password } = sim.credentials
  const options: MemberOptions = {
    credentials: { authUrl: proxy.url, clientId, clientSecret, grant, username, password },
    apiUrl: sim.url,
    databaseUrl: database.url,
    ...(redis === undefined ? {} : { redisUrl: redis.url }),
    callers: CALLERS,
    claimMs: 90_000,
  }
  return {
    sim,
    sent,
    options,
    wipe: async () => void (await redis?.redis.flushdb()),
    /** As if the time of the claim were over, however long a machine under load takes for a request. */
    async endClaim(): Promise<void> {
      await using sql = Object.assign(postgres(database.url, { max: 1 }), {
        [Symbol.asyncDispose]: () => sql.end({ timeout: 1 }),
      })
      if (redis === undefined) await expireClaims(sql)
      for (const key of (await redis?.redis.keys('*')) ?? []) {
        if ((await redis!.redis.hexists(key, 'claim')) === 1) await redis!.redis.hset(key, 'claimUntil', 0)
      }
    },
    refreshed: () => sent.flatMap((form) => form['refresh_token'] ?? []),
    async holdNext(): Promise<void> {
      hold = true
    },
    heldBack: () => until(() => held, 'a token request to hold back'),
    async [Symbol.asyncDispose]() {
      held?.release()
      await proxy[Symbol.asyncDispose]()
      await redis?.[Symbol.asyncDispose]()
      await sim.close()
      await database[Symbol.asyncDispose]()
    },
  }
}

/** Every caller of every process has succeeded with so many tokens. */
const allReached = (members: readonly Member[], count: number) =>
  until(() => {
    const failed = members.flatMap(({ failures, stderr }) => [...failures, stderr()]).filter((text) => text !== '')
    if (failed.length > 0) return true
    return members.every(
      ({ generations }) =>
        generations.size === CALLERS && [...generations.values()].every((seen) => seen.length >= count),
    )
  }, `token ${count} reaching every caller`)

const everything = (members: readonly Member[]): number[][] =>
  members.flatMap(({ generations }) => [...generations.values()].map((seen) => [...seen]))

const ready = (members: readonly Member[]) =>
  until(() => members.every((member) => member.ready()), 'every process being ready')

describe.concurrent.each(['Postgres', 'Redis'] as const)('a fleet with its tokens in %s', (kind) => {
  test.concurrent.each(['client_credentials', 'password'] as const)(
    `of ${PROCESSES} processes with ${CALLERS} callers each asks once for each token, by %s, and no call fails`,
    async (grant) => {
      await using set = await setting(kind, grant)
      await using fleet = startFleet(PROCESSES, set.options)
      const { members } = fleet
      await ready(members)
      for (const member of members) member.go()
      await allReached(members, 1)
      for (let revoked = 1; revoked <= REVOCATIONS; revoked++) {
        set.sim.revokeTokens()
        await allReached(members, revoked + 1)
      }
      await Promise.all(members.map((member) => member.end()))
      expect(members.flatMap(({ failures, stderr }) => [...failures, stderr()]).filter(Boolean)).toEqual([])
      expect(set.sent).toHaveLength(REVOCATIONS + 1)
      const seen = everything(members)
      expect(seen[0]).toHaveLength(REVOCATIONS + 1)
      expect(seen[0]).toEqual(seen[0]!.toSorted((a, b) => a - b))
      for (const generations of seen) expect(generations).toEqual(seen[0])
      const refreshed = set.refreshed()
      expect(refreshed).toHaveLength(grant === 'password' ? REVOCATIONS : 0)
      expect(new Set(refreshed).size, 'each refresh token was sent once').toBe(refreshed.length)
    },
    LIMIT_MS,
  )

  test.concurrent.each(['client_credentials', 'password'] as const)(
    'refuses the late token of a process that was suspended past its claim, by %s',
    async (grant) => {
      await using set = await setting(kind, grant)
      const { options } = set
      if (grant === 'password') {
        // There is a session already, so that the delayed request is a refresh.
        await using session = openSession(options.credentials, options.databaseUrl)
        await session.tokens.get(new AbortController().signal)
        set.sim.revokeTokens()
        await session.tokens.reject(1)
      }
      const before = set.sent.length
      await using fleet = startFleet(2, options)
      const [slow, quick] = fleet.members as [Member, Member]
      await ready([slow, quick])
      await set.holdNext()
      slow.go()
      const held = await set.heldBack()
      slow.signal('SIGSTOP')
      await set.endClaim()
      quick.go()
      await allReached([quick], 1)
      expect(set.sent.length - before).toBe(2)
      held.release()
      slow.signal('SIGCONT')
      await allReached([slow], 1)
      // One more refresh shows which session the fleet uses.
      set.sim.revokeTokens()
      await allReached([slow, quick], 2)
      await Promise.all([slow.end(), quick.end()])

      expect([...slow.failures, ...quick.failures, slow.stderr(), quick.stderr()].filter(Boolean)).toEqual([])
      const seen = everything([slow, quick])
      expect(seen[0]).toHaveLength(2)
      for (const generations of seen) expect(generations, 'all on the token of who was in time').toEqual(seen[0])
      expect(set.sent.slice(before).map((form) => form['grant_type'])).toEqual(
        grant === 'password'
          ? ['refresh_token', 'password', 'refresh_token']
          : ['client_credentials', 'client_credentials', 'client_credentials'],
      )
      const refreshed = set.refreshed()
      expect(new Set(refreshed).size, 'each refresh token was sent once').toBe(refreshed.length)
    },
  )
})

test.concurrent(
  'a fleet whose Redis loses all data while its token is revoked requests one token, and no call fails',
  async () => {
    await using set = await setting('Redis', 'client_credentials')
    await using fleet = startFleet(3, set.options)
    const { members } = fleet
    await ready(members)
    for (const member of members) member.go()
    await allReached(members, 1)
    for (let wiped = 1; wiped <= REVOCATIONS; wiped++) {
      await set.wipe()
      set.sim.revokeTokens()
      await allReached(members, wiped + 1)
    }
    await Promise.all(members.map((member) => member.end()))
    expect(members.flatMap(({ failures, stderr }) => [...failures, stderr()]).filter(Boolean)).toEqual([])
    expect(set.sent).toHaveLength(REVOCATIONS + 1)
    const seen = everything(members)
    expect(seen[0]).toEqual(seen[0]!.toSorted((a, b) => a - b))
    for (const generations of seen) expect(generations).toEqual(seen[0])
  },
  LIMIT_MS,
)
