/** What a cell of the fault matrix takes place in: an account, a database, and the ways to both, each of which can be disturbed. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { openDatabase, type Database } from '../../../src/store/connection/database.ts'
import { startWireRelay, type WireRelay } from '../network/wire-relay.ts'
import { startOwnRedis } from '../redis/redis-server.ts'
import { endCoolDown } from '../tables/fleet.ts'
import { openAt, perform, type OpenWorker, type Place } from './acts.ts'
import type { OperationName } from './names.ts'
import type { FragilePostgres } from './server.ts'

/** What a person made here, which the invariants take into account. */
export interface Made {
  changes: number
  readonly rows: { readonly type: string; readonly name: string }[]
  readonly gone: { readonly type: string; readonly id: string }[]
}

export interface World extends AsyncDisposable {
  readonly sim: Simulator
  /** How far ScopeStack's clock is ahead. */
  readonly clock: { aheadMs: number }
  readonly server: FragilePostgres
  /** Of the test, past what is disturbed. */
  readonly sql: Database
  /** The worker's ways. */
  readonly toRemote: WireRelay
  readonly toPostgres: WireRelay
  readonly toRedis: WireRelay | undefined
  readonly redis: OwnRedis | undefined
  readonly types: readonly string[]
  readonly made: Made
  readonly place: Place
  /** By the worker of this world, which is opened the first time. @returns `ok`, or the code of the first failure. */
  perform(name: OperationName): Promise<string>
  /** Ends the worker, as its process would. */
  close(): Promise<void>
  endCoolDown(): Promise<void>
}

export interface OwnRedis {
  readonly url: string
  readonly admin: Redis
  /** At the same address, without its data. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export async function startRestartableRedis(): Promise<OwnRedis> {
  let server = await startOwnRedis()
  const admin = new Redis(server.url, { retryStrategy: () => 20, maxRetriesPerRequest: null })
  admin.on('error', () => {})
  return {
    url: server.url,
    admin,
    async restart() {
      await server.stop()
      server = await startOwnRedis({ port: server.port })
    },
    async stop() {
      admin.disconnect()
      await server.stop()
    },
  }
}

/** Before the clock of this host is a wrong one. */
const realNow = Date.now

interface Options {
  readonly types: readonly string[]
  readonly server: FragilePostgres
  readonly redis?: OwnRedis | undefined
  readonly fillable?: boolean
}

export async function openWorld({ types, server, redis, fillable = false }: Options): Promise<World> {
  const clock = { aheadMs: 0 }
  const sim = await startSimulator({ projects: 4, now: () => realNow() + clock.aheadMs })
  for (let number = 0; number < 24; number++)
    sim.records.create('clients', { attributes: { name: `Client ${number}` } })
  const database = await server.createDatabase({ fillable })
  await redis?.admin.flushall()
  const toRemote = await startWireRelay(sim.url)
  const toPostgres = await startWireRelay(database.url)
  const toRedis = redis === undefined ? undefined : await startWireRelay(redis.url)
  // As the product's, which finds a server again that was restarted; by another name, so that it is not one of the worker's.
  const sql = openDatabase(`${database.url}?application_name=test`, { connections: 3 })
  // All of them now: a fault may leave no other.
  await Promise.all([1, 2, 3].map(() => sql`select pg_sleep(0.01)`))
  const place: Place = {
    remoteUrl: toRemote.url.replace(/\/$/, ''),
    credentials: sim.credentials,
    databaseUrl: toPostgres.url,
    redisUrl: toRedis?.url,
    types,
  }
  const worker = workerAt(place)
  const made: Made = { changes: 0, rows: [], gone: [] }
  const known = { sim, clock, server, sql, toRemote, toPostgres, toRedis, redis, types, place, made }
  return {
    ...known,
    ...worker,
    async endCoolDown() {
      await endCoolDown(sql)
      for (const key of (await redis?.admin.keys('scopestack-sync:token:*')) ?? [])
        await redis!.admin.hdel(key, 'coolUntil')
    },
    async [Symbol.asyncDispose]() {
      sim.removeFault()
      for (const relay of [toRemote, toPostgres, toRedis]) relay?.thaw()
      await Promise.race([worker.close(), sleep(5_000)])
      for (const relay of [toRemote, toPostgres, toRedis]) await relay?.[Symbol.asyncDispose]()
      await sql.end({ timeout: 1 })
      await sim.close()
      await database.drop()
    },
  }
}

// --- internal ---

function workerAt(place: Place): Pick<World, 'perform' | 'close'> {
  let opened: OpenWorker | undefined
  return {
    async perform(name) {
      opened ??= await openAt(place)
      return await perform(name, opened)
    },
    async close() {
      const one = opened
      opened = undefined
      await one?.[Symbol.asyncDispose]()
    },
  }
}
