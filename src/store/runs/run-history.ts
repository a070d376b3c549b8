/** Runs one by one, with what became of each of their resources, for a person who looks back. */
import type { Database } from '../connection/database.ts'
import type { Outcome, RecordCounts } from './runs.ts'

export interface PastRun {
  readonly id: number
  readonly kind: string
  readonly holder: string
  readonly version: string
  readonly startedAt: Date
  readonly finishedAt: Date | null
  readonly outcome: Outcome | null
  readonly error: string | null
  /** Null for a command, which does not record its plan. */
  readonly planned: number | null
  readonly done: number
  readonly notOk: number
  readonly seen: number
  /** Rows inserted, updated and marked deleted. */
  readonly written: number
}

const columns = (sql: Database) => sql`
  r.id::int, r.kind, r.holder, r.version, r.started_at as "startedAt", r.finished_at as "finishedAt", r.outcome, r.error,
  cardinality(r.planned) as planned, o.*`

const sums = (sql: Database) => sql`
  lateral (
    select count(*)::int as done, (count(*) filter (where outcome not in ('ok', 'absent')))::int as "notOk",
      coalesce(sum(seen), 0)::float8 as seen, coalesce(sum(inserted + updated + deleted), 0)::float8 as written
    from sync.run_outcomes where run_id = r.id) o`

/** The newest first. */
export async function listRuns(sql: Database, limit: number): Promise<PastRun[]> {
  return await sql<PastRun[]>`
    select ${columns(sql)} from (select * from sync.runs order by id desc limit ${limit}) r cross join ${sums(sql)}
    order by r.id desc`
}

export async function findRun(sql: Database, id: number): Promise<PastRun | undefined> {
  const [run] = await sql<PastRun[]>`
    select ${columns(sql)} from sync.runs r cross join ${sums(sql)} where r.id = ${id}`
  return run
}

/** Resources of a run that goes on which have no outcome yet, in the order of its plan. */
export async function readLeft(sql: Database, runId: number): Promise<string[]> {
  const rows = await sql<{ resource: string }[]>`
    select of.resource from sync.runs r cross join lateral unnest(r.planned) with ordinality as of (resource, place)
    where r.id = ${runId} and r.finished_at is null
      and not exists (select from sync.run_outcomes o where o.run_id = r.id and o.resource = of.resource)
    order by of.place`
  return rows.map(({ resource }) => resource)
}

export interface PastOutcome extends RecordCounts {
  readonly runId: number
  readonly resource: string
  readonly outcome: Outcome
  readonly startedAt: Date
  readonly finishedAt: Date
  readonly code: string | null
  readonly message: string | null
}

const outcomeColumns = (sql: Database) => sql`
  run_id::int as "runId", resource, outcome, started_at as "startedAt", finished_at as "finishedAt", expected, seen, inserted,
  updated, unchanged, deleted, parked, pages, code, message`

/** What is not well comes first. */
export async function readOutcomesOfRun(sql: Database, runId: number): Promise<PastOutcome[]> {
  return await sql<PastOutcome[]>`
    select ${outcomeColumns(sql)} from sync.run_outcomes where run_id = ${runId}
    order by outcome in ('ok', 'absent'), resource`
}

/** The newest first. */
export async function readOutcomesOfResource(sql: Database, resource: string, limit: number): Promise<PastOutcome[]> {
  return await sql<PastOutcome[]>`
    select ${outcomeColumns(sql)} from sync.run_outcomes where resource = ${resource} order by finished_at desc limit ${limit}`
}
