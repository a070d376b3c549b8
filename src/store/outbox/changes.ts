/** The outbox as a person sees it: changes, why they wait or are parked, and how many there are. */
import { usage } from '../../errors/commands.ts'
import type { ErrorCode } from '../../errors/table.ts'
import {
  changeColumns,
  isIn,
  isPostponed,
  type Change,
  type Decision,
  type FieldProblem,
  type Sql,
} from '../changes/change.ts'
import { OPEN, PARKED, wordOf, type State } from '../changes/states.ts'
import type { Database } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'
import { isLeaseHeld } from '../fleet/leases.ts'
import { PUSH_LEASE } from './next-batch.ts'

export interface ChangeDetails extends Change {
  readonly requestedAt: Date | null
  readonly madeAt: Date
  readonly madeBy: string
  readonly notBefore: Date | null
  /** A worker is sending it now. */
  readonly held: boolean
  readonly settledAt: Date | null
  readonly supersededBy: number | null
  readonly code: ErrorCode | null
  readonly reason: string | null
  readonly errors: readonly FieldProblem[] | null
  readonly decisions: readonly Decision[] | null
}

const details = (sql: Sql) => sql`
  ${changeColumns(sql)}, o.requested_at as "requestedAt", o.made_at as "madeAt", o.made_by as "madeBy",
  o.not_before as "notBefore", o.state = 'in_flight' and ${isLeaseHeld(sql, PUSH_LEASE)} as held, o.settled_at as "settledAt",
  o.superseded_by::float8 as "supersededBy", o.code, o.reason, o.errors, o.decisions`

const UNSETTLED = [...OPEN, ...PARKED]

/** The newest changes, in their order, and how many there are. @param all settled ones too. */
export async function listChanges(
  sql: Database,
  { all, limit }: { all: boolean; limit: number },
): Promise<{ changes: ChangeDetails[]; count: number }> {
  const wanted = sql`(${all} or ${isIn(sql, UNSETTLED)})`
  const newest = await sql<ChangeDetails[]>`
    select ${details(sql)} from sync.outbox o where ${wanted} order by o.id desc limit ${limit}`
  const [total] = await sql<{ count: number }[]>`select count(*)::int as count from sync.outbox o where ${wanted}`
  return { changes: newest.toReversed(), count: Math.max(newest.length, total!.count) }
}

/** How many open changes there are, by the words of `wordOf`. */
export async function countChanges(sql: Database): Promise<Record<string, number>> {
  const rows = await sql<{ state: State; n: number }[]>`
    select state, count(*)::int as n from sync.outbox o where ${isIn(sql, UNSETTLED)} group by state`
  const counts: Record<string, number> = {}
  for (const { state, n } of rows) counts[wordOf(state)] = (counts[wordOf(state)] ?? 0) + n
  return counts
}

export type OldestChange = Pick<ChangeDetails, 'id' | 'resource' | 'recordId' | 'madeAt'>

/** Of the changes that may still be sent, about: changes have their ids in the order in which they were made, but for a moment. */
export async function oldestOpenChange(sql: Database): Promise<OldestChange | null> {
  const [oldest] = await sql<OldestChange[]>`
    select id::float8 as id, resource, record_id as "recordId", made_at as "madeAt" from sync.outbox o where ${isIn(sql, OPEN)} order by o.id limit 1`
  return oldest ?? null
}

/** When the oldest change was made that waits for a person; null where none does. */
export async function oldestParkedAt(sql: Database): Promise<Date | null> {
  // Of each state the first, by the index of those that are not settled. Not "order by id limit 1": by the primary key that goes through all
  // that are settled. Nor min(made_at): that reads each that is parked, and a bulk edit may have parked 50,000 (60 ms).
  const [oldest] = await sql<{ at: Date | null }[]>`
    select min(first.made_at) as at
    from unnest(${arrayLiteral(PARKED)}::text[]) s (state)
      cross join lateral (
        select state, made_at from sync.outbox o
        where ${isIn(sql, PARKED)} and (o.state, o.id) >= (s.state, 0) order by o.state, o.id limit 1) first
    where first.state = s.state`
  return oldest!.at
}

