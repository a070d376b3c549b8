/** The last requests of all processes, for a person; a bounded table. */
import type { NotedRequest } from '../../request-log.ts'
import type { Database } from '../connection/database.ts'
import { storable } from '../values/codec.ts'

export interface SavedRequest extends NotedRequest {
  readonly id: number
  readonly holder: string
}

/** Of all processes together. */
const KEPT = 1_000

export async function saveRequests(sql: Database, holder: string, requests: readonly NotedRequest[]): Promise<void> {
  if (requests.length === 0) return
  // Of the clock of this host only how long ago it was.
  const now = Date.now()
  const rows = requests.map(({ at, waitedMs, path, ...one }) => {
    return { ...one, path: storable(path), waited_ms: waitedMs, ago: (now - at.getTime()) / 1000 }
  })
  await sql`
    with saved as (
      insert into sync.requests (holder, at, method, path, status, code, ms, bytes, attempt, waited_ms)
      select ${holder}, now() - make_interval(secs => ago), method, path, status, code, ms, bytes, attempt, waited_ms
      from jsonb_to_recordset(${sql.json(rows)}) as one (
        ago float8, method text, path text, status int, code text, ms int, bytes bigint, attempt int, waited_ms int)
      returning id)
    delete from sync.requests where id <= (select max(id) from saved) - ${KEPT}::int`
}

/** The newest first, and how many there were in the last minute. */
export async function readRequests(
  sql: Database,
  limit: number,
): Promise<{ requests: SavedRequest[]; lastMinute: number; at: Date }> {
  const requests = await sql<SavedRequest[]>`
    select id::float8 as id, holder, at, method, path, status, code, ms, bytes::float8 as bytes, attempt, waited_ms as "waitedMs"
    from sync.requests order by id desc limit ${limit}`
  const [row] = await sql<{ lastMinute: number; at: Date }[]>`
    select (count(*) filter (where at > now() - interval '1 minute'))::int as "lastMinute", now() as at from sync.requests`
  return { requests, ...row! }
}
