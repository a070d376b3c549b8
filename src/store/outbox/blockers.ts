/** What blocks a change from being sent, by `sync.blocker_of` in the database, which also decides what is sent next. */
import type { Write } from '../../catalog/resource.ts'
import type { ErrorCode } from '../../errors/table.ts'
import { isIn, isPostponed } from '../changes/read.ts'
import { OPEN, PARKED, type State } from '../changes/states.ts'
import type { Database } from '../connection/database.ts'
import { isLeaseHeld } from '../fleet/leases.ts'
import { PUSH_LEASE } from './next-batch.ts'

interface Blocker {
  readonly change: number
  readonly state: State
}

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

export interface PendingChange {
  readonly id: number
  readonly resource: string
  readonly recordId: string
  readonly state: State
  readonly code: ErrorCode | null
  readonly reason: string | null
  readonly op: Write
}

/** The oldest changes that are neither settled nor parked. */
export async function readPendingChanges(sql: Database, limit: number): Promise<PendingChange[]> {
  return await sql<PendingChange[]>`
    select id::float8 as id, resource, record_id as "recordId", state, code, reason, op
    from sync.outbox o where ${isIn(sql, OPEN)} order by id limit ${limit}`
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
