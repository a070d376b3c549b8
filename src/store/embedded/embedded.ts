/**
 * The PostgreSQL that comes along, for a machine without one: started here, or joined if it is running.
 *
 * The server itself counts its users. Each process holds a connection with a shared advisory lock, which ends with the process,
 * however that ends. A leaving process requests the lock exclusively; if it gets it, it is the last and stops the server. The
 * shared lock of a newcomer waits meanwhile: it is granted, or fails with the server, and the newcomer starts a new one.
 * Rejected: a file that counts users, which is wrong after a SIGKILL.
 */
import { rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { stopped } from '../../errors/commands.ts'
import { onForcedExit } from '../../signals.ts'
import { findBinaries } from './binaries.ts'
import {
  lastFatalMessage,
  launch,
  prepareCluster,
  runningServer,
  shutDown,
  SUPERUSER,
  type Cluster,
  type Launch,
} from './cluster.ts'
import { prepareLocation } from './location.ts'

export interface EmbeddedPostgres {
  url: string
  /** The data folder, which is not always the requested one (location.ts). */
  folder: string
  /** Close your own connections first. Stops the server unless another process uses it; a temporary one in any case. */
  stop(): Promise<void>
}

interface Options {
  readonly folder: string
  /** The server and its folder are removed at the end, also if others are connected. */
  readonly temporary?: boolean
  /** Aborts the start. */
  readonly signal?: AbortSignal
}

export async function startEmbeddedPostgres(options: Options): Promise<EmbeddedPostgres> {
  const forced = new AbortController()
  const signal = AbortSignal.any([forced.signal, ...(options.signal ? [options.signal] : [])])
  const starting = start({ ...options, signal })
  const unregister = onForcedExit(async () => {
    forced.abort()
    await starting.then(
      (server) => server.stop({ atOnce: true }),
      () => {},
    )
  })
  try {
    const { stop, ...server } = await starting
    return { ...server, stop: () => stop({ atOnce: false }).finally(unregister) }
  } catch (error) {
    unregister()
    throw error
  }
}

// --- internal ---

type Started = Omit<EmbeddedPostgres, 'stop'> & { stop(this: void, how: { atOnce: boolean }): Promise<void> }

async function start({ folder, temporary = false, signal }: Options & { signal: AbortSignal }): Promise<Started> {
  const folders = new Set([resolve(folder)])
  const remove = async (): Promise<void> => {
    // A process that is ending may still write a file.
    const how = { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }
    if (temporary) await Promise.all([...folders].map((path) => rm(path, how)))
  }
  try {
    const place = await prepareLocation(folder)
    folders.add(place.folder)
    const cluster = await prepareCluster(place, await findBinaries(place), signal)
    const { sql, port } = await join(cluster, signal)
    await createDatabase(sql)
    let stopping: Promise<void> | undefined
    const end = async ({ atOnce }: { atOnce: boolean }): Promise<void> => {
      await (temporary ? endAnyhow(cluster, sql) : leave(cluster, sql, atOnce))
      await remove()
    }
    return {
      url: `postgres://${SUPERUSER}:${cluster.password}@127.0.0.1:${port}/${DATABASE}`,
      folder: cluster.folder,
      stop: (how) => (stopping ??= end(how)),
    }
  } catch (error) {
    await remove()
    throw error
  }
}

const DATABASE = 'scopestack'
/** Recovery after a crash replays at most max_wal_size, 1 GB: well under a minute. */
const PATIENCE_MS = 120_000
const STRAYS_MS = 1_000

async function join(cluster: Cluster, signal: AbortSignal): Promise<{ sql: postgres.Sql; port: number }> {
  const deadline = Date.now() + PATIENCE_MS
  let started: Launch | undefined
  let last: unknown
  for (;;) {
    if (signal.aborted) {
      await started?.abandon()
      throw stopped()
    }
    const running = await runningServer(cluster)
    if (running) {
      try {
        return { sql: await hold(cluster, running.port), port: running.port }
      } catch (error) {
        last = error
        if (String((error as { code?: unknown }).code).startsWith('28')) break
      }
    } else {
      const failure = await started?.failure()
      if (failure !== undefined && !LOST_A_RACE.test(failure)) {
        const why = (await lastFatalMessage(cluster.folder)) || failure
        throw new Error(
          `The embedded Postgres in ${cluster.folder} did not start: ${why}\nAll of its output is in postgres.log there.`,
        )
      }
      if (!started || failure !== undefined) started = await launch(cluster)
    }
    if (Date.now() > deadline) break
    await sleep(20)
  }
  await started?.abandon()
  throw new Error(`The embedded Postgres in ${cluster.folder} does not let us in: ${String(last)}`, { cause: last })
}

/** Another process was first, the last server has not quite ended, or the port was taken meanwhile. */
const LOST_A_RACE = /lock file "postmaster.pid"|pre-existing shared memory|Address already in use/

async function hold(cluster: Cluster, port: number): Promise<postgres.Sql> {
  const sql = postgres({
    host: '127.0.0.1',
    port,
    user: SUPERUSER,
    password: cluster.password,
    // Advisory locks belong to one database, and users may drop and clone the other one.
    database: 'postgres',
    max: 1,
    idle_timeout: 0,
    // By default the connection, and with it the lock, would be replaced after an hour.
    max_lifetime: null,
    connect_timeout: 10,
    // If the server goes away during this extra query, its error is an unhandled rejection.
    fetch_types: false,
    connection: { application_name: 'scopestack-sync embedded' },
    onnotice: () => {},
  })
  try {
    await sql`select pg_advisory_lock_shared(7301)`
    return sql
  } catch (error) {
    await sql.end({ timeout: 0 })
    throw error
  }
}

async function createDatabase(sql: postgres.Sql): Promise<void> {
  const found = await sql`select from pg_database where datname = ${DATABASE}`
  if (found.count > 0) return
  await sql.unsafe(`create database ${DATABASE}`).catch((error: { code?: string }) => {
    // Two at once: a duplicate name, or a unique violation, by how far the other one was.
    if (error.code !== '42P04' && error.code !== '23505') throw error
  })
}

async function endAnyhow(cluster: Cluster, sql: postgres.Sql): Promise<void> {
  // Without a checkpoint: the data is thrown away.
  await shutDown(cluster, 'immediate')
  await sql.end({ timeout: 0 })
}

/** @param atOnce our own connections may still be open. */
async function leave(cluster: Cluster, sql: postgres.Sql, atOnce: boolean): Promise<void> {
  try {
    if (!(await isLast(sql, atOnce))) return
    await shutDown(cluster)
  } finally {
    await sql.end({ timeout: 0 })
  }
}

async function isLast(sql: postgres.Sql, atOnce: boolean): Promise<boolean> {
  try {
    await sql`select pg_advisory_unlock_shared(7301)`
    const [lock] = await sql<{ alone: boolean }[]>`select pg_try_advisory_lock(7301) as alone`
    if (!lock?.alone) return false
    // Other connections are SQL clients, which stay served, connections that were closed a moment ago, processes that leave at
    // the same time, and newcomers. Only newcomers wait for the lock. Our other processes hold it: the connections with our
    // name belong to this process.
    for (const deadline = Date.now() + STRAYS_MS; ; await sleep(20)) {
      const others = await sql<{ joins: boolean }[]>`
        select exists (select from pg_locks l where l.pid = a.pid and l.locktype = 'advisory' and not l.granted) as joins
        from pg_stat_activity a where a.backend_type = 'client backend' and a.pid <> pg_backend_pid()
          and not (${atOnce} and a.application_name ~ '^scopestack-sync( queue)?$')`
      if (others.length === 0) return true
      if (Date.now() > deadline || others.some(({ joins }) => joins)) return false
    }
  } catch {
    return false // The server went away before us.
  }
}
