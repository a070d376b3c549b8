/**
 * Loads records into their table and writes only rows that differ.
 *
 *   ids of the batch ──► their digests in the mirror ──► new: COPY straight into the table
 *                                                   ├──► different: one UPDATE from a JSON recordset
 *                                                   ├──► of other columns: their values are compared
 *                                                   └──► equal: nothing, so an unchanged row costs no WAL
 *
 * Rejected: a temp table joined to the mirror (COPY twice, and a plan that depends on statistics no fresh table has);
 * ON CONFLICT … DO UPDATE … WHERE differs (locks and logs each unchanged row).
 */
import type { RemoteRecord, Resource } from '../../catalog/resource.ts'
import { type Transaction } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'
import { bisect } from './bisect.ts'
import { copyRows } from './copy-rows.ts'
import { findDiffering } from './differing.ts'
import { coversSameColumns, compareDigests } from './digest.ts'
import { editedRows, recordRestored, type Edited } from './local-edits.ts'
import { describeRejection, isTableFault } from './refusals.ts'
import { statementsFor, TOMBSTONE } from './row-statements.ts'
import { createRowEncoder, type Drift, type Row } from './row.ts'
import type { SeenMembers } from './seen-members.ts'
import { findGuard, sumResults, findSuppressed, type TableGuard } from './table-guards.ts'

export interface LoadResult {
  readonly inserted: number
  readonly updated: number
  readonly unchanged: number
  /** Ids the mirror did not hold as living before: new ones, and those whose tombstone stood. */
  readonly fresh: number
  /** Ids of the rows written. */
  readonly written: readonly string[]
  /** Ids of the records that were not written because their rows hold local edits. */
  readonly left: readonly string[]
  /** Ids of the records that lack a member which was told of every record before. */
  readonly lacking: readonly string[]
  readonly drift: readonly Drift[]
  /** Records that are no row, and rows Postgres would not take, with the reason. */
  readonly rejected: readonly Rejected[]
  /** Ids of those that the database would not have: a person may mend that, so each run tries them again. */
  readonly rejectedByDatabase: readonly string[]
}

export type WriteResult = Omit<LoadResult, 'drift' | 'rejected' | 'rejectedByDatabase'> & {
  readonly withheld: readonly Drift[]
  readonly suppressed: readonly Rejected[]
}

/** A pull leaves rows with local edits alone; the answer to such an edit is what ends that. */
type Whose = 'pull' | 'push'

export interface Rejected {
  readonly id: string
  readonly reason: string
}

export interface Mirror {
  /**
   * Loads a batch inside the caller's transaction. The last of several records with one id wins. Rows whose local edits are
   * on their way, or were settled since the pull began, count as unchanged.
   *
   * @throws the driver's error; when a row is refused (`isRejectedByDatabase`) the transaction is lost, and the batch goes through
   *   `loadOneByOne` in a new one.
   */
  load(tx: Transaction, records: readonly RemoteRecord[], whose?: Whose): Promise<LoadResult>
  /**
   * The same in savepoints, which are halved until those that are refused are known: slow, and one bad row rejects only
   * itself.
   *
   * @throws the driver's error where no row would fare better.
   */
  loadOneByOne(tx: Transaction, records: readonly RemoteRecord[]): Promise<LoadResult>
  /** Declared attributes that no record carried, neither so far nor before. */
  unseenAttributes(): readonly string[]
  /** Members that every record carried so far. */
  seenMembers(): SeenMembers
}

