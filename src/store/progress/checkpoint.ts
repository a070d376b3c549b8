/** The checkpoint of each resource, in sync.cursors: the snapshot under way, what it has seen, and the last complete one. */
import type { Resource } from '../../catalog/resource.ts'
import type { Database, Transaction } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'
import type { LeasedTransaction } from '../fleet/leases.ts'
import type { CompleteList } from '../mirror/tombstones.ts'

/** A snapshot under way: all that is needed to continue it after a kill. */
export interface Snapshot {
  readonly startedAt: Date
  readonly ageMs: number
  /** The list request. A snapshot of another request cannot be continued. */
  readonly request: unknown
  /** From 1. A list that was not proved complete is read again, in another pass. */
  readonly pass: number
  /** The position of each chain of pages; null before the page count is known, and where there are no chains. */
  readonly chains: unknown
  /** For documents that are read one by one: the last parent that is done. */
  readonly position: string | null
  /** `record-count` before the pass. */
  readonly firstCount: number | null
  /** Records in a page of the server. */
  readonly pageSize: number | null
}

/** The columns of a `Snapshot`, of `sync.cursors` as c. */
export const snapshotColumns = (sql: Database | Transaction) => sql`
  snapshot_started_at as "startedAt", (extract(epoch from now() - snapshot_started_at) * 1000)::float8 as "ageMs",
  request, pass, position, first_count as "firstCount", page_size as "pageSize",
  -- Of a shared list they are rows.
  case when chains <> '[]' then chains else coalesce((
    select jsonb_agg(jsonb_build_object('first', h.first, 'next', h.next, 'top', h.top) order by h.first)
    from sync.shared_lists s join sync.chains h on h.resource = s.resource
    where s.resource = c.resource and s.snapshot_started_at = c.snapshot_started_at and s.pass = c.pass), chains) end as chains`

/**
 * Begins a pass; of a list, once its page count is known. The first one begins the snapshot with it.
 *
 * @param isFirst nothing that was seen before counts.
 */
export async function beginPass(
  tx: LeasedTransaction,
  resource: string,
  { startedAt, request, pass, chains, firstCount, pageSize }: NewPass,
  isFirst: boolean,
): Promise<void> {
  const json = (value: unknown) => (value === null ? null : tx.json(value as never))
  await Promise.all([
    tx`delete from sync.seen_pages where resource = ${resource} and (${isFirst} or pass = ${pass})`,
    tx`
      insert into sync.cursors (resource, snapshot_started_at, request, pass, chains, first_count, page_size)
      values (${resource}, ${startedAt}, ${json(request)}, ${pass}, ${json(chains)}, ${firstCount}, ${pageSize})
      on conflict (resource) do update set
        snapshot_started_at = excluded.snapshot_started_at, request = excluded.request, pass = excluded.pass,
        chains = excluded.chains, position = null, first_count = excluded.first_count, page_size = excluded.page_size,
        steady = true, "full" = true, fresh = 0`,
  ])
}

export type NewPass = Omit<Snapshot, 'ageMs' | 'position'>

/** When the last complete snapshot of a resource began; null when there was none. */
export async function readAsOf(sql: Database, resource: string): Promise<Date | null> {
  const [row] = await sql<{ at: Date | null }[]>`select as_of as at from sync.cursors where resource = ${resource}`
  return row?.at ?? null
}

/** Whether any of these resources was ever read, also in part. */
export async function wasEverRead(sql: Database, resources: readonly string[]): Promise<boolean> {
  const { count } = await sql`
    select from sync.cursors where resource = any(${arrayLiteral(resources)}::text[]) limit 1`
  return count > 0
}

/** Counts the living rows, for `scopestack.sync_status`, after a read that is no snapshot. */
export async function recountRows(sql: Database, resource: string, table: string): Promise<void> {
  await sql`
    update sync.cursors set rows = (select count(*) from scopestack.${sql(table)} where sync_deleted_at is null)
    where resource = ${resource}`
}

/**
 * Closes a snapshot that has seen no record: there is nothing to continue, and status must not show it as interrupted. Of what
 * ended before it had begun there is a row from now on, without which `scopestack.sync_status` would not show its outcome.
 *
 * @param anyway also close one that has seen records: its table rejected them, and may accept all of them the next time.
 */
export async function closeEmptySnapshot(tx: LeasedTransaction, resource: string, anyway: boolean): Promise<void> {
  await tx`
    insert into sync.cursors as c (resource) values (${resource})
    on conflict (resource) do update set snapshot_started_at = null, request = null, pass = null, chains = null,
      position = null, first_count = null
    where c.snapshot_started_at is not null
      and (${anyway} or not exists (select from sync.seen_pages p where p.resource = ${resource}))`
}

/** Whether ScopeStack ever served the resource: a complete read, or rows that were not created here. */
export async function wasEverServed(sql: Database, resource: string, table: string): Promise<boolean> {
  const [row] = await sql<{ given: boolean }[]>`
    select exists (select from sync.cursors where resource = ${resource} and as_of is not null)
      or exists (select from scopestack.${sql(table)} where id not like 'local-%') as given`
  return row!.given
}

export interface SeenPage {
  readonly page: number
  readonly ids: readonly string[]
  readonly carriers: readonly string[] | null
}

