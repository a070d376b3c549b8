import { describe, expect, test } from 'vitest'
import type { SyncError } from '../../../src/errors/sync-error.ts'
import type { RateLimitStore, RateState } from '../../../src/rate-limit-store.ts'
import { createLocalRateLimitStore } from '../../../src/remote/http/rate-limit-local.ts'
import { createRateLimit } from '../../../src/remote/http/rate-limit.ts'
import { openDatabase } from '../../../src/store/connection/database.ts'
import { openRedisRateLimitStore, readRedisRateState } from '../../../src/store/fleet/rate-limit-redis.ts'
import { openRateLimitStore, readRateState } from '../../../src/store/fleet/rate-limit.ts'
import { openRedis } from '../../../src/store/redis/redis.ts'
import { createDatabase } from '../../support/postgres/database.ts'
import { startOwnRedis } from '../../support/redis/redis-server.ts'
import { createRedis } from '../../support/redis/redis.ts'
import { ageRateLimit } from '../../support/tables/fleet.ts'
import { until } from '../../support/until.ts'

interface Home extends AsyncDisposable {
  /** What a person is shown of it; undefined of what one process has for itself. */
  readonly shown?: () => Promise<RateState>
  /** Another process's view of the same. */
  open(keyId?: string): RateLimitStore
  /** As if so many ms had passed. */
  age(ms: number): Promise<void>
}

async function localHome(): Promise<Home> {
  let ahead = 0
  const stores = new Map<string, RateLimitStore>()
  return {
    open(keyId = 'key') {
      const store = stores.get(keyId) ?? createLocalRateLimitStore(() => Date.now() + ahead)
      stores.set(keyId, store)
      return store
    },
    age: async (ms) => void (ahead += ms),
    [Symbol.asyncDispose]: async () => {},
  }
}

async function postgresHome(): Promise<Home> {
  const database = await createDatabase()
  const opened = [openDatabase(database.url), openDatabase(database.url)]
  let next = 0
  return {
    open: (keyId = 'key') => openRateLimitStore(opened[next++ % 2]!, keyId),
    shown: () => readRateState(opened[0]!),
    async age(ms) {
      await ageRateLimit(opened[0]!, `${ms} milliseconds`)
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map((sql) => sql.end({ timeout: 1 })))
      await database[Symbol.asyncDispose]()
    },
  }
}

async function redisHome(): Promise<Home> {
  const server = await createRedis()
  const { redis } = server
  const opened = [openRedis(server.url), openRedis(server.url)]
  let next = 0
  return {
    open: (keyId = 'key') => openRedisRateLimitStore(opened[next++ % 2]!, keyId),
    shown: () => readRedisRateState(opened[0]!, 'key'),
    async age(ms) {
      for (const key of await redis.keys('*')) {
        for (const [field, value] of Object.entries(await redis.hgetall(key))) {
          if (/At$|Until$/.test(field)) await redis.hset(key, field, String(Number(value) - ms))
        }
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map((connection) => connection.close()))
      await server[Symbol.asyncDispose]()
    },
  }
}

/** Slow enough that the time a test takes is small against the distance of two places: 100 s. */
const RATE = 0.01
const STEP_MS = 1000 / RATE

test.each([
  ['Postgres', postgresHome],
  ['Redis', redisHome],
])(
  'a person is shown until when requests are held back, and how far the rate is lowered, in %s',
  async (_, openHome) => {
    await using home: Home = await openHome()
    const shown = home.shown!
    expect(await shown()).toEqual({ heldUntil: null, share: 1 })
    const store = home.open()
    await store.reserve(RATE)
    expect(await shown()).toEqual({ heldUntil: null, share: 1 })
    await store.backOff(60_000)
    const left = await store.backOffLeft()
    const { heldUntil, share } = await shown()
    expect(share).toBe(0.5)
    expect(Math.abs(heldUntil!.getTime() - Date.now() - left)).toBeLessThan(10_000)
    await home.age(61_000)
    expect(await shown()).toEqual({ heldUntil: null, share: 1 })
  },
)

