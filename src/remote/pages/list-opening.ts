/** Where the reading of a list begins: how long it is, and how large the server's pages are. */
import type { Client } from '../client.ts'
import { fetchFirstPage, FROM_END, unlessPastPagingLimit } from './forward-pages.ts'
import { inferPageSize } from './list-length.ts'
import type { CachedPage, ListRequest, Page } from './page.ts'
import { fetchPage } from './pages.ts'

interface ListToOpen {
  readonly request: ListRequest
  /** How many pages it had the last time. */
  readonly lastPages?: number | null | undefined
  /** Its first page, where that was just read. */
  readonly given?: Page | undefined
}

export interface OpenedList {
  readonly opening: Page
  readonly size: number
}

/** Then no page counts as full: the list's counts contradict each other. */
const NO_SIZE = 0

/** From the last page, where an earlier read knows its number, since a read from the end begins with that page anyway. */
export async function openList(
  client: Client,
  { request, lastPages, given }: ListToOpen,
  recall: (number: number) => Promise<CachedPage | undefined>,
  signal: AbortSignal,
): Promise<OpenedList> {
  if (given !== undefined) return { opening: given, size: inferPageSize(given, null) ?? NO_SIZE }
  const guess = Math.max(1, lastPages ?? 1)
  // The list may be shorter by now, and the server refuse pages behind its end.
  const last =
    guess === 1
      ? undefined
      : await unlessPastPagingLimit(fetchPage(client, request, guess, signal, await recall(guess), FROM_END))
  const size = last === undefined ? null : inferPageSize(last, request.pageSize)
  if (last !== undefined && last.pageCount !== null && size !== null) return { opening: last, size }
  // Behind the end of a list some servers give no counts, so the first page is requested. It may be the only one, and its
  // parts are read from their end, too.
  const first = await fetchFirstPage(client, request, signal, guess === 1 ? await recall(1) : undefined, FROM_END)
  return { opening: first, size: inferPageSize(first, null) ?? NO_SIZE }
}
