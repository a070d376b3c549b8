import { hasCode } from '../../errors/sync-error.ts'
/**
 * Reads a list of which the server gives no page behind some place: from its front as far as it goes, then in the opposite
 * order, then in parts that are short enough, until as many different records were met as the list counts.
 */
import type { Client } from '../client.ts'
import { isPastPagingLimit, fetchFirstPage } from './forward-pages.ts'
import { countedIds, placeCount } from './list-length.ts'
import { listFactsOf, shareListFacts } from './page-failures.ts'
import { fetchPage, type ListRequest, type Page } from './pages.ts'

/** What together may hold all of a list: itself, and its parts by the values of a filter, each from either end. */
function stretchesOf(request: ListRequest): ListRequest[] {
  const { query } = request
  const listed = Object.entries(query).find(([name, value]) => name.startsWith('filter[') && value.includes(','))
  const apart = listed === undefined ? [] : listed[1].split(',').map((value) => ({ ...query, [listed[0]]: value }))
  const ends = (asked: ListRequest['query']) => [
    { ...asked, sort: 'id' },
    { ...asked, sort: '-id' },
  ]
  const queries = [...ends(query).slice(1), ...apart.flatMap(ends)]
  return queries.map((one) => shareListFacts(request, { ...request, query: one }))
}

/** The first stretches are the list itself. */
const ENDS = 2

/**
 * Nothing of it proves anything by itself: records move while it is read.
 *
 * @param opening its first page.
 */
export async function* readBothEnds(
  client: Client,
  request: ListRequest,
  opening: Page,
  signal: AbortSignal,
): AsyncGenerator<Page> {
  const { recordCount: count } = opening
  const met = new Set<string>()
  let number = 0
  let isRead = false
  for (const [index, stretch] of [request, ...stretchesOf(request)].entries()) {
    // A part that was read to its end has no other one.
    if (isRead && index % ENDS === 1) continue
    isRead = false
    // The ends of the list meet. Of a part, what is in front may all have been met with the list, and the rest not.
    const news = index < ENDS ? met : new Set<string>()
    for await (const page of readStretch(client, stretch, index === 0 ? opening : undefined, signal)) {
      const before = news.size
      for (const id of countedIds(page)) {
        met.add(id)
        news.add(id)
      }
      isRead = index >= ENDS && page.number === page.pageCount
      // What a part says of its length is not of the list.
      if (index === 0 && page.number === page.pageCount) listFactsOf(request).reached = true
      const recordCount = index < ENDS ? page.recordCount : count
      yield { ...page, number: ++number, recordCount, pageCount: null, validator: null }
      if (count !== null && met.size >= count) return
      if (number > 1 && news.size === before) break
    }
  }
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