/** @param expected what every record carried before; without it nothing is missed. */
export function createMirror(resource: Resource, expected?: SeenMembers): Mirror {
  const toRow = createRowEncoder(resource, expected)
  let statements = statementsFor(resource)
  let differing = findDiffering(resource, statements)
  /** Looked for once: whoever puts a trigger on the table while it is read is seen by the next run. */
  let guard: TableGuard | undefined
  let taken = 0
  let refused = 0

  function guardedBy(found: TableGuard): TableGuard {
    if (found.casts.size > 0) {
      statements = statementsFor(resource, found.casts)
      differing = findDiffering(resource, statements)
    }
    guard = found
    return found
  }

  async function write(
    tx: Transaction,
    all: ReadonlyMap<string, Row>,
    add: (tx: Transaction, fresh: readonly Row[]) => Promise<unknown>,
    whose: Whose,
  ): Promise<WriteResult> {
    const known = new Map<string, string>()
    // A plan made while the table was empty would scan it whole for every later batch.
    const ids = arrayLiteral([...all.keys()])
    const [, stored, edited, found] = await Promise.all([
      tx`select set_config('enable_seqscan', 'off', true), set_config('sync.origin', 'pull', true)`,
      tx.unsafe<{ id: string; digest: string }[]>(statements.digests, [ids], { prepare: true }),
      whose === 'pull' ? editedRows(tx, resource.type, ids) : NOT_EDITED,
      guard ?? findGuard(tx, resource),
    ])
    const guarding = guard ?? guardedBy(found)
    const rows = edited.left.size === 0 ? all : new Map([...all].filter(([id]) => !edited.left.has(id)))
    for (const { id, digest } of stored) known.set(id, digest)

    const isNew = (id: string): boolean =>
      edited.made.has(id) || ([undefined, TOMBSTONE].includes(known.get(id)) && !edited.taken.has(id))

    const fresh: Row[] = []
    const changed: Row[] = []
    const unclear: Row[] = []
    const renewed: Row[] = []
    for (const row of rows.values()) {
      const digest = known.get(row.id)
      const stands = digest === undefined ? 'new' : compareDigests(digest, row.hash)
      if (stands === 'new') fresh.push(row)
      // The digest says nothing of what an editor has written since.
      else if (whose === 'push' || ALWAYS.has(digest!) || edited.owed.has(row.id)) changed.push(row)
      // What has no column and is missed is in the digest, and stays in the row.
      else if (stands === 'changed' && row.shape.missed.length === 0) changed.push(row)
      else if (stands !== 'same') unclear.push(row)
      else if (row.fleeting) renewed.push(row)
    }
    for (const alike of Map.groupBy(unclear, ({ shape }) => shape.key).values()) {
      const others = new Set((await differing(tx, alike)).map(({ id }) => id))
      for (const row of alike) {
        const digest = known.get(row.id)!
        if (others.has(row.id)) changed.push(row)
        else if (coversSameColumns(digest, row.hash)) renewed.push(row)
        else if (row.fleeting) renewed.push({ ...row, hash: digest })
      }
    }
    if (fresh.length > 0) await add(tx, fresh)
    for (const alike of Map.groupBy(changed, ({ shape }) => shape.key).values()) await statements.update(tx, alike)
    for (const alike of Map.groupBy(renewed, ({ shape }) => shape.key).values()) await statements.refresh(tx, alike)
    const lost = await findSuppressed(tx, resource, guarding, [...fresh, ...changed])
    const away = new Set(lost.map(({ id }) => id))
    const here = ({ id }: Row): boolean => !away.has(id)
    taken += fresh.length + changed.length - away.size
    if (whose === 'pull')
      await recordRestored(tx, resource.type, arrayLiteral([...rows.keys()].filter((id) => !away.has(id))))
    const { notes, ids: lacking } = await missing(tx, rows.values())
    return {
      inserted: fresh.filter(here).length,
      updated: changed.filter(here).length,
      unchanged: all.size - fresh.length - changed.length,
      fresh: [...all.keys()].filter(isNew).filter((id) => !away.has(id)).length,
      written: [...fresh, ...changed].filter(here).map(({ id }) => id),
      left: [...edited.left],
      lacking,
      withheld: notes,
      suppressed: lost,
    }
  }

  function rowsOf(records: readonly RemoteRecord[]): { rows: Map<string, Row>; rejected: Rejected[] } {
    const rows = new Map<string, Row>()
    const rejected: Rejected[] = []
    for (const record of records) {
      try {
        rows.set(record.id, toRow(record))
      } catch (error) {
        // Nested deeper than the stack is: no other record should suffer for it.
        if (!(error instanceof RangeError)) throw error
        rejected.push({ id: record.id, reason: `It cannot be written as a row: ${error.message}.` })
      }
    }
    return { rows, rejected }
  }

  /** What no record lacked before, and these do. Of what is not declared: where the row still holds it. */
  async function missing(tx: Transaction, all: Iterable<Row>): Promise<{ notes: Drift[]; ids: string[] }> {
    const notes: Drift[] = []
    const ids: string[] = []
    for (const alike of Map.groupBy(all, ({ shape }) => shape.key).values()) {
      const { withheld, missed } = alike[0]!.shape
      const holding = missed.length === 0 ? [] : await statements.holding<{ id: string }>(tx, alike)
      if (withheld.length === 0 && holding.length === 0) continue
      notes.push(...withheld)
      if (holding.length > 0)
        notes.push(...missed.map((member): Drift => ({ member, kind: 'withheld', sample: 'attribute' })))
      ids.push(...(withheld.length > 0 ? alike : holding).map(({ id }) => id))
    }
    return { notes, ids }
  }

  const driftOf = (rows: ReadonlyMap<string, Row>): Drift[] => [...rows.values()].flatMap((row) => row.drift)

  return {
    async load(tx, records, whose = 'pull') {
      const { rows, rejected } = rowsOf(records)
      const {
        withheld,
        suppressed: lost,
        ...loaded
      } = await write(tx, rows, (own, fresh) => copyRows(own, statements.copy, fresh), whose)
      return {
        ...loaded,
        drift: [...driftOf(rows), ...withheld],
        rejected: [...rejected, ...lost],
        rejectedByDatabase: lost.map(({ id }) => id),
      }
    },

    async loadOneByOne(tx, records) {
      const { rows, rejected } = rowsOf(records)
      const some = (savepoint: Transaction, alike: readonly Row[]): Promise<WriteResult> =>
        write(savepoint, new Map(alike.map((row) => [row.id, row])), statements.insert, 'pull')
      const written = await bisect(tx, [...rows.values()], some, async (error, { id }): Promise<WriteResult> => {
        if (isTableFault(error, resource) || (taken === 0 && ++refused >= MOST_IN_VAIN)) throw error
        const reason = `Postgres would not take it: ${await describeRejection(tx, resource.table, error)}`
        return { ...NOTHING, suppressed: [{ id, reason }] }
      })
      return {
        ...sumResults(written),
        drift: [...driftOf(rows), ...written.flatMap((one) => one.withheld)],
        rejected: [...rejected, ...written.flatMap((one) => one.suppressed)],
        rejectedByDatabase: written.flatMap((one) => one.suppressed.map(({ id }) => id)),
      }
    },

    unseenAttributes: toRow.unseenAttributes,
    seenMembers: toRow.seenMembers,
  }
}

/** So many rows that are refused, and none that is not, are a table that takes none. */
const MOST_IN_VAIN = 100

const NOT_EDITED: Edited = { left: new Set(), made: new Set(), taken: new Set(), owed: new Set() }
const NOTHING = { inserted: 0, updated: 0, unchanged: 0, fresh: 0, written: [], left: [], lacking: [], withheld: [] }

/** In the place of digests, where whatever comes is different. */
const ALWAYS: ReadonlySet<string> = new Set(['', TOMBSTONE])
