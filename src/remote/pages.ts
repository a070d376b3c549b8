/**
 * One page of a list. Pages are asked for by number: the links of the bare library lose the account from their path (API
 * notes §12), and a link may lead to another origin.
 */
import { hash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { pageRepeated } from '../errors.ts'
import type { Client } from './client.ts'
import { parseDocument, type Document } from './document.ts'

export interface ListRequest {
  /** `/{account-slug}/v1/clients` */
  readonly path: string
  /** Filters, `include` and `sort`. */
  readonly query: Readonly<Record<string, string>>
  /** Null: the server's own. */
  readonly pageSize: number | null
  /**
   * Whether the records in `included` are wanted for themselves. They are most of a page's size, so otherwise, when they
   * only came along with the keys, they are let go at once rather than held while the page waits its turn.
   */
  readonly included?: boolean
}

export interface Page extends Document {
  /** From 1. */
  readonly number: number
  /** Of the list's own records, in its order. */
  readonly ids: readonly string[]
  readonly mark: PageMark
  /** It came under the `ETag` of another body: the server's ETags do not tell one state of a list from another. */
  readonly etagLied: boolean
  /** Where the very bytes were met before: what was remembered of them. Its records are not here then, only their ids. */
  readonly known: KnownPage | null
}

/** What a page is known again by. */
export interface PageMark {
  /** What the server says; null where it says nothing. */
  readonly etag: string | null
  /** Of the body, 0.8 ms a MB: it proves an `ETag` right or wrong. Null of pages that an older version remembered. */
  readonly digest: string | null
}

/**
 * How far a remembered page is believed. `etag`: the server is asked whether it has changed, and its no is enough · `body`:
 * the page is transferred, and the same bytes spare the parsing · `none`: it is only held against what comes.
 */
export type Trust = 'etag' | 'body' | 'none'

/** What is remembered of a page. */
export interface KnownPage {
  readonly mark: PageMark
  readonly trust: Trust
  /** Of the list's own records. */
  readonly ids: readonly string[]
  /** Of the records in `included` that were wanted for themselves; null where none were. */
  readonly carried: readonly string[] | null
  readonly recordCount: number | null
  readonly pageCount: number | null
}

/** The address of one page. */
export function pagePath({ path, query, pageSize }: ListRequest, number: number): string {
  const parameters = new URLSearchParams({ ...query, 'page[number]': String(number) })
  if (pageSize !== null) parameters.set('page[size]', String(pageSize))
  return `${path}?${parameters.toString()}`
}

/** @param known spares the parsing, and with an `ETag` the transfer, when nothing in the page has changed, as far as it is believed. */
export async function fetchPage(
  client: Client,
  request: ListRequest,
  number: number,
  signal: AbortSignal,
  known?: KnownPage,
): Promise<Page> {
  const same = known === undefined || known.trust === 'none' ? undefined : asBefore(known, number)
  const judge = (body: string, url: string, etag: string | undefined): Page => {
    const mark = { etag: etag ?? null, digest: hash('sha1', body, 'base64') }
    if (same !== undefined && same.mark.digest === mark.digest) return same
    const document = parseDocument(body, url)
    return {
      ...document,
      included: request.included === true ? document.included : [],
      number,
      ids: document.records.map(({ id }) => id),
      mark,
      etagLied: known !== undefined && isLie(known.mark, mark),
      known: null,
    }
  }
  const etag = known?.trust === 'etag' ? known.mark.etag : null
  return await client.get(pagePath(request, number), judge, signal, {
    known: same === undefined || etag === null ? undefined : { etag, value: same },
  })
}

/** One `ETag`, two bodies. */
const isLie = (before: PageMark, now: PageMark): boolean =>
  before.etag !== null && before.etag === now.etag && before.digest !== null && before.digest !== now.digest

const asBefore = (known: KnownPage, number: number): Page => ({
  number,
  ids: known.ids,
  mark: known.mark,
  recordCount: known.recordCount,
  pageCount: known.pageCount,
  records: [],
  unusable: [],
  included: [],
  etagLied: false,
  known,
})

/**
 * Whether a page holds as many records as its place in the list demands: any other was cut.
 *
 * @param size of a page that is not the last, as the server makes them, which may be less than was asked for.
 */
export function isFull({ number, ids, unusable, recordCount, pageCount }: Page, size: number): boolean {
  if (recordCount === null || pageCount === null) return true
  const held = ids.length + unusable.length
  if (number < pageCount) return held === size
  return held === (number === pageCount ? recordCount - size * (pageCount - 1) : 0)
}

/** The size of the server's pages, from a page that is not the last one; null when this one is, and nothing fits. */
export function sizeFrom({ number, ids, unusable, recordCount, pageCount }: Page, asked: number | null): number | null {
  if (recordCount === null || pageCount === null) return null
  const size = number < pageCount ? ids.length + unusable.length : pageCount <= 1 ? recordCount : asked
  return size !== null && size * pageCount >= recordCount && size * (pageCount - 1) < recordCount ? size : null
}

/**
 * Watches for a server that does not look at the page number. One page may well be its neighbour again, when exactly so many
 * records have gone and come meanwhile; three alike are not.
 *
 * @throws SyncError SYNC_PAGE_REPEATED
 */
export function repetitionGuard(request: ListRequest): (page: Page) => void {
  let last: Page | undefined
  let repeats = 0
  return (page) => {
    repeats = last !== undefined && isSame(page, last) ? repeats + 1 : 0
    last = page
    if (repeats > 1) throw pageRepeated({ url: pagePath(request, page.number), page: page.number })
  }
}

const isSame = (page: Page, other: Page): boolean =>
  page.ids.length + page.unusable.length > 0 &&
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
  const guard = repetitionGuard(request)
  let page = opening
  guard(page)
  while (page.ids.length + page.unusable.length > 0) {
    yield page
    page = await fetchPage(client, request, page.number + 1, signal)
    guard(page)
  }
}
