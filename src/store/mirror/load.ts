/**
 * Loads records into their table and writes only the rows that differ.
 *
 *   ids of the batch ──► stored digests, local edits ──► `planBatch`, for each row:
 *
 *     insert   not stored                    COPY straight into the table
 *     update   another digest                one UPDATE from a JSON recordset
 *     compare  digests of other columns      the values are compared; then update, refresh or skip
 *     refresh  equal but for signed URLs     UPDATE without a new sync_changed_at
 *     skip     equal                         nothing, so an unchanged row costs no WAL
 *
 * What happens at each failure: a rejected row ends the transaction, and the batch is loaded again row by row
 * (`loadOneByOne`), so that only the rejected rows are parked. A lost connection leaves nothing behind; the caller repeats
 * the batch, and a repeated batch finds its rows equal. A lost lease fails in the proof that the transaction begins with.
 *
 * Rejected: a temp table joined to the mirror (COPY twice, and a plan that depends on statistics no fresh table has);
 * ON CONFLICT … DO UPDATE … WHERE differs (locks and logs each unchanged row).
 */
import { finished } from 'node:stream/promises'
import type { RemoteRecord, Resource } from '../../catalog/resource.ts'
import { type Transaction } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'
import type { LeasedTransaction } from '../fleet/leases.ts'
import { bisect } from './bisect.ts'
import { NOTHING_WRITTEN, resultOf, type LoadResult, type Rejected, type WriteResult } from './load-result.ts'
import { NO_LOCAL_EDITS, readLocalEdits, recordRestored, type LocalEdits } from './local-edits.ts'
import { byShape, planBatch, planCompared, TOMBSTONE, type Source } from './plan-batch.ts'
import { describeRejection, isTableFault } from './rejections.ts'
import { statementsFor, type RowStatements } from './row-statements.ts'
import { createRowEncoder, type Drift, type Row, type RowEncoder } from './row.ts'
import type { SeenMembers } from './seen-members.ts'
import { findGuard, findSuppressed, type TableGuard } from './table-guards.ts'

/** @param expected what every record carried before; without it nothing counts as missed. */
export const createMirror = (resource: Resource, expected?: SeenMembers): Mirror => new Mirror(resource, expected)

/** If so many rows are rejected before any is accepted, the table rejects all. */
const MOST_REJECTED_AT_FIRST = 100

type Insert = (tx: Transaction, rows: readonly Row[]) => Promise<unknown>

export class Mirror {
  readonly #resource: Resource
  readonly #encode: RowEncoder
  #statements: RowStatements
  /** Read once: a trigger that is put on the table meanwhile is found by the next run. */
  #guard: TableGuard | undefined
  #accepted = 0
  #rejected = 0

  constructor(resource: Resource, expected?: SeenMembers) {
    this.#resource = resource
    this.#encode = createRowEncoder(resource, expected)
    this.#statements = statementsFor(resource)
  }

  /**
   * Loads a batch inside the caller's transaction. Of several records with one id the last wins. Rows whose local edits are
   * on their way, or were settled since the pull began, count as unchanged.
   *
   * @throws the driver's error; when a row is rejected (`isRejectedByDatabase`) the transaction is lost, and the batch goes
   *   through `loadOneByOne` in a new one.
   */
  load(tx: LeasedTransaction, records: readonly RemoteRecord[]): Promise<LoadResult> {
    return this.#load(tx, records, 'pull')
  }

  /** Loads what a push was answered. The claim of its change stands for the lease. */
  loadResponse(tx: Transaction, record: RemoteRecord): Promise<LoadResult> {
    return this.#load(tx, [record], 'push')
  }

