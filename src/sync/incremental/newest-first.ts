/**
 * Reads a list newest first, from its front back to the watermark. Its count is no measure of a stretch of it; this is the
 * proof of one (`isComplete`): every page said the same count, none was cut, and as many different ids were met as places were
 * read.
 *
 * - Standing still, n places that hold n different ids hold all that stand there, whatever order ties come in: when ties
 *   change places from page to page, one that is met twice is another one missed, and the ids are fewer than the places.
 *   The last page shows a record older than the watermark, so every group of ties that is newer was read to its end.
 * - A record that is edited, or is new, moves to the front and pushes those behind it back, where they are met again. Its
 *   own change is newer than the beginning of the reading, behind which no watermark moves: the next run reads it. Where
 *   an edit leaves a gap behind it, what stands behind the gap stays in its place.
 * - A deletion pulls those behind it forward, over the joint to a page that was read. While it lasts the count is smaller;
 *   for the same count again another must have come, which went to the front and pushed them all back.
 *
 * One thing is taken for granted: a record that comes or is edited bears a newer time than what was read before it.
 * Records without a time stand at one end or the other, and are no one's change.
 */
import { listNotInOrder } from '../../errors/resources.ts'
import type { Client } from '../../remote/client.ts'
import { fetchFirstPage, repeatedPageGuard } from '../../remote/pages/forward-pages.ts'
import { countedIds, isFullPage, placeCount, reportsCount, inferPageSize } from '../../remote/pages/list-length.ts'
import { shareListFacts } from '../../remote/pages/page-failures.ts'
import { fetchPage, type ListRequest, type Page } from '../../remote/pages/pages.ts'
import { changeTime } from '../list/page-batch.ts'
import { isNewestFirst, newestFirst } from './strategy.ts'

/** Clocks differ, and a change may be stamped a moment before it can be read. The filter goes by days anyway. */
const OVERLAP_MS = 5 * 60_000

interface Stretch {
  /** As the first page said. */
  readonly count: number | null
  readonly ids: number
  readonly places: number
  readonly steady: boolean
  readonly full: boolean
}

export const isComplete = ({ count, ids, places, steady, full }: Stretch): boolean =>
  count !== null && steady && full && ids === places

interface Reading {
  readonly client: Client
  readonly request: ListRequest
  readonly watermark: Date
  readonly take: (page: Page) => Promise<void>
  readonly signal: AbortSignal
}

/** @throws SyncError SYNC_LIST_NOT_IN_ORDER when a page is not newest first. */
export async function readNewestFirst({ client, request, watermark, take, signal }: Reading): Promise<Stretch> {
  const sorted = shareListFacts(request, newestFirst(request))
  const until = watermark.getTime() - OVERLAP_MS
  const guard = repeatedPageGuard(sorted)
  let page = await fetchFirstPage(client, sorted, signal)
  const { recordCount: count } = page
  // Without a count of pages a page is as long as the first.
  const size = inferPageSize(page, null) ?? (page.pageCount === null && count !== null ? placeCount(page) : null)
  const ids = new Set<string>()
  let places = 0
  let steady = true
  let full = true
  for (;;) {
    guard(page)
    await take(page)
    if (!isNewestFirst(page)) throw listNotInOrder({ path: request.path, page: page.number })
    for (const id of countedIds(page)) ids.add(id)
    places += placeCount(page)
    steady &&= reportsCount(page, count)
    full &&=
      size !== null &&
      isFullPage(page, size) &&
      (page.pageCount !== null || placeCount(page) === placesLeft(page, size))
    const oldest = page.records.map(changeTime).findLast((time) => time !== null)
    const isAll = placeCount(page) === 0 || (count !== null && places >= count)
    const last = page.pageCount === null ? isAll : page.number >= page.pageCount
    if (last || (oldest !== undefined && oldest < until)) return { count, ids: ids.size, places, steady, full }
    page = await fetchPage(client, sorted, page.number + 1, signal, undefined, { skipUnreadable: true })
  }
}

/** As many as its place in the list demands. */
const placesLeft = ({ number, recordCount }: Page, size: number): number =>
  Math.min(size, Math.max(0, (recordCount ?? 0) - size * (number - 1)))
