/** Which rows are not what ScopeStack holds, or not yet, as whoever reads it must know. */
import type { Resource } from '../../catalog/resource.ts'
import { IGNORED } from '../../errors/codes/changes.ts'
import type { Database, Transaction } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'
import { isStorable } from './codec.ts'

type Sql = Database | Transaction
type Fragment = ReturnType<Transaction>

/** When the reading under way began: when its lease was taken, or the snapshot that it goes on with. */
const began = (sql: Sql, type: string, since: 'lease' | 'snapshot') => sql`
  (select least(l.acquired_at, c.snapshot_started_at) from sync.leases l
    left join sync.cursors c on c.resource = l.resource and ${since === 'snapshot'}
    where l.resource = ${type} and l.expires_at > now())`

/** Of changes `o`: on its way, or settled since the reading under way began, so that what was read may be older. */
const isUnderWay = (sql: Sql, type: string, since: 'lease' | 'snapshot') => sql`
  (o.state in ('waiting', 'sending') or ((o.state in ('sent', 'superseded') or ${isPartlyAccepted(sql)}) and o.settled_at > ${began(sql, type, since)}))`

/** Of changes `o`: it was let go, and the row may still hold its values. */
const isOwed = (sql: Sql) => sql`
  (o.state in ('parked', 'discarded') and o.returned_at is null and o.op <> 'create')`

/**
 * Ids of the records, some more than once, of which ScopeStack has not said yet what they hold, or may have said it after the
 * reading under way began: such a row is in no list for certain. One of our own (`local-…`) is in none, either.
 *
 * A list that is read once, and no question for each row of a table: a planner that takes the rows for few would go through
 * all changes for each of them. Whoever holds a whole table against it uses `livingExcept`.
 *
 * @param among an array: only of these.
 */
export const pendingRecords = (sql: Sql, type: string, since: 'lease' | 'snapshot' = 'lease', among?: Fragment) => sql`
  select o.record_id as id from sync.outbox o
  where o.resource = ${type} and ${isUnderWay(sql, type, since)} ${isAmong(sql, among)}`

/** The same, with those whose difference to ScopeStack is a local edit that was let go. */
const unsettled = (sql: Sql, type: string, among?: Fragment) => sql`
  select o.record_id as id from sync.outbox o
  where o.resource = ${type} and (${isUnderWay(sql, type, 'lease')} or ${isOwed(sql)}) ${isAmong(sql, among)}`

const isAmong = (sql: Sql, among: Fragment | undefined) =>
  among === undefined ? sql`` : sql`and o.record_id = any(${among})`

/**
 * Living rows that ScopeStack has, with the `mark` that the others give the id; null where it is none of them. A FULL JOIN is
 * hashed or merged, whatever the planner takes for the number of rows; for any other it may choose a loop, and went through
 * 100,000 ids for each of 100,000 rows. OFFSET 0, so that no condition around it makes another join of it.
 *
 * @param others `id` and `mark`, each id once.
 */
export const livingExcept = (sql: Sql, table: string, others: Fragment) => sql`
  (select living.id, living.mark from (
    select m.id, k.mark
    from (select id from scopestack.${sql(table)} where sync_deleted_at is null and id not like 'local-%') m
    full join (${others}) k on k.id = m.id offset 0) living
  where living.id is not null)`

export interface Edited {
  /** Their edits are on their way, or were settled since the pull under way began: what it read may be older. */
  readonly left: ReadonlySet<string>
  /** They were made from here since the snapshot began, so that it was not known of them that they lived then. */
  readonly made: ReadonlySet<string>
  /** They were deleted here before the snapshot began: known then, though there is no row. */
  readonly taken: ReadonlySet<string>
  /** Their edits were let go, and they may still show them, whatever their digests say. */
  readonly owed: ReadonlySet<string>
}

/**
 * A row that is left is at least as new as the taking of the lease, which is what a reading promises; and a watermark never
 * passes that.
 *
 * @param ids as an array literal.
 */
export async function editedRows(tx: Transaction, type: string, ids: string): Promise<Edited> {
  const rows = await tx<({ id: string } & Record<keyof Edited, boolean>)[]>`
    select o.record_id as id, bool_or(${isUnderWay(tx, type, 'lease')}) as left,
      bool_or(o.op = 'create' and o.state = 'sent' and o.settled_at > ${began(tx, type, 'snapshot')}) as made,
      bool_or(o.op = 'delete' and o.made_at <= ${began(tx, type, 'snapshot')}) as taken, bool_or(${isOwed(tx)}) as owed
    from sync.outbox o where o.resource = ${type} and o.record_id = any(${ids}::text[]) group by 1`
  const having = (what: keyof Edited) => new Set(rows.flatMap((row) => (row[what] ? [row.id] : [])))
  return { left: having('left'), made: having('made'), taken: having('taken'), owed: having('owed') }
}

/** Those of `ids` that differ from ScopeStack because of a local edit. */
export async function unsettledRows(sql: Database, type: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await sql<
    { id: string }[]
  >`${unsettled(sql, type, sql`${arrayLiteral(ids.filter(isStorable))}::text[]`)}`
  return new Set([...rows.map(({ id }) => id), ...ids.filter((id) => id.startsWith('local-'))])
}

/** Living rows that are not compared with ScopeStack, because of a local edit; new ones among them. */
export async function editedIds(sql: Database, { type, table }: Resource): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select m.id from (${unsettled(sql, type)}) u join scopestack.${sql(table)} m on m.id = u.id where m.sync_deleted_at is null
    union select id from scopestack.${sql(table)} where sync_deleted_at is null and id like 'local-%'`
  return rows.map(({ id }) => id)
}

/** Ids of living rows that are not among those of `met`, in order. Rows with local edits that are not settled are none of them. */
export async function rowsExcept(sql: Sql, { type, table }: Resource, met: Fragment): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select id from ${livingExcept(sql, table, sql`select distinct id, true as mark from (${met} union all ${unsettled(sql, type)}) of`)} rows
    where mark is null order by id collate "C"`
  return rows.map(({ id }) => id)
}

/** Rows that are to show again what ScopeStack holds, those let go first; rows with newer edits are not. */
export async function rowsToRestore(sql: Database, type: string, limit: number): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select id from (
      select o.record_id as id, min(o.id) filter (where ${isOwed(sql)}) as first, bool_or(${isUnderWay(sql, type, 'lease')}) as away
      from sync.outbox o where o.resource = ${type} and (${isOwed(sql)} or ${isUnderWay(sql, type, 'lease')})
      group by 1) m
    where first is not null and away is not true and id not like 'local-%' order by first limit ${limit}`
  return rows.map(({ id }) => id)
}

/** Rows with parked or discarded changes show what ScopeStack holds from now on. */
export async function recordRestored(tx: Transaction, type: string, ids: string): Promise<void> {
  await tx`
    update sync.outbox o set returned_at = now()
    where o.resource = ${type} and o.record_id = any(${ids}::text[]) and ${isOwed(tx)}`
}

/** Of a change: it was taken, but for what it is parked with. */
export const isPartlyAccepted = (sql: Database | Transaction) => sql`(state = 'parked' and code = ${IGNORED})`
