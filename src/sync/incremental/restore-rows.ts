/**
 * What an incremental read cannot see is requested by id, since nothing changed in ScopeStack: rows whose local edits were parked
 * or discarded, which are to show again what ScopeStack holds; and parked records of earlier runs, which can be written or read
 * by now. A snapshot does all of it by itself.
 */
import { mapInBatches } from '../../map-concurrent.ts'
import { createMirror } from '../../store/mirror/load.ts'
import { rowsToRestore } from '../../store/mirror/local-edits.ts'
import { sampleOfLiving } from '../../store/mirror/tombstones.ts'
import { countParkedRecords, readParkedRecords } from '../../store/progress/parked-records.ts'
import { MAX_CHECKED, confirmAndMarkDeleted } from '../deletes/detect-deletes.ts'
import { missingEarlier } from '../list/completeness.ts'
import { createGetRecord } from '../list/get-record.ts'
import { openReadPlan } from '../list/open-read-plan.ts'
import type { SnapshotDeps, SnapshotOptions } from '../snapshot/snapshot-options.ts'
import { withDbRetry } from '../with-db-retry.ts'
import { createRecordWriter } from '../write-records.ts'

/** Of either kind: each costs a request, and most often the record is parked again. */
const PARKED_AT_ONCE = 100

export interface RestoredRows {
  readonly inserted: number
  readonly updated: number
  readonly deleted: number
  /** Records that are parked now, this read's among them. */
  readonly parked: {
    /** By the database. */
    readonly rejected: number
    readonly unusable: number
  }
}

/** A record that is not found is left for the next snapshot, which may mark it deleted. */
export async function restoreRows(
  deps: SnapshotDeps,
  { resource, known: left, lease, signal }: SnapshotOptions,
): Promise<RestoredRows> {
  const { sql, client, slug, concurrency } = deps
  const { type } = resource
  const total = { inserted: 0, updated: 0, deleted: 0 }
  const count = () => withDbRetry(() => countParkedRecords(sql, type), signal)
  const owed = await withDbRetry(() => rowsToRestore(sql, type, MAX_CHECKED), signal)
  const found = await count()
  const those = { before: left.now, limit: PARKED_AT_ONCE }
  const parked =
    found.rejected + found.unusable === 0 ? [] : await withDbRetry(() => readParkedRecords(sql, type, those), signal)
  if (owed.length + parked.length === 0) return { ...total, parked: found }
  const { plan } = await openReadPlan(deps, resource, left, signal)
  // By itself a record comes without the keys that the list it is included in gives it.
  const isWhole = plan.read.from !== 'included'
  const again = parked.filter(({ missing, byDatabase }) => !missing && (byDatabase || isWhole))
  const ask = createGetRecord({ client, slug, resource, plan, signal })
  const writer = createRecordWriter({ resource, lease, mirror: createMirror(resource) })
  const ids = [...new Set([...owed, ...again.map(({ id }) => id)])]
  for await (const { results } of mapInBatches(ids, concurrency, ask)) {
    const records = results.flatMap((result) => (typeof result === 'string' ? [] : result))
    const written = await writer.writeRequested({ records })
    total.inserted += written.inserted
    total.updated += written.updated
  }
  // A complete list lacked them; whether they still exist is checked again.
  const missing = missingEarlier(parked)
  if (missing.ids.length > 0) {
    const known = await withDbRetry(() => sampleOfLiving(sql, resource, missing.ids), signal)
    const confirmed = await confirmAndMarkDeleted(deps, { resource, plan, lease, signal, known }, missing)
    total.deleted += confirmed?.deleted ?? 0
  }
  return { ...total, parked: await count() }
}
