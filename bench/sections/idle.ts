/**
 * What a process of `start` costs while nothing happens: transactions, WAL, connections, memory. It reads a small account once,
 * rests, and is then looked at for five minutes: so long is it, by default, from checkpoint to checkpoint, and the first change of
 * a page behind one writes the whole page. It has a server of its own, and the other sections run beside it.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { openDatabase, type Database } from '../../src/store/connection/database.ts'
import { startOwnRedis } from '../../test/support/redis/redis-server.ts'
import type { Measured } from '../machine/measure.ts'
import { startServer, vacuum } from '../machine/postgres.ts'
import { cpuMsOf, rssOf } from '../machine/processes.ts'
import { startRemote } from '../machine/remote.ts'
import { startService, UNMEASURED } from '../machine/service.ts'
import { rounds, type Context, type Series } from '../series.ts'

const PROJECTS = 20
/** Once a year. */
const NEVER = '0 0 1 1 *'
const SETTLE_MS = 30_000
const LOOK_MS = 300_000

const QUEUES = { 'in Postgres': undefined, 'in Redis': startOwnRedis } as const

export async function idle(context: Context): Promise<Series[]> {
  // They only wait, so one queue is looked at beside the other, with a server of its own.
  return await Promise.all(
    Object.entries(QUEUES).map(async ([queue, startRedis]) => {
      const redis = await startRedis?.()
      try {
        return await idleWith(context, queue, redis === undefined ? {} : { REDIS_URL: redis.url })
      } finally {
        await redis?.stop()
      }
    }),
  )
}

async function idleWith(context: Context, queue: string, queueSettings: Record<string, string>): Promise<Series> {
  const { options, server: other } = context
  const server = await startServer(other.major)
  const remote = await startRemote({ projects: PROJECTS })
  const admin = openDatabase(server.url, { connections: 1 })
  try {
    // Its lines would stand between those of the sections beside it.
    const own = { ...context, options: { ...options, rounds: 1 }, say: () => {} }
    const found = await rounds(own, 'idle', async (_, add) => {
      const database = await server.create('idle')
      const settings = { SYNC_SCHEDULE: NEVER, SYNC_INCREMENTAL_SCHEDULE: NEVER, ...queueSettings }
      const service = await startService({ remote, database, settings }, '"run ends"')
      try {
        await vacuum(database)
        await wait(options.quick ? 0 : SETTLE_MS)
        await remote.resetCounts()
        const figures = await lookAt(admin, service.pid, options.quick ? 1000 : LOOK_MS)
        const { requests, bytes, statuses } = await remote.counts()
        add('idle', { ...figures, requests, bytes, statuses })
      } finally {
        await service.close()
      }
    })
    return { section: 'idle', circumstances: { postgres: server.major, queue }, rounds: found }
  } finally {
    await admin.end()
    await remote.close()
    await server.close()
  }
}

interface Counted {
  readonly transactions: number
  readonly lsn: string
}

async function count(admin: Database): Promise<Counted> {
  // The reader's own connection is to another database, so that it is not counted.
  const [row] = await admin<Counted[]>`
    select (xact_commit + xact_rollback)::float8 as transactions, pg_current_wal_insert_lsn()::text as lsn
    from pg_stat_database where datname = 'idle'`
  return row!
}

async function lookAt(
  admin: Database,
  pid: number,
  lookMs: number,
): Promise<Omit<Measured, 'requests' | 'bytes' | 'statuses'>> {
  await admin`checkpoint`
  const [before, cpu, begun] = [await count(admin), cpuMsOf(pid) ?? 0, performance.now()]
  let connections = 0
  let peakRss = 0
  while (performance.now() - begun < lookMs) {
    await wait(200)
    const [row] = await admin<{ count: number }[]>`
      select count(*)::int as count from pg_stat_activity where datname = 'idle' and backend_type = 'client backend'`
    connections = Math.max(connections, row!.count)
    peakRss = Math.max(peakRss, rssOf(pid) ?? 0)
  }
  const [after, ms] = [await count(admin), performance.now() - begun]
  const [wal] = await admin<{ bytes: number }[]>`
    select pg_wal_lsn_diff(${after.lsn}::pg_lsn, ${before.lsn}::pg_lsn)::float8 as bytes`
  return {
    ...UNMEASURED,
    ms,
    cpuMs: (cpuMsOf(pid) ?? 0) - cpu,
    records: 0,
    peakRss,
    more: {
      transactionsPerSecond: ((after.transactions - before.transactions) / ms) * 1000,
      walMbPerHour: (wal!.bytes / 1e6 / ms) * 3_600_000,
      connections,
      rssMb: (rssOf(pid) ?? 0) / 1e6,
    },
  }
}
