/** Two servers for one test, a primary and its streaming standby, for a switch-over. */
import { execFile } from 'node:child_process'
import { appendFile, chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import postgres from 'postgres'
import { findBinaries } from '../../../src/store/embedded/binaries.ts'
import {
  launch,
  prepareCluster,
  runningServer,
  shutDown,
  SUPERUSER,
  type Cluster,
} from '../../../src/store/embedded/cluster.ts'
import { prepareLocation } from '../../../src/store/embedded/location.ts'

export interface PostgresPair extends AsyncDisposable {
  readonly primary: PairServer
  readonly standby: PairServer
  /** Waits until the standby has all that the primary wrote, and promotes it. The old primary keeps running. */
  promote(): Promise<void>
}

export interface PairServer {
  /** Of database `sync`. */
  readonly url: string
  readonly sql: postgres.Sql
  /** Takes effect in existing sessions at once. */
  makeReadOnly(): Promise<void>
}

export async function startPostgresPair(): Promise<PostgresPair> {
  const folder = await mkdtemp(join(tmpdir(), 'scopestack-sync-pair-'))
  await chmod(folder, 0o711)
  const first = await clusterIn(join(folder, 'a'))
  // Freshly initialised and never started, so a copy of it is a base backup.
  const second = await copyOf(first, join(folder, 'b'))
  const primary = await start(first)
  await primary.admin.unsafe('create database sync')
  await configure(second, [
    `primary_conninfo = 'host=127.0.0.1 port=${primary.port} user=${SUPERUSER} password=${first.password}'`,
  ])
  await writeFile(join(second.data, 'standby.signal'), '')
  const standby = await start(second)
  const servers = [primary, standby]
  return {
    primary: primary.server,
    standby: standby.server,
    async promote() {
      const [at] = await primary.admin<{ lsn: string }[]>`select pg_current_wal_lsn()::text as lsn`
      const reached = () =>
        standby.admin<{ it: boolean }[]>`select pg_last_wal_replay_lsn() >= ${at!.lsn}::pg_lsn as it`
      while ((await reached())[0]?.it !== true) await sleep(20)
      await standby.admin`select pg_promote(true)`
    },
    async [Symbol.asyncDispose]() {
      for (const { admin, server } of servers)
        await Promise.all([admin.end({ timeout: 1 }), server.sql.end({ timeout: 1 })])
      await Promise.all([shutDown(second), shutDown(first)])
      await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
    },
  }
}

// --- internal ---

/** The data does not outlive the test. */
const SETTINGS = ['fsync = off', 'full_page_writes = off', 'shared_buffers = 32MB', 'dynamic_shared_memory_type = mmap']

const run = promisify(execFile)

async function clusterIn(folder: string): Promise<Cluster> {
  const place = await prepareLocation(folder)
  const cluster = await prepareCluster(place, await findBinaries(place), new AbortController().signal)
  await configure(cluster, SETTINGS)
  return cluster
}

async function copyOf(cluster: Cluster, folder: string): Promise<Cluster> {
  await mkdir(folder)
  const place = await prepareLocation(folder)
  await writeFile(join(place.folder, 'password'), cluster.password, { mode: 0o600 })
  const data = join(place.folder, 'data')
  await run('cp', ['-a', cluster.data, data])
  return { ...place, bin: cluster.bin, data, password: cluster.password }
}

const configure = ({ data }: Cluster, lines: readonly string[]) =>
  appendFile(join(data, 'postgresql.auto.conf'), lines.map((line) => `${line}\n`).join(''))

async function start(cluster: Cluster): Promise<{ admin: postgres.Sql; port: number; server: PairServer }> {
  const launched = await launch(cluster)
  for (; ; await sleep(30)) {
    const failed = await launched.failure()
    if (failed !== undefined) throw new Error(failed)
    const port = (await runningServer(cluster))?.port
    if (port === undefined) continue
    const urlOf = (database: string) => `postgres://${SUPERUSER}:${cluster.password}@127.0.0.1:${port}/${database}`
    const admin = postgres(urlOf('postgres'), { max: 1, onnotice: () => {} })
    try {
      await admin`select 1`
    } catch {
      await admin.end({ timeout: 1 })
      continue
    }
    const makeReadOnly = async (): Promise<void> => {
      await admin.unsafe('alter system set default_transaction_read_only = on')
      await admin`select pg_reload_conf()`
    }
    const sql = postgres(urlOf('sync'), { max: 2, onnotice: () => {} })
    return { admin, port, server: { url: urlOf('sync'), sql, makeReadOnly } }
  }
}
