/** What the webhook is to be told, kept until it has been: a crash between the two loses no alert and repeats none. */
import type { Database, Transaction } from '../connection/database.ts'

export interface Alert {
  /** What it is about: `full` for the full runs, `silence`. */
  readonly subject: string
  readonly kind: 'failure' | 'recovery' | 'silence'
  /** Of the same subject and the same fingerprint nothing is told twice in a row. */
  readonly fingerprint: string
  readonly body: Readonly<Record<string, unknown>>
}

/**
 * @param sql kept open for as short as it can be: whoever raises another alert waits for its end.
 * @param told it was under another subject: noted here, and not sent.
 * @returns false when it is what was told last, or a recovery from nothing.
 */
export async function raiseAlert(sql: Transaction, alert: Alert, told = false): Promise<boolean> {
  const { subject, kind, fingerprint, body } = alert
  // Two processes that see the same thing at once: the second waits, and then finds it told. An advisory lock could be held
  // by whoever may connect; this row only by those who may write it.
  await sql`select from sync.installation for update`
  const { count } = await sql`
    insert into sync.alerts (subject, kind, fingerprint, body, delivered_at)
    select ${subject}, ${kind}, ${fingerprint}, ${sql.json(body as never)}, case when ${told} then now() end
    from (select) as nothing
    left join lateral (
      select kind, fingerprint from sync.alerts where subject = ${subject} order by id desc limit 1) as last on true
    where case when ${kind} = 'recovery' then last.kind in ('failure', 'silence')
      else last.fingerprint is distinct from ${fingerprint} end`
  return count === 1
}

export interface PendingAlert {
  readonly id: number
  readonly attempts: number
  readonly body: Readonly<Record<string, unknown>>
}

/** Given to one process, for a minute: it says afterwards what became of it. */
export async function claimAlert(sql: Database): Promise<PendingAlert | undefined> {
  const [row] = await sql<PendingAlert[]>`
    update sync.alerts set attempts = attempts + 1, next_attempt_at = now() + interval '1 minute'
    where id = (
      select id from sync.alerts
      where delivered_at is null and raised_at > now() - interval '2 days'
        -- Nothing is put off for an hour, but by a clock that was set back since.
        and (next_attempt_at <= now() or next_attempt_at > now() + interval '1 hour')
      order by id limit 1 for update skip locked)
    returning id::int, attempts, body`
  return row
}

export async function recordDelivery(sql: Database, id: number): Promise<void> {
  await sql`update sync.alerts set delivered_at = now(), last_error = null where id = ${id}`
}

export async function recordDeliveryFailure(sql: Database, id: number, error: string, seconds: number): Promise<void> {
  await sql`
    update sync.alerts set last_error = ${error}, next_attempt_at = now() + make_interval(secs => ${seconds})
    where id = ${id}`
}

/** The end of the last run of a kind that brought everything it may see; before the first, the time of installation. */
export async function lastSuccess(sql: Database, kind: string): Promise<{ at: Date; ever: boolean }> {
  const [row] = await sql<{ at: Date; ever: boolean }[]>`
    select coalesce(last.at, (select installed_at from sync.installation)) as at, last.at is not null as ever
    from (select) as nothing left join lateral (
      select finished_at as at from sync.runs
      where kind = ${kind} and outcome in ('ok', 'forbidden') and finished_at is not null
      order by finished_at desc limit 1) as last on true`
  return row!
}
