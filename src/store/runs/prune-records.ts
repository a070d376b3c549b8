/**
 * Deletes what the program has noted of itself long ago: runs with their outcomes, alerts, and records that were parked once and came
 * in later. With a tick every quarter of an hour, runs alone would be 2.3 million rows a year.
 *
 * Settled changes, ticks and requests are deleted where they are written, versions of the history by `prune-history.ts`.
 */
import type { Database } from '../connection/database.ts'

/** As settled changes and ticks. */
const KEPT = '90 days'
/** So few that a step is over before another session notices: a run has up to 66 outcomes. */
const RUNS_AT_ONCE = 200
const ROWS_AT_ONCE = 2_000

/** @returns whether there may be more. */
export async function pruneRecords(sql: Database): Promise<boolean> {
  const counts = [
    { deleted: await pruneRuns(sql), most: RUNS_AT_ONCE },
    { deleted: await pruneAlerts(sql), most: ROWS_AT_ONCE },
    { deleted: await pruneParked(sql), most: ROWS_AT_ONCE },
  ]
  return counts.some(({ deleted, most }) => deleted === most)
}

/**
 * Whatever `scopestack.sync_status`, `status` and the alerts show of the last run stays, however old: the newest outcome of each
 * resource, the newest of a whole read and the newest `ok`; of each kind of run the newest, and the newest that went well.
 */
async function pruneRuns(sql: Database): Promise<number> {
  const { count } = await sql`
    with kinds as (select distinct kind from sync.runs),
    shown as (
      select one.run_id from sync.cursors c cross join lateral (
        (select o.run_id from sync.run_outcomes o where o.resource = c.resource order by o.finished_at desc limit 1)
        union all
        (select o.run_id from sync.run_outcomes o join sync.runs r on r.id = o.run_id
          where o.resource = c.resource and r.kind <> 'incremental' order by o.finished_at desc limit 1)
        union all
        (select o.run_id from sync.run_outcomes o
          where o.resource = c.resource and o.outcome = 'ok' order by o.finished_at desc limit 1)) one
      union
      select one.id from kinds k cross join lateral (
        (select r.id from sync.runs r where r.kind = k.kind order by r.id desc limit 1)
        union all
        (select r.id from sync.runs r where r.kind = k.kind and r.outcome in ('ok', 'forbidden')
          order by r.finished_at desc limit 1)) one),
    old as materialized (
      select id from sync.runs r
      where coalesce(r.finished_at, r.started_at) < now() - ${KEPT}::interval
        and (r.finished_at is not null or r.planned is null) and not exists (select from shown s where s.run_id = r.id)
      order by id limit ${RUNS_AT_ONCE}),
    outcomes as (delete from sync.run_outcomes where run_id in (select id from old))
    delete from sync.runs where id in (select id from old)`
  return count
}

/** The newest of a subject is what its reader knows, and decides whether the next one is a repetition. */
async function pruneAlerts(sql: Database): Promise<number> {
  const { count } = await sql`
    delete from sync.alerts where id = any(array(
      select id from sync.alerts a
      where raised_at < now() - ${KEPT}::interval
        and exists (select from sync.alerts newer where newer.subject = a.subject and newer.id > a.id)
      order by id limit ${ROWS_AT_ONCE}))`
  return count
}

async function pruneParked(sql: Database): Promise<number> {
  const { count } = await sql`
    delete from sync.parked where id = any(array(
      select id from sync.parked where settled_at < now() - ${KEPT}::interval order by id limit ${ROWS_AT_ONCE}))`
  return count
}
