/**
 * Reads a list whose server fails every page behind some place: from its front as far as it goes, then in the opposite
 * order, then each value of a filter by itself, until as many different records were seen as the list counts. This proves
 * nothing: records move while it is read.
 */
import { hasCode } from '../../errors/sync-error.ts'
import type { Client } from '../client.ts'
import { isPastPagingLimit, fetchFirstPage } from './forward-pages.ts'
import { countedIds, placeCount } from './list-length.ts'
import { listFactsOf, shareListFacts } from './page-failures.ts'
import type { ListRequest, Page } from './page.ts'
import { fetchPage } from './pages.ts'

interface Stretch {
  readonly request: ListRequest
  /** Of the list itself, rather than of one value of a filter. */
  readonly ofList: boolean
  readonly fromEnd: boolean
}

/** What together may hold the complete list. */
function stretchesOf(request: ListRequest): Stretch[] {
  const { query } = request
  const sorted = (part: ListRequest['query'], sort: 'id' | '-id', ofList: boolean): Stretch => ({
    request: shareListFacts(request, { ...request, query: { ...part, sort } }),
    ofList,
    fromEnd: sort === '-id',
  })
  const filter = Object.entries(query).find(([name, value]) => name.startsWith('filter[') && value.includes(','))
  const parts = filter === undefined ? [] : filter[1].split(',').map((value) => ({ ...query, [filter[0]]: value }))
  return [
    { request, ofList: true, fromEnd: false },
    sorted(query, '-id', true),
    ...parts.flatMap((part) => [sorted(part, 'id', false), sorted(part, '-id', false)]),
  ]
}

/** @param opening the first page of the list. */
export async function* readBothEnds(
  client: Client,
  request: ListRequest,
  opening: Page,
  signal: AbortSignal,
): AsyncGenerator<Page> {
  const { recordCount: count } = opening
  const seen = new Set<string>()
  let number = 0
  let isPartComplete = false
  for (const stretch of stretchesOf(request)) {
    if (isPartComplete && stretch.fromEnd) continue
    isPartComplete = false
    const first = stretch.request === request ? opening : undefined
    // The two ends of the list meet. The front of a part may all have been seen with the list, and the rest of it not.
    const seenHere = stretch.ofList ? seen : new Set<string>()
    for await (const page of readStretch(client, stretch.request, first, signal)) {
      const isLast = page.number === page.pageCount
      const isNew = addIds(page, seenHere)
      addIds(page, seen)
      isPartComplete = isLast && !stretch.ofList
      if (isLast && first !== undefined) listFactsOf(request).lastPageReached = true
      // The count of a part is not the list's.
      const recordCount = stretch.ofList ? page.recordCount : count
      yield { ...page, number: ++number, recordCount, pageCount: null, validator: null }
      if (count !== null && seen.size >= count) return
      if (number > 1 && !isNew) break
    }
  }
}

/** @returns whether one of them is new. */
function addIds(page: Page, ids: Set<string>): boolean {
  const before = ids.size
  for (const id of countedIds(page)) ids.add(id)
  return ids.size > before
}

async function* readStretch(
  client: Client,
  request: ListRequest,
  opening: Page | undefined,
  signal: AbortSignal,
): AsyncGenerator<Page> {
  try {
    let page = opening ?? (await fetchFirstPage(client, request, signal))
    while (placeCount(page) > 0) {
      yield page
      if (page.pageCount !== null && page.number >= page.pageCount) return
      page = await fetchPage(client, request, page.number + 1, signal, undefined, { skipUnreadable: true })
    }
  } catch (error) {
    if (!isPastPagingLimit(error) && !hasCode(error, 'SYNC_REQUEST_REFUSED')) throw error
  }
}
