/**
 * What a `start` costs while nothing happens, on a server of its own: transactions a second, WAL an hour, connections, memory, CPU.
 *
 *   npm run bench:idle -- [--postgres 15,18] [--queue postgres,redis] [--seconds 300] [--statements] [--settle 90] [--alerts]
 *
 * The process reads a small account once, rests, and is then looked at. Each checkpoint makes the first change of a page write
 * the whole page, so the time begins with one and there is one every five minutes, as by default. The schedules are yearly:
 * what a tick costs is no part of it.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import postgres from 'postgres'
import { textTable } from '../src/commands/output/format.ts'
import { startSimulator } from '../src/simulator/server.ts'
import { MAJORS, type Major } from '../test/support/postgres/postgres-binaries.ts'
import { startPostgres } from '../test/support/postgres/postgres-server.ts'
import { startOwnRedis } from '../test/support/redis/redis-server.ts'

const { values } = parseArgs({
  options: {
    postgres: { type: 'string', default: '15,18' },
    queue: { type: 'string', default: 'postgres,redis' },
    seconds: { type: 'string', default: '300' },
    settle: { type: 'string', default: '90' },
    statements: { type: 'boolean', default: false },
    alerts: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    folder: { type: 'string', default: '.' },
  },
})

const FLAGS = ['--max-semi-space-size=4', '--max-old-space-size=512']

/** A process of `start` that has read everything once. */
async function startIdle(env: Record<string, string>): Promise<ChildProcess> {
  const child = spawn(process.execPath, [...FLAGS, 'src/cli.ts', 'start'], {
    cwd: values.folder,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const isRead = new Promise<void>((resolve, reject) => {
    const lines: string[] = []
    child.once('close', (code) => reject(new Error(`start ended with ${code}: ${lines.slice(-3).join('\n')}`)))
    createInterface({ input: child.stderr }).on('line', (line) => {
      lines.push(line)
      if (line.includes('"run ends"')) resolve()
    })
  })
  await isRead
  return child
}

interface Counted {
  readonly at: number
  readonly transactions: number
  readonly lsn: string
  readonly fpi: number
  readonly cpuMs: number
}

async function count(sql: postgres.Sql, database: string, pid: number): Promise<Counted> {
  // The reader's own connection is to another database, so that it is not counted.
  const [row] = await sql<{ transactions: number; lsn: string; fpi: number }[]>`
    select (xact_commit + xact_rollback)::float8 as transactions, pg_current_wal_insert_lsn()::text as lsn,
      (select wal_fpi from pg_stat_wal)::float8 as fpi
    from pg_stat_database where datname = ${database}`
  return { at: performance.now(), ...row!, cpuMs: await cpuMsOf(pid) }
}

/** User and system, of which the kernel counts hundredths of a second. */
async function cpuMsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

async function memoryOf(pid: number): Promise<Record<string, number>> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8')
  return Object.fromEntries(
    [...rollup.matchAll(/^(\w+): +(\d+) kB$/gm)].map(([, name, kB]) => [name!, Number(kB) / 1024]),
  )
}

interface Row {
  readonly postgres: string
  readonly queue: string
  readonly [figure: string]: string
}

async function measure(major: Major, queue: string): Promise<Row> {
  const settings = { shared_preload_libraries: 'pg_stat_statements', checkpoint_timeout: '5min', fsync: 'off' }
  const server = await startPostgres(major, settings)
  const redis = queue === 'redis' ? await startOwnRedis() : undefined
  const simulator = await startSimulator({ projects: 20, port: 0 })
  const admin = postgres(server.adminUrl, { max: 1, onnotice: () => {} })
  const url = Object.assign(new URL(server.adminUrl), { pathname: '/idle' }).href
  let child: ChildProcess | undefined
  try {
    await admin`create database idle`
    await admin`create extension pg_stat_statements`
    await admin`create extension pg_walinspect`
    child = await startIdle({
      DATABASE_URL: url,
      ...(redis && { REDIS_URL: redis.url }),
      ...(values.alerts && { ALERT_WEBHOOK_URL: 'https://alerts.invalid/' }),
      SCOPESTACK_AUTH_URL: simulator.url,
      SCOPESTACK_API_URL: simulator.url,
      SCOPESTACK_CLIENT_ID: simulator.credentials.clientId,
      SCOPESTACK_CLIENT_SECRET: simulator.credentials.clientSecret,
      SYNC_SCHEDULE: '0 0 1 1 *',
      SYNC_INCREMENTAL_SCHEDULE: '0 0 1 1 *',
      HTTP_PORT: '0',
    })
    return { postgres: major, queue, ...(await figuresOf(admin, url, child.pid!)) }
  } finally {
    if (child?.exitCode === null) {
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
    await admin.end()
    await simulator.close()
    await redis?.stop()
    await server.stop()
  }
}

async function figuresOf(admin: postgres.Sql, url: string, pid: number): Promise<Record<string, string>> {
  // What the migration and the first load left to autovacuum is none of an idle hour.
  const settled = postgres(url, { max: 1, onnotice: () => {} })
  await settled`vacuum analyze`
  await settled.end()
  await sleep(Number(values.settle) * 1000)
  await admin`checkpoint`
  await admin`select pg_stat_statements_reset()`
  const before = await count(admin, 'idle', pid)
  let connections = 0
  while (performance.now() - before.at < Number(values.seconds) * 1000) {
    await sleep(200)
    const [row] = await admin<{ count: number }[]>`
      select count(*)::int as count from pg_stat_activity where datname = 'idle' and backend_type = 'client backend'`
    connections = Math.max(connections, row!.count)
  }
  const after = await count(admin, 'idle', pid)
  if (values.statements) await report(admin, before, after)
  const seconds = (after.at - before.at) / 1000
  const [wal] = await admin<{ bytes: number }[]>`
    select pg_wal_lsn_diff(${after.lsn}::pg_lsn, ${before.lsn}::pg_lsn)::float8 as bytes`
  const memory = await memoryOf(pid)
  const mb = (name: string): string => (memory[name] ?? 0).toFixed(0)
  return {
    'transactions/s': ((after.transactions - before.transactions) / seconds).toFixed(2),
    'WAL MB/h': ((wal!.bytes / 1e6 / seconds) * 3600).toFixed(2),
    'page images/h': (((after.fpi - before.fpi) / seconds) * 3600).toFixed(0),
    connections: String(connections),
    'RSS MB': mb('Rss'),
    'of it private MB': mb('Private_Dirty'),
    'CPU ms/s': ((after.cpuMs - before.cpuMs) / seconds).toFixed(1),
  }
}

/** What was executed, and what was written, by kind. */
async function report(admin: postgres.Sql, before: Counted, after: Counted): Promise<void> {
  const seconds = (after.at - before.at) / 1000
  const statements = await admin<{ calls: number; query: string; wal: number }[]>`
    select sum(calls)::float8 as calls, sum(wal_bytes)::float8 as wal, regexp_replace(query, '\\s+', ' ', 'g') as query
    from pg_stat_statements s join pg_database d on d.oid = s.dbid where datname = 'idle' group by 3 order by 1 desc`
  console.log(
    textTable([
      ['calls/min', 'WAL B', 'statement'],
      ...statements.map(({ calls, wal, query }) => [
        ((calls / seconds) * 60).toFixed(1),
        String(wal),
        query.slice(0, 150),
      ]),
    ]).join('\n'),
  )
  const kinds = await admin<{ kind: string; count: number; size: number; fpi: number }[]>`
    select "resource_manager/record_type" as kind, count::float8, combined_size::float8 as size, fpi_size::float8 as fpi
    from pg_get_wal_stats(${before.lsn}::pg_lsn, ${after.lsn}::pg_lsn, true) where count > 0 order by combined_size desc`
  console.log(
    textTable([
      ['WAL', 'records', 'bytes', 'of it page images'],
      ...kinds.map(({ kind, count: n, size, fpi }) => [kind, String(n), String(size), String(fpi)]),
    ]).join('\n'),
  )
}

const rows: Row[] = []
for (const major of values.postgres.split(',')) {
  for (const queue of values.queue.split(',')) {
    rows.push(await measure(MAJORS.find((one) => one === major) ?? '18', queue))
  }
}
const columns = Object.keys(rows[0]!)
if (values.json) console.log(JSON.stringify(rows))
else {
  console.log(`\nload ${loadavg()[0]!.toFixed(1)}, ${values.seconds} s each`)
  console.log(textTable([columns, ...rows.map((row) => columns.map((column) => row[column]!))]).join('\n'))
}
