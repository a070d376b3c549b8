/**
 * A long list that several processes read together. Its coordinator is the process that holds the lease of the resource; every
 * process that reads it, the coordinator too, is a reader with a row of its own:
 *
 *   sync.shared_lists   what is read, and under which term
 *   sync.chains         where each chain stands, and whose it is (`chains.ts`)
 *   sync.readers        who reads, until when it counts as living, and what its pages have shown
 *
 * Fencing (S7). A reader writes under the term of the coordinator's lease, so that the next holder of the lease ends all of
 * them at once. Each of its transactions proves besides that the reader was not ended and that its chains are still its own:
 * a process that was suspended past its time finds its row ended, and commits nothing.
 */
import type { Database, Transaction } from '../connection/database.ts'
import type { LeasedTransaction } from '../fleet/leases.ts'
import { isHolderAlive } from '../fleet/presence.ts'
import type { SeenMembers } from '../mirror/seen-members.ts'
import type { ChainRow } from './chains.ts'

export interface SharedList<T = unknown> {
  readonly resource: string
  readonly runId: number | null
  readonly term: number
  readonly startedAt: Date
  readonly pass: number
  readonly version: string
  /** What a reader needs to know. */
  readonly reading: T
}

/** Opens a list to other readers: its chains are rows from now on. Who read it before is ended first, in its last transaction. */
export async function openSharedList(
  tx: LeasedTransaction,
  { resource, runId, term, startedAt, pass, version, reading }: SharedList,
  chains: readonly ChainRow[],
): Promise<void> {
  await Promise.all([
    endReaders(tx, resource),
    tx`delete from sync.readers where resource = ${resource} and snapshot_started_at <> ${startedAt}`,
    tx`delete from sync.chains where resource = ${resource}`,
    tx`
      insert into sync.chains (resource, first, next, top)
      select ${resource}, c.first, c.next, c.top
      from jsonb_to_recordset(${JSON.stringify(chains)}::text::jsonb) as c(first int, next int, top text)`,
    tx`
      insert into sync.shared_lists (resource, run_id, term, snapshot_started_at, pass, version, reading)
      values (${resource}, ${runId}, ${term}, ${startedAt}, ${pass}, ${version}, ${JSON.stringify(reading)}::text::json)
      on conflict (resource) do update set
        run_id = excluded.run_id, term = excluded.term, snapshot_started_at = excluded.snapshot_started_at,
        pass = excluded.pass, version = excluded.version, reading = excluded.reading, shared_at = now()`,
    // An older release knows only these, and begins the list again where there are none.
    tx`update sync.cursors set chains = '[]' where resource = ${resource}`,
  ])
}

/** No one reads it any more, from the last transaction of each reader on. What they have shown, and their chains, stay. */
export async function closeSharedList(tx: LeasedTransaction, resource: string): Promise<void> {
  // No lease has this term.
  await Promise.all([endReaders(tx, resource), tx`update sync.shared_lists set term = 0 where resource = ${resource}`])
}

const endReaders = (tx: Transaction, resource: string) => tx`
  update sync.readers set ended_at = now() where resource = ${resource} and ended_at is null`

/** Undefined when the list is not shared, or its coordinator has lost the resource. */
export async function readSharedList<T>(sql: Database, resource: string): Promise<SharedList<T> | undefined> {
  const [row] = await sql<SharedList<T>[]>`
    select s.resource, s.run_id::int as "runId", s.term::int, s.snapshot_started_at as "startedAt", s.pass, s.version, s.reading
    from sync.shared_lists s join sync.leases l on l.resource = s.resource and l.term = s.term
    where s.resource = ${resource}`
  return row
}

export interface Reader {
  readonly resource: string
  readonly id: number
}

/** Like a lease: how long a reader outlives its last sign of life. */
const READER_SECONDS = 60

export const untilExpiry = (sql: Database | Transaction) => sql`now() + make_interval(secs => ${READER_SECONDS})`

/** The session that shows that its process lives. */
interface Backend {
  readonly pid: number | null
  readonly start: Date | null
}

interface NewReader {
  readonly holder: string
  readonly backend: Backend
}

