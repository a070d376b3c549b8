/**
 * Brings the database to this version's schema: drizzle's migrations, then the comments and the triggers that follow from
 * the catalog. What is up to date is left alone, so that a start takes no lock that other sessions would wait behind.
 *
 * drizzle's own migrator takes no lock, and two starts at once on an empty database fail (10 of 10 tried). An advisory lock
 * can be held by any role that may connect; one of a table only by those who may write it.
 */
import { catalog } from '../../catalog/registry.ts'
import type { Resource } from '../../catalog/resource.ts'
import { nameTaken, notMigrated, schemaOlder } from '../../errors/database.ts'
import { tableUnfit } from '../../errors/resources.ts'
import type { SyncError } from '../../errors/sync-error.ts'
import { codeOf, openDatabase, quote, type Database, type Transaction } from '../connection/database.ts'
import { assertSupportedVersion, checkDatabase, readServerVersion } from '../server/fitness.ts'
import { adopting } from './adopt-columns.ts'
import { findCaptureFaults, type CaptureCheck, type CaptureFault } from './capture-state.ts'
import { installCapture, recordDeclaredColumns } from './capture-triggers.ts'
import { SYNC_COLUMNS } from './columns.ts'
import { changeTables, type ChangeTables, type RunStatements, type LockWaiting } from './ddl.ts'
import { assertMayCreateSchemas, assertOwnHistorySchema, assertOwnSchemas } from './foreign-schemas.ts'
import { restoreFunctions } from './functions.ts'
import { installHistory, restoreHistorySchema } from './history.ts'
import { addForeignKeys } from './live/foreign-keys.ts'
import { addIndexes } from './live/indexes.ts'
import { refreshAllLiveViews, restoreLiveSchema } from './live/live-views.ts'
import { addNamedKeys } from './live/named-keys.ts'
import { recordRelations } from './live/relations.ts'
import { lastMigration, migrationSpan, readMigrations, type Migration } from './migration-files.ts'
import { readTableState } from './table-state.ts'
import { restoreUserDefined } from './user-defined-triggers.ts'

export interface Migrating extends LockWaiting {
  /** Tables whose history is recorded; without it that stays as it is. */
  readonly history?: ReadonlySet<string> | undefined
}

/**
 * @returns capture triggers that were found dropped, disabled or replaced, and whether this role could repair them.
 * @throws SyncError SYNC_DATABASE_UNFIT or SYNC_DATABASE_REFUSED before anything is written, SYNC_STOPPED; otherwise the
 *   driver's error, which callers explain with the address they know.
 */
export async function migrate(url: string, waiting: Migrating = {}): Promise<CaptureCheck> {
  const sql = openDatabase(url, { connections: 1 })
  const change: ChangeTables = (act) => changeUnderLock(sql, act, waiting)
  try {
    const server = await readServerVersion(sql)
    assertSupportedVersion(server)
    await checkDatabase(sql, url)
    await assertOwnSchemas(sql, migrationSpan().first)
    await assertOwnHistorySchema(sql)
    const wasMigrated = await isMigrated(sql)
    if (!wasMigrated) await assertMayCreateSchemas(sql)
    if (!wasMigrated) await changeUnderLock(sql, (tx, run) => runMigrations(tx, run), waiting).catch(nameTheTaken)
    const usable = await usableTables(sql)
    if (usable.length === 0) throw await schemaGone(sql)
    await addNamedKeys(sql, usable, change)
    const missing = async (of: Database | Transaction): Promise<string[]> =>
      commentStatements(usable, await existingComments(of))
    if ((await missing(sql)).length > 0)
      await change(async (tx) => void (await tx.unsafe((await missing(tx)).join(';\n'))))
    const faults = await findCaptureFaults(sql, usable)
    const repaired = await restoreCapture(sql, usable, faults, change).then(
      () => true,
      (error: unknown) => {
        // Only the owner of the tables can repair them; "status" reports it until then.
        if (!wasMigrated || faults.length === 0 || codeOf(error) !== '42501') throw error
        return false
      },
    )
    await recordRelations(sql, usable)
    await addForeignKeys(sql, server.number)
    await addIndexes(sql)
    await restoreLiveSchema(sql)
    await refreshAllLiveViews(sql)
    await restoreHistorySchema(sql, change)
    if (waiting.history !== undefined) await installHistory(sql, waiting.history, usable, change)
    return { faults: wasMigrated ? faults : [], repaired }
  } finally {
    await sql.end({ timeout: 5 })
  }
}

async function restoreCapture(
  sql: Database,
  resources: readonly Resource[],
  faults: readonly CaptureFault[],
  change: ChangeTables,
): Promise<void> {
  if (faults.length > 0) await restoreFunctions(sql, change)
  await installCapture(sql, resources, new Set(faults.map(({ type }) => type)), change)
  await recordDeclaredColumns(sql, resources)
  for (const { table, faults: those } of faults) {
    if (those.some((fault) => fault.includes('user_defined_values_'))) await restoreUserDefined(change, table)
  }
}

/** Changes tables while no other migration is running. @param act one transaction, repeated until it obtains all its locks. */
export const changeUnderLock = (
  sql: Database,
  act: (tx: Transaction, run: RunStatements) => Promise<void>,
  waiting: LockWaiting,
): Promise<void> =>
  changeTables(
    sql,
    async (tx, run) => {
      await lockMigrations(tx, run)
      await act(tx, run)
    },
    waiting,
  )