export interface SavedProgress {
  readonly pass: number
  /** Unchanged when undefined. */
  readonly chains?: unknown
  readonly position: string | null
  /** Added to what the pass has shown so far, like the next two. */
  readonly steady: boolean
  readonly full: boolean
  readonly fresh: number
  readonly pages: readonly SeenPage[]
}

/** A page that is read again adds to the ids it held before. */
export async function addSeenPages(
  tx: LeasedTransaction,
  resource: string,
  pass: number,
  pages: readonly SeenPage[],
): Promise<void> {
  await Promise.all(
    pages.map(
      ({ page, ids, carriers }) => tx`
        insert into sync.seen_pages as s (resource, pass, page, ids, carriers)
        values (${resource}, ${pass}, ${page}, ${arrayLiteral(ids)}::text[],
          ${carriers === null ? null : arrayLiteral(carriers)}::text[])
        on conflict (resource, pass, page) do update set
          ids = s.ids || excluded.ids, carriers = s.carriers || excluded.carriers`,
    ),
  )
}

/** Part of the transaction that writes the rows of the pages. */
export async function advanceSnapshot(tx: LeasedTransaction, resource: string, progress: SavedProgress): Promise<void> {
  const { pass, chains, position, steady, full, fresh, pages } = progress
  await Promise.all([
    addSeenPages(tx, resource, pass, pages),
    tx`
      update sync.cursors set position = ${position},
        chains = ${chains === undefined ? tx`chains` : tx.json(chains as never)},
        steady = steady and ${steady}, "full" = "full" and ${full}, fresh = fresh + ${fresh}
      where resource = ${resource}`,
  ])
}

/** What a pass has shown so far. */
export interface PassEvidence {
  /** Every page reported the same count. */
  readonly steady: boolean
  /** Every page held as many records as its position in the list requires. */
  readonly full: boolean
  /** How many of its ids were not known before it. */
  readonly fresh: number
  /** Different ids seen in the pass. */
  readonly seen: number
  /** Different records of the list that carried them in the pass. */
  readonly carriers: number
  /** The highest page seen. */
  readonly lastPage: number
  /** Records parked since the snapshot began. */
  readonly parked: number
}

export async function readPassEvidence(sql: Database, resource: string, pass: number): Promise<PassEvidence> {
  const [row] = await sql<PassEvidence[]>`
    select c.steady and coalesce(shown.steady, true) as steady, c."full" and coalesce(shown."full", true) as "full",
      c.fresh + coalesce(shown.fresh, 0)::int as fresh,
      (select count(distinct id)::int from sync.seen_pages, unnest(ids) as id
        where resource = ${resource} and pass = ${pass}) as seen,
      (select count(distinct id)::int from sync.seen_pages, unnest(carriers) as id
        where resource = ${resource} and pass = ${pass}) as carriers,
      (select coalesce(max(page), 0) from sync.seen_pages where resource = ${resource} and pass = ${pass})
        as "lastPage",
      (select count(*)::int from sync.parked p
        where p.resource = c.resource and settled_at is null and last_seen_at >= snapshot_started_at) as parked
    from sync.cursors c left join lateral (
      select bool_and(r.steady) as steady, bool_and(r."full") as "full", sum(r.fresh) as fresh from sync.readers r
      where r.resource = c.resource and r.snapshot_started_at = c.snapshot_started_at and r.pass = ${pass}) shown on true
    where c.resource = ${resource}`
  return row!
}

/** Different ids seen in all passes, of one list or of two. */
export async function countSeenInAllPasses(sql: Database, resource: string): Promise<number> {
  const [row] = await sql<{ met: number }[]>`
    select count(distinct id)::int as met from sync.seen_pages, unnest(ids) as id where resource = ${resource}`
  return row!.met
}

interface EndedSnapshot {
  readonly startedAt: Date
  /** Every record was seen: parked records that it did not park again are closed. */
  readonly list: CompleteList | null
  /** The time as of which the mirror is proved complete. */
  readonly asOf: Date | null
  /** The last page count of the list. It may have become shorter: what is cached behind its end is removed. */
  readonly pages: number | null
}

/**
 * Ends the snapshot. Idempotent.
 *
 * @param resource its rows are counted here, so that `scopestack.sync_status` need not.
 */
export async function endSnapshot(
  tx: LeasedTransaction,
  { type, table }: Resource,
  { startedAt, list, asOf, pages }: EndedSnapshot,
): Promise<void> {
  await tx`
    with seen as (delete from sync.seen_pages where resource = ${type}),
      closed as (
        update sync.parked set settled_at = now()
        where resource = ${type} and settled_at is null and last_seen_at < ${startedAt} and ${list !== null}),
      behind as (delete from sync.known_pages where resource = ${type} and page > ${pages} and ${list !== null}),
      shared as (delete from sync.shared_lists where resource = ${type}),
      shown as (delete from sync.readers where resource = ${type}),
      chained as (delete from sync.chains where resource = ${type})
    update sync.cursors set
      as_of = coalesce(${asOf}, as_of),
      changes_as_of = greatest(changes_as_of, ${asOf}::timestamptz),
      pages = coalesce(${pages}, pages),
      rows = (select count(*) from scopestack.${tx(table)} where sync_deleted_at is null),
      snapshot_started_at = null, request = null, pass = null, chains = null, position = null, first_count = null
    where resource = ${type}`
}
