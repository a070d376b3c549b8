/**
 * Compares records with their rows by the values of the columns. Digests cannot show a column that was changed by hand.
 *
 *   records ──► rows, encoded as for loading ──► one JSON recordset, cast to the columns' types
 *                                                     └──► joined to the living rows, `is distinct from` by column
 *
 * Postgres compares, so that `1.0` equals `1.00`, an instant equals itself in any offset, and the order of keys in nested JSON
 * does not matter.
 */
import type { RemoteRecord, Resource } from '../../catalog/resource.ts'
import { withCode } from '../../errors/sync-error.ts'
import type { Database } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'
import type { LeasedTransaction } from '../fleet/leases.ts'
import { isStorable } from '../values/codec.ts'
import { halve } from './bisect.ts'
import { rowsExcept } from './local-edits.ts'
import { isTableFault } from './rejections.ts'
import { statementsFor, type DifferingColumn } from './row-statements.ts'
import { createRowEncoder, type Row } from './row.ts'
import type { SeenMembers } from './seen-members.ts'

export type Comparison =
  | { readonly id: string; readonly state: 'equal' }
  /** The mirror has no row for it, or one that is marked deleted. */
  | { readonly id: string; readonly state: 'missing' }
  | { readonly id: string; readonly state: 'different'; readonly columns: readonly DifferingColumn[] }
  /** The record cannot be compared: it makes no row, or Postgres rejects one of its values. */
  | { readonly id: string; readonly state: 'refused'; readonly reason: string }

export interface Comparer {
  /**
   * One comparison for each id, in the order of the records; of several records with one id the last counts. Unreported
   * columns are not compared, as they are not loaded.
   *
   * @param sql no transaction: a rejected value would end it for the others.
   */
  compare(sql: Database, records: readonly RemoteRecord[]): Promise<Comparison[]>
  /** For each member that every record carried before: how many of the records so far lack it. */
  lacking(): ReadonlyMap<string, number>
}

/**
 * Made once for each resource, like its mirror.
 *
 * @param expected what every record carried before; without it nothing counts as missed.
 */
export function createComparer(resource: Resource, expected?: SeenMembers): Comparer {
  const toRow = createRowEncoder(resource, expected)
  const statements = statementsFor(resource)
  const lacking = new Map<string, Set<string>>()

  async function differences(sql: Database, rows: readonly Row[]): Promise<Comparison[]> {
    const compared = async (some: readonly Row[]) =>
      (await statements.differing(sql, some)).map(({ id, columns }): Comparison =>
        columns === undefined ? { id, state: 'missing' } : { id, state: 'different', columns },
      )
    const found = await halve(rows, compared, (error, { id }): Comparison[] => {
      if (isTableFault(error, resource)) throw error
      const reason = withCode(`Postgres would not take it: ${error.message}.`, 'SYNC_RECORD_REJECTED')
      return [{ id, state: 'refused', reason }]
    })
    return found.flat()
  }

  /** @param rows of one shape. */
  async function countLacking(sql: Database, rows: readonly Row[]): Promise<void> {
    const { withheld, missed } = rows[0]!.shape
    const holding = missed.length === 0 ? [] : await statements.holding<{ id: string }>(sql, rows)
    const count = (member: string, some: readonly { readonly id: string }[]): void => {
      if (some.length > 0) lacking.set(member, new Set([...(lacking.get(member) ?? []), ...some.map(({ id }) => id)]))
    }
    for (const { member } of withheld) count(member, rows)
    for (const member of missed) count(member, holding)
  }

  return {
    async compare(sql, records) {
      const answers = new Map<string, Comparison>()
      const rows = new Map<string, Row>()
      for (const record of records) {
        answers.set(record.id, { id: record.id, state: 'equal' })
        try {
          rows.set(record.id, toRow(record))
        } catch (error) {
          if (!(error instanceof RangeError)) throw error
          const reason = withCode(`It cannot be written as a row: ${error.message}.`, 'SYNC_RECORD_UNUSABLE')
          answers.set(record.id, { id: record.id, state: 'refused', reason })
          rows.delete(record.id)
        }
      }
      for (const alike of Map.groupBy(rows.values(), ({ shape }) => shape.key).values()) {
        for (const found of await differences(sql, alike)) answers.set(found.id, found)
        await countLacking(sql, alike)
      }
      return [...answers.values()]
    },
    lacking: () => new Map([...lacking].map(([member, ids]) => [member, ids.size])),
  }
}

/** A million ids are a hundred statements. */
const IDS_AT_ONCE = 10_000

/**
 * Ids of living rows that are not among `ids`, in order, without rows that have open local edits.
 *
 * @param ids all that the remote has, in any order; duplicates are allowed.
 */
export async function extraIds(sql: Database, resource: Resource, ids: Iterable<string>): Promise<string[]> {
  return sql.begin(async (tx) => {
    await tx`create temp table met (id text not null) on commit drop`
    for (const batch of inBatches(ids)) {
      await tx.unsafe('insert into met select unnest($1::text[])', [arrayLiteral(batch.filter(isStorable))], {
        prepare: true,
      })
    }
    return await rowsExcept(tx, resource, tx`select id from met`)
  })
}

function* inBatches(ids: Iterable<string>): Generator<string[]> {
  let batch: string[] = []
  for (const id of ids) {
    if (batch.push(id) < IDS_AT_ONCE) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

/** Clears the digests of these rows, so that the next `load` of their records writes them in any case. */
export async function clearDigests(tx: LeasedTransaction, resource: Resource, ids: readonly string[]): Promise<void> {
  await tx`
    update scopestack.${tx(resource.table)} set sync_hash = ''
    where id = any(${arrayLiteral(ids)}::text[]) and sync_hash <> ''`
}

/** A transaction under a lease has a minute. */
const CLEARED_AT_ONCE = 20_000

/** Clears the digests of a part of all rows. @returns whether there may be more. */
export async function clearNextDigests(tx: LeasedTransaction, { table }: Resource): Promise<boolean> {
  const { count } = await tx`
    update scopestack.${tx(table)} set sync_hash = ''
    where id in (select id from scopestack.${tx(table)} where sync_hash <> '' limit ${CLEARED_AT_ONCE})`
  return count > 0
}
