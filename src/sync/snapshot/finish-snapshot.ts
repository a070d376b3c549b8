/** The end of a snapshot: everything that a complete read lets later runs rely on, in one transaction. */
import type { Mirror } from '../../store/mirror/load.ts'
import type { SeenMembers } from '../../store/mirror/seen-members.ts'
import type { CompleteList } from '../../store/mirror/tombstones.ts'
import { followFrom } from '../../store/progress/changed-projects.ts'
import { endSnapshot } from '../../store/progress/checkpoint.ts'
import { recordGoneMembers } from '../../store/progress/drift.ts'
import { clearPageCacheBehind } from '../../store/progress/page-cache.ts'
import { closeParkedRecords } from '../../store/progress/parked-records.ts'
import { advanceWatermark } from '../../store/progress/watermark.ts'
import type { Parent } from '../list/completeness.ts'
import { isReadAsDeclared, saveDeclaration } from '../list/declared-columns.ts'
import { recordBodiesRead } from '../list/page-cache.ts'
import type { OpenSnapshot } from './resume.ts'
import type { SnapshotOptions } from './snapshot-options.ts'
import { saveSeenMembers } from './withheld-members.ts'

interface FinishedRead {
  readonly snapshot: OpenSnapshot
  readonly parent: Parent | null
  readonly mirror: Mirror
  readonly expected: SeenMembers | undefined
  /** Every record was seen; null where that is not proved. */
  readonly list: CompleteList | null
  /** Nothing about deletes or hidden records is open; parked records do not count. */
  readonly trusted: boolean
  readonly seen: number
  readonly listPages: number | null
  readonly parsedAll: boolean
  readonly transferredAll: boolean
}

export async function finishSnapshot(options: SnapshotOptions, read: FinishedRead): Promise<void> {
  const { resource, lease, known, aheadMs, acceptWithheld: accepted } = options
  const { type, table, byProject } = resource
  const { snapshot, parent, mirror, expected, list, trusted, seen, listPages } = read
  const complete = list !== null
  const { startedAt } = snapshot
  const upTo = new Date(startedAt.getTime() - aheadMs)
  // Child data is never fresher than the parent list it was read from.
  const asOf = new Date(Math.min(startedAt.getTime(), parent?.asOf?.getTime() ?? Infinity))
  const parsedAll = read.parsedAll && seen > 0
  await lease.transaction(async (tx) => {
    if (complete) await closeParkedRecords(tx, type, startedAt, list)
    if (complete && parsedAll) await recordGoneMembers(tx, type, mirror.unseenAttributes(), seen)
    await saveSeenMembers(tx, resource, { mirror, expected, startedAt, complete, parsedAll, accepted })
    if (complete && listPages !== null) await clearPageCacheBehind(tx, type, listPages)
    if (complete && trusted) {
      if (read.transferredAll) await recordBodiesRead(tx, type)
      if (!isReadAsDeclared(known.capabilities, resource)) await saveDeclaration(tx, resource)
      await advanceWatermark(tx, resource, upTo, list)
      if (byProject !== undefined) await followFrom(tx, type, startedAt)
    }
    await endSnapshot(tx, type, {
      table,
      proved: complete && trusted ? { at: asOf, by: list } : null,
      pages: listPages,
    })
  })
}
