/** The end of a snapshot: everything that a complete read lets later runs rely on, in one transaction. */
import type { SeenMembers } from '../../store/mirror/seen-members.ts'
import type { CompleteList } from '../../store/mirror/tombstones.ts'
import { saveCapabilities } from '../../store/progress/capabilities.ts'
import { followFrom } from '../../store/progress/changed-projects.ts'
import { endSnapshot } from '../../store/progress/checkpoint.ts'
import { clearWithheldDrift, readWithheldMembers, recordGoneMembers } from '../../store/progress/drift.ts'
import type { MembersShown } from '../../store/progress/shared-list.ts'
import { advanceWatermark } from '../../store/progress/watermark.ts'
import type { Parent } from '../list/completeness.ts'
import { declarationOf, isReadAsDeclared } from '../list/declared-columns.ts'
import { bodiesRead } from '../list/page-cache.ts'
import type { OpenSnapshot } from './resume.ts'
import type { SnapshotOptions } from './snapshot-options.ts'
import { membersSeen } from './withheld-members.ts'

interface FinishedRead {
  readonly snapshot: OpenSnapshot
  readonly parent: Parent | null
  readonly shown: MembersShown
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

/** @returns the members that are withheld. */
export async function finishSnapshot(options: SnapshotOptions, read: FinishedRead): Promise<string[]> {
  const { resource, lease, known, aheadMs, acceptWithheld: accepted } = options
  const { type, byProject } = resource
  const { snapshot, parent, shown, expected, list, seen, listPages: pages } = read
  const { startedAt } = snapshot
  const upTo = new Date(startedAt.getTime() - aheadMs)
  // Child data is never fresher than the parent list it was read from.
  const asOf = new Date(Math.min(startedAt.getTime(), parent?.asOf?.getTime() ?? Infinity))
  const parsedAll = read.parsedAll && seen > 0
  const trusted = list !== null && read.trusted
  const isNew = !isReadAsDeclared(known.capabilities, resource)
  return await lease.transaction(async (tx) => {
    if (list !== null && parsedAll) await recordGoneMembers(tx, type, shown.unseen, seen)
    // A page that lacks a member is never cached, so a complete read has parsed every such page.
    const withheld = await (accepted || list !== null
      ? clearWithheldDrift(tx, type, accepted ? null : startedAt)
      : readWithheldMembers(tx, type))
    const found = {
      ...(parsedAll ? membersSeen(shown.seen, expected, withheld) : {}),
      ...(trusted && read.transferredAll ? bodiesRead : {}),
      ...(trusted && isNew ? declarationOf(resource) : {}),
    }
    if (Object.keys(found).length > 0) await saveCapabilities(tx, type, found)
    if (trusted) {
      await advanceWatermark(tx, resource, upTo, list)
      if (byProject !== undefined) await followFrom(tx, type, startedAt)
    }
    await endSnapshot(tx, resource, { startedAt, list, asOf: trusted ? asOf : null, pages })
    return withheld
  })
}
