/**
 * Which tables have a history (SYNC_HISTORY), and whether it is recorded as it should be: triggers, and views of the columns that the
 * tables have now. Functions are in migrations/0023_history.sql. What is as it should be is left alone, so that a start takes no lock.
 *
 * Rows that stand when recording begins need nothing written for them: a row without a version of its own is in its first one. So
 * it is switched on at once, however large the table.
 */
import type { Resource } from '../../catalog/resource.ts'
import { codeOf, type Database, type Transaction } from '../connection/database.ts'
import type { ChangeTables } from './ddl.ts'
import { readFunctions, restoreFunctions } from './functions.ts'
import { readMigrations } from './migration-files.ts'

/** In SYNC_HISTORY in the place of resources. */
export const ALL = 'all'
export const OFF = 'off'

/** Statements of migrations that make what is in the schema itself. */
const IN_THE_SCHEMA =
  /^(?:CREATE TABLE|CREATE (?:UNIQUE )?INDEX .* ON|ALTER TABLE|COMMENT ON \w+|CREATE FUNCTION) "?scopestack_history\b/m

/**
 * Makes the schema anew, without versions, where it was dropped or only the other schemas were restored: each write to a recorded
 * table would fail.
 */
export async function restoreHistorySchema(sql: Database, change: ChangeTables): Promise<void> {
  // By the catalog: `to_regclass` fails for a role that may not look into the schema, as one that works and owns nothing.
  const [there] = await sql`
    select from pg_class where relname = 'past_versions' and relnamespace = to_regnamespace('scopestack_history')`
  if (there !== undefined) return
  const statements = readMigrations().flatMap((one) => one.statements.filter((text) => IN_THE_SCHEMA.test(text)))
  await change(async (tx) => {
    const [schema] = await tx`select where to_regnamespace('scopestack_history') is not null`
    if (schema === undefined) await tx`create schema scopestack_history`
    for (const statement of statements) await tx.unsafe(statement)
  })
}

interface Standing {
  readonly table: string
  readonly isRecorded: boolean
  /** Triggers are there and enabled, and the view shows the columns that the table has. */
  readonly isWell: boolean
}

/** @param named as in SYNC_HISTORY: `all`, `off`, or types of resources; a table's name is understood, too. */
export function historyTables(named: readonly string[], resources: Iterable<Resource>): ReadonlySet<string> {
  const types = new Set(named.map((name) => name.toLowerCase().replaceAll('_', '-')))
  const chosen = [...resources].filter(({ type }) => types.has(ALL) || types.has(type))
  return new Set(chosen.map(({ table }) => table))
}

/**
 * Begins, repairs and ends recording, table by table: each takes a lock that writers wait behind.
 *
 * @param usable tables that exist and have their columns.
 */
export async function installHistory(
  sql: Database,
  wanted: ReadonlySet<string>,
  usable: readonly Resource[],
  change: ChangeTables,
): Promise<void> {
  const tables = usable.map(({ table }) => table)
  const standing = await readStanding(sql, tables).catch(unlessRefused([]))
  const { wrong } = await readFunctions(sql)
  if ([...wrong].some((name) => HISTORY_FUNCTIONS.has(name))) await restoreFunctions(sql, change)
  for (const { table, isRecorded, isWell } of standing) {
    const isWanted = wanted.has(table)
    if (isWanted ? isWell : !isRecorded) continue
    const act = isWanted ? 'record_history' : 'stop_history'
    await change(async (tx) => void (await tx.unsafe(`select sync.${act}($1)`, [table]))).catch(
      unlessRefused(undefined),
    )
  }
}

/** Only the owner of the tables may; a role that only works leaves it to the next process that may. */
const unlessRefused =
  <T>(instead: T) =>
  (error: unknown): T => {
    if (codeOf(error) !== '42501') throw error
    return instead
  }

/** The columns of a table have changed: its view shows those that it has now. Where it is not recorded, nothing is done. */
export async function showHistory(sql: Database, table: string): Promise<void> {
  await sql`
    select sync.show_history(${table}) from scopestack_history.recorded where table_name = ${table} and valid_to is null`.catch(
    unlessRefused(undefined),
  )
}

export interface RecordedHistory {
  /** Tables that are recorded now, by name. */
  readonly tables: readonly string[]
  /** Since when each of them is. */
  readonly since: Date
  /** Of versions that ended, with their indexes. */
  readonly bytes: number
}

/** Null where none is, and where this role may not read it. Asks the catalog for the size, which costs nothing. */
export async function readHistory(sql: Database): Promise<RecordedHistory | null> {
  const read = sql<RecordedHistory[]>`
    select json_agg(r.table_name order by r.table_name) as tables, max(r.kept_from) as since,
      pg_total_relation_size('scopestack_history.past_versions')::float8 as bytes
    from scopestack_history.recorded r where r.valid_to is null having count(*) > 0`
  const [found] = await read.catch(unlessRefused<RecordedHistory[]>([]))
  return found ?? null
}

/** Tables by name, where the next start of the owner has something to do. */
export interface HistoryState {
  readonly recorded: readonly string[]
  /** Recorded, with a trigger or a view that is not as it should be. */
  readonly broken: readonly string[]
  /** Named in SYNC_HISTORY, and not recorded. */
  readonly missing: readonly string[]
  /** Recorded, and not named there. */
  readonly surplus: readonly string[]
}

/** Null where this role may not read it. Changes nothing. */
export async function readHistoryState(
  sql: Database,
  wanted: ReadonlySet<string>,
  resources: Iterable<Resource>,
): Promise<HistoryState | null> {
  const tables = [...resources].map(({ table }) => table)
  const standing = await readStanding(sql, tables).catch(unlessRefused(null))
  if (standing === null) return null
  const those = (is: (one: Standing) => boolean): string[] => standing.filter(is).map(({ table }) => table)
  return {
    recorded: those(({ isRecorded }) => isRecorded),
    broken: those(({ table, isRecorded, isWell }) => isRecorded && !isWell && wanted.has(table)),
    missing: those(({ table, isRecorded }) => !isRecorded && wanted.has(table)),
    surplus: those(({ table, isRecorded }) => isRecorded && !wanted.has(table)),
  }
}

/** What follows in the transaction moves values between columns of ours, and changes no record. */
export const makeNoVersions = (tx: Transaction) => tx`select set_config('sync.history', 'quiet', true)`

const HISTORY_FUNCTIONS: ReadonlySet<string> = new Set([
  'keep_history',
  'end_versions',
  'show_history',
  'describe_history',
  'grant_history_again',
  'record_history',
  'has_history_triggers',
  'stop_history',
  'prune_history',
])

const readStanding = (sql: Database, tables: readonly string[]) => sql<Standing[]>`
  select c.relname as "table", r.table_name is not null as "isRecorded",
    r.table_name is not null and r.columns = scopestack_history.columns_of(c.relname::text)
      and to_regclass(format('scopestack_history.%I', c.relname)) is not null and (
        select count(*) = 4 from pg_trigger t join pg_proc p on p.oid = t.tgfoid
        where t.tgrelid = c.oid and t.tgname in ('history_insert', 'history_update', 'history_delete', 'history_truncate')
          and t.tgenabled in ('O', 'A') and p.proname = 'keep_history' and p.pronamespace = 'sync'::regnamespace) as "isWell"
  from pg_class c left join scopestack_history.recorded r on r.table_name = c.relname and r.valid_to is null
  where c.relnamespace = 'scopestack'::regnamespace and c.relname in ${sql(tables)}
  order by 1`
