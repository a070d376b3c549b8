/** What was found about one resource: what the server supports, where it differs from the catalog, and records that are parked. */
import type { Database } from '../connection/database.ts'

export interface Finding {
  readonly name: string
  readonly value: unknown
  readonly probedAt: Date
}

export interface DriftFound {
  readonly member: string
  readonly kind: string
  readonly sample: string
  readonly firstSeenAt: Date
  readonly lastSeenAt: Date
}

export interface ParkedRecord {
  readonly id: number
  readonly recordId: string | null
  readonly reason: string
  /** Its beginning. */
  readonly body: string
  readonly length: number
  readonly firstSeenAt: Date
  readonly lastSeenAt: Date
}

export interface Findings {
  readonly capabilities: readonly Finding[]
  readonly drift: readonly DriftFound[]
  readonly parked: readonly ParkedRecord[]
  /** Of those that are parked now. */
  readonly parkedCount: number
}

/** @param bodyLength of a parked record, which may be many megabytes. */
export async function readFindings(
  sql: Database,
  resource: string,
  { limit, bodyLength }: { limit: number; bodyLength: number },
): Promise<Findings> {
  const capabilities = await sql<Finding[]>`
    select name, value, probed_at as "probedAt" from sync.capabilities where resource = ${resource} order by name`
  const drift = await sql<DriftFound[]>`
    select member, kind, sample, first_seen_at as "firstSeenAt", last_seen_at as "lastSeenAt" from sync.drift
    where resource = ${resource} order by kind, member`
  const parked = await sql<ParkedRecord[]>`
    select id::float8 as id, record_id as "recordId", reason, left(body, ${bodyLength}) as body, length(body) as length,
      first_seen_at as "firstSeenAt", last_seen_at as "lastSeenAt"
    from sync.parked where id = any(array(
      select id from sync.parked where resource = ${resource} and settled_at is null order by last_seen_at desc, id desc limit ${limit}))
    order by last_seen_at desc, id desc`
  const [total] = await sql<{ count: number }[]>`
    select count(*)::int as count from sync.parked where resource = ${resource} and settled_at is null`
  return { capabilities, drift, parked, parkedCount: total!.count }
}
