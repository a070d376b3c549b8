/**
 * Brings the database to this version's schema: drizzle's migrations, then the comments and the triggers
 * that follow from the catalog, under one advisory lock.
 * drizzle's own migrator takes none, and two starts at once on an empty database fail (10 of 10 tried).
 */
import { join } from 'node:path'
import { DrizzleQueryError } from 'drizzle-orm'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate as runMigrations } from 'drizzle-orm/postgres-js/migrator'
import { catalog } from '../registry.ts'
import type { Resource } from '../resource.ts'
import { installCapture } from './capture.ts'
import { commentStatements } from './comments.ts'
import { openDatabase, type Database } from './database.ts'
import { checkServer } from './server-version.ts'
import { SYNC_COLUMNS } from './tables.ts'

const FOLDER = join(import.meta.dirname, '../../migrations')
/** Any number that no other program locks: "scopestack" cut to 31 bits. */
const LOCK = 1_935_896_432

/** @throws the driver's error; callers explain it with the address they know. */
export async function migrate(url: string): Promise<void> {
  // One connection, so that the lock's session is the migration's.
  const sql = openDatabase(url, { connections: 1 })
  try {
    await checkServer(sql)
    await sql`select pg_advisory_lock(${LOCK})`
    // drizzle begins with CREATE SCHEMA, which needs a right on the database that only the first start should.
    if (!(await isMigrated(sql))) {
      await runMigrations(drizzle(sql), { migrationsFolder: FOLDER, migrationsSchema: 'sync' }).catch(driversOwn)
    }
    const usable = await usableTables(sql)
    const statements = commentStatements(usable, await existingComments(sql))
    if (statements.length > 0) await sql.unsafe(statements.join(';\n'))
    await installCapture(sql, usable)
  } finally {
    await sql.end({ timeout: 5 })
  }
}

/** What somebody has renamed, dropped or replaced is the failure of its own resource, and not of every start. */
async function usableTables(sql: Database): Promise<Resource[]> {
  const found = await sql<{ name: string; columns: string[] }[]>`
    select c.relname as name, json_agg(a.attname) as columns from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = (select oid from pg_namespace where nspname = 'scopestack') and c.relkind in ('r', 'p')
      and a.attnum > 0 and not a.attisdropped group by 1`
  const held = new Map(found.map(({ name, columns }) => [name, new Set(columns)]))
  return [...catalog.values()].filter(({ table, columns }) =>
    [...columns.map(({ name }) => name), 'id', ...Object.keys(SYNC_COLUMNS)].every((name) =>
      held.get(table)?.has(name),
    ),
  )
}

/** Whether every migration of this version has been run; a newer schema is fine, since it only adds. */
export async function isMigrated(sql: Database): Promise<boolean> {
  const wanted = Math.max(...readMigrationFiles({ migrationsFolder: FOLDER }).map(({ folderMillis }) => folderMillis))
  const [books] = await sql<{ exist: boolean }[]>`
    select to_regclass('sync.__drizzle_migrations') is not null as exist`
  if (books?.exist !== true) return false
  const [row] = await sql<{ at: number | null }[]>`
    select max(created_at)::float8 as at from sync.__drizzle_migrations`
  return (row?.at ?? 0) >= wanted
}

/** drizzle wraps the driver's error, and with it the code that says what to do about it. */
function driversOwn(error: unknown): never {
  throw error instanceof DrizzleQueryError && error.cause !== undefined ? error.cause : error
}

/** `table` and `table.column` to comment, for schema `scopestack`. */
async function existingComments(sql: ReturnType<typeof openDatabase>): Promise<Map<string, string>> {
  const rows = await sql<{ name: string; comment: string }[]>`
    select c.relname || coalesce('.' || a.attname, '') as name, d.description as comment
    from pg_description d
    join pg_class c on c.oid = d.objoid and d.classoid = 'pg_class'::regclass
    left join pg_attribute a on a.attrelid = c.oid and a.attnum = d.objsubid and d.objsubid > 0
    where c.relnamespace = (select oid from pg_namespace where nspname = 'scopestack')`
  return new Map(rows.map(({ name, comment }) => [name, comment]))
}
