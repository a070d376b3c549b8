/**
 * One page of a list. Pages are requested by number: the links of the bare library lose the account from their path (API notes
 * §12), and a link may lead to another origin.
 */
import { impliedNull } from '../../catalog/implied-null.ts'
import type { RemoteRecord } from '../../catalog/resource.ts'
import { listOutOfReach } from '../../errors/resources.ts'
import { endsTheRun, hasCode, SyncError, undefinedWhen, type SyncErrorOf } from '../../errors/sync-error.ts'
import { isObject } from '../../exact-json.ts'
import type { Client } from '../client.ts'
import { fetchOnce, idAt } from './fetch-once.ts'
import { asOnlyPageIfComplete } from './list-length.ts'
import { attemptsFor, isPageFailure, listFactsOf, maySplit } from './page-failures.ts'
import type { CachedPage, ListRequest, Page, PageOptions } from './page.ts'
import { fetchInSmallerPages } from './smaller-pages.ts'

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
  const { idsOnly, ...whole } = request
  if (idsOnly === undefined || how.asRequested === true) {
    return await fetchAsRequested(client, request, number, signal, known, how)
  }
  const facts = listFactsOf(request)
  if (!facts.failsIdsOnly && facts.largestSize >= (request.pageSize ?? 0)) {
    try {
      const page = await fetchAsRequested(client, request, number, signal, known, { ...how, asRequested: true })
      if (lacksNothing(page, request)) return page
    } catch (error) {
      // Whatever its status: a firewall may forbid the parameter, a server find the address too long.
      if (!isRefused(error) && !isPageFailure(error)) throw error
    }
  }
  const page = await fetchAsRequested(client, whole, number, signal, undefined, how)
  facts.failsIdsOnly = true
  // It is no page of this request, and not cached as one.
  return { ...page, validator: null }
}

/**
 * A server that is asked for fewer fields of other types may leave out more than those, or send null for every key: a page on which
 * no record has any is no proof of it, and rare.
 */
export function lacksNothing({ records, unusable }: Page, { query }: ListRequest): boolean {
  const linked = query['include']?.split(',') ?? []
  return (
    unusable.length === 0 &&
    records.every((record) => isComplete(record, linked)) &&
    (records.length === 0 || records.some((record) => hasKey(record, linked)))
  )
}

const hasKey = ({ relationships }: RemoteRecord, linked: readonly string[]): boolean =>
  isObject(relationships) &&
  linked.some((name) => {
    const related = relationships[name]
    const data = isObject(related) ? related['data'] : null
    return Array.isArray(data) ? data.length > 0 : data !== null && data !== undefined
  })

const isComplete = ({ attributes, relationships }: RemoteRecord, linked: readonly string[]): boolean =>
  isObject(attributes) &&
  Object.keys(attributes).length > 0 &&
  isObject(relationships) &&
  linked.every((name) => {
    const related = relationships[name]
    return isObject(related) && related['data'] !== undefined && impliedNull(related) === undefined
  })

async function fetchAsRequested(
  client: Client,
  request: ListRequest,
  number: number,
  signal: AbortSignal,
  known: CachedPage | undefined,
  how: PageOptions,
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
    if (how.asRequested === true || pageSize === null || !maySplit(error, pageSize, how)) throw error
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

const isRefused = (error: unknown): boolean =>
  hasCode(error, 'SYNC_LIST_OUT_OF_REACH', 'SYNC_REQUEST_REFUSED', 'SYNC_FORBIDDEN')

const REFUSALS: ReadonlySet<number> = new Set([400, 404, 416, 422])

const isPageRefused = (error: unknown): error is SyncErrorOf<'SYNC_REQUEST_REFUSED'> =>
  hasCode(error, 'SYNC_REQUEST_REFUSED') && REFUSALS.has(error.facts.status)
