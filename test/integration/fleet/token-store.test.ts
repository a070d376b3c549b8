import { describe, expect, test } from 'vitest'
import { factOf } from '../../../src/errors/sync-error.ts'
import { createSeal } from '../../../src/remote/auth/seal.ts'
import { parseTokenResponse } from '../../../src/remote/auth/token-response.ts'
import { createTokens } from '../../../src/remote/auth/tokens.ts'
import { openDatabase } from '../../../src/store/connection/database.ts'
import { openRedisTokenStore } from '../../../src/store/fleet/tokens-redis.ts'
import { openTokenStore } from '../../../src/store/fleet/tokens.ts'
import { openRedis } from '../../../src/store/redis/redis.ts'
import type { NewToken, TokenStore } from '../../../src/token-store.ts'
import { createDatabase } from '../../support/postgres/database.ts'
import { startOwnRedis } from '../../support/redis/redis-server.ts'
import { createRedis } from '../../support/redis/redis.ts'
import { deleteTokens, readTokens } from '../../support/tables/fleet.ts'
import { until } from '../../support/until.ts'

interface Home extends AsyncDisposable {
  /** Another process's view of the same. */
  open(keyId?: string): TokenStore
  /** All that is kept, as text. */
  dump(): Promise<string>
  /** Everything is lost. */
  wipe(): Promise<void>
}

async function postgresHome(): Promise<Home> {
  const database = await createDatabase()
  const opened = [openDatabase(database.url), openDatabase(database.url)]
  let next = 0
  return {
    open: (keyId = 'key') => openTokenStore(opened[next++ % 2]!, keyId),
    async dump() {
      return (await readTokens(opened[0]!, ['text'])).map(({ text }) => text).join(' ')
    },
    wipe: async () => void (await deleteTokens(opened[0]!)),
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
    open: (keyId = 'key') => openRedisTokenStore(opened[next++ % 2]!, keyId),
    async dump() {
      const keys = await redis.keys('*')
      const hashes = await Promise.all(keys.map((key) => redis.hgetall(key)))
      return JSON.stringify([keys, hashes])
    },
    wipe: async () => void (await redis.flushdb()),
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map((connection) => connection.close()))
      await server[Symbol.asyncDispose]()
    },
  }
}

/** As if so many ms had passed by the clock of the store. */
const aged = (store: TokenStore, ms: () => number): TokenStore => ({
  ...store,
  async read() {
    const stored = await store.read()
    return { ...stored, now: stored.now + ms() }
  },
})

const HOUR = 3_600_000
const NONE = {
  now: expect.any(Number) as number,
  generation: 0,
  sealed: null,
  issuedAt: 0,
  expiresAt: 0,
  coolDown: null,
}
const token = (sealed: string, more: Partial<NewToken> = {}): NewToken => ({
  sealed,
  issuedAt: 1_700_000_000_000,
  expiresAt: 1_700_000_000_000 + HOUR,
  aboveGeneration: 0,
  ...more,
})

