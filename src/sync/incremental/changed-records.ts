/**
 * Reads the records changed since the watermark, where the server allows that, and proves that all of them were seen: only
 * then the watermark moves.
 *
 * Newest first takes the fewest requests (`newest-first.ts`). Where the server does not accept that order, or its ties have
 * none, a filtered list is read in the order of ids from its end, and proved like any list (`list/read-small-list.ts`).
 * Without a filter the whole list is read then.
 */
import type { Resource } from '../../catalog/resource.ts'
import { listNotInOrder } from '../../errors/resources.ts'
import { fetchFirstPage, isPastPagingLimit } from '../../remote/pages/forward-pages.ts'
import { countedIds, unreadableIn, reportsCount } from '../../remote/pages/list-length.ts'
import { shareListFacts } from '../../remote/pages/page-failures.ts'
import type { ListRequest, Page } from '../../remote/pages/pages.ts'
import { confirmLease, type Lease } from '../../store/fleet/leases.ts'
import { readCapability, saveCapability } from '../../store/progress/capabilities.ts'
import { moveWatermark } from '../../store/progress/watermark.ts'
import { earlierClockTime } from '../earlier-clock.ts'
import { isBadRequest } from '../list/list-request.ts'
import { changeTime } from '../list/page-batch.ts'
import { isNotInOrder, readUntilComplete } from '../list/read-small-list.ts'
import type { SnapshotDeps, SnapshotResult } from '../snapshot/snapshot.ts'
import { readExpectedMembers } from '../snapshot/withheld-members.ts'
import { withDbRetry } from '../with-db-retry.ts'
import { isComplete, readNewestFirst } from './newest-first.ts'
import { changedSince, type ChangeStrategy } from './strategy.ts'
import { createChangeWriter } from './write-changes.ts'

interface Options {
  readonly resource: Resource
  readonly request: ListRequest
  readonly strategy: Exclude<ChangeStrategy, 'none'>
  readonly watermark: Date
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
  const { sql } = deps
  const { resource, lease, strategy, signal } = options
  const began = await withDbRetry(() => earlierClockTime(deps), signal)
  const expected = await withDbRetry(() => readExpectedMembers(sql, resource), signal)
  const writer = createChangeWriter(deps, { ...options, expected })
  const found = createFound(async (pages) => await writer.write(pages))
  const proved = await (strategy === 'filter' ? byFilter : bySort)(deps, options, found)
  // Records that could not be read are read again by the next run.
  if (proved && !found.broken) {
    const upTo = new Date(Math.min(began.getTime(), found.newest ?? 0))
    const move = () =>
      sql.begin(async (tx) => {
        await confirmLease(tx, lease)
        await moveWatermark(tx, resource.type, upTo)
      })
    await withDbRetry(move, signal)
  }
  const { total } = writer
  const common = { ...total, seen: found.ids.size, expected: found.ids.size, deleted: 0 }
  if (!proved) {
    const message = found.counted
      ? 'What changed kept changing while it was read; the next run reads it again.'
      : 'The list of what changed does not say how many there are, so nothing proves that all were read.'
    return { ...common, outcome: 'incomplete', message }
  }
  if (total.parked === 0) return { ...common, outcome: 'ok', message: null }
  const message = `${total.parked} could not be loaded and are parked, with the reason, in sync.parked.`
  return { ...common, outcome: 'incomplete', message }
}

interface Found {
  readonly ids: Set<string>
  /** The newest change seen, in milliseconds. */
  newest: number | null
  counted: boolean
  /** Some could not be read. */
  broken: boolean
  take(pages: readonly Page[]): Promise<void>
}

const createFound = (write: (pages: readonly Page[]) => Promise<void>): Found => ({
  ids: new Set(),
  newest: null,
  counted: true,
  broken: false,
  async take(pages) {
    for (const page of pages) {
      this.counted = page.recordCount !== null
      this.broken ||= unreadableIn(page).length > 0
      for (const id of page.ids) this.ids.add(id)
      for (const record of page.records) this.newest = Math.max(this.newest ?? 0, changeTime(record) ?? 0)
    }
    await write(pages)
  },
})

/** The filter works by days, and a day may hold many older changes: newest first, most of them need not be read. */
async function byFilter(deps: SnapshotDeps, options: Options, found: Found): Promise<boolean> {
  const { sql, client } = deps
  const { resource, request, watermark, signal } = options
  const filtered = shareListFacts(request, changedSince(request, watermark))
  const opening = await fetchFirstPage(client, filtered, signal)
  if (opening.pageCount !== null && opening.pageCount <= 1) {
    await found.take([opening])
    if (reportsCount(opening, new Set(countedIds(opening)).size)) return true
  } else if (opening.recordCount !== null) {
    const known = await withDbRetry(() => readCapability(sql, resource.type, NEWEST_FIRST), signal)
    if (known === undefined || known.value !== false || known.ageMs >= DAY_MS) {
      const proved = await bySort(deps, { ...options, request: filtered }, found).catch((error: unknown) => {
        if (!isNotInOrder(error) && !isBadRequest(error) && !isPastPagingLimit(error)) throw error
        return undefined
      })
      if (proved === true) return true
      // Refused, or in no order of use.
      if (proved === undefined) await withDbRetry(() => saveCapability(sql, resource.type, NEWEST_FIRST, false), signal)
    }
  }
  return await readUntilComplete(client, filtered, (pages) => found.take(pages), signal)
}

/** Whether the filtered list can be read newest first; false is kept for a day. */
const NEWEST_FIRST = 'newest-first'

/** @throws SyncError SYNC_LIST_NOT_IN_ORDER where the server does not sort so, or its ties have no order. */
async function bySort(
  { client }: SnapshotDeps,
  { request, watermark, signal }: Options,
  found: Found,
): Promise<boolean> {
  for (let tries = 1; ; tries++) {
    const stretch = await readNewestFirst({ client, request, watermark, take: (page) => found.take([page]), signal })
    if (isComplete(stretch)) return true
    const { count, steady, full } = stretch
    if (count === null || tries === TRIES) return false
    if (steady && full && tries >= TRIES_OF_TIES) throw listNotInOrder({ path: request.path, page: 1 })
  }
}
