/** A list read from its first page on, and what its first page says of it. */
import { isDeepStrictEqual } from 'node:util'
import { pageRepeated } from '../../errors/resources.ts'
import { hasCode } from '../../errors/sync-error.ts'
import type { Client } from '../client.ts'
import { placeCount } from './list-length.ts'
import { listFactsOf } from './page-failures.ts'
import { fetchPage, pagePath, type PageOptions, type CachedPage, type ListRequest, type Page } from './pages.ts'

/**
 * The first page of a list. Where nothing is counted and the second page is the very same, the list ignores what is said
 * of pages, and this is all of it; or it ignores the number alone: then another size brings another page.
 *
 * @throws SyncError SYNC_PAGE_REPEATED of the second kind; whatever `fetchPage` throws.
 */
export async function fetchFirstPage(
  client: Client,
  request: ListRequest,
  signal: AbortSignal,
  known?: CachedPage,
  how: PageOptions = WITHOUT,
): Promise<Page> {
  const page = await fetchPage(client, request, 1, signal, known, how)
  const { recordCount, ids } = page
  if (recordCount !== null || page.parts !== undefined) return page
  // Whatever a page is: when the first has nothing, there is nothing.
  if (placeCount(page) === 0) return asWhole(page)
  if (ids.length === 0) return page
  const learned = listFactsOf(request)
  // Where it has been so a page that is as long as a page may be is looked at again: it may have learned to count.
  if (learned.ignoresPaging && ids.length !== request.pageSize) return asWhole(page)
  const next = await fetchPage(client, request, 2, signal).catch((error: unknown) => {
    if (isAnswer(error)) return undefined
    throw error
  })
  if (next === undefined) return page
  if (!isSame(next, page)) return { ...page, behind: next }
  const pageSize = ids.length === 1 ? 2 : Math.floor(ids.length / 2)
  const other = await fetchPage(client, { ...request, pageSize }, 1, signal)
  if (!isSame(other, page)) throw pageRepeated({ url: pagePath(request, 2), page: 2 })
  learned.ignoresPaging = true
  return asWhole(page)
}

export const isPastPagingLimit = (error: unknown): boolean => hasCode(error, 'SYNC_LIST_OUT_OF_REACH')

export async function unlessPastPagingLimit(page: Promise<Page>): Promise<Page | undefined> {
  try {
    return await page
  } catch (error) {
    if (isPastPagingLimit(error)) return undefined
    throw error
  }
}

const WITHOUT = { skipUnreadable: true } as const

const isAnswer = (error: unknown): boolean => isPastPagingLimit(error) || hasCode(error, 'SYNC_REQUEST_REFUSED')

const asWhole = (page: Page): Page => ({
  ...page,
  number: 1,
  pageCount: 1,
  recordCount: new Set(page.ids).size + page.unusable.length,
})

/**
 * Watches for a server that does not look at the page number. One page may well be its neighbour again, when exactly so many
 * records have gone and come meanwhile; three alike are not, unless they are so short that a few changes
 * do it.
 *
 * @throws SyncError SYNC_PAGE_REPEATED
 */
export function repeatedPageGuard(request: ListRequest): (page: Page) => void {
  let last: Page | undefined
  let repeats = 0
  return (page) => {
    repeats = last !== undefined && isSame(page, last) ? repeats + 1 : 0
    last = page
    if (repeats > (placeCount(page) < FEW ? 5 : 1))
      throw pageRepeated({ url: pagePath(request, page.number), page: page.number })
  }
}

/** Records of a page that may stay the same by chance. */
const FEW = 5

const isSame = (page: Page, other: Page): boolean =>
  placeCount(page) > 0 &&
  page.recordCount === other.recordCount &&
  page.ids.length === other.ids.length &&
  page.ids.every((id, index) => id === other.ids[index]) &&
  // What is no record has no id to tell it by.
  isDeepStrictEqual(page.unusable, other.unusable)

/** A list that does not say how many pages it has, page by page to the first empty one. */
export async function* readForward(
  client: Client,
  request: ListRequest,
  opening: Page,
  signal: AbortSignal,
): AsyncGenerator<Page> {
  const guard = repeatedPageGuard(request)
  let page = opening
  guard(page)
  while (placeCount(page) > 0) {
    yield page
    if (page.pageCount === page.number) return
    const number = page.number + 1
    const next =
      page.behind ?? (await unlessPastPagingLimit(fetchPage(client, request, number, signal, undefined, WITHOUT)))
    // Some servers refuse a page behind the end.
    if (next === undefined) return
    page = next
    guard(page)
  }
}