describe.each([
  ['Postgres', postgresHome],
  ['Redis', redisHome],
])('tokens in %s', (_, openHome) => {
  /** Claims and publishes, as one process does when nothing disturbs it. */
  async function put(store: TokenStore, sealed: string, more: Partial<NewToken> = {}): Promise<number> {
    const claim = await store.claim(HOUR, (await store.read()).generation)
    return (await store.publish(claim!, token(sealed, more)))!
  }

  test('a new store has none', async () => {
    await using home = await openHome()
    expect(await home.open().read()).toEqual(NONE)
  })

  test('a published token is what every process reads, to the millisecond', async () => {
    await using home = await openHome()
    const generation = await put(home.open(), 'sealed', { issuedAt: 1_700_000_000_123, expiresAt: 1_700_000_999_456 })
    expect(await home.open().read()).toEqual({
      now: expect.any(Number) as number,
      generation,
      sealed: 'sealed',
      issuedAt: 1_700_000_000_123,
      expiresAt: 1_700_000_999_456,
      coolDown: null,
    })
  })

  test('a claim is given once, to one of several processes at once', async () => {
    await using home = await openHome()
    const claims = await Promise.all(Array.from({ length: 40 }, () => home.open().claim(HOUR, 0)))
    expect(claims.filter((claim) => claim !== null)).toHaveLength(1)
  })

  test('a claim is not given for an older generation than the stored one', async () => {
    await using home = await openHome()
    const generation = await put(home.open(), 'first')
    expect(await home.open().claim(HOUR, 0)).toBeNull()
    expect(await home.open().claim(HOUR, generation)).not.toBeNull()
  })

  test('a claim ends by the clock of the store, and a token that comes later replaces none', async () => {
    await using home = await openHome()
    const [slow, quick] = [home.open(), home.open()]
    const late = await slow.claim(1, 0)
    const claim = await until(() => quick.claim(HOUR, 0), 'the first claim running out')
    expect(await slow.publish(late!, token('late'))).toBeNull()
    expect(await quick.publish(claim, token('good'))).toBeGreaterThan(0)
    expect(await slow.publish(late!, token('later still'))).toBeNull()
    expect(await home.open().read()).toMatchObject({ sealed: 'good' })
  })

  test('a process that lost its claim can neither end nor fail the claim of the next', async () => {
    await using home = await openHome()
    const [slow, quick] = [home.open(), home.open()]
    const late = await slow.claim(1, 0)
    const claim = await until(() => quick.claim(HOUR, 0), 'the first claim running out')
    await slow.fail(late!, { until: Date.now() + HOUR, reason: 'late', refused: true })
    expect((await slow.read()).coolDown).toBeNull()
    expect(await home.open().claim(HOUR, 0)).toBeNull()
    expect(await quick.publish(claim, token('good'))).not.toBeNull()
  })

  test('a claim is good for one token', async () => {
    await using home = await openHome()
    const store = home.open()
    const claim = await store.claim(HOUR, 0)
    expect(await store.publish(claim!, token('first'))).not.toBeNull()
    expect(await store.publish(claim!, token('second'))).toBeNull()
  })

  test('generations only grow', async () => {
    await using home = await openHome()
    const seen: number[] = []
    for (const sealed of ['a', 'b', 'c']) {
      seen.push(await put(home.open(), sealed))
      await home.open().reject(seen.at(-1)!)
    }
    seen.push(await put(home.open(), 'd', { aboveGeneration: seen.at(-1)! + 1_000 }))
    expect(seen[3]!).toBeGreaterThan(seen[2]! + 1_000)
    seen.push(await put(home.open(), 'e'))
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    expect(new Set(seen).size).toBe(5)
  })

  test('a rejection deletes the token of its generation, and no newer one', async () => {
    await using home = await openHome()
    const first = await put(home.open(), 'first')
    await home.open().reject(first)
    expect(await home.open().read()).toMatchObject({ generation: first, sealed: null })
    const second = await put(home.open(), 'second')
    await Promise.all([home.open().reject(first), home.open().reject(first - 1), home.open().reject(0)])
    expect(await home.open().read()).toMatchObject({ generation: second, sealed: 'second' })
  })

  test('a failure ends the claim and starts the cool-down of all processes; the next token ends that', async () => {
    await using home = await openHome()
    const claim = await home.open().claim(HOUR, 0)
    const coolDown = { until: 1_700_000_000_500, reason: 'responded with 503', refused: false }
    await home.open().fail(claim!, coolDown)
    expect((await home.open().read()).coolDown).toEqual(coolDown)
    const again = await home.open().claim(HOUR, 0)
    await home.open().fail(again!, { ...coolDown, refused: true })
    expect((await home.open().read()).coolDown).toEqual({ ...coolDown, refused: true })
    await put(home.open(), 'good')
    expect((await home.open().read()).coolDown).toBeNull()
  })

  test('the cool-down is by the clock of the store, not of the hosts', async () => {
    await using home = await openHome()
    const seal = createSeal({ authUrl: 'https://a', clientId: 'id', clientSecret: 'secret' })
    const never = new AbortController().signal
    let refuses = true
    const open = (hostAhead: number) =>
      createTokens({
        store: home.open(),
        seal,
        policy: { attempts: 1, baseMs: 1, capMs: 1 },
        elapsed: () => performance.now() + hostAhead,
        request: () =>
          refuses ? Promise.reject(new Error('down')) : Promise.resolve({ accessToken: 'token', lifetimeSeconds: 600 }),
      })
    const [ahead, right, behind] = [open(24 * HOUR), open(0), open(-24 * HOUR)]
    await expect(ahead.get(never)).rejects.toThrow('down')
    const { coolDown, now } = await home.open().read()
    expect(coolDown!.until - now).toBeGreaterThan(0)
    expect(coolDown!.until - now).toBeLessThan(HOUR)
    for (const tokens of [right, behind, ahead]) {
      const failure: unknown = await tokens.get(never).catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: 'SYNC_TOKEN_COOLDOWN' })
      // Rounded up: the clocks of this process and of the store may be a part of a millisecond apart.
      expect(factOf(failure, 'seconds')).toBeLessThanOrEqual(31)
    }
    // Left there by an older version on a host a day ahead, or before the store's clock was set back.
    const claim = await home.open().claim(HOUR, 0)
    await home.open().fail(claim!, { until: now + 86_423_000, reason: 'down', refused: false })
    refuses = false
    const tokens = await Promise.all([behind.get(never), right.get(never), ahead.get(never)])
    expect(new Set(tokens.map(({ generation }) => generation)).size).toBe(1)
    const kept = await home.open().read()
    expect(kept.expiresAt - kept.now).toBeGreaterThan(590_000)
    expect(kept.expiresAt - kept.now).toBeLessThanOrEqual(600_000)
  })

  test('a claim that ends later than any can, since the clock was set back, is void', async () => {
    await using home = await openHome()
    await home.open().claim(24 * HOUR, 0)
    expect(await home.open().claim(90_000, 0)).not.toBeNull()
    expect(await home.open().claim(90_000, 0), 'one that is young is').toBeNull()
  })

  test('each pair of credentials has its own token', async () => {
    await using home = await openHome()
    await put(home.open('one'), 'first')
    expect(await home.open('two').read()).toEqual(NONE)
    expect(await home.open('two').claim(HOUR, 0)).not.toBeNull()
  })

  test('a process stores its token sealed, and another one opens it', async () => {
    await using home = await openHome()
    const seal = createSeal({ authUrl: 'https://a', clientId: 'id', clientSecret: 'client-secret-in-clear' })
    const policy = { attempts: 1, baseMs: 1, capMs: 1 }
    const request = async () => ({ accessToken: 'access-token-in-clear', lifetimeSeconds: 60 })
    const never = new AbortController().signal
    await createTokens({ store: home.open(), seal, policy, request }).get(never)
    const other = createTokens({
      store: home.open(),
      seal,
      policy,
      request: () => Promise.reject(new Error('requested')),
    })
    expect((await other.get(never)).accessToken).toBe('access-token-in-clear')
    const dump = await home.dump()
    expect(dump.length).toBeGreaterThan(50)
    expect(dump).not.toContain('in-clear')
    expect(dump).not.toContain(Buffer.from('access-token-in-clear').toString('base64').slice(0, 20))
  })

  test.each(['0', '-1', '0.0001', '1', '1e15', '"1e15"', '99999999999999999999', 'null', '"NaN"', '[]'])(
    'with an expires_in of %s, one request serves all calls of all processes',
    async (expires) => {
      await using home = await openHome()
      const seal = createSeal({ authUrl: 'https://a', clientId: 'id', clientSecret: 'secret' })
      const never = new AbortController().signal
      let requests = 0
      const open = () =>
        createTokens({
          store: home.open(),
          seal,
          policy: { attempts: 1, baseMs: 1, capMs: 1 },
          async request() {
            requests++
            return parseTokenResponse(
              { status: 200, headers: {}, body: `{"access_token":"t","expires_in":${expires}}` },
              'u',
            )
          },
        })
      const fleet = [open(), open()]
      for (let call = 0; call < 25; call++) {
        await Promise.all(fleet.map((tokens) => tokens.get(never)))
      }
      expect(requests).toBe(1)
      const { issuedAt, expiresAt } = await home.open().read()
      expect(expiresAt - issuedAt).toBeGreaterThanOrEqual(10_000)
      expect(expiresAt - issuedAt).toBeLessThanOrEqual(30 * 24 * HOUR)
    },
  )

  test('is renewed before its end by one process, and all use the old one meanwhile', async () => {
    await using home = await openHome()
    const seal = createSeal({ authUrl: 'https://a', clientId: 'id', clientSecret: 'secret' })
    const never = new AbortController().signal
    let ahead = 0
    let requests = 0
    let respond = (): void => {}
    const open = () =>
      createTokens({
        store: aged(home.open(), () => ahead),
        seal,
        policy: { attempts: 1, baseMs: 1, capMs: 1 },
        elapsed: () => performance.now() + ahead,
        async request() {
          if (++requests > 1) await new Promise<void>((resolve) => (respond = resolve))
          return { accessToken: `token ${requests}`, lifetimeSeconds: 86_400 }
        },
      })
    const fleet = [open(), open(), open()]
    const now = () => Promise.all(fleet.map(async (tokens) => (await tokens.get(never)).accessToken))
    expect(await now()).toEqual(['token 1', 'token 1', 'token 1'])
    ahead = 86_400_000 - 60_000
    for (let round = 0; round < 5; round++) expect(await now()).toEqual(['token 1', 'token 1', 'token 1'])
    await until(() => requests === 2, 'a process requesting the next')
    expect(await now()).toEqual(['token 1', 'token 1', 'token 1'])
    respond()
    await until(
      async () => (await now()).every((accessToken) => accessToken === 'token 2'),
      'the next reaching all processes',
    )
    expect(requests).toBe(2)
  })

  test('a store that lost everything is filled by one request, and no process takes its token for an old one', async () => {
    await using home = await openHome()
    const seal = createSeal({ authUrl: 'https://a', clientId: 'id', clientSecret: 'secret' })
    const never = new AbortController().signal
    let issued = 0
    const open = () =>
      createTokens({
        store: home.open(),
        seal,
        policy: { attempts: 1, baseMs: 1, capMs: 1 },
        request: async () => ({ accessToken: `token ${++issued}`, lifetimeSeconds: 600 }),
      })
    const [veteran, other] = [open(), open()]
    // Several generations, so that counting again from one would be an older one.
    for (let revoked = 0; revoked < 5; revoked++) await veteran.reject((await veteran.get(never)).generation)
    const before = (await veteran.get(never)).generation
    expect((await other.get(never)).generation).toBe(before)
    expect(issued).toBe(6)

    await home.wipe()
    await Promise.all([veteran.reject(before), other.reject(before)])
    // Either requests it first: one that remembers, or one that has just been started.
    const got = await Promise.all([veteran.get(never), other.get(never), veteran.get(never), other.get(never)])
    expect(new Set(got.map(({ accessToken }) => accessToken))).toEqual(new Set(['token 7']))
    expect(Math.min(...got.map(({ generation }) => generation))).toBeGreaterThan(before)
    expect((await open().get(never)).accessToken).toBe('token 7')
    expect(issued).toBe(7)
  })
})