/** Undefined when the list is no longer shared under that term. */
export async function openReader(
  sql: Database,
  { resource, term, startedAt, pass }: SharedList,
  { holder, backend }: NewReader,
): Promise<Reader | undefined> {
  const [row] = await sql<{ id: number }[]>`
    insert into sync.readers (resource, term, snapshot_started_at, pass, holder, backend_pid, backend_start, expires_at)
    select resource, term, snapshot_started_at, pass, ${holder}, ${backend.pid}::int, ${backend.start}::timestamptz, ${untilExpiry(sql)}
    from sync.shared_lists
    where resource = ${resource} and term = ${term} and snapshot_started_at = ${startedAt} and pass = ${pass}
    returning id::int`
  return row === undefined ? undefined : { resource, id: row.id }
}

/** False when it was ended: its chains are others'. @param backend may be another one by now: the database was restarted. */
export async function renewReader(sql: Database, { id }: Reader, { pid, start }: Backend): Promise<boolean> {
  const { count } = await sql`
    update sync.readers set expires_at = ${untilExpiry(sql)}, backend_pid = ${pid}, backend_start = ${start}
    where id = ${id} and ended_at is null`
  return count === 1
}

/** Frees its chains. @param failure why it could not go on, and at which page. */
export async function endReader(
  sql: Database,
  { id }: Reader,
  failure?: { readonly code: string; readonly page: number | null },
): Promise<void> {
  await sql`
    update sync.readers set ended_at = now(), error = ${failure?.code ?? null}, error_page = ${failure?.page ?? null}
    where id = ${id} and ended_at is null`
}

/** Ends readers that were killed, or hang past their time. It waits for a transaction that one of them has not ended. */
export async function endLostReaders(sql: Database, { resource, id }: Reader): Promise<void> {
  await sql`
    update sync.readers r set ended_at = now()
    where resource = ${resource} and ended_at is null and id <> ${id}
      and (expires_at < now() or not ${isHolderAlive(sql, sql`r.backend_pid`, sql`r.backend_start`)})`
}

/** What a reader's records carried, for what all of them together did. */
export interface MembersShown {
  readonly seen: SeenMembers
  /** Declared attributes that none of them carried. */
  readonly unseen: readonly string[]
}

/** What the other readers under the same term have found. */
export interface FoundByOthers {
  readonly inserted: number
  readonly updated: number
  readonly unchanged: number
  /** Rows that were not written because of local edits. */
  readonly kept: number
  readonly pages: number
  readonly parsedAll: boolean
  readonly misled: boolean
  readonly members: readonly MembersShown[]
  /** A page that was not in the order of ids: the list cannot be read from its end. */
  readonly disorderedPage: number | null
}

export async function readFoundByOthers(sql: Database, { resource, id }: Reader): Promise<FoundByOthers> {
  const [row] = await sql<FoundByOthers[]>`
    select coalesce(sum(o.inserted), 0)::int as inserted, coalesce(sum(o.updated), 0)::int as updated,
      coalesce(sum(o.unchanged), 0)::int as unchanged, coalesce(sum(o.kept), 0)::int as kept, coalesce(sum(o.pages), 0)::int as pages,
      coalesce(bool_and(o.parsed_all), true) as "parsedAll", coalesce(bool_or(o.misled), false) as misled,
      coalesce(jsonb_agg(o.members) filter (where o.members is not null), '[]') as members,
      max(o.error_page) filter (where o.error = 'SYNC_LIST_NOT_IN_ORDER') as "disorderedPage"
    from sync.readers me left join sync.readers o on o.resource = me.resource and o.term = me.term
      and o.snapshot_started_at = me.snapshot_started_at and o.pass = me.pass and o.id <> me.id
    where me.id = ${id} and me.resource = ${resource}`
  return row!
}

/** One of them found an ETag that came with two bodies. */
export async function markMisled(sql: Database, { id }: Reader): Promise<void> {
  await sql`update sync.readers set misled = true where id = ${id}`
}

/** How many more processes could be at work: readers that live, or failed and would fail again, are not called. */
export async function countBusyReaders(sql: Database, { resource, id }: Reader): Promise<number> {
  const [row] = await sql<{ n: number }[]>`
    select count(distinct o.holder)::int as n from sync.readers me join sync.readers o on o.resource = me.resource
      and o.term = me.term and o.snapshot_started_at = me.snapshot_started_at and o.holder <> me.holder
    where me.id = ${id} and me.resource = ${resource}
      and (o.error is not null or (o.ended_at is null and o.expires_at > now()))`
  return row!.n
}
