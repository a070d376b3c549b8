/**
 * What all integration and system tests share: one Postgres, one Redis and a migrated template, started before the first test
 * and removed behind the last.
 */
import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import postgres from 'postgres'
import type { TestProject } from 'vitest/node'
import { catalog } from '../../src/catalog/registry.ts'
import { DEFAULT_HISTORY } from '../../src/config/history.ts'
import { historyTables } from '../../src/store/schema/history.ts'
import { migrate } from '../../src/store/schema/migrate.ts'
import { readBaseline, type Baseline } from './postgres/emptied.ts'
import { startServer } from './postgres/server.ts'
import { startRedis } from './redis/redis-server.ts'
import { within } from './run/limit.ts'
import { dropDatabases } from './run/reaper.ts'
import { currentRun } from './run/run-folder.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** A role that may create databases. */
    adminUrl: string
    /** Begins the name of every database of this run; the name itself is the migrated template. */
    databasePrefix: string
    /** How a database that was used is distinguished from one that was not. */
    databaseBaseline: Baseline
    /** How a database is copied. */
    copyStrategy: 'file_copy' | 'wal_log'
    /** A folder: its files are called as the databases that were given back. */
    freeDatabases: string
    /** A server whose databases from 1 up may be flushed. */
    redisUrl: string
  }
}

interface Shared {
  users: number
  ready: Promise<Ready>
}
interface Ready {
  adminUrl: string
  prefix: string
  baseline: Baseline
  copyStrategy: 'file_copy' | 'wal_log'
  freeDatabases: string
  redisUrl: string
  stop: () => Promise<void>
}

// Each project loads this file again; they share one server.
const shelf = globalThis as { scopestackTestServer?: Shared }

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const shared = (shelf.scopestackTestServer ??= { users: 0, ready: prepare() })
  shared.users += 1
  const { adminUrl, prefix, baseline, copyStrategy, freeDatabases, redisUrl, stop } = await within(
    600,
    shared.ready,
    'The servers of the tests did not start',
  )
  project.provide('adminUrl', adminUrl)
  project.provide('databasePrefix', prefix)
  project.provide('databaseBaseline', baseline)
  project.provide('copyStrategy', copyStrategy)
  project.provide('freeDatabases', freeDatabases)
  project.provide('redisUrl', redisUrl)
  return async () => {
    shared.users -= 1
    // The reaper does the rest.
    if (shared.users === 0) await within(45, stop(), 'The servers of the tests did not stop in time, and are killed')
  }
}

// --- internal ---

async function prepare(): Promise<Ready> {
  const redis = await startRedis()
  const database = await prepareDatabase().catch(async (error: unknown) => {
    await redis.stop()
    throw error
  })
  const stop = async () => {
    await database.stop()
    await redis.stop()
  }
  const freeDatabases = join(currentRun().folder, 'databases')
  await mkdir(freeDatabases)
  return { ...database, freeDatabases, redisUrl: redis.url, stop }
}

async function prepareDatabase(): Promise<Omit<Ready, 'redisUrl' | 'freeDatabases'>> {
  const server = await startServer()
  const prefix = `scopestack_test_${randomUUID().slice(0, 8)}`
  const admin = <T>(work: (sql: postgres.Sql) => Promise<T>) => connected(server.adminUrl, work)
  const databases = { adminUrl: server.adminUrl, prefix }
  const stop = async () => {
    if (server.isOurs) return server.stop()
    await dropDatabases(databases)
  }
  // In case this process ends before it does.
  if (!server.isOurs) currentRun().leave(databases)
  try {
    await admin((sql) => sql.unsafe(`create database ${prefix}`))
    const template = new URL(server.adminUrl)
    template.pathname = prefix
    await migrate(template.href, { history: historyTables(DEFAULT_HISTORY, catalog.values()) })
    const baseline = await connected(template.href, readBaseline)
    // A single connection to a template makes cloning it fail.
    await admin((sql) => sql.unsafe(`alter database ${prefix} with allow_connections false is_template true`))
    // Files cost half as much as pages, but for the checkpoint that it takes, which waits for the disk of a server with fsync.
    const copyStrategy = server.isOurs ? 'file_copy' : 'wal_log'
    return { adminUrl: server.adminUrl, prefix, baseline, copyStrategy, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function connected<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    return await work(sql)
  } finally {
    await sql.end()
  }
}
