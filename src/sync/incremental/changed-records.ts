/**
 * Reads the records changed since the watermark, where the server allows that, and proves that all of them were seen: only
 * then the watermark moves.
 *
 * Newest first takes the fewest requests (`newest-first.ts`). Where the server does not accept that order, or its ties have
 * none, a filtered list is read in the order of ids from its end, and proved like any list (`list/list-reader.ts`).
 * Without a filter the whole list is read then.
 */
import type { Resource } from '../../catalog/resource.ts'
import { listNotInOrder } from '../../errors/resources.ts'
import { fetchFirstPage, FROM_END, isPastPagingLimit } from '../../remote/pages/forward-pages.ts'
import { shareListFacts } from '../../remote/pages/page-failures.ts'
import type { ListRequest } from '../../remote/pages/page.ts'
import type { Lease } from '../../store/fleet/leases.ts'
import { createMirror } from '../../store/mirror/load.ts'
import type { Known } from '../../store/progress/known.ts'
import { moveWatermark } from '../../store/progress/watermark.ts'
import { parkedMessage, type Completeness } from '../list/completeness.ts'
import { isBadRequest, isNotInOrder } from '../list/list-request.ts'
import { readListInTries } from '../list/read-nested.ts'
import { takeAll, type WantedType } from '../list/read-page.ts'
import type { SnapshotDeps, SnapshotResult } from '../snapshot/snapshot-options.ts'
import { expectedMembers } from '../snapshot/withheld-members.ts'
import { withDbRetry } from '../with-db-retry.ts'
import { createRecordWriter } from '../write-records.ts'
import { readNewestFirst } from './newest-first.ts'
import { changedSince, type ChangeStrategy } from './strategy.ts'
import { createChangeWriter, type ChangeWriter } from './write-changes.ts'

interface Options {
  readonly resource: Resource
  readonly request: ListRequest
  readonly strategy: Exclude<ChangeStrategy, 'none'>
  readonly watermark: Date
  readonly known: Known
  readonly aheadMs: number
  /** Children are read again even where their project itself did not change. */
  readonly followAll: boolean
  readonly lease: Lease
  readonly signal: AbortSignal
}

/** A list that changes while it is read is read again. */
const TRIES = 4
/** Ties that come in no order do so again. */
const TRIES_OF_TIES = 2
const DAY_MS = 24 * 60 * 60_000

/** At the end every change since the watermark is written, or the watermark stays. */
export async function pullChangedRecords(deps: SnapshotDeps, options: Options): Promise<SnapshotResult> {
  const { resource, known, aheadMs, lease, strategy, followAll } = options
  const mirror = createMirror(resource, expectedMembers(known.capabilities, resource))
  const writer = createRecordWriter({ resource, lease, mirror, follow: followAll ? 'all' : 'written' })
  const changes = createChangeWriter(writer)
  const completeness = await (strategy === 'filter' ? byFilter : bySort)(deps, options, changes)
  // Records that could not be read are read again by the next run.
  if (completeness.complete && !changes.isBroken()) {
    const upTo = new Date(Math.min(known.now.getTime() - aheadMs, changes.newest()))
    const { list } = completeness
    await lease.transaction((tx) => moveWatermark(tx, resource.type, upTo, list))
  }
  const { total, ids } = changes
  const common = { ...total, seen: ids.size, expected: ids.size, deleted: 0 }
  if (!completeness.complete) {
    const message =
      completeness.gap.kind === 'uncounted'
        ? 'The list of what changed does not say how many there are, so nothing proves that all were read.'
        : 'What changed kept changing while it was read; the next run reads it again.'
    return { ...common, outcome: 'incomplete', message }
  }
  if (total.parked === 0) return { ...common, outcome: 'ok', message: null }
  return { ...common, outcome: 'incomplete', message: parkedMessage(total.parked) }
}

const wantedOf = ({ type, aliases }: Resource): WantedType => ({ type, aliases, carried: false })

/** The filter works by days, and a day may hold many older changes: newest first, most of them need not be read. */
async function byFilter(deps: SnapshotDeps, options: Options, changes: ChangeWriter): Promise<Completeness> {
  const { client } = deps
  const { resource, request, watermark, known, signal } = options
  const { capabilities } = known
  const filtered = shareListFacts(request, changedSince(request, watermark))
  const opening = await fetchFirstPage(client, filtered, signal, undefined, FROM_END)
  const isLong = opening.pageCount === null || opening.pageCount > 1
  if (isLong && opening.recordCount !== null) {
    const inOrder = capabilities.get(NEWEST_FIRST)
    if (inOrder === undefined || inOrder.value !== false || inOrder.ageMs >= DAY_MS) {
      const found = await bySort(deps, { ...options, request: filtered }, changes).catch((error: unknown) => {
        if (!isNotInOrder(error) && !isBadRequest(error) && !isPastPagingLimit(error)) throw error
        return undefined
      })
      if (found?.complete === true) return found
      // Refused, or in no order of use.
      if (found === undefined) await withDbRetry(() => capabilities.save(NEWEST_FIRST, false), signal)
    }
  }
  const list = { request: filtered, wanted: wantedOf(resource), ...(isLong ? {} : { opening }) }
  return await takeAll(readListInTries({ ...deps, signal }, list), ({ pages }) => changes.write(pages))
}

/** Whether the filtered list can be read newest first; false is kept for a day. */
const NEWEST_FIRST = 'newest-first'

/** @throws SyncError SYNC_LIST_NOT_IN_ORDER where the server does not sort so, or its ties have no order. */
async function bySort(
  { client }: SnapshotDeps,
  { resource, request, watermark, signal }: Options,
  changes: ChangeWriter,
): Promise<Completeness> {
  const stretch = { client, request, wanted: wantedOf(resource), watermark, signal }
  for (let tries = 1; ; tries++) {
    const found = await takeAll(readNewestFirst(stretch), ({ pages }) => changes.write(pages))
    if (found.complete || !found.again || tries === TRIES) return found
    if (found.gap.kind === 'ties' && tries >= TRIES_OF_TIES) throw listNotInOrder({ path: request.path, page: 1 })
  }
}
