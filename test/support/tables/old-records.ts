/** What an installation has noted of itself in more than a year. */
import type { Sql } from 'postgres'

/** A nightly run and twelve of changes on each of so many days before today. `clients` has failed for the last 200 of them. */
export async function fillYear(sql: Sql, days: number): Promise<void> {
  await sql`insert into sync.cursors (resource) values ('clients'), ('projects') on conflict do nothing`
  await sql`
    insert into sync.runs (kind, holder, version, planned, started_at, finished_at, outcome)
    select kind, 'h', '1', '{clients,projects}', at, at, case kind when 'full' then 'incomplete' else 'ok' end
    from generate_series(now() - make_interval(days => ${days}), now(), '2 hours') with ordinality as of (at, place)
      cross join lateral (select case when place % 13 = 0 then 'full' else 'incremental' end as kind) k
    order by at`
  await sql`
    insert into sync.run_outcomes (run_id, resource, outcome, started_at, finished_at, seen, inserted, updated, unchanged, deleted, parked, pages)
    select r.id, o.resource, case when o.resource = 'clients' and r.started_at > now() - interval '200 days' then 'failed' else 'ok' end,
      r.started_at, r.finished_at, 0, 0, 0, 0, 0, 0, 0
    from sync.runs r cross join unnest(r.planned) as o (resource)`
  await sql`
    insert into sync.runs (kind, holder, version, started_at, finished_at, outcome)
    values ('backfill', 'h', '1', now() - interval '2 years', now() - interval '2 years', 'ok'), ('pull', 'h', '1', now() - interval '2 years', null, null)`
  await sql`
    insert into sync.alerts (subject, kind, fingerprint, body, raised_at, delivered_at)
    select subject, 'failure', at::text, '{}', at, at
    from generate_series(now() - make_interval(days => ${days}), now() - interval '91 days', '1 day') as of (at)
      cross join unnest('{full,credentials}'::text[]) as s (subject)`
  await sql`
    insert into sync.parked (resource, digest, reason, body, settled_at)
    values ('clients', 'old', 'r', '{}', now() - interval '91 days'), ('clients', 'young', 'r', '{}', now()), ('clients', 'open', 'r', '{}', null)`
}

export const readStatusView = (sql: Sql) => sql`
  select resource, last_success_at, last_outcome, last_run_at from scopestack.sync_status order by resource`

export async function countRecords(sql: Sql) {
  const [row] = await sql<{ runs: number; outcomes: number; oldRuns: string[]; alerts: string[]; parked: string[] }[]>`
    select (select count(*)::int from sync.runs) as runs, (select count(*)::int from sync.run_outcomes) as outcomes,
      (select coalesce(json_agg(kind order by id), '[]') from sync.runs where started_at < now() - interval '90 days') as "oldRuns",
      (select coalesce(json_agg(subject order by subject), '[]') from sync.alerts) as alerts,
      (select json_agg(digest order by digest) from sync.parked) as parked`
  return row!
}
