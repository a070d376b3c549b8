/** Writes records that are no page of a snapshot: under the lease, with drift recorded and rejected rows parked. */
import type { RemoteRecord } from '../catalog/resource.ts'
import type { Database, Transaction } from '../store/connection/database.ts'
import { confirmLease, type Lease } from '../store/fleet/leases.ts'
import type { LoadResult } from '../store/mirror/load-result.ts'
import type { Mirror } from '../store/mirror/load.ts'
import { isRejectedByDatabase } from '../store/mirror/rejections.ts'
import { PARENT_RESOURCE, recordChangedParents } from '../store/progress/changed-projects.ts'
import { recordDrift } from '../store/progress/drift.ts'
import { parkRecords } from '../store/progress/parked-records.ts'
import { rejectedRecords, type UnusableRecord } from './list/page-batch.ts'
import { withDbRetry } from './with-db-retry.ts'

export interface WriteContext {
  readonly sql: Database
  readonly type: string
  readonly lease: Lease
  readonly mirror: Mirror
  readonly signal: AbortSignal
}

interface Brought {
  readonly records: readonly RemoteRecord[]
  readonly unusable: readonly UnusableRecord[]
}

/**
 * @param also done in the same transaction, in place of noting the projects that were written, or would have been but for
 *   local edits.
 */
export async function writeRecords(
  { sql, type, lease, mirror, signal }: WriteContext,
  { records, unusable }: Brought,
  also = (tx: Transaction, { written, left }: LoadResult): Promise<unknown> =>
    recordChangedParents(tx, type, type === PARENT_RESOURCE ? [...written, ...left] : []),
): Promise<LoadResult> {
  const write = (careful: boolean) => () =>
    sql.begin(async (tx) => {
      await confirmLease(tx, lease)
      const loaded = await (careful ? mirror.loadOneByOne(tx, records) : mirror.load(tx, records))
      const notes = new Map(loaded.drift.map((note) => [`${note.kind} ${note.member}`, note]))
      await recordDrift(tx, type, [...notes.values()])
      const aside = [...unusable, ...rejectedRecords(loaded, records)]
      await parkRecords(
        tx,
        type,
        aside.map(({ id, ...rest }) => ({ recordId: id, ...rest })),
      )
      await also(tx, loaded)
      return loaded
    })
  return await withDbRetry(write(false), signal).catch((error: unknown) => {
    if (!isRejectedByDatabase(error)) throw error
    return withDbRetry(write(true), signal)
  })
}
