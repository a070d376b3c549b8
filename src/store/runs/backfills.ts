/** The backfill under way, which outlives the process that began it. */
import type { Database } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'
import { isSuccess, type Outcome } from './runs.ts'

export interface Backfill {
  readonly id: number
  readonly startedAt: Date
  readonly planned: readonly string[]
  /** `YYYY-MM-DD`; null: everything. */
  readonly since: string | null
  /** Every page is loaded, also after the backfill is continued. */
  readonly afresh: boolean
  readonly outcomes: readonly { readonly resource: string; readonly outcome: Outcome }[]
}

const KIND = 'backfill'

export async function readBackfill(sql: Database): Promise<Backfill | undefined> {
  const [row] = await sql<Backfill[]>`
    select id::int, started_at as "startedAt", to_json(planned) as planned, options ->> 'since' as since,
      coalesce((options -> 'afresh')::boolean, false) as afresh,
      (select coalesce(json_agg(json_build_object('resource', resource, 'outcome', outcome)), '[]')
        from sync.run_outcomes o where o.run_id = r.id) as outcomes
    from sync.runs r where kind = ${KIND} and finished_at is null and planned is not null`
  return row
}

export interface NewBackfill {
  readonly planned: readonly string[]
  readonly since: string | null
  readonly afresh: boolean
  readonly holder: string
  readonly version: string
}

/** Idempotent: after a lost response it returns the backfill that was begun before. */
export async function beginBackfill(
  sql: Database,
  { planned, since, afresh, holder, version }: NewBackfill,
): Promise<Backfill> {
  await sql`
    insert into sync.runs (kind, holder, version, planned, options)
    values (${KIND}, ${holder}, ${version}, ${arrayLiteral(planned)}::text[], ${sql.json({ since, afresh })})
    on conflict (kind) where finished_at is null and planned is not null do nothing`
  return (await readBackfill(sql))!
}

/** Resources that failed are tried again: a run keeps the first outcome of a resource, so theirs are deleted. */
export async function clearFailedOutcomes(sql: Database, { id, outcomes }: Backfill): Promise<void> {
  const again = outcomes.filter(({ outcome }) => !isSuccess(outcome)).map(({ resource }) => resource)
  await sql`
    delete from sync.run_outcomes where run_id = ${id} and resource = any(${arrayLiteral(again)}::text[])`
}
