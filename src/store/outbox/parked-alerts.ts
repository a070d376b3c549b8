/** Alerts about parked changes. */
import type { ErrorCode } from '../../errors/table.ts'
import { isIn } from '../changes/change.ts'
import { PARKED } from '../changes/states.ts'
import type { Database } from '../connection/database.ts'
import { isLeaseHeld } from '../fleet/leases.ts'
import { raiseAlert } from '../runs/alerts.ts'
import { PUSH_LEASE } from './next-batch.ts'

export interface ParkedChange {
  readonly change: number
  readonly resource: string
  readonly record: string
  readonly code: ErrorCode
  readonly reason: string
}

export interface ParkedAlert {
  /** All parked changes, reported or not. */
  readonly count: number
  /** The newest of those that were not reported yet. */
  readonly changes: readonly ParkedChange[]
}

const SUBJECT = 'local edits'
/** A bulk edit that is refused row by row is one alert; what is parked within this time after it waits for the next. */
const REPORTED_EVERY = '10 minutes'
const WAITED_FOR = '1 minute'

/**
 * Raises an alert about newly parked changes, exactly once over all processes, and a recovery when nothing is parked any more.
 * While changes are being sent it waits for the rest of them, a minute at most.
 *
 * @param listed how many changes the alert may name.
 * @returns whether some are still to be reported.
 */
export async function raiseParkedAlert(
  sql: Database,
  listed: number,
  bodyOf: (alert: ParkedAlert) => Readonly<Record<string, unknown>>,
): Promise<boolean> {
  const [row] = await sql<(ParkedAlert & { last: string | null; due: boolean; isOpen: boolean })[]>`
    with newest as (${newestAlert(sql)}),
    failure as (${newestAlert(sql, sql`and kind = 'failure'`)}),
    reported as (
      select coalesce(max(fingerprint::timestamptz), '-infinity') as parked_at, coalesce(max(raised_at), '-infinity') as at
      from failure where subject = ${SUBJECT}),
    -- By when they were parked, and not all that are: with 50,000 of them each look took 60 ms.
    fresh as materialized (
      select o.id, o.resource, o.record_id, o.code, o.reason, o.settled_at from sync.outbox o, reported
      where ${isIn(sql, PARKED)} and o.settled_at > reported.parked_at)
    select (select count(*)::int from sync.outbox o where ${isIn(sql, PARKED)}) as count,
      (select coalesce(json_agg(json_build_object('change', id, 'resource', resource, 'record', record_id, 'code', code, 'reason', reason)), '[]')
        from (select * from fresh order by id desc limit ${listed}) first) as changes,
      (select max(settled_at)::text from fresh) as last,
      coalesce((select kind = 'failure' from newest where subject = ${SUBJECT}), false) as "isOpen",
      (select at < now() - ${REPORTED_EVERY}::interval from reported)
        and ((select min(settled_at) from fresh) < now() - ${WAITED_FOR}::interval
          or not ${isLeaseHeld(sql, PUSH_LEASE)}) as due`
  const { count, changes, last, due, isOpen } = row!
  if (count === 0) {
    if (isOpen) await raise(sql, { kind: 'recovery', fingerprint: 'none', body: bodyOf({ count, changes }) })
  } else if (last !== null && due) {
    await raise(sql, { kind: 'failure', fingerprint: last, body: bodyOf({ count, changes }) })
  }
  return last !== null && !due
}

/** Of this subject, or of one before it: with "subject = …" here the primary key goes through all alerts where the subject has none. */
const newestAlert = (sql: Database, which = sql``) => sql`
  select subject, kind, fingerprint, raised_at from sync.alerts
  where (subject, id) <= (${SUBJECT}, 9223372036854775807) ${which} order by subject desc, id desc limit 1`

const raise = (sql: Database, alert: Omit<Parameters<typeof raiseAlert>[1], 'subject'>) =>
  sql.begin((tx) => raiseAlert(tx, { subject: SUBJECT, ...alert }))