describe.each([
  ['memory', localHome],
  ['Postgres', postgresHome],
  ['Redis', redisHome],
])('the rate limit in %s', (_, openHome) => {
  /** How many steps from now the next place is. */
  const steps = async (store: RateLimitStore): Promise<number> => (await store.reserve(RATE)).waitMs / STEP_MS

  test('gives each request a place of its own, one after the other, across processes', async () => {
    await using home = await openHome()
    const places = await Promise.all(Array.from({ length: 30 }, () => home.open().reserve(RATE)))
    const waits = places.map(({ waitMs }) => waitMs / STEP_MS).toSorted((a, b) => a - b)
    waits.forEach((wait, index) => expect(wait).toBeGreaterThan(index - 0.5))
    waits.forEach((wait, index) => expect(wait).toBeLessThanOrEqual(index))
    expect(places.map(({ taken }) => taken).toSorted((a, b) => a - b)).toEqual(waits.map((_wait, index) => index + 1))
  })

  test('saves up no places that were not used', async () => {
    await using home = await openHome()
    await home.open().reserve(RATE)
    await home.age(50 * STEP_MS)
    expect(await steps(home.open())).toBe(0)
    expect(await steps(home.open())).toBeCloseTo(1, 1)
  })

  test('holds back all processes after a 429, and moves the queue behind it', async () => {
    await using home = await openHome()
    expect(await home.open().backOffLeft()).toBeLessThanOrEqual(0)
    await home.open().backOff(5 * STEP_MS)
    expect((await home.open().backOffLeft()) / STEP_MS).toBeCloseTo(5, 1)
    expect(await steps(home.open())).toBeCloseTo(5, 1)
    await home.open().backOff(STEP_MS)
    expect((await home.open().backOffLeft()) / STEP_MS, 'a shorter one ends no longer one').toBeCloseTo(5, 1)
    await home.age(5 * STEP_MS)
    expect(await home.open().backOffLeft()).toBeLessThanOrEqual(0)
  })

  test('a hold that ends in another year is ignored', async () => {
    await using home = await openHome()
    // As if the clock had been set back since.
    await home.open().backOff(60_000)
    await home.age(-20 * 365 * 86_400_000)
    expect(await home.open().backOffLeft()).toBeLessThanOrEqual(0)
    expect(await steps(home.open())).toBe(0)
    expect(await steps(home.open()), 'at half the rate, as before').toBeCloseTo(2, 1)
    await home.open().backOff(7 * STEP_MS)
    expect((await home.open().backOffLeft()) / STEP_MS).toBeCloseTo(7, 1)
  })

  test('halves the rate of all processes, once a second at most, and never below a sixteenth', async () => {
    await using home = await openHome()
    const distance = async (): Promise<number> => {
      const first = await steps(home.open())
      return (await steps(home.open())) - first
    }
    expect(await distance()).toBeCloseTo(1, 1)
    for (let response = 0; response < 5; response++) await home.open().backOff(0)
    expect(await distance()).toBeCloseTo(2, 1)
    for (const factor of [4, 8, 16, 16]) {
      await home.age(1_500)
      await home.open().backOff(0)
      expect(await distance()).toBeCloseTo(factor, 1)
    }
  })

  test('climbs back by a tenth of the rate every ten seconds', async () => {
    await using home = await openHome()
    await home.open().backOff(0)
    for (const [aged, rate] of [
      [10_500, 0.6],
      [10_000, 0.7],
      [20_000, 0.9],
      [60_000, 1],
    ] as const) {
      await home.age(aged)
      const first = await steps(home.open())
      expect((await steps(home.open())) - first).toBeCloseTo(1 / rate, 1)
    }
  })

  test('keeps a queue for each pair of credentials', async () => {
    await using home = await openHome()
    await home.open('one').backOff(STEP_MS)
    expect(await steps(home.open('two'))).toBe(0)
    expect(await home.open('two').backOffLeft()).toBeLessThanOrEqual(0)
  })

  test('workers together start no more requests than the rate allows', async () => {
    await using home = await openHome()
    const never = new AbortController().signal
    const starts: number[] = []
    const workers = [1, 2, 3, 4].map(() => createRateLimit({ rate: 50, shared: home.open() }))
    await Promise.all(
      workers.flatMap((rateLimit) =>
        Array.from({ length: 15 }, () => rateLimit.acquire(never).then(() => starts.push(performance.now()))),
      ),
    )
    expect(starts).toHaveLength(60)
    // 59 distances of 20 ms; a slow machine only makes it longer.
    expect(Math.max(...starts) - Math.min(...starts)).toBeGreaterThan(59 * 20 - 100)
  })

  test('a request that has waited for its place checks whether a 429 came meanwhile', async () => {
    await using home = await openHome()
    const never = new AbortController().signal
    const store = home.open()
    let reserved = 0
    const watched: RateLimitStore = {
      ...store,
      reserve: (rate) => store.reserve(rate).finally(() => reserved++),
    }
    const rateLimit = createRateLimit({ rate: 5, shared: watched })
    await rateLimit.acquire(never)
    const stop = new AbortController()
    let sent = false
    const waiting = rateLimit.acquire(stop.signal).then(() => (sent = true))
    await until(() => reserved === 2, 'the second place')
    // Another worker's.
    await home.open().backOff(3_600_000)
    await until(() => reserved === 3, 'the place after the 429')
    stop.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'SYNC_STOPPED' })
    expect(sent).toBe(false)
  })
})

