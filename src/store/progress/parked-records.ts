/**
 * Records that could not be loaded: each is parked with its body and the reason, so that the rest of its list goes on. A
 * parked record is closed when it is loaded on request, or when a complete snapshot no longer brings it.
 */
import { hash } from 'node:crypto'
import { withCode } from '../../errors/sync-error.ts'
import type { Database } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'
import type { LeasedTransaction } from '../fleet/leases.ts'
import { storable } from '../values/codec.ts'

/** What was read and makes no row. */
export interface UnusableRecord {
  /** Null where it has none, or none that can be stored. */
  readonly id: string | null
  readonly reason: string
  readonly body: unknown
  /** The database rejected it, which a person can fix: each run tries it again. */
  readonly byDatabase?: boolean
}

export async function parkRecords(
  tx: LeasedTransaction,
  resource: string,
  records: readonly UnusableRecord[],
): Promise<void> {
  for (const { id, reason, body, byDatabase = false } of records) {
    const text = bodyText(body).replaceAll('\\u0000', '\\ufffd')
    const digest = hash('sha1', `${id ?? ''}\n${text}`)
    await tx`
      insert into sync.parked (resource, digest, record_id, reason, body, by_database)
      values (${resource}, ${digest}, ${id}, ${storable(withCode(reason, byDatabase ? 'SYNC_RECORD_REJECTED' : 'SYNC_RECORD_UNUSABLE'))}, ${text}, ${byDatabase})
      on conflict (resource, digest) do update
        set last_seen_at = now(), settled_at = null, reason = excluded.reason, by_database = excluded.by_database`
  }
}

/** A body nested too deep for JSON.stringify is cut at 100 levels. */
function bodyText(body: unknown): string {
  try {
    return JSON.stringify(body)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return JSON.stringify(cutBelow(body, 100))
  }
}

function cutBelow(value: unknown, levels: number): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (levels === 0) return '…'
  if (Array.isArray(value)) return value.map((item) => cutBelow(item, levels - 1))
  return Object.fromEntries(Object.entries(value).map(([key, held]) => [key, cutBelow(held, levels - 1)]))
}

export interface ParkedRecord {
  readonly id: string
  readonly byDatabase: boolean
  /** The row was to be marked as deleted. */
  readonly missing: boolean
}

/**
 * Parked before this time with an id to request them by, so many of either kind: of those that the database rejected the longest
 * parked; any of the others, of which a request that fails leaves no trace.
 */
export async function readParkedRecords(
  sql: Database,
  resource: string,
  { before, limit }: { before: Date; limit: number },
): Promise<ParkedRecord[]> {
  return [
    ...(await sql<ParkedRecord[]>`
      select id, "byDatabase", missing from (
        select record_id as id, by_database as "byDatabase", by_database and bool_or(body = 'null') as missing,
          row_number() over (partition by by_database order by case when by_database then min(last_seen_at) end, random()) as place
        from sync.parked
        where resource = ${resource} and settled_at is null and record_id is not null and last_seen_at < ${before}
        group by record_id, by_database) of
      where place <= ${limit} order by "byDatabase" desc, place`),
  ]
}

/** How many are parked now, by whether the database rejected them. */
export async function countParkedRecords(
  sql: Database,
  resource: string,
): Promise<{ rejected: number; unusable: number }> {
  const [row] = await sql<{ rejected: number; unusable: number }[]>`
    select count(distinct of) filter (where by_database)::int as rejected,
      count(distinct of) filter (where not by_database)::int as unusable
    from (select by_database, coalesce(record_id, digest) as of from sync.parked
      where resource = ${resource} and settled_at is null) open`
  return row!
}

/** Those of these records that it rejected in an earlier run. */
export async function readRejectedAmong(
  tx: LeasedTransaction,
  resource: string,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await tx<{ id: string }[]>`
    select record_id as id from sync.parked
    where resource = ${resource} and by_database and settled_at is null and record_id = any(${arrayLiteral(ids)}::text[])`
  return new Set(rows.map(({ id }) => id))
}

/** Closes them: each was read and written since, or is parked for another reason. */
export async function closeParkedRecords(
  tx: LeasedTransaction,
  resource: string,
  ids: readonly string[],
): Promise<void> {
  await tx`
    update sync.parked set settled_at = now()
    where resource = ${resource} and settled_at is null and record_id = any(${arrayLiteral(ids)}::text[])
      and last_seen_at < now()`
}
