/** The token in Postgres: one request for all workers, and nothing that a reader of the database can use. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { requestToken } from '../../../src/remote/auth/grants.ts'
import { createSeal } from '../../../src/remote/auth/seal.ts'
import { createTokens, type Tokens } from '../../../src/remote/auth/tokens.ts'
import { createHttp } from '../../../src/remote/http/http.ts'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { openDatabase, type Database } from '../../../src/store/connection/database.ts'
import { openTokenStore } from '../../../src/store/fleet/tokens.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { startWorker } from '../../support/scopestack/worker.ts'
import { expireClaims, readTokens, sealTokensAs } from '../../support/tables/fleet.ts'

let sim: Simulator
let database: TestDatabase
let sql: Database
const http = createHttp({ connections: 8 })
const { signal } = new AbortController()

beforeEach(async () => {
  sim = await startSimulator({ projects: 5 })
  database = await createDatabase()
  sql = openDatabase(database.url)
})

afterEach(async () => {
  await sql.end()
  await database[Symbol.asyncDispose]()
  await sim.close()
})

/** The tokens of one process; all share the database. */
function openTokens(clientSecret = sim.credentials.clientSecret): Tokens {
  const credentials = { authUrl: sim.url, clientId: sim.credentials.clientId, clientSecret }
  const seal = createSeal(credentials)
  return createTokens({
    store: openTokenStore(sql, seal.keyId),
    seal,
    policy: { attempts: 2, baseMs: 1, capMs: 1 },
    request: (requestSignal) =>
      requestToken({ http, credentials, userAgent: 'test' }, { grant_type: 'client_credentials' }, requestSignal),
  })
}

const fifty = <T>(act: (at: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: 50 }, (_, at) => act(at)))

it('costs one request for several processes and calls at once', async () => {
  const processes = [openTokens(), openTokens(), openTokens()]
  const tokens = await fifty((at) => processes[at % 3]!.get(signal))
  expect(new Set(tokens.map(({ accessToken }) => accessToken)).size).toBe(1)
  expect(new Set(tokens.map(({ generation }) => generation))).toEqual(new Set([1]))
  expect(sim.stats().tokenRequests).toBe(1)
  await openTokens().get(signal)
  expect(sim.stats().tokenRequests).toBe(1)
})

it('costs one more request when it is revoked while fifty calls use it', async () => {
  const processes = [openTokens(), openTokens()]
  await fifty((at) => processes[at % 2]!.get(signal))
  sim.revokeTokens()
  const tokens = await fifty(async (at) => {
    const mine = processes[at % 2]!
    const { generation } = await mine.get(signal)
    // Each has met its 401.
    if (generation === 1) await mine.reject(generation)
    return mine.get(signal)
  })
  expect(new Set(tokens.map(({ generation }) => generation))).toEqual(new Set([2]))
  expect(sim.stats().tokenRequests).toBe(2)
})

it('costs one request each time that several processes race for it', async () => {
  for (let generation = 1; generation <= 20; generation++) {
    const processes = Array.from({ length: 6 }, () => openTokens())
    const tokens = await Promise.all(processes.map((one) => one.get(signal)))
    expect(tokens.map((token) => token.generation)).toEqual(Array(6).fill(generation))
    expect(sim.stats().tokenRequests).toBe(generation)
    await processes[0]!.reject(generation)
  }
})

it('is not published by a process whose claim has passed to another', async () => {
  const store = openTokenStore(sql, 'key')
  const token = (sealed: string) => ({
    sealed,
    issuedAt: Date.now(),
    expiresAt: Date.now() + 60_000,
    aboveGeneration: 0,
  })
  const slow = (await store.claim(1_000, 0))!
  expect(await store.claim(1_000, 0)).toBeNull()
  await expireClaims(sql)
  const quick = (await store.claim(1_000, 0))!
  expect(await store.publish(slow, token('late'))).toBeNull()
  await store.fail(slow, { until: Date.now() + 60_000, reason: 'late', refused: false })
  expect((await store.read()).coolDown).toBeNull()
  expect(await store.publish(quick, token('current'))).toBe(1)
  expect(await store.publish(slow, token('late'))).toBeNull()
  expect(await store.read()).toMatchObject({ generation: 1, sealed: 'current' })
})

it('cannot be claimed for an older generation than the stored one', async () => {
  const store = openTokenStore(sql, 'key')
  const claim = (await store.claim(1_000, 0))!
  await store.publish(claim, {
    sealed: 'current',
    issuedAt: Date.now(),
    expiresAt: Date.now() + 60_000,
    aboveGeneration: 0,
  })
  expect(await store.claim(1_000, 0)).toBeNull()
  expect(await store.claim(1_000, 1)).not.toBeNull()
})

it('is requested once by the fleet when the server fails, and not again during the cool-down', async () => {
  sim.addFault({ kind: '500', match: { path: '/oauth/token' }, count: 'always' })
  await expect(openTokens().get(signal)).rejects.toThrow('500')
  const spent = sim.stats().tokenRequests
  sim.removeFault()
  const refusals = await fifty(() =>
    openTokens()
      .get(signal)
      .then(
        () => 'token',
        (error: Error & { code: string }) => error.code,
      ),
  )
  expect(new Set(refusals)).toEqual(new Set(['SYNC_TOKEN_COOLDOWN']))
  expect(sim.stats().tokenRequests).toBe(spent)
})

it('is requested once with credentials that are refused', async () => {
  const one = openTokens('wrong')
  await expect(one.get(signal)).rejects.toMatchObject({ code: 'SYNC_CREDENTIALS_REFUSED' })
  await expect(one.get(signal)).rejects.toMatchObject({ code: 'SYNC_CREDENTIALS_REFUSED' })
  await expect(openTokens('wrong').get(signal)).rejects.toMatchObject({ code: 'SYNC_CREDENTIALS_REFUSED' })
  expect(sim.stats().tokenRequests).toBe(1)
  // The right pair is another row: it does not wait for the wrong one.
  await expect(openTokens().get(signal)).resolves.toMatchObject({ generation: 1 })
})

it('cannot be opened with another secret, and a new one is requested', async () => {
  const { accessToken } = await openTokens().get(signal)
  const sealed = (await readTokens(sql, ['sealed']))[0]!.sealed!
  const seal = (clientSecret: string) => createSeal({ authUrl: sim.url, clientId: 'simulator', clientSecret })
  expect(seal('simulator-secret').unseal(sealed)).toBe(accessToken)
  expect(seal('another-secret').unseal(sealed)).toBeNull()
  await sealTokensAs(sql, 'bm8gdG9rZW4gYXQgYWxsLCBhbHRlcmVkIG9uIHRoZSB3YXk=')
  await expect(openTokens().get(signal)).resolves.toMatchObject({ generation: 2 })
})

it('stands in no column of any table, and neither does the secret', async () => {
  const worker = await startWorker(sim, database.url)
  const { accessToken } = await openTokens().get(signal)
  expect(sim.stats().tokenRequests).toBe(1)
  sim.addFault({ kind: '500', match: { path: 'merge-data' }, count: 3 })
  await worker.run()
  const tables = await sql<{ name: string }[]>`
    select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname not in ('pg_catalog', 'information_schema')`
  expect(tables.length).toBeGreaterThan(40)
  for (const { name } of tables) {
    const found = await sql.unsafe(`select from ${name} t where strpos(t::text, $1) > 0 or strpos(t::text, $2) > 0`, [
      accessToken,
      sim.credentials.clientSecret,
    ])
    expect(found.length, name).toBe(0)
  }
  await worker[Symbol.asyncDispose]()
})
