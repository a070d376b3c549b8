/** The newest runs with what became of each resource, in numbers. */
import type { Database } from '../connection/database.ts'
import type { Outcome, RecordCounts } from './runs.ts'

export interface RecentRun {
  readonly id: number
  readonly kind: string
  readonly version: string
  readonly startedAt: Date
  readonly finishedAt: Date | null
  readonly outcome: Outcome | null
  readonly error: string | null
  readonly resources: readonly RecentOutcome[]
}

interface RecentOutcome extends RecordCounts {
  readonly resource: string
  readonly outcome: Outcome
  readonly code: string | null
  readonly seconds: number | null
}

export async function readRecentRuns(sql: Database, limit: number): Promise<RecentRun[]> {
  return await sql<RecentRun[]>`
    select r.id::int, r.kind, r.version, r.started_at as "startedAt", r.finished_at as "finishedAt", r.outcome, r.error,
      (select coalesce(jsonb_agg(jsonb_build_object('resource', o.resource, 'outcome', o.outcome, 'code', o.code,
          'seconds', round(extract(epoch from o.finished_at - o.started_at)), 'expected', o.expected, 'seen', o.seen,
          'inserted', o.inserted, 'updated', o.updated, 'unchanged', o.unchanged, 'deleted', o.deleted, 'parked', o.parked,
          'pages', o.pages) order by o.resource), '[]')
        from sync.run_outcomes o where o.run_id = r.id) as resources
    from sync.runs r order by r.id desc limit ${limit}`
}
