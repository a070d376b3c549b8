/** What tests know of the tables of runs: sync.runs, run_outcomes, ticks, alerts, processes, requests and installation. */
import type { Database } from '../../../src/store/connection/database.ts'
import { readerOf, type Sql } from './table-reader.ts'

export interface Run {
  readonly id: number
  readonly kind: string
  readonly outcome: string | null
  readonly error: string | null
  readonly startedAt: Date
  readonly finishedAt: Date | null
  /** The resources that workers are to pull. */
  readonly planned: readonly string[] | null
}

export const readRuns = readerOf<Run>(
  'sync.runs',
  {
    id: 'id::int',
    kind: 'kind',
    outcome: 'outcome',
    error: 'error',
    startedAt: 'started_at',
    finishedAt: 'finished_at',
    planned: 'to_json(planned)',
  },
  'id',
)

/** What became of a resource in a run. */
export interface Outcome {
  readonly run: number
  readonly resource: string
  readonly outcome: string
  readonly startedAt: Date
  readonly finishedAt: Date
  readonly seen: number
  readonly pages: number
  readonly deleted: number
  readonly code: string | null
  readonly message: string | null
  /** Every column, to compare a row with itself. */
  readonly whole: Readonly<Record<string, unknown>>
}

export const readRunOutcomes = readerOf<Outcome>(
  'sync.run_outcomes',
  {
    run: 'run_id::int',
    resource: 'resource',
    outcome: 'outcome',
    startedAt: 'started_at',
    finishedAt: 'finished_at',
    seen: 'seen',
    pages: 'pages',
    deleted: 'deleted',
    code: 'code',
    message: 'message',
    whole: 'to_jsonb(run_outcomes)',
  },
  'run_id, resource',
)

/** As if runs had begun so much earlier. */
export const beginRunsEarlier = (sql: Sql, by: string): Promise<unknown> => sql`
  update sync.runs set started_at = started_at - ${by}::interval`

export const beginOpenRunsAgo = (sql: Sql, age: string): Promise<unknown> => sql`
  update sync.runs set started_at = now() - ${age}::interval where finished_at is null`

/** As if runs, and resources of them, had failed. */
export const failRuns = (sql: Sql, error: string): Promise<unknown> => sql`
  update sync.runs set outcome = 'failed', error = ${error}`

export const failOutcomes = (sql: Sql, message: string, resource?: string): Promise<unknown> => sql`
  update sync.run_outcomes set outcome = 'failed', message = ${message}
  where ${resource ?? null}::text is null or resource = ${resource ?? null}`

/** As if every run that was made had ended well. */
export const endRuns = (sql: Sql): Promise<unknown> => sql`update sync.runs set finished_at = now(), outcome = 'ok'`

/** As if its host had that name, and its error that text. */
export const setRunTexts = (sql: Sql, holder: string, error: string): Promise<unknown> => sql`
  update sync.runs set error = ${error}, holder = ${holder}`

/** As if resources of runs had been done so long ago. */
export const finishOutcomesAgo = (sql: Sql, age: string): Promise<unknown> => sql`
  update sync.run_outcomes set finished_at = now() - ${age}::interval`

/** A full run that goes on, of this resource. */
export const insertOpenRun = (sql: Sql, resource: string): Promise<unknown> => sql`
  insert into sync.runs (kind, holder, version, planned) values ('full', 'x', '0.1.0', array[${resource}::text])`

/** A run that ended well just now. */
export async function insertEndedRun(sql: Sql, kind: string): Promise<number> {
  const [row] = await sql<{ id: number }[]>`
    insert into sync.runs (kind, holder, version, outcome, finished_at) values (${kind}, '', '', 'ok', now()) returning id::int`
  return row!.id
}

/** As if nothing had ever run, lived or been raised. */
export const emptyRuns = (sql: Sql): Promise<unknown> => sql`
  truncate sync.alerts, sync.runs, sync.run_outcomes, sync.processes`

/** A full run of long ago, which ended in its failure. */
export const insertFailedRun = (sql: Sql, error: string): Promise<unknown> => sql`
  insert into sync.runs (kind, holder, version, planned, started_at, finished_at, outcome, error)
  values ('full', 'h', '0', '{tags}', now() - interval '9 days', now() - interval '9 days', 'failed', ${error})`

/** Full runs, of which each tenth ended well; and so many of a resource that the role may not read. */
export async function fillRuns(sql: Sql, count: number): Promise<void> {
  await sql`
    insert into sync.runs (kind, started_at, finished_at, outcome, holder, version, planned)
    select 'full', now(), now(), case n % 10 when 0 then 'ok' else 'failed' end, 'x', '1', '{projects}'
    from generate_series(1, ${count}::int) n`
  await sql`
    insert into sync.run_outcomes (run_id, resource, outcome, started_at, seen, inserted, updated, unchanged, parked, pages)
    select n, 'forbidden-things', 'forbidden', now(), 0, 0, 0, 0, 0, 0 from generate_series(1, ${count}::int) n`
}

/**
 * Ticks, jobs that have ended and parked records that are settled, as many as there are runs; requests, which are always a thousand.
 */
