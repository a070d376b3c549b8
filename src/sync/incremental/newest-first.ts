/**
 * Reads a list newest first, from its front back to the watermark. The list's count does not measure such a stretch. It is
 * proved complete (`assessStretch`) when every page gave the same count, none was cut short, and as many different ids were
 * seen as places were read:
 *
 * - While nothing changes, n places with n different ids hold every record there, whatever the order of ties: when ties
 *   change places from page to page, one that is seen twice means another one missed, and there are fewer ids than places.
 *   The last page shows a record older than the watermark, so every newer group of ties was read to its end.
 * - A record that is edited, or new, moves to the front and pushes the others back, where they are seen again. Its own
 *   change is newer than the beginning of the read, which the watermark never passes: the next run reads it. The records
 *   behind the place it left keep their places.
 * - A deletion pulls the records behind it forward, possibly onto a page that was read. Then the count is smaller; for the
 *   same count again, another record must have come to the front and pushed them all back.
 *
 * This assumes that a new or edited record has a newer time than the records read before it. Records without a time stand
 * at one end of the list, and are never a change.
 */
import { listNotInOrder } from '../../errors/resources.ts'
import { fetchFirstPage, repeatedPageGuard } from '../../remote/pages/forward-pages.ts'
import { isFullPage, countedIds, placeCount, reportsCount, inferPageSize } from '../../remote/pages/list-length.ts'
import { shareListFacts } from '../../remote/pages/page-failures.ts'
import type { ListRequest, Page } from '../../remote/pages/page.ts'
import { fetchPage } from '../../remote/pages/pages.ts'
import { assessStretch, type Completeness } from '../list/completeness.ts'
import { toReadPage, type Batch, type ReadContext, type WantedType } from '../list/read-page.ts'
import { changeTime } from '../record-times.ts'
import { isNewestFirst, newestFirst } from './strategy.ts'

/** Clocks differ, and a change may get its time a moment before it can be read. The filter works by days anyway. */
const OVERLAP_MS = 5 * 60_000

interface Stretch extends Pick<ReadContext, 'client' | 'signal'> {
  readonly request: ListRequest
  readonly wanted: WantedType
  readonly watermark: Date
}

/** @throws SyncError SYNC_LIST_NOT_IN_ORDER when a page is not newest first. */
export async function* readNewestFirst(stretch: Stretch): AsyncGenerator<Batch, Completeness> {
  const { client, request, wanted, watermark, signal } = stretch
  const sorted = shareListFacts(request, newestFirst(request))
  const until = watermark.getTime() - OVERLAP_MS
  const guard = repeatedPageGuard(sorted)
  let page = await fetchFirstPage(client, sorted, signal)
  const { recordCount: count } = page
  const size = sizeOf(page)
  const ids = new Set<string>()
  let places = 0
  let steady = true
  let full = true
  for (;;) {
    guard(page)
    const isSteady = reportsCount(page, count)
    const isFull = size !== null && isUncut(page, size)
    yield { position: null, pass: 1, pages: [toReadPage(page, wanted)], steady: isSteady, full: isFull }
    if (!isNewestFirst(page)) throw listNotInOrder({ path: request.path, page: page.number })
    for (const id of countedIds(page)) ids.add(id)
    places += placeCount(page)
    steady &&= isSteady
    full &&= isFull
    const oldest = page.records.map(changeTime).findLast((time) => time !== null)
    if (isLastPage(page, places, count) || (oldest ?? Infinity) < until) {
      return assessStretch({ count, ids: ids.size, places, steady, full })
    }
    page = await fetchPage(client, sorted, page.number + 1, signal, undefined, { skipUnreadable: true })
  }
}

/** Where the list does not count its pages, a page is as long as the first. */
const sizeOf = (opening: Page): number | null =>
  inferPageSize(opening, null) ??
  (opening.pageCount === null && opening.recordCount !== null ? placeCount(opening) : null)

const isUncut = (page: Page, size: number): boolean =>
  isFullPage(page, size) && (page.pageCount !== null || placeCount(page) === placesLeft(page, size))

const isLastPage = (page: Page, places: number, count: number | null): boolean =>
  page.pageCount === null
    ? placeCount(page) === 0 || (count !== null && places >= count)
    : page.number >= page.pageCount

/** As many records as the page's place demands. */
const placesLeft = ({ number, recordCount }: Page, size: number): number =>
  Math.min(size, Math.max(0, (recordCount ?? 0) - size * (number - 1)))