test('a Redis that lost everything counts on from its clock, so that a new process gives a higher generation, too', async () => {
  await using server = await createRedis()
  const connection = openRedis(server.url)
  const store = openRedisTokenStore(connection, 'key')
  const publish = async () => (await store.publish((await store.claim(HOUR, 0))!, token('sealed')))!
  const before = await publish()
  await until(async () => Number((await server.redis.time())[0]) * 1000 > before, 'the next second')
  await server.redis.flushdb()
  expect(await publish()).toBeGreaterThan(before)
  await connection.close()
})

test('a Redis that is down is a failure to retry, reported with its address and without its password; the token is available again when it is back', async () => {
  let server = await startOwnRedis({ args: ['--requirepass', 'redis-password'] })
  const { port } = server
  const connection = openRedis(`redis://:redis-password@127.0.0.1:${port}/3`)
  const store = openRedisTokenStore(connection, 'key')
  const first = (await store.publish((await store.claim(HOUR, 0))!, token('sealed')))!
  await server.stop()
  const failure = await store.read().catch((error: unknown) => error)
  expect(failure).toMatchObject({
    code: 'SYNC_REDIS_UNREACHABLE',
    remedy: 'retry',
    message: expect.stringContaining(`Redis at 127.0.0.1:${port}/3 cannot be reached`),
  })
  expect(String(failure)).not.toContain('redis-password')
  server = await startOwnRedis({ port, args: ['--requirepass', 'redis-password'] })
  await until(() => store.read(), 'the connection')
  expect(await store.publish((await store.claim(HOUR, 0))!, token('sealed'))).toBeGreaterThan(first)
  await connection.close()

  const wrong = openRedis(`redis://:mistyped@127.0.0.1:${port}`)
  await expect(openRedisTokenStore(wrong, 'key').read()).rejects.toMatchObject({
    code: 'SYNC_REDIS_REFUSED',
    remedy: 'stop',
    message: expect.stringMatching(/rejected the connection: .*WRONGPASS.* Check user, password/),
  })
  await wrong.close()
  await server.stop()
})
