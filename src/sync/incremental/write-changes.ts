/** Writes changed records, and records the changed projects among them in the same transaction. */
import type { Resource } from '../../catalog/resource.ts'
import type { Page } from '../../remote/pages/pages.ts'
import type { Transaction } from '../../store/connection/database.ts'
import type { Lease } from '../../store/fleet/leases.ts'
import type { LoadResult } from '../../store/mirror/load-result.ts'
import { createMirror } from '../../store/mirror/load.ts'
import type { SeenMembers } from '../../store/mirror/seen-members.ts'
import { PARENT_RESOURCE, recordChangedParents } from '../../store/progress/changed-projects.ts'
import { toReadPage } from '../list/read-list.ts'
import type { SnapshotDeps } from '../snapshot/snapshot.ts'
import { writeRecords } from '../write-records.ts'

interface Options {
  readonly resource: Resource
  /** Children are read again even where their project itself did not change. */
  readonly followAll: boolean
  readonly expected: SeenMembers | undefined
  readonly lease: Lease
  readonly signal: AbortSignal
}

interface ChangeWriter {
  readonly total: { inserted: number; updated: number; unchanged: number; parked: number; pages: number }
  write(pages: readonly Page[]): Promise<void>
}

export function createChangeWriter(
  { sql }: Pick<SnapshotDeps, 'sql'>,
  { resource, followAll, expected, lease, signal }: Options,
): ChangeWriter {
  const { type, aliases } = resource
  const loading = { sql, type, lease, mirror: createMirror(resource, expected), signal }
  const total = { inserted: 0, updated: 0, unchanged: 0, parked: 0, pages: 0 }
  /** A record that is seen again counts once. */
  const parked = new Set<string>()
  return {
    total,
    async write(pages) {
      total.pages += pages.length
      const read = pages.map((page) => toReadPage(page, { type, aliases, carried: false }))
      const records = read.flatMap((page) => page.records)
      const unusable = read.flatMap((page) => page.unusable)
      const all = records.map(({ id }) => id)
      const note = (tx: Transaction, { written, left }: LoadResult) =>
        recordChangedParents(tx, type, type !== PARENT_RESOURCE ? [] : followAll ? all : [...written, ...left])
      const loaded = await writeRecords(loading, { records, unusable }, note)
      total.inserted += loaded.inserted
      total.updated += loaded.updated
      total.unchanged += loaded.unchanged
      for (const { id, body } of unusable) parked.add(id ?? JSON.stringify(body))
      for (const { id } of loaded.rejected) parked.add(id)
      total.parked = parked.size
    },
  }
}
