/**
 * Records that could not be loaded: each is parked with its body and the reason, so that the rest of its list goes on. A
 * parked record is closed when a later run loads it, or when a complete snapshot no longer brings it.
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

export interface RejectedRecord {
  readonly id: string
  /** The row was to be marked as deleted. */
  readonly missing: boolean
}

/** Records that the database rejected, longest parked first. */
export async function readRejectedRecords(sql: Database, resource: string, limit: number): Promise<RejectedRecord[]> {
  return [
    ...(await sql<RejectedRecord[]>`
      select record_id as id, bool_or(body = 'null') as missing from sync.parked
      where resource = ${resource} and by_database and settled_at is null and record_id is not null
      group by 1 order by min(last_seen_at) limit ${limit}`),
  ]
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

/** Closes them: the database has accepted them since, or they are parked for another reason. */
export async function closeRejectedRecords(
  tx: LeasedTransaction,
  resource: string,
  ids: readonly string[],
): Promise<void> {
  await tx`
    update sync.parked set settled_at = now()
    where resource = ${resource} and by_database and settled_at is null and record_id = any(${arrayLiteral(ids)}::text[])
      and last_seen_at < now()`
}
