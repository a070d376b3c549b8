/** What a read of a list yields: batches of pages, as they are written. */
import type { RemoteRecord } from '../../catalog/resource.ts'
import { isObject } from '../../remote/documents/document.ts'
import type { PageValidator } from '../../remote/pages/pages.ts'
import type { PageChain } from '../../remote/pages/reverse-pages.ts'
import type { LoadResult } from '../../store/mirror/load-result.ts'

export interface Batch {
  readonly pages: readonly ReadPage[]
  /** The checkpoint of the chains once the batch is written; undefined where there are none. */
  readonly chains?: readonly PageChain[]
  /** For documents and lists read parent by parent: the parent after which the next run goes on. */
  readonly position: string | null
}

export interface ReadPage {
  readonly number: number
  readonly records: readonly RemoteRecord[]
  /** Parked before loading, with the reason. */
  readonly unusable: readonly UnusableRecord[]
  /** Ids of the resource's records, whether they are here or were loaded before. */
  readonly ids: readonly string[]
  /** Where the records came in `included` of another list: the ids of that list, which its count counts. */
  readonly carriers: readonly string[] | null
  /** In place of ids that ScopeStack does not send. */
  readonly unnamed?: readonly string[]
  /** The count of the list on this page; null when there is none. */
  readonly recordCount: number | null
  readonly pageCount: number | null
  readonly full: boolean
  /** It came from the cache: its records are not here. */
  readonly known: boolean
  /** What to remember it by; null when it was known, or is no page of a list. */
  readonly validator: PageValidator | null
  /** It came under the `ETag` of another body. */
  readonly etagLied: boolean
}

export interface UnusableRecord {
  readonly id: string | null
  readonly reason: string
  readonly body: unknown
  /** The database rejected it. */
  readonly byDatabase?: boolean
}

export function rejectedRecords(loaded: LoadResult, records: readonly RemoteRecord[]): UnusableRecord[] {
  const refused = new Set(loaded.rejectedByDatabase)
  return loaded.rejected.map(({ id, reason: why }) => ({
    id,
    reason: why,
    body: records.findLast((record) => record.id === id) ?? null,
    byDatabase: refused.has(id),
  }))
}

/** When a record last changed, in milliseconds; null where it is no time. */
export function changeTime({ attributes }: RemoteRecord): number | null {
  const value = isObject(attributes) ? attributes['updated-at'] : undefined
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isNaN(time) ? null : time
}
