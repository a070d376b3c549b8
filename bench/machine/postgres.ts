/** A PostgreSQL of one version, started for a benchmark, and what it writes to its log. */
import { openDatabase, type Database } from '../../src/store/connection/database.ts'
import { migrate } from '../../src/store/schema/migrate.ts'
import type { Major } from '../../test/support/postgres/postgres-binaries.ts'
import { startPostgres } from '../../test/support/postgres/postgres-server.ts'

export interface Server {
  readonly major: Major
  readonly pid: number
  /** Of its own database, as its superuser. */
  readonly url: string
  /** A fresh, empty database. */
  createEmpty(name: string): Promise<string>
  /** A fresh database with the schema of the worker, which is made once: it takes a second of CPU. */
  create(name: string): Promise<string>
  close(): Promise<void>
}

/** As it comes, with its log kept until it is looked at; of a million records that is 2 GB. */
const SETTINGS = { wal_keep_size: '8GB' }

export async function startServer(major: Major): Promise<Server> {
  const postgres = await startPostgres(major, SETTINGS)
  const admin = openDatabase(postgres.adminUrl, { connections: 1 })
  const make = async (name: string, template: string): Promise<string> => {
    await admin.unsafe(`drop database if exists ${name} with (force)`)
    await admin.unsafe(`create database ${name} template ${template}`)
    const url = new URL(postgres.adminUrl)
    url.pathname = `/${name}`
    return url.href
  }
  let migrated: Promise<string> | undefined
  const makeTemplate = async (): Promise<string> => {
    await migrate(await make('migrated', 'template1'))
    return 'migrated'
  }
  return {
    major,
    pid: postgres.pid,
    url: postgres.adminUrl,
    createEmpty: (name) => make(name, 'template1'),
    async create(name) {
      migrated ??= makeTemplate()
      return await make(name, await migrated)
    },
    async close() {
      await admin.end()
      await postgres.stop()
    },
  }
}

/** Runs on a connection of its own. */
export async function withDatabase<T>(url: string, act: (sql: Database) => Promise<T>): Promise<T> {
  const sql = openDatabase(url, { connections: 1 })
  try {
    return await act(sql)
  } finally {
    await sql.end()
  }
}

/**
 * Does what autovacuum would do within a minute. The first reader of a new row sets its hint bits, which with page checksums
 * is logged once; that is a cost of the load before, not of what is measured next.
 */
export const vacuum = (url: string): Promise<void> => withDatabase(url, async (sql) => void (await sql`vacuum analyze`))

export interface Wal {
  /** Bytes that the server wrote to its log. */
  readonly all: number
  /** The part of the tables and indexes of schema scopestack. */
  readonly mirror: number
}

/** The place in the log, after everything so far is on disk. */
async function placeInLog(sql: Database): Promise<string> {
  // Not pg_switch_wal: it fills the rest of a segment of 16 MB, which would then count.
  await sql`select pg_current_xact_id()`
  const [row] = await sql<{ lsn: string }[]>`select pg_current_wal_insert_lsn()::text as lsn`
  return row!.lsn
}

/** Begins to measure; the returned function ends it. */
export async function measureWal(url: string): Promise<() => Promise<Wal>> {
  const before = await withDatabase(url, async (sql) => {
    await sql`create extension if not exists pg_walinspect`
    return await placeInLog(sql)
  })
  return () =>
    withDatabase(url, async (sql) => {
      const after = await placeInLog(sql)
      const [version] = await sql<{ number: number }[]>`select current_setting('server_version_num')::int as number`
      const records = version!.number >= 160_000 ? RECORDS : RECORDS_15
      const [row] = await sql.unsafe<Wal[]>(`with records as (${records}) ${SUM}`, [before, after])
      return { all: row!.all, mirror: row!.mirror }
    })
}

const OURS = `
  select pg_relation_filenode(c.oid) from pg_class c where c.relnamespace = to_regnamespace('scopestack')
  union select pg_relation_filenode(c.reltoastrelid) from pg_class c
  where c.relnamespace = to_regnamespace('scopestack') and c.reltoastrelid <> 0`

const RECORDS = `
  select start_lsn, max(record_length) as length from pg_get_wal_block_info($1::pg_lsn, $2::pg_lsn, false)
  where reldatabase = (select oid from pg_database where datname = current_database()) and relfilenode in (${OURS})
  group by start_lsn`

/** Version 15 names the blocks of a record in a text only. */
const RECORDS_15 = `
  select start_lsn, max(record_length) as length
  from pg_get_wal_records_info($1::pg_lsn, $2::pg_lsn),
    regexp_matches(block_ref, 'rel [0-9]+/([0-9]+)/([0-9]+)', 'g') as block
  where block[1] = (select oid::text from pg_database where datname = current_database())
    and block[2]::oid in (${OURS})
  group by start_lsn`

const SUM = `
  select pg_wal_lsn_diff($2::pg_lsn, $1::pg_lsn)::float8 as all,
    coalesce((select sum(length) from records), 0)::float8 as mirror`