async function lockMigrations(tx: Transaction, run: RunStatements): Promise<void> {
  const [found] = await tx<{ schema: boolean; books: boolean }[]>`
    select to_regnamespace('sync') is not null as schema, to_regclass('sync.__drizzle_migrations') is not null as books`
  // Each needs a privilege that only the first start should need.
  if (found?.schema !== true) await run('create schema if not exists sync')
  if (found?.books !== true) {
    await run(
      'create table if not exists sync.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)',
    )
  }
  // This mode conflicts with itself, and with no reader: a reader cannot hold it, whatever its privileges.
  await run('lock table sync.__drizzle_migrations in share update exclusive mode')
}

/** Like drizzle's migrator, in its table, but under a lock, and in one transaction from the start. */
export async function runMigrations(tx: Transaction, run: RunStatements, release = THIS_RELEASE): Promise<void> {
  const last = await lastMigration(tx)
  for (const { createdAt, hash, statements } of release.migrations()) {
    if (createdAt <= last) continue
    for (const statement of statements) {
      for (const adopted of await adopting(tx, statement, release.catalog)) await run(adopted)
    }
    await tx`insert into sync.__drizzle_migrations (hash, created_at) values (${hash}, ${createdAt})`
  }
}

const THIS_RELEASE: {
  readonly migrations: () => readonly Migration[]
  readonly catalog: ReadonlyMap<string, Resource>
} = {
  migrations: readMigrations,
  catalog,
}

/** Null if this database was never migrated. */
export const migratedSchemaGone = async (sql: Database): Promise<SyncError | null> =>
  (await isMigrated(sql)) ? await schemaGone(sql) : null

async function schemaGone(sql: Database): Promise<SyncError> {
  const [any] = catalog.values()
  return tableUnfit({ table: 'scopestack', ...(await readTableState(sql, any!)) })
}

/** A table that was renamed, dropped or replaced is an error of its resource, and must not fail every start. */
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

/** Whether every migration of this version has run. A newer schema is compatible, since migrations only add. */
export async function isMigrated(sql: Database): Promise<boolean> {
  const { applied, newest } = await readSchemaVersion(sql)
  return applied !== null && applied >= newest
}

/** @throws SyncError SYNC_DATABASE_REFUSED with what is there instead: no tables, or those of an older version. */
export async function assertMigrated(sql: Database): Promise<void> {
  const { applied, newest } = await readSchemaVersion(sql)
  if (applied === null) throw notMigrated()
  if (applied < newest) throw schemaOlder()
}

export interface SchemaVersion {
  /** The newest migration that has run, by when it was generated (ms since the epoch); null: none ever has. */
  readonly applied: number | null
  /** The newest of this version of the program. */
  readonly newest: number
}

export async function readSchemaVersion(sql: Database): Promise<SchemaVersion> {
  const { newest } = migrationSpan()
  const [books] = await sql<{ exist: boolean }[]>`
    select to_regclass('sync.__drizzle_migrations') is not null as exist`
  return { applied: books?.exist === true ? await lastMigration(sql) : null, newest }
}

/** Column, table or type, function, other object. */
const TAKEN = /^(42701|42P07|42723|42710)$/

function nameTheTaken(error: unknown): never {
  const code = codeOf(error)
  if (!TAKEN.test(code)) throw error
  throw nameTaken({ what: code === '42701' ? 'column' : 'object', said: (error as Error).message }, error)
}

/**
 * `COMMENT ON` statements for the mirror, from the catalog: analysts read them in their tools.
 *
 * @param existing `table` and `table.column` to the present comment. Equal comments are skipped, since each COMMENT takes a lock
 *   that readers would wait behind.
 */
function commentStatements(resources: readonly Resource[], existing: ReadonlyMap<string, string>): string[] {
  const statements: string[] = []
  const want = (name: string, target: string, comment: string): void => {
    if (existing.get(name) !== comment) statements.push(`comment on ${target} is '${comment.replaceAll("'", "''")}'`)
  }
  for (const { table, comment, columns, generated } of resources) {
    const column = (name: string, text: string): void =>
      want(`${table}.${name}`, `column scopestack.${quote(table)}.${quote(name)}`, text)
    want(table, `table scopestack.${quote(table)}`, comment)
    column('id', 'Id of the record in ScopeStack.')
    for (const { name, comment: text } of [...columns, ...generated]) column(name, text)
    for (const [name, text] of Object.entries(SYNC_COLUMNS)) column(name, text)
  }
  return statements
}

/** `table` and `table.column` to its comment, in schema `scopestack`. */
async function existingComments(sql: Database | Transaction): Promise<Map<string, string>> {
  const rows = await sql<{ name: string; comment: string }[]>`
    select c.relname || coalesce('.' || a.attname, '') as name, d.description as comment
    from pg_description d
    join pg_class c on c.oid = d.objoid and d.classoid = 'pg_class'::regclass
    left join pg_attribute a on a.attrelid = c.oid and a.attnum = d.objsubid and d.objsubid > 0
    where c.relnamespace = (select oid from pg_namespace where nspname = 'scopestack')`
  return new Map(rows.map(({ name, comment }) => [name, comment]))
}
