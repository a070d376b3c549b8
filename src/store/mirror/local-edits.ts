/** Which rows differ from ScopeStack because of local edits, for everything that reads or compares rows. */
import type { Resource } from '../../catalog/resource.ts'
import { isIn } from '../changes/change.ts'
import { OPEN } from '../changes/states.ts'
import * as writes from '../changes/writes.ts'
import type { Database, Transaction } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'
import { isStorable } from '../values/codec.ts'

type Sql = Database | Transaction
type Fragment = ReturnType<Transaction>

/** When the read under way began: when its lease was acquired, or when the snapshot that it continues began. */
const began = (sql: Sql, type: string, since: 'lease' | 'snapshot') => sql`
  (select least(l.acquired_at, c.snapshot_started_at) from sync.leases l
    left join sync.cursors c on c.resource = l.resource and ${since === 'snapshot'}
    where l.resource = ${type} and l.expires_at > now())`

/** Of changes `o`: open, or settled since the read under way began, so that what was read may be older. */
const isPending = (sql: Sql, type: string, since: 'lease' | 'snapshot') => sql`
  (${isIn(sql, OPEN)} or ((o.state in ('sent', 'superseded') or ${isPartlyAccepted(sql)}) and o.settled_at > ${began(sql, type, since)}))`

/** Of changes `o`: parked or discarded, and the row may still show its values. */
const isUnrestored = (sql: Sql) => sql`
  (o.state in ('parked', 'discarded') and o.returned_at is null and o.op <> 'create')`

/**
 * Ids of records with pending changes, some of them twice: a list that was read may lack their rows, or hold old values. Rows
 * with a local id (`local-…`) are in no list either.
 *
 * A subquery that is evaluated once, and not for each row: a planner that underestimates the rows would go through all changes
 * for each of them. Use `livingExcept` to compare it with a whole table.
 *
 * @param among an array: only of these.
 */
export const pendingRecords = (sql: Sql, type: string, since: 'lease' | 'snapshot' = 'lease', among?: Fragment) => sql`
  select o.record_id as id from sync.outbox o
  where o.resource = ${type} and ${isPending(sql, type, since)} ${isAmong(sql, among)}`

/** The same, with records whose rows still show a parked or discarded change. */
const unsettled = (sql: Sql, type: string, among?: Fragment) => sql`
  select o.record_id as id from sync.outbox o
  where o.resource = ${type} and (${isPending(sql, type, 'lease')} or ${isUnrestored(sql)}) ${isAmong(sql, among)}`

const isAmong = (sql: Sql, among: Fragment | undefined) =>
  among === undefined ? sql`` : sql`and o.record_id = any(${among})`

/**
 * Living rows that ScopeStack has, with the `mark` that `others` has for the id, or null. A FULL JOIN is always hashed or merged;
 * for another join the planner may choose a loop, and went through 100,000 ids for each of 100,000 rows. OFFSET 0 keeps a
 * condition around it from changing the join.
 *
 * @param others `id` and `mark`, each id once.
 */
export const livingExcept = (sql: Sql, table: string, others: Fragment) => sql`
  (select living.id, living.mark from (
    select m.id, k.mark
    from (select id from scopestack.${sql(table)} where sync_deleted_at is null and id not like 'local-%') m
    full join (${others}) k on k.id = m.id offset 0) living
  where living.id is not null)`

/** Ids of a batch whose rows differ from what ScopeStack's response says, because of a local edit. */
export interface LocalEdits {
  /** The edit is on its way, or was settled since the pull under way began: what the pull read may be older. */
  readonly pending: ReadonlySet<string>
  /** Created here since the snapshot began: the snapshot could not know that the record lived then. */
  readonly created: ReadonlySet<string>
  /** Deleted here before the snapshot began: known then, though there is no row. */
  readonly deleted: ReadonlySet<string>
  /** The edit was parked or discarded, and the row may still show it, whatever its digest says. */
  readonly unrestored: ReadonlySet<string>
}

export const NO_LOCAL_EDITS: LocalEdits = {
  pending: new Set(),
  created: new Set(),
  deleted: new Set(),
  unrestored: new Set(),
}

/**
 * A row with a pending edit is at least as new as the moment the lease was taken, which is what a read promises; and a
 * watermark never passes that moment.
 *
 * @param ids as an array literal.
 */
export async function readLocalEdits(tx: Transaction, type: string, ids: string): Promise<LocalEdits> {
  const rows = await tx<({ id: string } & Record<keyof LocalEdits, boolean>)[]>`
    select o.record_id as id, bool_or(${isPending(tx, type, 'lease')}) as pending,
      bool_or(o.op = 'create' and o.state = 'sent' and o.settled_at > ${began(tx, type, 'snapshot')}) as created,
      bool_or(o.op = 'delete' and o.made_at <= ${began(tx, type, 'snapshot')}) as deleted, bool_or(${isUnrestored(tx)}) as unrestored
    from sync.outbox o where o.resource = ${type} and o.record_id = any(${ids}::text[]) group by 1`
  const idsWith = (what: keyof LocalEdits) => new Set(rows.flatMap((row) => (row[what] ? [row.id] : [])))
  return {
    pending: idsWith('pending'),
    created: idsWith('created'),
    deleted: idsWith('deleted'),
    unrestored: idsWith('unrestored'),
  }
}

/** Those of `ids` that differ from ScopeStack because of a local edit. */
export async function unsettledRows(sql: Database, type: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await sql<
    { id: string }[]
  >`${unsettled(sql, type, sql`${arrayLiteral(ids.filter(isStorable))}::text[]`)}`
  return new Set([...rows.map(({ id }) => id), ...ids.filter((id) => id.startsWith('local-'))])
}

/** Living rows that are not compared with ScopeStack because of a local edit, new rows included. */
export async function editedIds(sql: Database, { type, table }: Resource): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select m.id from (${unsettled(sql, type)}) u join scopestack.${sql(table)} m on m.id = u.id where m.sync_deleted_at is null
    union select id from scopestack.${sql(table)} where sync_deleted_at is null and id like 'local-%'`
  return rows.map(({ id }) => id)
}

/** Ids of living rows that are not among those of `seen`, in order, without rows that have open local edits. */
export async function rowsExcept(sql: Sql, { type, table }: Resource, seen: Fragment): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select id from ${livingExcept(sql, table, sql`select distinct id, true as mark from (${seen} union all ${unsettled(sql, type)}) of`)} rows
    where mark is null order by id collate "C"`
  return rows.map(({ id }) => id)
}

/** Rows that are to show again what ScopeStack holds, the earliest discarded first; rows with newer edits are left out. */
export async function rowsToRestore(sql: Database, type: string, limit: number): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select id from (
      select o.record_id as id, min(o.id) filter (where ${isUnrestored(sql)}) as first, bool_or(${isPending(sql, type, 'lease')}) as away
      from sync.outbox o where o.resource = ${type} and (${isUnrestored(sql)} or ${isPending(sql, type, 'lease')})
      group by 1) m
    where first is not null and away is not true and id not like 'local-%' order by first limit ${limit}`
  return rows.map(({ id }) => id)
}

/** Records that these rows, with parked or discarded changes, show again what ScopeStack holds. */
export async function recordRestored(tx: Transaction, type: string, ids: string): Promise<void> {
  await writes.recordRestored(
    tx,
    tx`o.resource = ${type} and o.record_id = any(${ids}::text[]) and ${isUnrestored(tx)}`,
  )
}

/** Of a change: ScopeStack applied a part, and it is parked with the rest. */
export const isPartlyAccepted = (sql: Database | Transaction) => sql`(state = 'parked' and sent_at is not null)`
