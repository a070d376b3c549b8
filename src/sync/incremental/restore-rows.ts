/**
 * Restores rows whose local edits were parked or discarded to what ScopeStack holds. A snapshot does so by itself; an
 * incremental read does not see them, since nothing changed in ScopeStack. Nor does it see records the database rejected.
 */
import { mapInBatches } from '../../map-concurrent.ts'
import { createMirror } from '../../store/mirror/load.ts'
import { rowsToRestore } from '../../store/mirror/local-edits.ts'
import { sampleOfLiving } from '../../store/mirror/tombstones.ts'
import { readRejectedRecords } from '../../store/progress/parked-records.ts'
import { MAX_CHECKED, confirmAndMarkDeleted } from '../deletes/detect-deletes.ts'
import { missingEarlier } from '../list/completeness.ts'
import { createGetRecord } from '../list/get-record.ts'
import { openReadPlan } from '../list/open-read-plan.ts'
import type { SnapshotDeps, SnapshotOptions } from '../snapshot/snapshot-options.ts'
import { withDbRetry } from '../with-db-retry.ts'
import { createRecordWriter } from '../write-records.ts'

/** Each costs a request, and is most often rejected again; those that waited longest come first. */
const REFUSED_AT_ONCE = 100

export interface RestoredRows {
  readonly inserted: number
  readonly updated: number
  readonly deleted: number
  /** Records that the database still rejects. */
  readonly refused: number
}

/** A record that is not found is left for the next snapshot, which may mark it deleted. */
export async function restoreRows(
  deps: SnapshotDeps,
  { resource, known: left, lease, signal }: SnapshotOptions,
): Promise<RestoredRows> {
  const { sql, client, slug, concurrency } = deps
  const { type } = resource
  const total = { inserted: 0, updated: 0, deleted: 0, refused: 0 }
  const owed = await withDbRetry(() => rowsToRestore(sql, type, MAX_CHECKED), signal)
  const refused = await withDbRetry(() => readRejectedRecords(sql, type, REFUSED_AT_ONCE), signal)
  if (owed.length + refused.length === 0) return total
  const { plan } = await openReadPlan(deps, resource, left, signal)
  const ask = createGetRecord({ client, slug, resource, plan, signal })
  const writer = createRecordWriter({ resource, lease, mirror: createMirror(resource) })
  const ids = [...new Set([...owed, ...refused.flatMap(({ id, missing }) => (missing ? [] : [id]))])]
  for await (const { results } of mapInBatches(ids, concurrency, ask)) {
    const records = results.flatMap((result) => (typeof result === 'string' ? [] : result))
    const written = await writer.writeRequested({ records })
    total.inserted += written.inserted
    total.updated += written.updated
    total.refused += written.rejected.length
  }
  // A complete list lacked them; whether they still exist is checked again.
  const missing = missingEarlier(refused)
  if (missing.ids.length > 0) {
    const known = await withDbRetry(() => sampleOfLiving(sql, resource, missing.ids), signal)
    const confirmed = await confirmAndMarkDeleted(deps, { resource, plan, lease, signal, known }, missing)
    total.deleted += confirmed?.deleted ?? 0
    total.refused += missing.ids.length - (confirmed?.deleted ?? 0)
  }
  return total
}
