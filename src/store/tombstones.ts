/** Rows whose record a whole list no longer holds. */
import { arrayLiteral } from './codec.ts'
import type { Database, Transaction } from './database.ts'

export interface Unmet {
  /** Living rows that the snapshot under way has not met, at most as many as asked for, those behind the last asked first. */
  readonly ids: readonly string[]
  /** How many there are in all. */
  readonly count: number
  /** Living rows of the table. */
  readonly living: number
}

export async function findUnmet(sql: Database, resource: string, table: string, limit: number): Promise<Unmet> {
  const [row] = await sql<Unmet[]>`
    with met as materialized (select distinct unnest(ids) as id from sync.seen_pages where resource = ${resource}),
      unmet as materialized (
        select m.id from scopestack.${sql(table)} m left join met on met.id = m.id
        where m.sync_deleted_at is null and met.id is null)
    select
      (select coalesce(json_agg(id), '[]') from (
        select id from unmet
        order by id collate "C" <= (select swept_to from sync.cursors where resource = ${resource}) collate "C", id collate "C"
        limit ${limit}) as first) as ids,
      (select count(*)::int from unmet) as count,
      (select count(*)::int from scopestack.${sql(table)} where sync_deleted_at is null) as living`
  return row!
}

/**
 * Some ids that were met and are in the mirror, of the pages read last: proof that whoever asks for a record by its address
 * is heard. More than one, since any of them may have been deleted since.
 */
export async function someMet(sql: Database, resource: string, table: string): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select m.id from (
      select s.ids from sync.seen_pages s where s.resource = ${resource} and cardinality(s.ids) > 0
      order by s.pass desc, s.page limit 5) last, unnest(last.ids) as met
    join scopestack.${sql(table)} m on m.id = met and m.sync_deleted_at is null
    limit 3`
  return rows.map(({ id }) => id)
}

/** Where the next sweep goes on; null: all were asked for. */
export async function saveSweptTo(tx: Transaction, resource: string, id: string | null): Promise<void> {
  await tx`update sync.cursors set swept_to = ${id} where resource = ${resource}`
}

/** @returns how many rows it buried: those that were buried before do not count. */
export async function bury(tx: Transaction, table: string, ids: readonly string[]): Promise<number> {
  const { count } = await tx`
    update scopestack.${tx(table)} set sync_deleted_at = now(), sync_changed_at = now()
    where id = any(${arrayLiteral(ids)}::text[]) and sync_deleted_at is null`
  return count
}

/** Living rows of these projects that are not among `met`. */
export async function unmetWithin(
  sql: Database,
  table: string,
  projects: readonly string[],
  met: readonly string[],
): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select id from scopestack.${sql(table)}
    where project_id = any(${arrayLiteral(projects)}::text[]) and sync_deleted_at is null
      and id <> all(${arrayLiteral(met)}::text[])
    order by id`
  return rows.map(({ id }) => id)
}

export async function countLiving(sql: Database, table: string): Promise<number> {
  const [row] = await sql<{ n: number }[]>`
    select count(*)::int as n from scopestack.${sql(table)} where sync_deleted_at is null`
  return row!.n
}
