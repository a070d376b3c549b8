/** What blocks a change from being sent, by the outbox: the same conditions that `sync.may_be_sent` tests. */
import type { Write } from '../../catalog/resource.ts'
import type { ErrorCode } from '../../errors/table.ts'
import type { Database } from '../connection/database.ts'
import { isPostponed, type State } from './claim.ts'

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
    select o.id::float8 as id, o.state = 'sending' and o.claim_until > now() as held,
      case when ${isPostponed(sql)} then ceil(extract(epoch from o.not_before - now()))::float8 end as seconds,
      (select json_build_object('change', e.id, 'state', e.state) from sync.outbox e
        where e.record_id = o.record_id and e.resource = o.resource and (e.state = 'waiting' and e.id < o.id
          or e.state = 'sending' and e.id <> o.id or e.state = 'parked' and e.code = 'SYNC_PUSH_UNKNOWN')
        order by e.state = 'waiting', e.id limit 1) as record,
      (select json_build_object('change', p.id, 'state', p.state)
        from sync.outbox m cross join lateral unnest(m.refs) as ref
        join lateral jsonb_each_text(m.attributes || m.relationships) as given (member, id) on given.id = split_part(ref, '/', 2)
        join sync.outbox p on p.record_id = given.id and p.resource = split_part(ref, '/', 1) and p.op = 'create'
          and p.state in ('waiting', 'sending', 'parked')
        where m.record_id = o.record_id and m.resource = o.resource and m.state in ('waiting', 'sending') and not exists (
          select from sync.outbox l where l.record_id = m.record_id and l.resource = m.resource and l.state = 'waiting'
            and l.id > m.id and (l.op = 'delete' or l.attributes ? given.member or l.relationships ? given.member))
        order by p.id limit 1) as parent
    from sync.outbox o
    where o.id = any(${`{${ids.join(',')}}`}::bigint[]) and o.state in ('waiting', 'sending')`
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
  readonly code: ErrorCode | null
  readonly reason: string | null
  readonly op: Write
  readonly requestedAt: Date | null
}

/** The oldest changes that are neither settled nor parked. */
export async function readPendingChanges(sql: Database, limit: number): Promise<PendingChange[]> {
  return await sql<PendingChange[]>`
    select id::float8 as id, resource, record_id as "recordId", code, reason, op, requested_at as "requestedAt"
    from sync.outbox where state in ('waiting', 'sending') order by id limit ${limit}`
}

/**
 * Ends all postponements, for a push that a person starts. A create that was sent and got no response keeps its pause, since
 * ScopeStack may still be working on it.
 */
export async function endPostponements(sql: Database): Promise<void> {
  await sql`
    update sync.outbox set not_before = null
    where (state = 'waiting' or state = 'sending' and op <> 'create' and claim_until = '-infinity') and not_before > now()
      and (requested_at is null or op <> 'create')`
}
