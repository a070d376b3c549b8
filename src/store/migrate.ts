/**
 * Brings the database to this version's schema: drizzle's migrations, then the comments and the triggers
 * that follow from the catalog, under one advisory lock.
 * drizzle's own migrator takes none, and two starts at once on an empty database fail (10 of 10 tried).
 */
import { DrizzleQueryError } from 'drizzle-orm'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate as runMigrations } from 'drizzle-orm/postgres-js/migrator'
import { nameTaken, tableUnfit } from '../errors/tables.ts'
import { catalog } from '../registry.ts'
import type { Resource } from '../resource.ts'
import type { SyncError } from '../sync-error.ts'
import { installCapture, noteReadOnly } from './capture.ts'
import { findCaptureFaults, type CaptureCheck, type CaptureFault } from './capture-state.ts'
import { commentStatements } from './comments.ts'
import { codeOf, openDatabase, type Database } from './database.ts'
import { FOLDER, restoreFunctions } from './functions.ts'
import { checkServer } from './server-version.ts'
import { readTableState } from './table-state.ts'
import { SYNC_COLUMNS } from './tables.ts'
import { restoreUserDefined } from './user-defined.ts'

/** Any number that no other program locks: "scopestack" cut to 31 bits. */
const LOCK = 1_935_896_432

/**
 * @returns what was found of triggers that somebody had dropped, disabled or replaced: they are mended, where the role may.
 * @throws the driver's error; callers explain it with the address they know.
 */
export async function migrate(url: string): Promise<CaptureCheck> {
  // One connection, so that the lock's session is the migration's.
  const sql = openDatabase(url, { connections: 1 })
  try {
    await checkServer(sql)
    await sql`select pg_advisory_lock(${LOCK})`
    // drizzle begins with CREATE SCHEMA, which needs a right on the database that only the first start should.
    const wasMigrated = await isMigrated(sql)
    if (!wasMigrated) {
      await runMigrations(drizzle(sql), { migrationsFolder: FOLDER, migrationsSchema: 'sync' }).catch(driversOwn)
    }
    const usable = await usableTables(sql)
    if (usable.length === 0) throw await schemaGone(sql)
    const statements = commentStatements(usable, await existingComments(sql))
    if (statements.length > 0) await sql.unsafe(statements.join(';\n'))
    const faults = await findCaptureFaults(sql, usable)
    const mended = await restoreCapture(sql, usable, faults).then(
      () => true,
      (error: unknown) => {
        // Whose tables these are mends them; "status" says so until then.
        if (!wasMigrated || faults.length === 0 || codeOf(error) !== '42501') throw error
        return false
      },
    )
    return { faults: wasMigrated ? faults : [], mended }
  } finally {
    await sql.end({ timeout: 5 })
  }
}

async function restoreCapture(
  sql: Database,
  resources: readonly Resource[],
  faults: readonly CaptureFault[],
): Promise<void> {
  if (faults.length > 0) await restoreFunctions(sql)
  await installCapture(sql, resources, new Set(faults.map(({ type }) => type)))
  await noteReadOnly(sql, resources)
  for (const { table, faults: those } of faults) {
    if (those.some((fault) => fault.includes('user_defined_values_'))) await restoreUserDefined(sql, table)
  }
}

/** Null: nothing was ever made here. */
export const migratedSchemaGone = async (sql: Database): Promise<SyncError | null> =>
  (await isMigrated(sql)) ? await schemaGone(sql) : null

async function schemaGone(sql: Database): Promise<SyncError> {
  const [any] = catalog.values()
  return tableUnfit({ table: 'scopestack', ...(await readTableState(sql, any!)) })
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
  const own = error instanceof DrizzleQueryError && error.cause !== undefined ? error.cause : error
  // Column, table or type, function, other object.
  if (!/^(42701|42P07|42723|42710)$/.test(codeOf(own))) throw own
  throw nameTaken({ what: codeOf(own) === '42701' ? 'column' : 'object', said: (own as Error).message }, own)
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