export async function fillScreen(sql: Database, count: number): Promise<void> {
  await sql`
    insert into sync.ticks (schedule, at) select 'full', now() - make_interval(mins => n) from generate_series(1, ${count}::int) n`
  await sql`
    insert into bullmq.job (queue, id, seq, name, state, added_at_ms, finished_at_ms)
    select 'sync', 'run-' || n, n, 'close', 'completed', 0, n from generate_series(1, ${count}::int) n`
  await sql`
    insert into sync.parked (resource, digest, record_id, reason, body, settled_at)
    select 'clients', n::text, n::text, 'misfit', '{}', now() from generate_series(1, ${count}::int) n`
  await sql`
    insert into sync.requests (holder, at, method, path, ms, attempt, waited_ms)
    select 'x', now(), 'GET', '/', 1, 1, 0 from generate_series(1, ${count}::int)`
  await sql`
    insert into sync.alerts (subject, kind, fingerprint, body, delivered_at)
    select case n % 2 when 0 then 'local edits' else 'full' end, case n % 3 when 0 then 'recovery' else 'failure' end, now()::text, '{}', now()
    from generate_series(1, ${count}::int) n`
}

/** The decision on a time of the schedule. */
export interface Tick {
  readonly at: Date
  readonly run: number | null
  readonly note: string | null
  readonly isInFuture: boolean
  /** It was decided within the hour behind its time. */
  readonly isInTime: boolean
}

export const readTicks = readerOf<Tick>(
  'sync.ticks',
  {
    at: 'at',
    run: 'run_id::int',
    note: 'note',
    isInFuture: 'at > now()',
    isInTime: "at <= decided_at and at >= decided_at - interval '1 hour'",
  },
  'at',
)

/** As if ticks had been decided so much earlier. */
export const tickEarlier = (sql: Sql, by: string): Promise<unknown> => sql`
  update sync.ticks set at = at - ${by}::interval`

/** A tick of the full schedule, so far from now. */
export const insertTick = (sql: Sql, from: string, note: string | null = null): Promise<unknown> => sql`
  insert into sync.ticks (schedule, at, note) values ('full', date_trunc('minute', now()) + ${from}::interval, ${note})`

export interface RaisedAlert {
  readonly subject: string
  readonly kind: string
  readonly body: Readonly<Record<string, unknown>>
  readonly isDelivered: boolean
  readonly lastError: string | null
}

export const readAlerts = readerOf<RaisedAlert>(
  'sync.alerts',
  {
    subject: 'subject',
    kind: 'kind',
    body: 'body',
    isDelivered: 'delivered_at is not null',
    lastError: 'last_error',
  },
  'id',
)

export const emptyAlerts = (sql: Sql): Promise<unknown> => sql`truncate sync.alerts`

/** As if alerts had been raised so much earlier. */
export const raiseEarlier = (sql: Sql, by: string): Promise<unknown> => sql`
  update sync.alerts set raised_at = raised_at - ${by}::interval`

/** No alert waits for its next attempt any more. */
export const makeAlertsDue = (sql: Sql): Promise<unknown> => sql`update sync.alerts set next_attempt_at = now()`

/** A process of `start`, of another version. */
export const insertProcess = (sql: Sql, version: string, holder = 'h', part = 'worker'): Promise<unknown> => sql`
  insert into sync.processes (id, holder, version, parts) values ('p', ${holder}, ${version}, array[${part}::text])`

/** As if the process that began first had been killed two minutes ago. */
export const silenceFirstProcess = (sql: Sql): Promise<unknown> => sql`
  update sync.processes set seen_at = now() - interval '2 minutes'
  where started_at = (select min(started_at) from sync.processes)`

/** When a process reported itself last. */
export const readNewestHeartbeat = async (sql: Sql): Promise<string> =>
  (await sql<{ at: string }[]>`select max(seen_at)::text as at from sync.processes`)[0]!.at

export const deleteProcesses = (sql: Sql): Promise<unknown> => sql`delete from sync.processes`

/** The last requests to ScopeStack, each with every column as text. */
export const readRequestLog = readerOf<{ readonly text: string }>(
  'sync.requests',
  { text: 'to_jsonb(requests)::text' },
  'id',
)

export interface KeptRequest {
  readonly path: string
  readonly run: number | null
  readonly resource: string | null
}

/** What each of the last requests was sent for. */
export const readPurposes = readerOf<KeptRequest>(
  'sync.requests',
  { path: 'path', run: 'run_id::int', resource: 'resource' },
  'id',
)

/** As if every second request had left so much earlier. */
export const ageHalfOfRequests = (sql: Sql, by: string): Promise<unknown> => sql`
  update sync.requests set at = at - ${by}::interval where id % 2 = 0`

/** As if the database had been migrated first so long ago. */
export const installedAgo = (sql: Sql, age: string): Promise<unknown> => sql`
  update sync.installation set installed_at = now() - ${age}::interval`

export const ensureInstallation = (sql: Sql): Promise<unknown> => sql`
  insert into sync.installation default values on conflict do nothing`