/** The oldest changes that are neither settled nor parked. */
export async function readPendingChanges(sql: Database, limit: number): Promise<ChangeDetails[]> {
  return await sql<ChangeDetails[]>`
    select ${details(sql)} from sync.outbox o where ${isIn(sql, OPEN)} order by o.id limit ${limit}`
}

export interface ParkedCode {
  readonly resource: string
  readonly code: string | null
  readonly count: number
}

/** Why changes are parked, in numbers. */
export async function countParkedByCode(sql: Database): Promise<ParkedCode[]> {
  return await sql<ParkedCode[]>`
    select resource, code, count(*)::int as count from sync.outbox o where ${isIn(sql, PARKED)} group by 1, 2 order by 1, 2`
}

/** The changes that may be sent at some time, with the parked changes of the same records, in their order. */
export async function listOpenChanges(sql: Database, limit: number): Promise<Change[]> {
  return await sql<Change[]>`
    select ${changeColumns(sql)} from sync.outbox o
    where (o.record_id, o.resource) in (
      select o.record_id, o.resource from sync.outbox o where ${isIn(sql, OPEN)} order by o.id limit ${limit})
      and ${isIn(sql, UNSETTLED)}
    order by o.id`
}

/** @throws SyncError SYNC_USAGE when there is no such change. */
export async function findChange(sql: Sql, id: number): Promise<ChangeDetails> {
  const [change] = await sql<ChangeDetails[]>`select ${details(sql)} from sync.outbox o where o.id = ${id}`
  if (change === undefined) throw usage(`There is no change ${id}. "changes list --all" shows all of them.`)
  return change
}

interface Blocker {
  readonly change: number
  readonly state: State
}

/** What blocks a change from being sent, by `sync.blocker_of` in the database, which also decides what is sent next. */
export interface SendBlockers {
  /** A worker is sending it now. */
  readonly held: boolean
  /** Until the next try. */
  readonly seconds: number | null
  /** An older change of the same record, or one that is being sent. */
  readonly record: Blocker | null
  /** The create of the new row that it refers to. */
  readonly parent: Blocker | null
}

/** @returns no entry for a change that nothing blocks. */
export async function readSendBlockers(sql: Database, ids: readonly number[]): Promise<Map<number, SendBlockers>> {
  const rows = await sql<(SendBlockers & { id: number })[]>`
    select o.id::float8 as id, o.state = 'in_flight' and ${isLeaseHeld(sql, PUSH_LEASE)} as held,
      case when ${isPostponed(sql)} then ceil(extract(epoch from o.not_before - now()))::float8 end as seconds,
      blocker -> 'record' as record, blocker -> 'parent' as parent
    from sync.outbox o cross join lateral sync.blocker_of(o) as blocker
    where o.id = any(${`{${ids.join(',')}}`}::bigint[]) and ${isIn(sql, OPEN)}`
  return new Map(
    rows.flatMap(({ id, ...waits }) =>
      waits.held || waits.seconds !== null || waits.record !== null || waits.parent !== null ? [[id, waits]] : [],
    ),
  )
}

/**
 * How many changes wait for a parked new row, directly or behind each other: nothing sends them before a person decides. From the
 * parked ones, which are few, where `sync.blocker_of` would look at all that wait.
 */
export async function countBehindParked(sql: Database): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    with recursive blocked as (
      select o.id, o.resource, o.record_id, o.op, o.state from sync.outbox o where o.op = 'create' and ${isIn(sql, PARKED)}
      union
      select behind.* from blocked b cross join lateral (
        select o.id, o.resource, o.record_id, o.op, o.state from sync.outbox o
        where b.op = 'create' and o.refs <> '{}' and o.refs @> array[b.resource || '/' || b.record_id] and ${isIn(sql, OPEN)}
        union all
        -- One that is parked and was not sent goes along with a later edit of its row.
        select o.id, o.resource, o.record_id, o.op, o.state from sync.outbox o
        where b.state <> 'parked' and o.record_id = b.record_id and o.resource = b.resource and ${isIn(sql, OPEN)}) as behind)
    select count(*)::int as count from blocked o where ${isIn(sql, OPEN)}`
  return row!.count
}
