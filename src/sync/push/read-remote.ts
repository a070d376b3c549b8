/** Reads what ScopeStack holds of the records that are about to be written, in one request. */
import type { RemoteRecord, Resource } from '../../catalog/resource.ts'
import { otherRecord } from '../../errors/requests.ts'
import { hasCode, type SyncError } from '../../errors/sync-error.ts'
import type { Client } from '../../remote/client.ts'
import { primaryDataOf } from '../../remote/documents/document.ts'
import { isPastPagingLimit } from '../../remote/pages/forward-pages.ts'
import { isPageFailure } from '../../remote/pages/page-failures.ts'
import type { ListRequest } from '../../remote/pages/page.ts'
import { fetchPage } from '../../remote/pages/pages.ts'
import { isLocal, type Change } from '../../store/changes/change.ts'
import type { Database } from '../../store/connection/database.ts'
import { readCapability, saveCapability } from '../../store/progress/capabilities.ts'
import { isBadRequest, isNotFound, requestFor, type ListContext } from '../list/list-request.ts'
import type { ReadPlan } from '../list/read-plan.ts'
import { isSameRecord, requireSameRecord, type Account } from '../list/same-record.ts'

export interface RemoteAccess extends ListContext, Account {
  readonly sql: Database
  readonly client: Client
}

/** What is read: records of a resource, as its own list has them. */
export interface RemoteList {
  readonly resource: Resource
  readonly list: ListRequest
  readonly signal: AbortSignal
}

const DAY_MS = 24 * 60 * 60_000

/**
 * The path and query of a resource's own list, as the last pull found that the server accepts it, so that the rows come out
 * the same. Where the pull uses another read method, or there was none yet, nothing is known about includes: none are
 * requested, and keys that are not sent stay as they are.
 *
 * @param how.toSearch for a record: before the first pull it has every declared part, since a missing filter may hide the record.
 */
export async function listRequest(
  deps: RemoteAccess,
  resource: Resource,
  { toSearch = false } = {},
): Promise<ListRequest> {
  const found = (await readCapability(deps.sql, resource.type, 'question'))?.value as ReadPlan | undefined
  if (found?.read.from === 'list' && found.request !== null) {
    // The account may have been given another slug since.
    return { ...found.request, path: requestFor(deps, resource, found.read)!.path }
  }
  const own =
    resource.readMethods.find(({ from }) => from === 'list') ?? ({ from: 'list', path: resource.type } as const)
  const request = requestFor(deps, resource, own)!
  return toSearch && found === undefined ? request : { ...request, query: {} }
}

/** `?include=…`, so that a response has the same keys as a list. */
export const includeOf = ({ query }: ListRequest): string =>
  query['include'] === undefined ? '' : `?${new URLSearchParams({ include: query['include'] }).toString()}`

/** The records that ScopeStack can know: no local ids. */
export const idsToRead = (changes: readonly Change[]): string[] =>
  changes.flatMap(({ op, recordId }) => (op === 'create' || isLocal(recordId) ? [] : [recordId]))

/**
 * Null where there is no such record, an error where the server refuses it, exchanges it for another one, or fails at it while
 * the list works. One request for all, and one more for each that did not come; where the server refuses the filter by ids, one
 * for each. A response with another record is not used.
 */
export async function readRecords(
  deps: RemoteAccess,
  from: RemoteList,
  ids: readonly string[],
): Promise<Map<string, RemoteRecord | SyncError | null>> {
  const found = new Map<string, RemoteRecord | SyncError | null>()
  let works: Promise<boolean> | undefined
  const failsAtThese = async (error: unknown): Promise<boolean> =>
    isPageFailure(error) && (await (works ??= listWorks(deps, from)))
  try {
    if (ids.length > 1) for (const one of await listed(deps, from, ids)) found.set(one.id, one)
  } catch (error) {
    if (!(await failsAtThese(error))) throw error
  }
  for (const id of ids) {
    if (found.has(id)) continue
    try {
      found.set(id, await readRecord(deps, from, id))
    } catch (error) {
      const isOfOne = isReadRefused(error) || hasCode(error, 'SYNC_ANSWER_FOREIGN')
      if (!isOfOne && !(await failsAtThese(error))) throw error
      found.set(id, error as SyncError)
    }
  }
  return found
}

/** A page number behind the end of any list: no record can fail it. */
const FAR = 10_000_000

/**
 * Whether the list works: whether some record of it comes. A record at which the server fails makes every response with it fail, for
 * ever: the other records need not wait for that as they would for an outage. It may be the first of the list, so the middle and the
 * last are tried as well. That an empty page comes shows nothing but the length: a bug that fails every record of a resource would
 * have all its edits parked.
 */
