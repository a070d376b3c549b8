/** The pure decision of loading: what is to be done with each row of a batch. */
import { compareDigests, coversSameColumns } from './digest.ts'
import type { LocalEdits } from './local-edits.ts'
import type { Row } from './row.ts'

/** A pull leaves rows with local edits alone. The response to a push ends the edit, and always writes the row. */
export type Source = 'pull' | 'push'

export interface BatchPlan {
  readonly insert: Row[]
  readonly update: Row[]
  /** Signed URLs are written anew; the row does not count as changed. */
  readonly refresh: Row[]
  /** Their digests cover other columns than the stored ones: only the values can tell (`planCompared`). */
  readonly compare: Row[]
  /** Nothing is written. */
  readonly skip: Row[]
}

/** In the place of the digest of a row that is marked deleted: the record is back. */
export const TOMBSTONE = 'deleted'

/** Stored digests that differ from every new one. */
const NEVER_EQUAL: ReadonlySet<string> = new Set(['', TOMBSTONE])

/** @param digests of the stored rows, by id. */
export function planBatch(
  rows: Iterable<Row>,
  digests: ReadonlyMap<string, string>,
  edited: LocalEdits,
  source: Source,
): BatchPlan {
  const plan: BatchPlan = { insert: [], update: [], refresh: [], compare: [], skip: [] }
  for (const row of rows) plan[actionFor(row, digests.get(row.id), edited, source)].push(row)
  return plan
}

function actionFor(row: Row, digest: string | undefined, edited: LocalEdits, source: Source): keyof BatchPlan {
  if (digest === undefined) return 'insert'
  // A digest does not cover what an editor has written since.
  if (source === 'push' || NEVER_EQUAL.has(digest) || edited.unrestored.has(row.id)) return 'update'
  const comparison = compareDigests(digest, row.hash)
  if (comparison === 'same') return row.fleeting ? 'refresh' : 'skip'
  // The stored digest also covers missed members without a column, which stay in the row.
  return comparison === 'changed' && !row.shape.isPartial ? 'update' : 'compare'
}

/** Adds the rows of `plan.compare` to the plan, now that their values are compared. @param different ids. */
export function planCompared(
  plan: BatchPlan,
  digests: ReadonlyMap<string, string>,
  different: ReadonlySet<string>,
): void {
  for (const row of plan.compare) {
    const digest = digests.get(row.id)!
    if (different.has(row.id)) plan.update.push(row)
    else if (coversSameColumns(digest, row.hash)) plan.refresh.push(row)
    else if (row.fleeting) plan.refresh.push({ ...row, hash: digest })
    else plan.skip.push(row)
  }
}

/** Rows by their shape: one statement serves rows of one shape. */
export const byShape = (rows: Iterable<Row>): Iterable<Row[]> => Map.groupBy(rows, ({ shape }) => shape.key).values()
