/**
 * A Postgres for what would disturb the run's own: it is restarted, made read-only, its connections are used up, its disk is
 * filled. Of the same version as the run's.
 */
import { randomUUID } from 'node:crypto'
import postgres from 'postgres'
import { inject } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { DEFAULT_HISTORY } from '../../../src/config/history.ts'
import { historyTables } from '../../../src/store/schema/history.ts'
import { migrate } from '../../../src/store/schema/migrate.ts'
import { MAJORS, type Major } from '../postgres/postgres-binaries.ts'
import { hasSmallDisks, startPostgres } from '../postgres/postgres-server.ts'

export interface FragilePostgres {
  readonly major: Major
  /** A migrated database, on the small disk if it is to be filled. */
  createDatabase(how?: { fillable?: boolean }): Promise<{ url: string; drop(): Promise<void> }>
  restart(): Promise<void>
  setReadOnly(isReadOnly: boolean): Promise<void>
  /** Takes every connection that is left. @returns what gives them back. */
  takeConnections(): Promise<() => Promise<void>>
  /** Leaves no byte on the small disk. @returns what frees it. */
  fillDisk(): Promise<() => Promise<void>>
  readonly hasSmallDisk: boolean
  stop(): Promise<void>
}

/** What is committed outlives a crash of the server; a crash of the machine is not tried. */
const SETTINGS = {
  fsync: 'off',
  full_page_writes: 'off',
  max_connections: '40',
  shared_buffers: '32MB',
  dynamic_shared_memory_type: 'mmap',
}
/** A database takes 20. */
const SMALL_DISK_MB = 48

export async function startFragilePostgres(): Promise<FragilePostgres> {
  const hasSmallDisk = hasSmallDisks()
  const major = await majorOfTheRun()
  const server = await startPostgres(major, SETTINGS, hasSmallDisk ? { smallDiskMb: SMALL_DISK_MB } : {})
  const urlOf = (name: string): string => {
    const url = new URL(server.adminUrl)
    url.pathname = name
    return url.href
  }
  const open = (name = 'postgres') => postgres(urlOf(name), { max: 1, onnotice: () => {} })
  const asAdmin = async <T>(act: (sql: postgres.Sql) => Promise<T>): Promise<T> => {
    const sql = open()
    try {
      return await act(sql)
    } finally {
      await sql.end({ timeout: 1 })
    }
  }
  await asAdmin((sql) => sql.unsafe('create database template'))
  await migrate(urlOf('template'), { history: historyTables(DEFAULT_HISTORY, catalog.values()) })

  async function createDatabase({ fillable = false } = {}) {
    const name = `cell_${randomUUID().slice(0, 8)}`
    await asAdmin(async (sql) => {
      if (fillable) await sql.unsafe(`create tablespace small location '${server.smallDisk}'`)
      await sql.unsafe(
        `create database ${name} template template strategy file_copy ${fillable ? 'tablespace small' : ''}`,
      )
    })
    return {
      url: urlOf(name),
      // Forced: what a killed process leaves there may not have ended yet.
      drop: () =>
        asAdmin(async (sql) => {
          await sql.unsafe(`drop database ${name} with (force)`)
          if (fillable) await sql.unsafe('drop tablespace small')
        }),
    }
  }

  return {
    major,
    hasSmallDisk,
    createDatabase,
    restart: () => server.restart(),
    setReadOnly: (isReadOnly) =>
      asAdmin(async (sql) => {
        await sql.unsafe('set default_transaction_read_only = off')
        await sql.unsafe(`alter system set default_transaction_read_only = ${isReadOnly ? 'on' : 'off'}`)
        await sql`select pg_reload_conf()`
      }),
    takeConnections: () => takeConnections(open),
    fillDisk: () => fillDisk(open()),
    stop: () => server.stop(),
  }
}

// --- internal ---

async function majorOfTheRun(): Promise<Major> {
  const sql = postgres(inject('adminUrl'), { max: 1, onnotice: () => {} })
  try {
    const [row] = await sql<{ n: number }[]>`select current_setting('server_version_num')::int / 10000 as n`
    return MAJORS.find((major) => major === String(row!.n))!
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** Until the server has none left. */
async function takeConnections(open: () => postgres.Sql): Promise<() => Promise<void>> {
  const taken: postgres.Sql[] = []
  for (let isLeft = true; isLeft;) {
    const sql = open()
    isLeft = await sql`select 1`.then(
      () => taken.push(sql) > 0,
      () => false,
    )
    if (!isLeft) await sql.end({ timeout: 1 })
  }
  return async () => void (await Promise.all(taken.map((sql) => sql.end({ timeout: 1 }))))
}

async function fillDisk(sql: postgres.Sql): Promise<() => Promise<void>> {
  await sql.unsafe('create table filler (x text) with (autovacuum_enabled = off) tablespace small')
  // A vacuum would give back what failed insertions have taken. Ever smaller pieces: the last one that fits is a page.
  for (let rows = 4_096; rows >= 1;) {
    rows = await sql`insert into filler select repeat(md5(n::text), 200) from generate_series(1, ${rows}::int) n`.then(
      () => rows,
      () => Math.floor(rows / 4),
    )
  }
  const failure = await sql.unsafe('create table probe tablespace small as select 1').then(
    () => 'it takes a table',
    (error: unknown) => String(error),
  )
  if (!failure.includes('No space left')) throw new Error(`The disk is not full: ${failure}`)
  return async () => {
    await sql.unsafe('drop table filler')
    await sql.end({ timeout: 1 })
  }
}
