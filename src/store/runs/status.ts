/** The status of all resources and runs, from the bookkeeping tables. */
import type { Database } from '../connection/database.ts'
import type { Outcome } from './runs.ts'

export interface ResourceStatus {
  readonly resource: string
  /** The table holds what ScopeStack held at this time; null until the first complete pull. */
  readonly dataAsOf: Date | null
  /** Every change up to this time is in the table: an incremental read moves it, and a full read both. */
  readonly changesAsOf: Date | null
  readonly lastSuccessAt: Date | null
  readonly lastOutcome: Outcome | null
  readonly lastRunAt: Date | null
  readonly rows: number | null
  readonly message: string | null
  /** About how many records an unfinished snapshot has read. */
  readonly interruptedAt: number | null
  /** Processes that read its list together at this moment; none where one reads alone. */
  readonly readers: readonly string[]
}

export interface RunStatus {
  readonly id: number
  readonly kind: string
  readonly startedAt: Date
  readonly finishedAt: Date | null
  readonly outcome: Outcome | null
  readonly error: string | null
  /** Resources with an outcome, and planned resources. The second is null for a command, which does not record its plan. */
  readonly done: number
  readonly planned: number | null
}

export interface Status {
  /** By the database's clock, like all times here. */
  readonly at: Date
  readonly account: { readonly id: string; readonly slug: string } | null
  /** The open runs of workers, and the newest that has ended: of all, and of each schedule. */
  readonly runs: readonly RunStatus[]
  readonly resources: readonly ResourceStatus[]
  readonly parked: readonly { readonly resource: string; readonly count: number; readonly since: Date }[]
  readonly drift: readonly {
    readonly resource: string
    readonly member: string
    readonly kind: string
    readonly sample: string
  }[]
}

/** @returns null when the database has not been migrated. */
export async function readStatus(sql: Database): Promise<Status | null> {
  const [migrated] = await sql<
    { exists: boolean }[]
  >`select to_regclass('scopestack.sync_status') is not null as exists`
  if (migrated?.exists !== true) return null
  const [clock] = await sql<{ at: Date }[]>`select now() as at`
  const [account] = await sql<{ id: string; slug: string }[]>`
    select account_id as id, account_slug as slug from sync.account`
  const resources = await sql<ResourceStatus[]>`
    select s.resource, data_as_of as "dataAsOf", c.changes_as_of as "changesAsOf", last_success_at as "lastSuccessAt", last_outcome as "lastOutcome",
      last_run_at as "lastRunAt", s.rows::float8 as rows, last_message as message,
      case when c.snapshot_started_at is not null then (
        select coalesce(sum(cardinality(ids)), 0)::float8 from sync.seen_pages p
        where p.resource = s.resource and p.pass = c.pass) end as "interruptedAt",
      (select coalesce(json_agg(distinct r.holder), '[]') from sync.readers r
        where r.resource = s.resource and r.snapshot_started_at = c.snapshot_started_at
          and r.ended_at is null and r.expires_at > now()) as readers
    from scopestack.sync_status s left join sync.cursors c on c.resource = s.resource
    order by s.resource`
  const ended = sql`finished_at is not null and planned is not null`
  // Steps from one kind to the next, and takes the newest of each: it does not go through years of runs.
  const runs = await sql<RunStatus[]>`
    with recursive kinds as (
      (select kind from sync.runs where ${ended} order by kind limit 1)
      union all
      select (select kind from sync.runs where ${ended} and kind > k.kind order by kind limit 1) from kinds k where k.kind is not null),
    shown as (
      select id from sync.runs where finished_at is null and planned is not null
      union select max(id) from sync.runs where finished_at is not null
      -- Not "kind = … order by id": by the primary key that goes through all runs behind the newest of a kind that is off.
      union select (select id from sync.runs where ${ended} and (kind, id) <= (k.kind, 9223372036854775807)
        order by kind desc, id desc limit 1) from kinds k where k.kind is not null)
    select id::int, kind, started_at as "startedAt", finished_at as "finishedAt", outcome, error,
      (select count(*)::int from sync.run_outcomes o
        -- A backfill tries these again.
        where o.run_id = r.id and (r.kind <> 'backfill' or o.outcome <> 'failed')) as done, cardinality(planned) as planned
    from sync.runs r where id = any(array(select id from shown))
    order by id`
  const parked = await sql<{ resource: string; count: number; since: Date }[]>`
    select resource, count(*)::int as count, min(first_seen_at) as since from sync.parked where settled_at is null group by resource order by resource`
  const drift = await sql<{ resource: string; member: string; kind: string; sample: string }[]>`
    select resource, member, kind, sample from sync.drift order by resource, kind, member`
  return { at: clock!.at, account: account ?? null, runs, resources, parked, drift }
}
