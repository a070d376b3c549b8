/**
 * One page of a list. Pages are asked for by number: the links of the bare library lose the account from their path (API
 * notes §12), and a link may lead to another origin.
 */
import { hash } from 'node:crypto'
import { listOutOfReach } from '../../errors/resources.ts'
import { hasCode, SyncError, type SyncErrorOf } from '../../errors/sync-error.ts'
import type { Client } from '../client.ts'
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
  /** Null of a page that was read in parts. */
  readonly validator: PageValidator | null
  /** It came under the `ETag` of another body: the server's ETags do not tell one state of a list from another. */
  readonly etagLied: boolean
  /** Where it was not to be had at once. */
  readonly parts?: Parts
  /** The page behind it, where that was looked at to learn what kind of list it is. */
  readonly behind?: Page
  /** Where the very bytes were met before: what was remembered of them. Its records are not here then, only their ids. */
  readonly cached: CachedPage | null
}

/** What became of a page that was read in smaller ones. */
export interface Parts {
  /** Of the page, as it was asked for. */
  readonly size: number
  /** Places of the list that were read, more than different records when some moved meanwhile. */
  readonly held: number
  /** Each held as many as its place demands. */
  readonly full: boolean
  /** Some said another count than others. */
  readonly countsDiffer: boolean
  /** Records that fail every page which holds them. */
  readonly unreadable: readonly UnreadableRecord[]
}

export interface UnreadableRecord {
  /** Null where the server does not even say that. */
  readonly id: string | null
  /** Of the list. */
  readonly path: string
  /** In it, as it was asked for, from 1. */
  readonly place: number
  readonly reason: string
}

/** What a page is known again by. */
export interface PageValidator {
  /** What the server says; null where it says nothing. */
  readonly etag: string | null
  /** Of the body, 0.8 ms a MB: it proves an `ETag` right or wrong. Null of pages that an older version remembered. */
  readonly digest: string | null
}

/**
 * How far a remembered page is believed. `etag`: the server is asked whether it has changed, and its no is enough · `body`:
 * the page is transferred, and the same bytes spare the parsing · `none`: it is only held against what comes.
 */
export type CacheTrust = 'etag' | 'body' | 'none'

/** What is remembered of a page. */
export interface CachedPage {
  readonly validator: PageValidator
  readonly trust: CacheTrust
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

/** How a page is read that is not to be had at once. */
export interface PageOptions {
  /** The list is read from its end: so are the parts of a page, or what moves between them would be lost. */
  readonly fromEnd?: boolean
  /** The page is wanted without the records that fail it; else they fail whoever asks. */
  readonly skipUnreadable?: boolean
}

/**
 * A page that is too large for the server is read in smaller ones (`smaller-pages.ts`). One that holds the whole list is
 * its first and only page, whatever was asked for and is said of pages: `paginator: none` is the library's default.
 *
 * @param known spares the parsing, and with an `ETag` the transfer, when nothing in the page has changed, as far as it is
 *   believed.
 * @throws SyncError SYNC_LIST_OUT_OF_REACH when it is refused, and the first page is not.
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
    // Of records that are asked for by their ids no more can come.
    if (number > 1 || 'filter[id]' in request.query) return whole
    return await withoutCountOfPage(whole, pageSize, () => fetchOnce(client, request, 2, signal, {}))
  } catch (error) {
    if (!(error instanceof SyncError)) throw error
    if (number > 1 && isRefused(error)) {
      await fetchOnce(client, request, 1, signal, {}).catch(() => {
        throw error
      })
      throw listOutOfReach({ path, page: number, status: error.facts.status })
    }
    if (pageSize === null || !maySplit(error, pageSize, how)) throw error
    return await inParts(pageSize, error)
  }
}

/**
 * A first page that is exactly full and counts no more than itself: the list ends there, or each page counts itself alone.
 * What stands behind it tells, and where that is something else nothing is counted.
 */
async function withoutCountOfPage(page: Page, asked: number | null, next: () => Promise<Page>): Promise<Page> {
  const isFull = asked !== null && asked > 1 && page.recordCount === asked && page.ids.length === asked
  if (!isFull || page.cached !== null || page.last === true) return page
  const behind = await next().catch((error: unknown) => {
    if (error instanceof SyncError && isRefused(error)) return undefined
    throw error
  })
  const hasMore = behind !== undefined && behind.ids.some((id) => !page.ids.includes(id))
  return hasMore ? { ...page, recordCount: null, pageCount: null } : page
}

const REFUSALS: ReadonlySet<number> = new Set([400, 404, 416, 422])

const isRefused = (error: unknown): error is SyncErrorOf<'SYNC_REQUEST_REFUSED'> =>
  hasCode(error, 'SYNC_REQUEST_REFUSED') && REFUSALS.has(error.facts.status)

/** One request. */
async function fetchOnce(
  client: Client,
  request: ListRequest,
  number: number,
  signal: AbortSignal,
  { known, attempts }: { known?: CachedPage | undefined; attempts?: Attempts },
): Promise<Page> {
  const same = known === undefined || known.trust === 'none' ? undefined : asBefore(known, number)
  const judge = (body: string, url: string, etag: string | undefined): Page => {
    const mark = { etag: etag ?? null, digest: hash('sha1', body, 'base64') }
    if (same?.validator?.digest === mark.digest) return same
    const document = parseDocument(body, url)
    return {
      ...document,
      included: request.included === true ? document.included : [],
      number,
      ids: document.records.map(({ id }) => id),
      validator: mark,
      etagLied: known !== undefined && isLie(known.validator, mark),
      cached: null,
    }
  }
  const etag = known?.trust === 'etag' ? known.validator.etag : null
  return await client.get(pagePath(request, number), judge, signal, {
    attempts,
    cached: same === undefined || etag === null ? undefined : { etag, value: same },
  })
}

/** One `ETag`, two bodies. */
const isLie = (before: PageValidator, now: PageValidator): boolean =>
  before.etag !== null && before.etag === now.etag && before.digest !== null && before.digest !== now.digest

/** The id of a record that fails its page: its attributes are most likely what fails, so without them it may be told. */
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
    signal.throwIfAborted()
    if (error instanceof SyncError) return null
    throw error
  }
}

const asBefore = (known: CachedPage, number: number): Page => ({
  number,
  ids: known.ids,
  validator: known.validator,
  recordCount: known.recordCount,
  pageCount: known.pageCount,
  records: [],
  unusable: [],
  included: [],
  etagLied: false,
  cached: known,
})
