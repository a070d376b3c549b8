/** Writes one batch of a snapshot: its rows, the ids of its pages and the checkpoint in one transaction (S1). */
import type { Resource } from '../../catalog/resource.ts'
import type { LeasedTransaction } from '../../store/fleet/leases.ts'
import type { LoadResult } from '../../store/mirror/load-result.ts'
import { advanceSnapshot, type SavedProgress } from '../../store/progress/checkpoint.ts'
import { cachePages } from '../../store/progress/page-cache.ts'
import type { Batch, ReadPage } from '../list/read-page.ts'
import type { RecordWriter, Written } from '../write-records.ts'

export interface Target {
  readonly writer: RecordWriter
  readonly resource: Resource
  /** Of the request and the declaration: the key of the page cache. */
  readonly digest: string
  readonly pass: number
}

/** What a batch has shown, and what is saved of it with its rows. */
export interface ShownByBatch {
  readonly loaded: LoadResult
  readonly progress: SavedProgress
  /** Records of its pages that came from the cache. */
  readonly known: number
}

/**
 * @param begin also part of the transaction.
 * @param advance its last part.
 * @returns records of cached pages count as unchanged.
 */
export async function writeBatch(
  { writer, resource: { type, table }, digest, pass }: Target,
  batch: Batch,
  begin: (tx: LeasedTransaction) => Promise<void>,
  advance = (tx: LeasedTransaction, { progress }: ShownByBatch) => advanceSnapshot(tx, type, progress),
): Promise<Written> {
  const records = batch.pages.flatMap((page) => page.records)
  const unusable = batch.pages.flatMap((page) => page.unusable)
  const known = batch.pages.reduce((sum, page) => sum + knownIds(page), 0)
  const written = await writer.write({ records, unusable }, async (tx, loaded) => {
    await begin(tx)
    const key = { resource: type, table, question: digest }
    if (loaded.rejected.length === 0) await cachePages(tx, key, cacheable(batch, [...loaded.left, ...loaded.lacking]))
    await advance(tx, { loaded, progress: progressOf(batch, pass, loaded), known })
  })
  return { ...written, unchanged: written.unchanged + known }
}

/** A page from the cache holds no changed record. */
const knownIds = ({ known, ids }: ReadPage): number => (known ? new Set(ids).size : 0)

/** A page is not cached while some of its records are not in the mirror, or lack a member. */
function cacheable({ pages }: Batch, left: readonly string[]) {
  const missing = new Set(left)
  return pages.flatMap(({ validator, unusable, ...page }) =>
    validator === null || unusable.length > 0 || page.ids.some((id) => missing.has(id)) ? [] : [{ ...page, validator }],
  )
}

const progressOf = (batch: Batch, pass: number, { fresh, rejected }: LoadResult): SavedProgress => ({
  pass,
  chains: batch.chains,
  position: batch.position,
  steady: batch.steady,
  full: batch.full,
  // Whether a parked record was known before is not known.
  fresh: fresh + rejected.length + batch.pages.reduce((sum, page) => sum + page.unusable.length, 0),
  // A parked record was seen all the same: the mirror lacks it, not the read.
  pages: batch.pages.map(({ number, ids, unnamed = [], carriers }) => ({
    page: number,
    ids: [...ids, ...unnamed],
    carriers,
  })),
})
