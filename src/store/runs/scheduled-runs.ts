/**
 * Runs that workers share. These rows say what is planned, done and missing, so that a queue that loses its jobs loses no work:
 * the jobs are made again from them.
 */
import type { ErrorCode } from '../../errors/table.ts'
import type { Database, Transaction } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'
import { endRun, worstOutcome, type Outcome } from './runs.ts'

export interface Tick {
  readonly schedule: string
  readonly at: Date
}

export interface Plan {
  readonly kind: string
  readonly planned: readonly string[]
  readonly holder: string
  readonly version: string
}

/** The decision of one scheduler on a tick. The decisions of others on the same tick have no effect. */
export type Decision = { readonly runId: number; readonly note: null } | { readonly runId: null; readonly note: string }

/** More than the clocks of two database servers differ by, and less than a wrong clock is off. */
const CLOCK_TOLERANCE = '1 minute'

/**
 * A decided tick in the future comes from a host or a database whose clock was ahead. It is deleted, since no run would be
 * made until then.
 *
 * @returns null when the tick, or a later one of its schedule, was decided before.
 */
export async function decideTick(sql: Database, { schedule, at }: Tick, plan: Plan): Promise<Decision | null> {
  return await sql.begin(async (tx) => {
    await tx`delete from sync.ticks where schedule = ${schedule} and at > now() + ${CLOCK_TOLERANCE}::interval`
    const [mine] = await tx`
      insert into sync.ticks (schedule, at)
      select ${schedule}, ${at}::timestamptz
      where not exists (select from sync.ticks where schedule = ${schedule} and at >= ${at}::timestamptz)
      on conflict do nothing returning at`
    if (mine === undefined) return null
    const [run] = await tx<{ id: number }[]>`
      insert into sync.runs (kind, holder, version, planned)
      select ${plan.kind}, ${plan.holder}, ${plan.version}, ${arrayLiteral(plan.planned)}::text[]
      where not exists (select from sync.runs where kind = ${plan.kind} and finished_at is null and planned is not null)
        and not exists (select from sync.paused_schedules where schedule = ${schedule})
      on conflict (kind) where finished_at is null and planned is not null do nothing
      returning id::int`
    if (run !== undefined) await tx`select pg_notify(${RUNS_CHANNEL}, '')`
    const decision: Decision =
      run === undefined ? { runId: null, note: await whyNone(tx, schedule, plan) } : { runId: run.id, note: null }
    await tx`
      update sync.ticks set run_id = ${decision.runId}, note = ${decision.note}
      where schedule = ${schedule} and at = ${at}::timestamptz`
    // By the time of the decision: the newest tick of a yearly schedule may be old.
    await tx`delete from sync.ticks where decided_at < now() - interval '90 days'`
    return decision
  })
}

async function whyNone(tx: Transaction, schedule: string, { kind }: Plan): Promise<string> {
  const [paused] = await tx`select from sync.paused_schedules where schedule = ${schedule}`
  return paused === undefined
    ? `Skipped: the ${kind} run before it was still going.`
    : `Skipped: the ${schedule} schedule is paused.`
}

/** When the newest decided tick of each schedule was due, without ticks in the future; a schedule that has none is missing. */
export async function lastTicks(sql: Database, schedules: readonly string[]): Promise<ReadonlyMap<string, Date>> {
  const rows = await sql<{ schedule: string; at: Date | null }[]>`
    select s.schedule,
      (select max(at) from sync.ticks t where t.schedule = s.schedule and at <= now() + ${CLOCK_TOLERANCE}::interval) as at
    from unnest(${arrayLiteral(schedules)}::text[]) s (schedule)`
  return new Map(rows.flatMap(({ schedule, at }) => (at === null ? [] : [[schedule, at]])))
}

export interface OpenRun {
  readonly id: number
  /** Seconds since it began. */
  readonly age: number
  readonly kind: string
  readonly planned: readonly string[]
  /** Planned, and without an outcome. */
  readonly missing: readonly string[]
}

/** Arrays come as JSON, since the driver does not read array types (`fetch_types`). */
const openRuns = (sql: Database | Transaction, { id = null }: { id?: number | null } = {}): Promise<OpenRun[]> => sql<
  OpenRun[]
>`
  select id::int, kind, extract(epoch from now() - started_at)::float8 as age, to_json(planned) as planned,
    (select coalesce(json_agg(type order by at), '[]') from unnest(planned) with ordinality as p (type, at)
      where not exists (select from sync.run_outcomes o where o.run_id = r.id and o.resource = type)) as missing
  from sync.runs r
  where finished_at is null and planned is not null and (${id}::bigint is null or id = ${id}::bigint)
  order by id`

/** Open runs of workers, without backfills, which their own process continues. */
export const readOpenRuns = async (sql: Database): Promise<OpenRun[]> =>
  (await openRuns(sql)).filter(({ kind }) => kind !== 'backfill')

/** Hears of each run that was begun: who looks after open runs need not look while there is none. */
export const RUNS_CHANNEL = 'scopestack_sync_runs'

/** Undefined if it has ended, or never existed. */
export const readOpenRun = async (sql: Database, id: number): Promise<OpenRun | undefined> =>
  (await openRuns(sql, { id }))[0]

export interface ClosedResource {
  readonly resource: string
  readonly outcome: Outcome
  readonly code: ErrorCode | null
  readonly message: string | null
  readonly seen: number
  readonly inserted: number
  readonly updated: number
  readonly deleted: number
}

export interface ClosedRun {
  readonly id: number
  readonly kind: string
  readonly outcome: Outcome
  readonly error: string | null
  readonly startedAt: Date
  readonly finishedAt: Date
  readonly resources: readonly ClosedResource[]
}

/**
 * Ends a run exactly once. Null if it has ended already, or if outcomes are missing.
 *
 * @param error what ended the run for all its resources; null: it ends when each has its outcome.
 * @param also runs in the same transaction, so that it happens exactly once too.
 */
export async function closeRun(
  sql: Database,
  id: number,
  error: string | null,
  also: (tx: Transaction, run: ClosedRun) => Promise<void>,
): Promise<ClosedRun | null> {
  return await sql.begin(async (tx) => {
    await tx`select from sync.runs where id = ${id} for update`
    const [open] = await openRuns(tx, { id })
    if (open === undefined || (error === null && open.missing.length > 0)) return null
    const resources = await tx<ClosedResource[]>`
      select resource, outcome, code, message, seen, inserted, updated, deleted from sync.run_outcomes
      where run_id = ${id} order by resource`
    const outcome = error === null ? worstOutcome(resources) : 'failed'
    await endRun(tx, id, outcome, error)
    const [row] = await tx<{ startedAt: Date; finishedAt: Date }[]>`
      select started_at as "startedAt", finished_at as "finishedAt" from sync.runs where id = ${id}`
    const closed: ClosedRun = { id, kind: open.kind, outcome, error, resources: [...resources], ...row! }
    await also(tx, closed)
    return closed
  })
}
