/**
 * One page of a list. Pages are requested by number: the links of the bare library lose the account from their path (API notes
 * §12), and a link may lead to another origin.
 */
import { hash } from 'node:crypto'
import { listOutOfReach } from '../../errors/resources.ts'
import { endsTheRun, hasCode, SyncError, undefinedWhen, type SyncErrorOf } from '../../errors/sync-error.ts'
import type { Client, ParseBody } from '../client.ts'
import { parseDocument, type Document } from '../documents/document.ts'
import type { Attempts } from '../http/retry.ts'
import { asOnlyPageIfComplete } from './list-length.ts'
import { attemptsFor, listFactsOf, maySplit } from './page-failures.ts'
import { fetchInSmallerPages } from './smaller-pages.ts'

export interface ListRequest {
  /** `/{account-slug}/v1/clients` */
  readonly path: string
  /** Filters, `include` and `sort`. */
  readonly query: Readonly<Record<string, string>>
  /** Null: the server's default. */
  readonly pageSize: number | null
  /**
   * Whether the records in `included` are needed. They are most of a page's size, so where they only came along with the
   * linkage they are discarded at once, rather than kept in memory while the page waits.
   */
  readonly included?: boolean
}

export interface Page extends Document {
  /** From 1. */
  readonly number: number
  /** Of the list's own records, in order. */
  readonly ids: readonly string[]
  /** Null of a page that was read in parts. */
  readonly validator: PageValidator | null
  /** It has the `ETag` of another body: the server's ETags cannot be trusted. */
  readonly isEtagWrong: boolean
  /** Present when it was read in smaller pages. */
  readonly parts?: Parts
  /** The next page, where that was read to find out how the list pages. */
  readonly behind?: Page
  /** The cache entry, where the page has not changed. It has no records then, only their ids. */
  readonly cached: CachedPage | null
}

/** How a page was read in smaller ones. */
export interface Parts {
  /** Of the page that was requested. */
  readonly size: number
  /** Places of the list that were read; more than different records when some moved meanwhile. */
  readonly held: number
  /** Each part held as many records as its place requires. */
  readonly full: boolean
  /** The parts reported different counts. */
  readonly countsDiffer: boolean
  /** Records that fail every page which holds them. */
  readonly unreadable: readonly UnreadableRecord[]
}

export interface UnreadableRecord {
  /** Null where the server does not send even that. */
  readonly id: string | null
  /** The list's. */
  readonly path: string
  /** Its place in the list, from 1. */
  readonly place: number
  readonly reason: string
}

/** What shows whether a page has changed. */
export interface PageValidator {
  /** Null where the server sends none. */
  readonly etag: string | null
  /** Of the body, 0.8 ms a MB: it proves an `ETag` right or wrong. Null for pages that an older version cached. */
  readonly digest: string | null
}

/**
 * How far a cached page is trusted. `etag`: the server's 304 is enough · `body`: the page is transferred, and the same digest
 * spares the parsing · `none`: it is only compared.
 */
export type CacheTrust = 'etag' | 'body' | 'none'

