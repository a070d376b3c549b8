/** What an operator does to the schedules: pauses one, resumes it, has a run now. Each is one statement, for all processes. */
import type { Database } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'
import { RUNS_CHANNEL, type Plan } from './scheduled-runs.ts'

export interface PausedSchedule {
  readonly schedule: string
  readonly since: Date
}

export async function readPausedSchedules(sql: Database): Promise<PausedSchedule[]> {
  return await sql<PausedSchedule[]>`
    select schedule, paused_at as since from sync.paused_schedules order by schedule`
}

/** A run that goes on is not stopped. Ticks meanwhile are recorded as skipped, and none is caught up later. */
export async function pauseSchedule(sql: Database, schedule: string): Promise<void> {
  await sql`insert into sync.paused_schedules (schedule) values (${schedule}) on conflict do nothing`
}

export async function resumeSchedule(sql: Database, schedule: string): Promise<void> {
  await sql`delete from sync.paused_schedules where schedule = ${schedule}`
}

/** @returns the run, whose jobs the reconciler adds where the caller does not; null where one of the kind goes on. */
export async function openRunNow(sql: Database, { kind, planned, holder, version }: Plan): Promise<number | null> {
  const [run] = await sql<{ id: number }[]>`
    with run as (
      insert into sync.runs (kind, holder, version, planned)
      values (${kind}, ${holder}, ${version}, ${arrayLiteral(planned)}::text[])
      on conflict (kind) where finished_at is null and planned is not null do nothing
      returning id::int)
    select id, pg_notify(${RUNS_CHANNEL}, '') from run`
  return run?.id ?? null
}

export interface DecidedTick {
  readonly schedule: string
  readonly at: Date
  readonly decidedAt: Date
  readonly runId: number | null
  readonly note: string | null
}

/** The newest first. By schedule and time, which its key is: nothing else of 90 days is read. */
export async function readTicks(sql: Database, limit: number): Promise<DecidedTick[]> {
  const ofSchedule = (schedule: string) => sql`
    (select schedule, at, decided_at as "decidedAt", run_id::int as "runId", note from sync.ticks
      where schedule = ${schedule} order by at desc limit ${limit})`
  return await sql<DecidedTick[]>`
    ${ofSchedule('full')} union all ${ofSchedule('incremental')} order by at desc limit ${limit}`
}
