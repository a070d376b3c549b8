/** Where each resource stands: the snapshot under way, what it has seen, and the last complete one. */
import type { Database, Transaction } from './database.ts'
import { arrayLiteral } from './codec.ts'

/** A snapshot under way: all that is needed to go on after a kill. */
export interface Snapshot {
  readonly startedAt: Date
  /** The page to read next, from 1. */
  readonly nextPage: number
  /** What was asked; an answer to another question cannot be continued. */
  readonly request: unknown
  /** `record-count` when the snapshot began. */
  readonly firstCount: number | null
  /** For documents read one by one: the last parent that is done. */
  readonly position: string | null
}

interface CursorRow {
  readonly snapshot_started_at: Date | null
  readonly next_page: number | null
  readonly request: unknown
  readonly first_count: number | null
  readonly position: string | null
}

/** The snapshot that an earlier run left unfinished, if any. */
export async function readSnapshot(sql: Database, resource: string): Promise<Snapshot | undefined> {
  const [row] = await sql<CursorRow[]>`
    select snapshot_started_at, next_page, request, first_count, position from sync.cursors
    where resource = ${resource}`
  if (row === undefined || row.next_page === null || row.snapshot_started_at === null) return undefined
  return {
    startedAt: row.snapshot_started_at,
    nextPage: row.next_page,
    request: row.request,
    firstCount: row.first_count,
    position: row.position,
  }
}

/**
 * Begins one from nothing, in the transaction that proves the lease. The time is the database's, like every time that is
 * compared with it.
 */
export async function beginSnapshot(tx: Database | Transaction, resource: string, request: unknown): Promise<Snapshot> {
  await tx`delete from sync.seen_pages where resource = ${resource}`
  const [row] = await tx<{ startedAt: Date }[]>`
    insert into sync.cursors (resource, snapshot_started_at, next_page, request)
    values (${resource}, now(), 1, ${tx.json(request as never)})
    on conflict (resource) do update set
      snapshot_started_at = now(), next_page = 1, request = excluded.request, first_count = null, position = null
    returning snapshot_started_at as "startedAt"`
  return { startedAt: row!.startedAt, nextPage: 1, request, firstCount: null, position: null }
}

/** When the last complete snapshot of a resource began; null when there was none. */
export async function readAsOf(sql: Database, resource: string): Promise<Date | null> {
  const [row] = await sql<{ at: Date | null }[]>`select as_of as at from sync.cursors where resource = ${resource}`
  return row?.at ?? null
}

export interface Progress {
  readonly nextPage: number
  readonly firstCount: number | null
  readonly position: string | null
  /** Under its number the ids of a page that were wanted; under minus its number those of the list that carried them. */
  readonly pages: readonly { readonly number: number; readonly ids: readonly string[] }[]
}

/** In the transaction that writes the pages' rows. */
export async function advanceSnapshot(tx: Transaction, resource: string, progress: Progress): Promise<void> {
  const { nextPage, firstCount, position, pages } = progress
  await Promise.all([
    ...pages.map(
      ({ number, ids }) => tx`
        insert into sync.seen_pages (resource, page, ids) values (${resource}, ${number}, ${arrayLiteral(ids)}::text[])
        on conflict (resource, page) do update set ids = excluded.ids`,
    ),
    tx`
      update sync.cursors set next_page = ${nextPage}, first_count = coalesce(first_count, ${firstCount}),
        position = ${position}
      where resource = ${resource}`,
  ])
}

/** Different ids met so far, and different records of the list that carried them. */
export async function countSeen(sql: Database, resource: string): Promise<{ seen: number; carriers: number }> {
  const [row] = await sql<{ seen: number; carriers: number }[]>`
    select count(distinct id) filter (where page > 0)::int as seen,
      count(distinct id) filter (where page < 0)::int as carriers
    from sync.seen_pages, unnest(ids) as id where resource = ${resource}`
  return row ?? { seen: 0, carriers: 0 }
}

/**
 * Ends the snapshot; once more changes nothing.
 *
 * @param asOf what it was proved to be as of; null when it was not proved to hold every record.
 * @param table counted here, so that `scopestack.sync_status` need not.
 */
export async function endSnapshot(tx: Transaction, resource: string, table: string, asOf: Date | null): Promise<void> {
  await tx`delete from sync.seen_pages where resource = ${resource}`
  await tx`
    update sync.cursors set
      as_of = coalesce(${asOf}, as_of),
      rows = (select count(*) from scopestack.${tx(table)} where sync_deleted_at is null),
      snapshot_started_at = null, next_page = null, request = null, first_count = null, position = null
    where resource = ${resource}`
}
