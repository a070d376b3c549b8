/** Rows whose record a complete list no longer holds, and marking them deleted. Rows with pending local edits are left out. */
import type { Resource } from '../../catalog/resource.ts'
import { quote, type Database, type Transaction } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'
import type { LeasedTransaction } from '../fleet/leases.ts'
import { bisect } from './bisect.ts'
import type { Rejected } from './load-result.ts'
import { livingExcept, recordRestored, pendingRecords } from './local-edits.ts'
import { describeRejection, isTableFault } from './rejections.ts'
import { findGuard } from './table-guards.ts'

export interface Unseen {
  /** Living rows that the snapshot under way has not seen, up to the limit, starting after the last id that was checked. */
  readonly ids: readonly string[]
  /** How many there are without the limit. */
  readonly count: number
  /** Living rows of the table, without those with pending local edits. */
  readonly living: number
}

export async function findUnseen(sql: Database, resource: string, table: string, limit: number): Promise<Unseen> {
  const [row] = await sql<Unseen[]>`
    with living as materialized (
      select id, mark is null as unseen from ${livingExcept(
        sql,
        table,
        sql`
          select id, bool_or(away) as mark from (
            select unnest(ids) as id, false as away from sync.seen_pages where resource = ${resource}
            union all select id, true from (${pendingRecords(sql, resource, 'snapshot')}) edited) of
          group by id`,
      )} rows
      where mark is not true)
    select
      (select coalesce(json_agg(id), '[]') from (
        select id from living where unseen
        order by id collate "C" <= (select swept_to from sync.cursors where resource = ${resource}) collate "C", id collate "C"
        limit ${limit}) as first) as ids,
      (select count(*)::int from living where unseen) as count,
      (select count(*)::int from living) as living`
  return row!
}

/**
 * Living rows that ScopeStack has: where each record seen has one, as many mean that none is missing. Null where a trigger or a
 * rule of others may have taken such a row away again: as many could go missing as it takes, and would be missed for ever.
 */
export async function countRemoteRows(sql: Database, table: string): Promise<number | null> {
  const name = `scopestack.${quote(table)}`
  const [row] = await sql<{ n: number | null }[]>`
    select case when not exists (
        select from pg_trigger t join pg_proc p on p.oid = t.tgfoid
        where t.tgrelid = ${name}::text::regclass and not t.tgisinternal and t.tgenabled <> 'D' and p.pronamespace <> 'sync'::regnamespace)
      and not exists (select from pg_rewrite where ev_class = ${name}::text::regclass and ev_type <> '1')
      then (select count(*)::int from scopestack.${sql(table)} where sync_deleted_at is null and id not like 'local-%') end as n`
  return row!.n
}

/**
 * Ids of living rows that were seen in the pages read last: a request for one of them proves that the server finds records by
 * their address. There are several, since any of them may have been deleted meanwhile.
 */
export async function sampleOfSeen(sql: Database, resource: string, table: string): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select m.id from (
      select s.ids from sync.seen_pages s where s.resource = ${resource} and cardinality(s.ids) > 0
      order by s.pass desc, s.page limit 5) last, unnest(last.ids) as met
    join scopestack.${sql(table)} m on m.id = met and m.sync_deleted_at is null
    limit 3`
  return rows.map(({ id }) => id)
}

/** The same without a list that was just read: some living rows other than these. */
export async function sampleOfLiving(sql: Database, { table }: Resource, but: readonly string[]): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select id from scopestack.${sql(table)}
    where sync_deleted_at is null and id not like 'local-%' and id <> all(${arrayLiteral(but)}::text[]) limit 3`
  return rows.map(({ id }) => id)
}

/** Where the next detection of deletes continues; null: all were checked. */
export async function saveSweptTo(tx: LeasedTransaction, resource: string, id: string | null): Promise<void> {
  await tx`update sync.cursors set swept_to = ${id} where resource = ${resource}`
}

declare const complete: unique symbol

