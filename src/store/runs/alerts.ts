/** Alerts, stored until they are delivered: a crash in between neither loses nor repeats one. */
import type { Database, Transaction } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'

/** Hears of each alert that is to be sent, once its transaction has ended. */
export const ALERTS_CHANNEL = 'scopestack_sync_alerts'

export interface Alert {
  /** `full` for full runs, `silence`, … */
  readonly subject: string
  readonly kind: 'failure' | 'recovery' | 'silence'
  /** Two alerts in a row with one subject and one fingerprint are one alert. */
  readonly fingerprint: string
  readonly body: Readonly<Record<string, unknown>>
}

/**
 * @param sql a short transaction: other alerts wait for its end.
 * @param reported it was reported under another subject: recorded here, and not sent.
 * @returns false when it repeats the last alert of its subject, or is a recovery without a failure.
 */
export async function raiseAlert(sql: Transaction, alert: Alert, reported = false): Promise<boolean> {
  const { subject, kind, fingerprint, body } = alert
  // If two processes raise the same alert at once, the second waits and then finds it reported. An advisory lock could be held
  // by any role that may connect; this row only by roles that may write it.
  await sql`select from sync.installation for update`
  const { count } = await sql`
    with raised as (insert into sync.alerts (subject, kind, fingerprint, body, delivered_at)
    select ${subject}, ${kind}, ${fingerprint}, ${sql.json(body as never)}, case when ${reported} then now() end
    from (select) as nothing
    left join lateral (
      select kind, fingerprint from sync.alerts where subject = ${subject} order by id desc limit 1) as last on true
    where case when ${kind} = 'recovery' then last.kind in ('failure', 'silence')
      else last.fingerprint is distinct from ${fingerprint} end
    returning id)
    select (select pg_notify(${ALERTS_CHANNEL}, '') where not ${reported}) from raised`
  return count === 1
}

export interface PendingAlert {
  readonly id: number
  readonly attempts: number
  readonly body: Readonly<Record<string, unknown>>
  /** The ways by which it was sent already. */
  readonly deliveredTo: readonly string[]
}

/** Claims an alert for a minute; the process records the outcome of the delivery. */
export async function claimAlert(sql: Database): Promise<PendingAlert | undefined> {
  const [row] = await sql<PendingAlert[]>`
    update sync.alerts set attempts = attempts + 1, next_attempt_at = now() + interval '1 minute'
    where id = (
      select id from sync.alerts
      where delivered_at is null and raised_at > now() - interval '2 days'
        -- No alert is postponed for an hour, except by a clock that was set back since.
        and (next_attempt_at <= now() or next_attempt_at > now() + interval '1 hour')
      order by id limit 1 for update skip locked)
    returning id::int, attempts, body, to_jsonb(delivered_to) as "deliveredTo"`
  return row
}

/** @param failure null when every way of sending has taken it; else what went wrong, and when it is tried again. */
export async function recordDelivery(
  sql: Database,
  id: number,
  deliveredTo: readonly string[],
  failure: { readonly error: string; readonly seconds: number } | null,
): Promise<void> {
  const { error = null, seconds = 0 } = failure ?? {}
  await sql`
    update sync.alerts set delivered_to = ${arrayLiteral(deliveredTo)}::text[], last_error = ${error},
      delivered_at = case when ${error}::text is null then now() end,
      next_attempt_at = now() + make_interval(secs => ${seconds})
    where id = ${id}`
}

/** The kind and the fingerprint of the last alert of each of these subjects; one that has none is missing. */
export async function lastAlerts(
  sql: Database | Transaction,
  subjects: readonly string[],
): Promise<ReadonlyMap<string, Pick<Alert, 'kind' | 'fingerprint'>>> {
  const rows = await sql<Pick<Alert, 'subject' | 'kind' | 'fingerprint'>[]>`
    select s.subject, last.kind, last.fingerprint
    from unnest(${arrayLiteral(subjects)}::text[]) s (subject)
      cross join lateral (
        -- The newest of this subject, or of one before it. With "a.subject = s.subject" here the order is that of id alone, and where a
        -- subject has none, all alerts are read by the primary key.
        select subject, kind, fingerprint from sync.alerts a
        where (a.subject, a.id) <= (s.subject, 9223372036854775807)
        order by a.subject desc, a.id desc limit 1) last
    where last.subject = s.subject`
  return new Map(rows.map(({ subject, ...last }) => [subject, last]))
}

/** The end of the last successful run of a kind; the time of installation if there is none. */
export async function lastSuccess(sql: Database, kind: string): Promise<{ at: Date; ever: boolean }> {
  const [row] = await sql<{ at: Date; ever: boolean }[]>`
    select coalesce(last.at, (select installed_at from sync.installation)) as at, last.at is not null as ever
    from (select) as nothing left join lateral (
      select finished_at as at from sync.runs
      where kind = ${kind} and outcome in ('ok', 'forbidden') and finished_at is not null
      order by finished_at desc limit 1) as last on true`
  return row!
}
