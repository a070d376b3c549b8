/** Writes one batch: its rows, the ids of its pages and the checkpoint in one transaction (S1), under the lease (S7). */
import type { RemoteRecord } from '../../catalog/resource.ts'
import type { Database, Transaction } from '../../store/connection/database.ts'
import { confirmLease, type Lease } from '../../store/fleet/leases.ts'
import type { LoadResult } from '../../store/mirror/load-result.ts'
import type { Mirror } from '../../store/mirror/load.ts'
import { isRejectedByDatabase } from '../../store/mirror/rejections.ts'
import { recordChangedParents } from '../../store/progress/changed-projects.ts'
import { advanceSnapshot, type SnapshotProgress } from '../../store/progress/checkpoint.ts'
import { recordDrift, type DriftNote } from '../../store/progress/drift.ts'
import { cachePages } from '../../store/progress/page-cache.ts'
import { parkRecords } from '../../store/progress/parked-records.ts'
import { changeTime, rejectedRecords, type Batch, type ReadPage } from '../list/page-batch.ts'
import { withDbRetry } from '../with-db-retry.ts'

export interface Tally {
  readonly inserted: number
  readonly updated: number
  readonly unchanged: number
  readonly parked: number
}

export interface BatchWriter {
  write(batch: Batch, pass: Pass, signal: AbortSignal): Promise<Tally>
}

export interface Pass {
  readonly pass: number
  readonly firstCount: number | null
}

interface Deps {
  readonly sql: Database
  readonly type: string
  readonly table: string
  readonly lease: Lease
  readonly mirror: Mirror
  /** Digest of the request and the declaration: the key of the page cache. */
  readonly digest: string
  /** Whether the children of written records are to be read again; a time: only of records changed since then. */
  readonly follow: boolean | Date
}

/** In one run: a record with 100,000 undeclared members must not cost as many statements. */
const MOST_NOTED = 1_000

export function createBatchWriter({ sql, type, table, lease, mirror, digest, follow }: Deps): BatchWriter {
  /** Drift is recorded once a run: a member of every record would otherwise cost a statement a page. */
  const noted = new Set<string>()

  async function write(batch: Batch, pass: Pass, careful: boolean): Promise<{ tally: Tally; notes: DriftNote[] }> {
    const records = batch.pages.flatMap((page) => page.records)
    return await sql.begin(async (tx: Transaction) => {
      await confirmLease(tx, lease)
      const loaded = await (careful ? mirror.loadOneByOne(tx, records) : mirror.load(tx, records))
      const fresh = loaded.drift.filter((note) => !noted.has(keyOf(note))).filter(firstOfItsKey())
      const notes = fresh.slice(0, Math.max(0, MOST_NOTED - noted.size))
      await recordDrift(tx, type, notes)
      const aside = [...batch.pages.flatMap((page) => page.unusable), ...rejectedRecords(loaded, records)]
      await parkRecords(
        tx,
        type,
        aside.map(({ id, ...rest }) => ({ recordId: id, ...rest })),
      )
      if (loaded.rejected.length === 0)
        await cachePages(
          tx,
          { resource: type, table, question: digest },
          marked(batch, [...loaded.left, ...loaded.lacking]),
        )
      await recordChangedParents(tx, type, followed([...loaded.written, ...loaded.left], records))
      await advanceSnapshot(tx, type, progressOf(batch, pass, loaded))
      const { inserted, updated, unchanged } = loaded
      const known = batch.pages.reduce((sum, page) => sum + knownIds(page), 0)
      return { tally: { inserted, updated, unchanged: unchanged + known, parked: aside.length }, notes }
    })
  }

  function followed(ids: readonly string[], records: readonly RemoteRecord[]): readonly string[] {
    if (typeof follow === 'boolean') return follow ? ids : []
    const since = follow.getTime()
    const recent = new Set(records.filter((record) => (changeTime(record) ?? 0) >= since).map(({ id }) => id))
    return ids.filter((id) => recent.has(id))
  }

  return {
    async write(batch, pass, signal) {
      // Writing is idempotent (S2), so a lost response to COMMIT needs no other care.
      const { tally, notes } = await withDbRetry(() => write(batch, pass, false), signal).catch((error: unknown) => {
        if (!isRejectedByDatabase(error)) throw error
        // One row that Postgres rejects fails the whole statement; row by row, only that one is parked.
        return withDbRetry(() => write(batch, pass, true), signal)
      })
      for (const note of notes) noted.add(keyOf(note))
      return tally
    },
  }
}

/** A page from the cache holds no changed record. */
const knownIds = ({ known, ids }: ReadPage): number => (known ? new Set(ids).size : 0)

/** A page is not cached while some of its records are not in the mirror, or lack a member. */
function marked({ pages }: Batch, left: readonly string[]) {
  const missing = new Set(left)
  return pages.flatMap(({ validator, unusable, ...page }) =>
    validator === null || unusable.length > 0 || page.ids.some((id) => missing.has(id)) ? [] : [{ ...page, validator }],
  )
}

function progressOf(
  { pages, chains, position }: Batch,
  { pass, firstCount }: Pass,
  { fresh, rejected }: LoadResult,
): SnapshotProgress {
  return {
    pass,
    chains,
    position,
    steady: pages.every((page) => page.recordCount === firstCount),
    full: pages.every((page) => page.full),
    // Whether a parked record was known before is not known.
    fresh: fresh + rejected.length + pages.reduce((sum, page) => sum + page.unusable.length, 0),
    // A parked record was seen all the same: the mirror lacks it, not the read.
    pages: pages.map(({ number, ids, unnamed = [], carriers }) => ({
      page: number,
      ids: [...ids, ...unnamed],
      carriers,
    })),
  }
}

const keyOf = ({ member, kind }: DriftNote): string => `${kind} ${member}`

function firstOfItsKey(): (note: DriftNote) => boolean {
  const met = new Set<string>()
  return (note) => met.size < met.add(keyOf(note)).size
}