/**
 * Proof that a list was read completely (S6). Only `sync/list/completeness.ts` makes one, from what was read.
 */
export interface CompleteList {
  readonly [complete]: true
}

/** Rows whose records a complete list lacked. */
export interface ProvedMissing {
  readonly ids: readonly string[]
  readonly list: CompleteList
}

export interface MarkedDeleted {
  /** How many rows; rows that were marked before do not count. */
  readonly count: number
  /** Rows that the database rejected. */
  readonly rejected: readonly Rejected[]
}

/** @throws the driver's error when one of them is rejected (`isRejectedByDatabase`): then `markDeletedOneByOne` in a new transaction. */
export const markDeleted = (
  tx: LeasedTransaction,
  resource: Resource,
  { ids }: ProvedMissing,
): Promise<MarkedDeleted> => mark(tx, resource, ids)

async function mark(tx: Transaction, resource: Resource, ids: readonly string[]): Promise<MarkedDeleted> {
  const { type, table } = resource
  const wanted = tx`
    m.id = any(${arrayLiteral(ids)}::text[]) and m.sync_deleted_at is null and m.id not like 'local-%'
    and m.id <> all(array(${pendingRecords(tx, type, 'lease', tx`${arrayLiteral(ids)}::text[]`)}))`
  const marked = await tx<{ id: string }[]>`
    update scopestack.${tx(table)} m set sync_deleted_at = now(), sync_changed_at = now()
    where ${wanted} returning m.id`
  // Parked changes of these rows: what ScopeStack holds is that there is no record.
  await recordRestored(tx, type, arrayLiteral(marked.map(({ id }) => id)))
  if (marked.length === ids.length) return { count: marked.length, rejected: [] }
  // Most of the others were marked before, or are being edited.
  const left = await tx<{ id: string }[]>`select m.id from scopestack.${tx(table)} m where ${wanted}`
  const { names } = await findGuard(tx, resource)
  const reason = `Postgres did not mark it as deleted, and gave no error: ${names.join(', ')} of scopestack.${table} kept it.`
  return { count: marked.length, rejected: left.map(({ id }) => ({ id, reason })) }
}

/** The same in savepoints: a rejected row does not keep the others. */
export async function markDeletedOneByOne(
  tx: LeasedTransaction,
  resource: Resource,
  { ids }: ProvedMissing,
): Promise<MarkedDeleted> {
  const some = (savepoint: Transaction, those: readonly string[]): Promise<MarkedDeleted> =>
    mark(savepoint, resource, those)
  const done = await bisect(tx, ids, some, async (error, id): Promise<MarkedDeleted> => {
    if (isTableFault(error, resource)) throw error
    const reason = `Postgres would not mark it as deleted: ${await describeRejection(tx, resource.table, error)}`
    return { count: 0, rejected: [{ id, reason }] }
  })
  return { count: done.reduce((sum, { count }) => sum + count, 0), rejected: done.flatMap(({ rejected }) => rejected) }
}

/** Living rows of these projects that are not among `seen`. */
export async function unseenWithin(
  sql: Database,
  { type, table }: Resource,
  projects: readonly string[],
  seen: readonly string[],
): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    with below as materialized (
      select id from scopestack.${sql(table)}
      where project_id = any(${arrayLiteral(projects)}::text[]) and sync_deleted_at is null and id not like 'local-%')
    select id from below
    except select unnest(${arrayLiteral(seen)}::text[])
    except select away.id from (${pendingRecords(sql, type, 'lease', sql`array(select id from below)`)}) away
    order by id`
  return rows.map(({ id }) => id)
}

export async function countLiving(sql: Database, { type, table }: Resource): Promise<number> {
  const [row] = await sql<{ n: number }[]>`
    select count(*)::int as n
    from ${livingExcept(sql, table, sql`select distinct id, true as mark from (${pendingRecords(sql, type)}) of`)} rows
    where mark is null`
  return row!.n
}
