/** The first page of a list, and reading from there to its end. */
import { isDeepStrictEqual } from 'node:util'
import { pageRepeated } from '../../errors/resources.ts'
import { hasCode, undefinedWhen } from '../../errors/sync-error.ts'
import type { Client } from '../client.ts'
import { placeCount } from './list-length.ts'
import { listFactsOf } from './page-failures.ts'
import { pagePath, type PageOptions, type CachedPage, type ListRequest, type Page } from './page.ts'
import { fetchPage } from './pages.ts'

/**
 * The first page of a list. Where there is no count and the second page is equal, the list either ignores paging, and this is all of
 * it, or ignores only the page number: then another page size brings another page.
 *
 * @throws SyncError SYNC_PAGE_REPEATED where only the number is ignored; whatever `fetchPage` throws.
 */
export async function fetchFirstPage(
  client: Client,
  request: ListRequest,
  signal: AbortSignal,
  known?: CachedPage,
  options: PageOptions = SKIP_UNREADABLE,
): Promise<Page> {
  const page = await fetchPage(client, request, 1, signal, known, options)
  const { recordCount, ids } = page
  if (recordCount !== null || page.parts !== undefined) return page
  // If the first page is empty, so is the list.
  if (placeCount(page) === 0) return asOnlyPage(page)
  if (ids.length === 0) return page
  const facts = listFactsOf(request)
  // It ignored paging before. A full page is checked again: the server may page by now.
  if (facts.ignoresPaging && ids.length !== request.pageSize) return asOnlyPage(page)
  const next = await fetchPage(client, request, 2, signal).catch(undefinedWhen(isRefused))
  if (next === undefined) return page
  if (!isSame(next, page)) return { ...page, behind: next }
  const pageSize = ids.length === 1 ? 2 : Math.floor(ids.length / 2)
  const other = await fetchPage(client, { ...request, pageSize }, 1, signal)
  if (!isSame(other, page)) throw pageRepeated({ url: pagePath(request, 2), page: 2 })
  facts.ignoresPaging = true
  return asOnlyPage(page)
}

export const isPastPagingLimit = (error: unknown): boolean => hasCode(error, 'SYNC_LIST_OUT_OF_REACH')

export const unlessPastPagingLimit = (page: Promise<Page>): Promise<Page | undefined> =>
  page.catch(undefinedWhen(isPastPagingLimit))

const SKIP_UNREADABLE = { skipUnreadable: true } as const
/** Of a list that is read from its end, also where that is its first page. */
export const FROM_END = { fromEnd: true, skipUnreadable: true } as const

const isRefused = (error: unknown): boolean => hasCode(error, 'SYNC_LIST_OUT_OF_REACH', 'SYNC_REQUEST_REFUSED')

const asOnlyPage = (page: Page): Page => ({
  ...page,
  number: 1,
  pageCount: 1,
  recordCount: new Set(page.ids).size + page.unusable.length,
})

/**
 * Notices a server that ignores the page number. One page may equal the one before it, when exactly so many records were deleted
 * and created meanwhile; three equal pages may not, unless they are so short that a few changes are enough.
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

/** A page with fewer records may be equal by chance. */
const FEW = 5

const isSame = (page: Page, other: Page): boolean =>
  placeCount(page) > 0 &&
  page.recordCount === other.recordCount &&
  page.ids.length === other.ids.length &&
  page.ids.every((id, index) => id === other.ids[index]) &&
  // Members that are no records have no id to compare.
  isDeepStrictEqual(page.unusable, other.unusable)

/** Reads a list without a page count, page by page to the first empty one. */
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
      page.behind ??
      (await unlessPastPagingLimit(fetchPage(client, request, number, signal, undefined, SKIP_UNREADABLE)))
    // Some servers refuse a page behind the end.
    if (next === undefined) return
    page = next
    guard(page)
  }
}
