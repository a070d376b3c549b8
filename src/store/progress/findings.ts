/** What a person should know and no run fails for: parked records, drift, and what the server takes. */
import { hash } from 'node:crypto'
import type { Database, Transaction } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'
import { storable } from '../mirror/codec.ts'

export interface ParkedRecord {
  readonly recordId: string | null
  readonly reason: string
  readonly body: unknown
  /** The database refused it, which a person may mend. */
  readonly byDatabase?: boolean
}

export async function parkRecords(
  sql: Database | Transaction,
  resource: string,
  records: readonly ParkedRecord[],
): Promise<void> {
  for (const { recordId, reason, body, byDatabase = false } of records) {
    const text = bodyText(body).replaceAll('\\u0000', '\\ufffd')
    const digest = hash('sha1', `${recordId ?? ''}\n${text}`)
    await sql`
      insert into sync.parked (resource, digest, record_id, reason, body, by_database)
      values (${resource}, ${digest}, ${recordId}, ${storable(reason)}, ${text}, ${byDatabase})
      on conflict (resource, digest) do update
        set last_seen_at = now(), settled_at = null, reason = excluded.reason, by_database = excluded.by_database`
  }
}

/** A body nested deeper than the stack is cut where nobody would read on. */
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

export async function countParked(sql: Database, resource: string, since: Date): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    select count(*)::int as count from sync.parked
    where resource = ${resource} and settled_at is null and last_seen_at >= ${since}`
  return row?.count ?? 0
}

export interface RejectedRecord {
  readonly id: string
  /** It was to be marked as deleted. */
  readonly missing: boolean
}

/** Records that the database refused, those that waited longest first. */
export async function readRejectedRecords(sql: Database, resource: string, limit: number): Promise<RejectedRecord[]> {
  return [
    ...(await sql<RejectedRecord[]>`
      select record_id as id, bool_or(body = 'null') as missing from sync.parked
      where resource = ${resource} and by_database and settled_at is null and record_id is not null
      group by 1 order by min(last_seen_at) limit ${limit}`),
  ]
}

/** The database took them by now, or what came of them is parked otherwise. @param ids as an array literal. */
export async function closeRejectedRecords(tx: Transaction, resource: string, ids: string): Promise<void> {
  await tx`
    update sync.parked set settled_at = now()
    where resource = ${resource} and by_database and settled_at is null and record_id = any(${ids}::text[]) and last_seen_at < now()`
}

/** Parked records that a whole snapshot did not park again are settled. */
export async function closeParkedRecords(sql: Database | Transaction, resource: string, since: Date): Promise<void> {
  await sql`
    update sync.parked set settled_at = now()
    where resource = ${resource} and settled_at is null and last_seen_at < ${since}`
}

export interface DriftNote {
  readonly member: string
  readonly kind: 'undeclared' | 'misfit' | 'withheld' | 'gone' | 'refused'
  readonly sample: string
}

/** It is part of a key, and an index entry has its limit. */
const LONGEST_MEMBER = 200

export async function recordDrift(
  sql: Database | Transaction,
  resource: string,
  notes: readonly DriftNote[],
): Promise<void> {
  for (const { member, kind, sample } of notes) {
    await sql`
      insert into sync.drift (resource, member, kind, sample)
      values (${resource}, ${storable(member.slice(0, LONGEST_MEMBER))}, ${kind}, ${sample})
      on conflict (resource, member, kind) do update set last_seen_at = now(), sample = excluded.sample`
  }
}

/** Of a whole list: what is gone, and what has come back. */
export async function recordGoneMembers(
  tx: Transaction,
  resource: string,
  members: readonly string[],
  records: number,
): Promise<void> {
  await tx`
    delete from sync.drift
    where resource = ${resource} and kind = 'gone' and member <> all(${arrayLiteral(members)}::text[])`
  const sample = `in none of ${records} records`
  await recordDrift(
    tx,
    resource,
    members.map((member) => ({ member, kind: 'gone', sample })),
  )
}

/** It is taken by now. */
export async function clearRefusedDrift(sql: Database, resource: string, members: readonly string[]): Promise<void> {
  await sql`
    delete from sync.drift
    where resource = ${resource} and kind = 'refused' and member = any(${arrayLiteral(members)}::text[])`
}

/** Members that records lack which were told of every record before. */
export async function readWithheldMembers(sql: Database | Transaction, resource: string): Promise<string[]> {
  const rows = await sql<{ member: string }[]>`
    select member from sync.drift where resource = ${resource} and kind = 'withheld' order by member`
  return rows.map(({ member }) => member)
}

/** Those that were not missed since then are back. */
export async function clearWithheldDrift(tx: Transaction, resource: string, since: Date | null): Promise<void> {
  await tx`
    delete from sync.drift
    where resource = ${resource} and kind = 'withheld' and (${since}::timestamptz is null or last_seen_at < ${since})`
}

export interface Capability {
  readonly value: unknown
  readonly ageMs: number
}

/** What was found out, and how long ago. */
export async function readCapability(sql: Database, resource: string, name: string): Promise<Capability | undefined> {
  const [row] = await sql<Capability[]>`
    select value, (extract(epoch from now() - probed_at) * 1000)::float8 as "ageMs" from sync.capabilities
    where resource = ${resource} and name = ${name}`
  return row
}

export async function saveCapability(
  sql: Database | Transaction,
  resource: string,
  name: string,
  value: unknown,
): Promise<void> {
  await sql`
    insert into sync.capabilities (resource, name, value) values (${resource}, ${name}, ${sql.json(value as never)})
    on conflict (resource, name) do update set value = excluded.value, probed_at = now()`
}

/** It turned out to be otherwise, and has to be found out again. */
export async function forgetCapability(sql: Database | Transaction, resource: string, name: string): Promise<void> {
  await sql`delete from sync.capabilities where resource = ${resource} and name = ${name}`
}