async function listWorks(deps: RemoteAccess, from: RemoteList): Promise<boolean> {
  if ((await pageOfOne(deps, from, 1)) !== 'failed') return true
  const end = await pageOfOne(deps, from, FAR)
  if (end === 'failed') return false
  const count = end === 'refused' ? null : end.recordCount
  // It has no other record, or the server sends its last page for any behind it.
  if (end !== 'refused' && (end.ids.length > 0 || (count !== null && count <= 1))) return true
  const others = count === null ? [2, 3] : new Set([Math.ceil((count + 1) / 2), count])
  for (const place of others) if ((await pageOfOne(deps, from, place)) !== 'failed') return true
  return false
}

async function pageOfOne({ client }: RemoteAccess, { list, signal }: RemoteList, place: number) {
  try {
    return await fetchPage(client, { ...list, query: {}, pageSize: 1 }, place, signal)
  } catch (error) {
    if (isReadRefused(error) || isPastPagingLimit(error)) return 'refused' as const
    if (isPageFailure(error)) return 'failed' as const
    throw error
  }
}

/**
 * The records among them that the list has; none where the request is refused.
 *
 * @param how.alone for a single record: where there is no list, that is thrown.
 */
async function listed(
  deps: RemoteAccess,
  { resource, list, signal }: RemoteList,
  ids: readonly string[],
  { alone = false } = {},
): Promise<RemoteRecord[]> {
  if (!(await takesIds(deps, resource))) return []
  const query = { ...list.query, 'filter[id]': ids.join(',') }
  try {
    const page = await fetchPage(deps.client, { ...list, query, pageSize: ids.length }, 1, signal)
    // A list that ignores the filter does not show that the record is gone.
    const other = alone ? page.records.find(({ id }) => !ids.includes(id)) : undefined
    if (other !== undefined) {
      throw otherRecord({
        url: `${list.path}?filter[id]=${ids.join(',')}`,
        problem: `it is of ${JSON.stringify(other.id.slice(0, 60))}`,
      })
    }
    return page.records.filter((one) => ids.includes(one.id) && isSameRecord(one, { ...deps, resource, id: one.id }))
  } catch (error) {
    if (!isReadRefused(error)) throw error
    if (isBadRequest(error)) await saveCapability(deps.sql, resource.type, 'filter[id]', false)
    if (alone && isNotFound(error)) throw error
    return []
  }
}

/** A 4xx or 403 for this request only; others may succeed. */
export const isReadRefused = (error: unknown): error is SyncError =>
  hasCode(error, 'SYNC_REQUEST_REFUSED', 'SYNC_FORBIDDEN')

async function takesIds({ sql }: RemoteAccess, { type }: Resource): Promise<boolean> {
  const known = await readCapability(sql, type, 'filter[id]')
  return known === undefined || known.value !== false || known.ageMs > DAY_MS
}

/** One record; null where it does not exist. @throws SyncError where the server refuses it, or exchanges it for another one. */
export async function readRecord(deps: RemoteAccess, from: RemoteList, id: string): Promise<RemoteRecord | null> {
  const { resource, list, signal } = from
  const path = `${list.path}/${encodeURIComponent(id)}`
  // Checked after the request, so that it is not retried at once: the same request would get the same response.
  const parse = (body: string, url: string) => ({ data: primaryDataOf(body, url), url })
  const ask = async (query: string) => await deps.client.get(path + query, parse, signal)
  const include = includeOf(list)
  try {
    const response = await ask(include).catch((error: unknown) => {
      if (!isBadRequest(error) || include === '') throw error
      return ask('')
    })
    return requireSameRecord(response, { ...deps, resource, id })
  } catch (error) {
    if (!isNotFound(error)) throw error
    return await findInList(deps, from, id)
  }
}

/**
 * Some servers serve no single records, though their list has them: a 404 alone does not show that the record is gone. Nor
 * does it where the list is not found either: then the path is wrong.
 *
 * @throws SyncError SYNC_REQUEST_REFUSED with status 404
 */
async function findInList(deps: RemoteAccess, from: RemoteList, id: string): Promise<RemoteRecord | null> {
  for (const query of queryVariants(from.list)) {
    const [found] = await listed(deps, { ...from, list: { ...from.list, query } }, [id], { alone: true })
    if (found !== undefined) return found
  }
  return null
}

/**
 * The filters that make a list complete leave out records with none of their values (`active` that is null), and without
 * them archived records stay hidden: together the two queries find both.
 */
export function queryVariants({ query }: ListRequest): ListRequest['query'][] {
  const { include } = query
  const bare = include === undefined ? {} : { include }
  return Object.keys(query).length > Object.keys(bare).length ? [query, bare] : [query]
}
