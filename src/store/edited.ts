/** Which rows are not what ScopeStack holds, or not yet, as whoever reads it must know. */
import type { Resource } from '../resource.ts'
import { arrayLiteral, isStorable } from './codec.ts'
import type { Database, Transaction } from './database.ts'
import { isInPart } from './outbox.ts'

type Sql = Database | Transaction

/** When the reading under way began: when its lease was taken, or the snapshot that it goes on with. */
const began = (sql: Sql, type: string, since: 'lease' | 'snapshot') => sql`
  (select least(l.acquired_at, c.snapshot_started_at) from sync.leases l
    left join sync.cursors c on c.resource = l.resource and ${since === 'snapshot'}
    where l.resource = ${type} and l.expires_at > now())`

/** Of changes `o`: on its way, or settled since the reading under way began, so that what was read may be older. */
const isUnderWay = (sql: Sql, type: string, since: 'lease' | 'snapshot') => sql`
  (o.state in ('waiting', 'sending') or ((o.state in ('sent', 'superseded') or ${isInPart(sql)}) and o.settled_at > ${began(sql, type, since)}))`

/** Of changes `o`: it was let go, and the row may still hold its values. */
const isOwed = (sql: Sql) => sql`
  (o.state in ('parked', 'discarded') and o.returned_at is null and o.op <> 'create')`

/**
 * Of rows `m`: ScopeStack has said what they hold. One of our own is in no list, and neither may be one that was made while
 * the list was read.
 */
export const isRemote = (sql: Sql, type: string, since: 'lease' | 'snapshot' = 'lease') => sql`
  (m.id not like 'local-%' and not exists (
    select from sync.outbox o where o.resource = ${type} and o.record_id = m.id and ${isUnderWay(sql, type, since)}))`

/** Of rows `m`: a difference to ScopeStack is no local edit. */
export const isComparable = (sql: Sql, type: string) => sql`
  (m.id not like 'local-%' and not exists (
    select from sync.outbox o where o.resource = ${type} and o.record_id = m.id
      and (${isUnderWay(sql, type, 'lease')} or ${isOwed(sql)})))`

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
  const rows = await sql<{ id: string }[]>`
    select m.id from unnest(${arrayLiteral(ids.filter(isStorable))}::text[]) as m (id) where not ${isComparable(sql, type)}`
  return new Set(rows.map(({ id }) => id))
}

/** Living rows that are not compared with ScopeStack, because of a local edit; new ones among them. */
export async function editedIds(sql: Database, { type, table }: Resource): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select m.id from scopestack.${sql(table)} m where m.sync_deleted_at is null and not ${isComparable(sql, type)}`
  return rows.map(({ id }) => id)
}

/** Rows that are to show again what ScopeStack holds, those let go first; rows with newer edits are not. */
export async function owedRows(sql: Database, type: string, limit: number): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select m.id from (select o.record_id as id, min(o.id) as first from sync.outbox o
      where o.resource = ${type} and ${isOwed(sql)} group by 1) m
    where ${isRemote(sql, type)} order by m.first limit ${limit}`
  return rows.map(({ id }) => id)
}

/** Rows with parked or discarded changes show what ScopeStack holds from now on. */
export async function noteReturns(tx: Transaction, type: string, ids: string): Promise<void> {
  await tx`
    update sync.outbox o set returned_at = now()
    where o.resource = ${type} and o.record_id = any(${ids}::text[]) and ${isOwed(tx)}`
}
