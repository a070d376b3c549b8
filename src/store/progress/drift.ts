/**
 * Where ScopeStack differs from the catalog: one row for each resource, member and kind of difference, with a sample. Drift
 * fails no run; it tells a person that the catalog or the API has changed.
 */
import type { Database, Transaction } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'
import type { LeasedTransaction } from '../fleet/leases.ts'
import { storable } from '../values/codec.ts'

export interface DriftNote {
  readonly member: string
  readonly kind: 'undeclared' | 'misfit' | 'withheld' | 'gone' | 'refused'
  readonly sample: string
}

/** The name is part of the primary key, and the size of an index entry is limited. */
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

/** After a complete list: adds the members that no record carries any more and removes those that came back. */
export async function recordGoneMembers(
  tx: LeasedTransaction,
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

/** The server accepts these parts of a request by now. */
export async function clearRefusedDrift(sql: Database, resource: string, members: readonly string[]): Promise<void> {
  await sql`
    delete from sync.drift
    where resource = ${resource} and kind = 'refused' and member = any(${arrayLiteral(members)}::text[])`
}

/** Members that every record carried before and that some records lack now. */
export async function readWithheldMembers(sql: Database | Transaction, resource: string): Promise<string[]> {
  const rows = await sql<{ member: string }[]>`
    select member from sync.drift where resource = ${resource} and kind = 'withheld' order by member`
  return rows.map(({ member }) => member)
}

/**
 * Removes the members that no record has lacked since `since`.
 *
 * @returns those that are left.
 */
export async function clearWithheldDrift(
  tx: LeasedTransaction,
  resource: string,
  since: Date | null,
): Promise<string[]> {
  const rows = await tx<{ member: string }[]>`
    with cleared as (
      delete from sync.drift
      where resource = ${resource} and kind = 'withheld' and (${since}::timestamptz is null or last_seen_at < ${since})
      returning member)
    select member from sync.drift
    where resource = ${resource} and kind = 'withheld' and member not in (select member from cleared) order by member`
  return rows.map(({ member }) => member)
}
