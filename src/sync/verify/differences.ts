/** Differences between records and their rows that are no local edits: reported and counted once each, and repaired on request. */
import type { RemoteRecord, Resource } from '../../catalog/resource.ts'
import { withCode } from '../../errors/sync-error.ts'
import type { Database } from '../../store/connection/database.ts'
import type { Lease } from '../../store/fleet/leases.ts'
import { createComparer, clearDigests, type Comparison } from '../../store/mirror/compare.ts'
import { createMirror } from '../../store/mirror/load.ts'
import { unsettledRows } from '../../store/mirror/local-edits.ts'
import type { SeenMembers } from '../../store/mirror/seen-members.ts'
import type { UnusableRecord } from '../../store/progress/parked-records.ts'
import { withDbRetry } from '../with-db-retry.ts'
import { createRecordWriter } from '../write-records.ts'

export interface Difference {
  /** Null of what came without one. */
  readonly id: string | null
  /** `refused`: what cannot be compared, because it is no record or does not fit into a row. */
  readonly what: 'missing' | 'extra' | 'different' | 'refused'
  readonly columns: readonly { readonly name: string; readonly remote: string | null; readonly mirror: string | null }[]
  /** Of what is refused. */
  readonly reason: string | null
}

interface Deps {
  readonly sql: Database
  readonly resource: Resource
  readonly lease: Lease
  readonly repair: boolean
  readonly signal: AbortSignal
  /** What every record carried before. */
  readonly expected: SeenMembers | undefined
  readonly onDifference: (difference: Difference) => void
}

export interface Differences {
  /** Those that differ because of a local edit: they are not held against their records. */
  readonly edited: ReadonlySet<string>
  readonly counts: { missing: number; extra: number; different: number; refused: number; repaired: number }
  /** Of the records compared, how many lack each member that every record had before. */
  lacking(): ReadonlyMap<string, number>
  compare(records: readonly RemoteRecord[]): Promise<void>
  refuse(unusable: readonly UnusableRecord[]): void
  extra(ids: readonly string[]): void
}

export function createDifferences(deps: Deps): Differences {
  const { sql, resource, lease, repair, signal, expected, onDifference } = deps
  const comparer = createComparer(resource, expected)
  const writer = createRecordWriter({ resource, lease, mirror: createMirror(resource) })
  const counts = { missing: 0, extra: 0, different: 0, refused: 0, repaired: 0 }
  const reported = new Set<string>()
  const edited = new Set<string>()

  function report(key: string, { what, ...rest }: Pick<Difference, 'id' | 'what'> & Partial<Difference>): void {
    if (reported.has(key)) return
    reported.add(key)
    counts[what]++
    onDifference({ what, columns: [], reason: null, ...rest })
  }

  return {
    edited,
    counts,
    lacking: () => comparer.lacking(),
    async compare(records) {
      const all = (await withDbRetry(() => comparer.compare(sql, records), signal)).filter(differs)
      const ids = all.map(({ id }) => id)
      // Looked at behind the comparison: an edit made meanwhile is not taken for a difference.
      const ours = await withDbRetry(() => unsettledRows(sql, resource.type, ids), signal)
      for (const { id } of records) edited.delete(id)
      for (const id of ours) edited.add(id)
      const found = all.filter(({ id }) => !ours.has(id))
      for (const { state: what, ...rest } of found) report(rest.id, { what, ...rest })
      const wrong = new Set(found.filter(({ state }) => state !== 'refused').map(({ id }) => id))
      if (!repair || wrong.size === 0) return
      await lease.transaction((tx) => clearDigests(tx, resource, [...wrong]))
      const { written } = await writer.write({ records: records.filter(({ id }) => wrong.has(id)) })
      counts.repaired += written.length
    },
    refuse(unusable) {
      for (const { id, reason, body } of unusable)
        report(id ?? JSON.stringify(body), { id, what: 'refused', reason: withCode(reason, 'SYNC_RECORD_UNUSABLE') })
    },
    extra(ids) {
      for (const id of ids) report(id, { id, what: 'extra' })
    },
  }
}

const differs = (one: Comparison): one is Exclude<Comparison, { state: 'equal' }> => one.state !== 'equal'
