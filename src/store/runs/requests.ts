/** The last requests of all processes, for a person; a bounded table. */
import type { NotedRequest } from '../../request-log.ts'
import { waitLimits, type Database } from '../connection/database.ts'
import { storable } from '../values/codec.ts'

export interface SavedRequest extends NotedRequest {
  readonly id: number
  readonly holder: string
}

/** Of all processes together. */
const KEPT = 1_000
const LONGEST_WAIT = '1s'

/**
 * In a transaction of its own, which waits for a lock on the table for a second: the driver sends other statements of the process behind
 * one that waits, those of a pull among them.
 *
 * @throws 55P03 after that second: these requests are not kept.
 */
export async function saveRequests(sql: Database, holder: string, requests: readonly NotedRequest[]): Promise<void> {
  if (requests.length === 0) return
  // Of the clock of this process only how long ago it was.
  const now = Date.now()
  const rows = requests.map(({ at, waitedMs, path, purpose, ...one }) => {
    const sentFor = { run_id: purpose?.runId ?? null, resource: purpose?.resource ?? null }
    return { ...one, ...sentFor, path: storable(path), waited_ms: waitedMs, ago: (now - at.getTime()) / 1000 }
  })
  await sql.begin(async (tx) => {
    await tx`select ${waitLimits(tx)}, set_config('lock_timeout', ${LONGEST_WAIT}, true)`
    await tx`
    with saved as (
      insert into sync.requests (holder, at, method, path, status, code, ms, bytes, attempt, waited_ms, run_id, resource)
      select ${holder}, now() - make_interval(secs => ago), method, path, status, code, ms, bytes, attempt, waited_ms, run_id, resource
      from jsonb_to_recordset(${tx.json(rows)}) as one (
        ago float8, method text, path text, status int, code text, ms int, bytes bigint, attempt int, waited_ms int, run_id bigint, resource text)
      returning id)
    delete from sync.requests where id <= (select max(id) from saved) - ${KEPT}::int`
  })
}

export interface LastMinute {
  readonly lastMinute: number
  /** There were more: not all of that minute are kept. */
  readonly isCut: boolean
}

/** Which are shown; left out, all. */
export interface RequestFilter {
  readonly run?: number | undefined
  readonly resource?: string | undefined
  /** Those without a response, and with one of 400 or more. */
  readonly failed?: boolean | undefined
}

/** The newest first, and how many there were in the last minute. */
export async function readRequests(
  sql: Database,
  limit: number,
  { run, resource, failed = false }: RequestFilter = {},
): Promise<LastMinute & { readonly requests: SavedRequest[]; readonly at: Date }> {
  const requests = await sql<SavedRequest[]>`
    select id::float8 as id, holder, at, method, path, status, code, ms, bytes::float8 as bytes, attempt, waited_ms as "waitedMs",
      case when resource is not null then jsonb_build_object('runId', run_id, 'resource', resource) end as purpose
    -- Not "order by id", which is the result of that name: all would be sorted.
    from sync.requests r
    where (${run ?? null}::bigint is null or run_id = ${run ?? null}) and (${resource ?? null}::text is null or resource = ${resource ?? null})
      and (not ${failed} or status is null or status >= 400)
    order by r.id desc limit ${limit}`
  const [clock] = await sql<{ at: Date }[]>`select now() as at`
  return { requests, ...clock!, ...(await readLastMinute(sql)) }
}

export async function readLastMinute(sql: Database): Promise<LastMinute> {
  const [row] = await sql<LastMinute[]>`
    select (count(*) filter (where at > now() - interval '1 minute'))::int as "lastMinute",
      count(*) >= ${KEPT} and coalesce(min(at) > now() - interval '1 minute', false) as "isCut"
    from (select at from sync.requests order by id desc limit ${KEPT}::int) newest`
  return row!
}
