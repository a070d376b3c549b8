/** Which resources of a run changed far more rows than their earlier runs of the same kind. */
import type { Database, Transaction } from '../connection/database.ts'

export interface UnusualRows {
  readonly resource: string
  readonly action: 'inserted' | 'updated' | 'deleted'
  readonly count: number
  /** The second highest count of its earlier runs. */
  readonly usual: number
  /** How many those are. */
  readonly runs: number
}

/** The rule, in numbers. docs/alerts.md has it in words. */
export const UNUSUAL = { leastRows: 100, times: 5, leastRuns: 4, days: 30 } as const

/**
 * The second highest, and not the highest: the first load and a single mass change must not hide the next one; what comes once a
 * week is there four times. Few resources reach `leastRows`, so that most runs read nothing of the past.
 */
export async function readUnusualRows(
  sql: Database | Transaction,
  { id, kind }: { readonly id: number; readonly kind: string },
): Promise<UnusualRows[]> {
  const { leastRows, times, leastRuns, days } = UNUSUAL
  return await sql<UnusualRows[]>`
    select now.resource, now.action, now.count, earlier.usual, earlier.runs
    from (
      select o.resource, a.action, a.count
      from sync.run_outcomes o
        cross join lateral (values ('inserted', o.inserted), ('updated', o.updated), ('deleted', o.deleted)) a (action, count)
      where o.run_id = ${id} and o.outcome = 'ok' and a.count >= ${leastRows}) now
    cross join lateral (
      select count(*)::int as runs, coalesce((array_agg(past.count order by past.count desc))[2], 0) as usual
      from (
        select case now.action when 'inserted' then o.inserted when 'updated' then o.updated else o.deleted end as count
        from sync.run_outcomes o join sync.runs r on r.id = o.run_id
        where o.resource = now.resource and o.outcome = 'ok' and o.run_id < ${id} and r.kind = ${kind}
          and o.finished_at > now() - make_interval(days => ${days})) past) earlier
    where earlier.runs >= ${leastRuns} and now.count > ${times} * earlier.usual
    order by now.resource, now.action`
}