/** What is cached of a page. */
export interface CachedPage {
  readonly validator: PageValidator
  readonly trust: CacheTrust
  /** Of the list's own records. */
  readonly ids: readonly string[]
  /** Of the records in `included`; null where those are not needed. */
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

/** How a page is read that fails as one. */
export interface PageOptions {
  /** The list is read from its end; then the parts of a page have to be, too, or a record that moves between them is missed. */
  readonly fromEnd?: boolean
  /** The page is returned without the records that fail it; otherwise they fail the request. */
  readonly skipUnreadable?: boolean
}

/**
 * A page that is too large for the server is read in smaller ones (`smaller-pages.ts`). A document that holds the complete list is
 * its first and only page, whatever number was requested: `paginator: none` is the library's default.
 *
 * @param known the cache entry: spares the parsing, and with an `ETag` the transfer, when the page has not changed, as far as it is
 *   trusted.
 * @throws SyncError SYNC_LIST_OUT_OF_REACH when this page is refused, and the first page is not.
 */
export async function fetchPage(
  client: Client,
  request: ListRequest,
  number: number,
  signal: AbortSignal,
  known?: CachedPage,
  how: PageOptions = {},
): Promise<Page> {
  const { pageSize, path } = request
  const facts = listFactsOf(request)
  const inParts = (size: number, failed?: SyncError): Promise<Page> =>
    fetchInSmallerPages({
      ...how,
      path,
      number,
      size,
      failed,
      facts,
      fetch: (part, smaller, attempts) =>
        fetchOnce(client, { ...request, pageSize: smaller }, part, signal, { attempts }).then(asOnlyPageIfComplete),
      idAt: (place) => idAt(client, request, place, signal),
    })
  if (pageSize !== null && facts.largestSize < pageSize) return await inParts(pageSize)
  try {
    const page = await fetchOnce(client, request, number, signal, { known, attempts: attemptsFor(pageSize, how) })
    const whole = asOnlyPageIfComplete(page)
    // Records that are requested by id are never more than that.
    if (number > 1 || 'filter[id]' in request.query) return whole
    return await withoutCountOfPage(whole, pageSize, () => fetchOnce(client, request, 2, signal, {}))
  } catch (error) {
    if (!(error instanceof SyncError)) throw error
    if (number > 1 && isPageRefused(error)) {
      await fetchOnce(client, request, 1, signal, {}).catch((again: unknown) => {
        throw endsTheRun(again) ? again : error
      })
      throw listOutOfReach({ path, page: number, status: error.facts.status })
    }
    if (pageSize === null || !maySplit(error, pageSize, how)) throw error
    return await inParts(pageSize, error)
  }
}

/**
 * A first page that is exactly full and counts only itself: either the list ends there, or each page counts only itself. The next
 * page decides, and where that has other records the count is dropped.
 */
async function withoutCountOfPage(page: Page, requested: number | null, next: () => Promise<Page>): Promise<Page> {
  const isFull = requested !== null && requested > 1 && page.recordCount === requested && page.ids.length === requested
  if (!isFull || page.cached !== null || page.last === true) return page
  const behind = await next().catch(undefinedWhen(isPageRefused))
  const hasMore = behind !== undefined && behind.ids.some((id) => !page.ids.includes(id))
  return hasMore ? { ...page, recordCount: null, pageCount: null } : page
}

const REFUSALS: ReadonlySet<number> = new Set([400, 404, 416, 422])

const isPageRefused = (error: unknown): error is SyncErrorOf<'SYNC_REQUEST_REFUSED'> =>
  hasCode(error, 'SYNC_REQUEST_REFUSED') && REFUSALS.has(error.facts.status)

/** One request. */
async function fetchOnce(
  client: Client,
  request: ListRequest,
  number: number,
  signal: AbortSignal,
  { known, attempts }: { known?: CachedPage | undefined; attempts?: Attempts },
): Promise<Page> {
  const unchanged = known === undefined || known.trust === 'none' ? undefined : asCached(known, number)
  const parse: ParseBody<Page> = (body, url, etag, digestOf = () => hash('sha1', body, 'base64')) => {
    const mark = { etag: etag ?? null, digest: digestOf() }
    // A server may quote our secrets: its bytes differ with each token, and not the text, from which they are taken out.
    if (unchanged?.validator?.digest === mark.digest) return unchanged
    const document = parseDocument(body, url)
    return {
      ...document,
      included: request.included === true ? document.included : [],
      number,
      ids: document.records.map(({ id }) => id),
      validator: mark,
      isEtagWrong: known !== undefined && contradicts(known.validator, mark),
      cached: null,
    }
  }
  const { etag = null, digest = null } = unchanged?.validator ?? {}
  return await client.get(pagePath(request, number), parse, signal, {
    attempts,
    cached: unchanged && { etag: known?.trust === 'etag' ? etag : null, digest, value: unchanged },
  })
}

/** One `ETag`, two bodies. */
const contradicts = (before: PageValidator, now: PageValidator): boolean =>
  before.etag !== null && before.etag === now.etag && before.digest !== null && before.digest !== now.digest

/** The id of a record that fails its page: most likely an attribute fails, so it is requested without attributes. */
async function idAt(
  client: Client,
  { path, query }: ListRequest,
  place: number,
  signal: AbortSignal,
): Promise<string | null> {
  const { include: _, ...rest } = query
  const bare = { path, query: { ...rest, [`fields[${path.slice(path.lastIndexOf('/') + 1)}]`]: '' }, pageSize: 1 }
  try {
    const { ids } = await fetchOnce(client, bare, place, signal, { attempts: 1 })
    return ids.length === 1 ? ids[0]! : null
  } catch (error) {
    if (!(error instanceof SyncError) || endsTheRun(error)) throw error
    return null
  }
}

const asCached = (known: CachedPage, number: number): Page => ({
  number,
  ids: known.ids,
  validator: known.validator,
  recordCount: known.recordCount,
  pageCount: known.pageCount,
  records: [],
  unusable: [],
  included: [],
  isEtagWrong: false,
  cached: known,
})