describe.each([
  ['Postgres', postgresHome],
  ['Redis', redisHome],
])('processes with different rates, in %s', (_, openHome) => {
  test('one with 0.001, or with 1000, delays no other; those with the same share one queue', async () => {
    await using home = await openHome()
    for (let request = 0; request < 4; request++) await home.open().reserve(0.001)
    for (let request = 0; request < 50; request++) await home.open().reserve(1_000)
    expect((await home.open().reserve(5)).waitMs).toBeLessThanOrEqual(0)
    expect((await home.open().reserve(5)).waitMs).toBeLessThanOrEqual(200)
    const { waitMs, taken } = await home.open().reserve(0.001)
    expect(waitMs / 1_000_000, 'behind the four of its own rate').toBeCloseTo(4, 1)
    expect(taken).toBe(5)
  })

  test('a 429 to one holds back all of them, and halves each rate', async () => {
    await using home = await openHome()
    for (const rate of [0.001, 0.01]) await home.open().reserve(rate)
    await home.open().backOff(3_000_000)
    expect((await home.open().reserve(5)).waitMs / 1_000_000).toBeCloseTo(3, 1)
    await home.age(3_000_000)
    for (const rate of [0.001, 0.01]) {
      await home.open().backOff(0)
      const first = (await home.open().reserve(rate)).waitMs
      const next = (await home.open().reserve(rate)).waitMs
      expect(((next - first) * rate) / 1_000).toBeCloseTo(2, 1)
    }
  })
})

test.each([
  [
    'its own rate',
    async () => {},
    /^The next request waits \d+ s for the rate limit: .* 0\.01 requests\/s\. Raise SYNC_RATE/,
  ],
  [
    'a 429 to another worker',
    async (other: RateLimitStore) => other.backOff(60_000),
    /^Requests wait for \d+ s: ScopeStack asked another worker to/,
  ],
])('a long wait is reported, with its cause: %s', async (_, before, sentence) => {
  await using home = await redisHome()
  const stop = new AbortController()
  const notices: SyncError[] = []
  const rateLimit = createRateLimit({
    rate: 0.01,
    shared: home.open(),
    onNotice: (notice) => notices.push(notice),
  })
  await rateLimit.acquire(stop.signal)
  await before(home.open())
  const waiting = [1, 2, 3].map(() => rateLimit.acquire(stop.signal))
  await until(() => notices.length > 0, 'a word about it')
  stop.abort()
  await Promise.allSettled(waiting)
  expect(notices.map(({ code, message }) => [code, message])).toEqual([
    ['SYNC_PACE_WAITS', expect.stringMatching(sentence) as string],
  ])
})

test.each([
  ['Redis', () => openRedisRateLimitStore(openRedis('redis://127.0.0.1:9'), 'key')],
  ['Postgres', () => openRateLimitStore(openDatabase('postgres://none@127.0.0.1:9/none'), 'key')],
])('%s out of reach: the worker goes on with its share of the rate, and reports that once', async (_, open) => {
  const notices: SyncError[] = []
  const never = new AbortController().signal
  const rateLimit = createRateLimit({
    rate: 50,
    shared: open(),
    onNotice: (notice) => notices.push(notice),
  })
  let sent = 0
  await Promise.all(Array.from({ length: 10 }, () => rateLimit.acquire(never).then(() => sent++)))
  await rateLimit.backOff(0)
  expect(sent).toBe(10)
  expect(notices.map(({ code }) => code)).toEqual(['SYNC_PACE_ALONE'])
  expect(notices[0]!.message).toMatch(/cannot be shared .* own share, 50 requests\/s, .* again in 10 s/)
})

test('a Redis that comes back is used again, and is not tried by every request meanwhile', async () => {
  const never = new AbortController().signal
  let server = await startOwnRedis()
  let ahead = 0
  let tries = 0
  const connection = openRedis(server.url)
  const store = openRedisRateLimitStore(connection, 'key')
  const counted: RateLimitStore = { ...store, reserve: (rate) => (tries++, store.reserve(rate)) }
  const notices: SyncError[] = []
  const rateLimit = createRateLimit({
    rate: 1_000,
    shared: counted,
    onNotice: (notice) => notices.push(notice),
    now: () => Date.now() + ahead,
  })
  const send = () => rateLimit.acquire(never)
  await send()
  await server.stop()
  for (let request = 0; request < 20; request++) await send()
  expect([tries, notices.length]).toEqual([2, 1])
  ahead += 10_000
  await send()
  expect([tries, notices.length], 'still down, and reported again').toEqual([3, 2])
  server = await startOwnRedis({ port: server.port })
  await until(async () => {
    ahead += 10_000
    const before = tries
    await send()
    await send()
    return tries - before === 2
  }, 'the store being used by each request again')
  await connection.close()
  await server.stop()
})

test('the share of a worker is its part of the last places', async () => {
  const never = new AbortController().signal
  let taken = 0
  let down = false
  // Three others take a place each between two of ours.
  const shared: RateLimitStore = {
    reserve: async () => {
      if (down) throw new Error('gone.')
      return { waitMs: 0, taken: (taken += 4) }
    },
    backOffLeft: async () => 0,
    backOff: async () => {},
  }
  const notices: string[] = []
  const rateLimit = createRateLimit({
    rate: 100,
    shared,
    onNotice: ({ message }) => notices.push(message),
  })
  for (let request = 0; request < 25; request++) await rateLimit.acquire(never)
  down = true
  await rateLimit.acquire(never)
  expect(notices).toEqual([expect.stringContaining('own share, 25 requests/s')])
})