  async #load(tx: Transaction, records: readonly RemoteRecord[], source: Source): Promise<LoadResult> {
    // Pages that did not change hold none.
    if (records.length === 0) return resultOf(new Map(), [], [])
    const copy: Insert = (own, rows) => copyRows(own, this.#statements.copy, rows)
    const { rows, unencodable } = this.#encodeAll(records)
    return resultOf(rows, unencodable, [await this.#write(tx, rows, copy, source)])
  }

  /**
   * The same in savepoints, which are halved until the rejected rows are known: slow, and one bad row rejects only itself.
   *
   * @param rejectedBefore ids of records that an earlier run parked: they say nothing of the other rows.
   * @throws the driver's error where every row of the table would fail.
   */
  async loadOneByOne(
    tx: LeasedTransaction,
    records: readonly RemoteRecord[],
    rejectedBefore: ReadonlySet<string> = new Set(),
  ): Promise<LoadResult> {
    const { rows, unencodable } = this.#encodeAll(records)
    const some = (savepoint: Transaction, part: readonly Row[]): Promise<WriteResult> =>
      this.#write(savepoint, new Map(part.map((row) => [row.id, row])), this.#statements.insert, 'pull')
    const written = await bisect(tx, [...rows.values()], some, async (error, { id }): Promise<WriteResult> => {
      if (!rejectedBefore.has(id)) this.#rejected++
      const isHopeless = this.#accepted === 0 && this.#rejected >= MOST_REJECTED_AT_FIRST
      if (isTableFault(error, this.#resource) || isHopeless) throw error
      const reason = `Postgres would not take it: ${await describeRejection(tx, this.#resource.table, error)}`
      return { ...NOTHING_WRITTEN, suppressed: [{ id, reason }] }
    })
    return resultOf(rows, unencodable, written)
  }

  /** Declared attributes that no record has carried, neither so far nor in earlier reads. */
  unseenAttributes(): readonly string[] {
    return this.#encode.unseenAttributes()
  }

  /** Members that every record has carried so far. */
  seenMembers(): SeenMembers {
    return this.#encode.seenMembers()
  }

  #encodeAll(records: readonly RemoteRecord[]): { rows: Map<string, Row>; unencodable: Rejected[] } {
    const rows = new Map<string, Row>()
    const unencodable: Rejected[] = []
    for (const record of records) {
      try {
        rows.set(record.id, this.#encode(record))
      } catch (error) {
        // Nested deeper than the stack: only this record fails.
        if (!(error instanceof RangeError)) throw error
        unencodable.push({ id: record.id, reason: `It cannot be written as a row: ${error.message}.` })
      }
    }
    return { rows, unencodable }
  }

  async #write(tx: Transaction, all: ReadonlyMap<string, Row>, insert: Insert, source: Source): Promise<WriteResult> {
    const { digests, edited, guard } = await this.#readStored(tx, [...all.keys()], source)
    const rows = edited.pending.size === 0 ? all : new Map([...all].filter(([id]) => !edited.pending.has(id)))
    const plan = planBatch(rows.values(), digests, edited, source)
    planCompared(plan, digests, await this.#idsOfDifferent(tx, plan.compare))
    if (plan.insert.length > 0) await insert(tx, plan.insert)
    for (const alike of byShape(plan.update)) await this.#statements.update(tx, alike)
    await this.#refresh(tx, plan.refresh)
    const suppressed = await findSuppressed(tx, this.#resource, guard, [...plan.insert, ...plan.update])
    const gone = new Set(suppressed.map(({ id }) => id))
    const isThere = (id: string): boolean => !gone.has(id)
    this.#accepted += plan.insert.length + plan.update.length - gone.size
    if (edited.unrestored.size > 0) {
      await recordRestored(tx, this.#resource.type, arrayLiteral([...rows.keys()].filter(isThere)))
    }
    const { withheld, lacking } = await this.#findLacking(tx, rows.values())
    const idsOf = (some: readonly Row[]): string[] => some.map(({ id }) => id).filter(isThere)
    const [inserted, updated] = [idsOf(plan.insert), idsOf(plan.update)]
    return {
      inserted: inserted.length,
      updated: updated.length,
      unchanged: all.size - plan.insert.length - plan.update.length,
      fresh: [...all.keys()].filter((id) => isFresh(id, digests, edited) && isThere(id)).length,
      written: [...inserted, ...updated],
      left: [...edited.pending],
      lacking,
      withheld,
      suppressed,
    }
  }

  /** Makes no version in the history: the row does not count as changed. */
  async #refresh(tx: Transaction, rows: readonly Row[]): Promise<void> {
    if (rows.length === 0) return
    const [before] = await tx<{ history: string }[]>`
      select coalesce(current_setting('sync.history', true), '') as history, set_config('sync.history', 'quiet', true)`
    for (const alike of byShape(rows)) await this.#statements.refresh(tx, alike)
    await tx`select set_config('sync.history', ${before!.history}, true)`
  }

  async #readStored(tx: Transaction, rowIds: readonly string[], source: Source): Promise<Stored> {
    const ids = arrayLiteral(rowIds)
    const [, stored, edited, found] = await Promise.all([
      // Without it, a plan made while the table was empty would scan the whole table for every later batch.
      tx`select set_config('enable_seqscan', 'off', true), set_config('sync.origin', 'pull', true)`,
      tx.unsafe<{ id: string; digest: string }[]>(this.#statements.digests, [ids], { prepare: true }),
      source === 'pull' ? readLocalEdits(tx, this.#resource.type, ids) : NO_LOCAL_EDITS,
      this.#guard ?? findGuard(tx, this.#resource),
    ])
    const digests = new Map(stored.map(({ id, digest }) => [id, digest]))
    return { digests, edited, guard: (this.#guard ??= this.#castAsIn(found)) }
  }

  /** Statements cast to the column types that the table really has. */
  #castAsIn(guard: TableGuard): TableGuard {
    if (guard.casts.size > 0) this.#statements = statementsFor(this.#resource, guard.casts)
    return guard
  }

  async #idsOfDifferent(tx: Transaction, rows: readonly Row[]): Promise<ReadonlySet<string>> {
    const different = new Set<string>()
    for (const alike of byShape(rows)) {
      for (const { id } of await this.#statements.differing(tx, alike)) different.add(id)
    }
    return different
  }

  /** Members that every record carried before and that these lack. An undeclared one counts only where its row still holds it. */
  async #findLacking(tx: Transaction, rows: Iterable<Row>): Promise<{ withheld: Drift[]; lacking: string[] }> {
    const notes: Drift[] = []
    const lacking: string[] = []
    for (const alike of byShape(rows)) {
      const { withheld, missed } = alike[0]!.shape
      const holding = missed.length === 0 ? [] : await this.#statements.holding<{ id: string }>(tx, alike)
      notes.push(...withheld)
      if (holding.length > 0) {
        notes.push(...missed.map((member): Drift => ({ member, kind: 'withheld', sample: 'attribute' })))
      }
      lacking.push(...(withheld.length > 0 ? alike : holding).map(({ id }) => id))
    }
    return { withheld: notes, lacking }
  }
}

interface Stored {
  readonly digests: ReadonlyMap<string, string>
  readonly edited: LocalEdits
  readonly guard: TableGuard
}

/** The mirror did not hold it as living, and no edit of ours is the reason. */
const isFresh = (id: string, digests: ReadonlyMap<string, string>, edited: LocalEdits): boolean =>
  edited.created.has(id) || ([undefined, TOMBSTONE].includes(digests.get(id)) && !edited.deleted.has(id))

/**
 * Inserts rows by COPY, the fastest way.
 *
 * @throws the driver's error with code 25P02 when a row is rejected: the driver drops the error of a COPY and leaves its
 *   stream open for ever, so the failure shows in the statement after it.
 */
async function copyRows(tx: Transaction, statement: string, fresh: readonly Row[]): Promise<void> {
  const stream = await tx.unsafe(statement).writable()
  const ended = finished(stream)
  const lines = fresh.map((row) => `${row.line}\t${row.hash}\n`).join('')
  await Promise.race([ended, new Promise((resolve) => stream.write(lines, resolve))])
  stream.end()
  await Promise.race([ended, tx`select`.then(() => ended)])
}
