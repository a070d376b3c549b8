/** What ScopeStack holds of the records that are about to be written, asked for together. */
import { fetchPage, type ListRequest } from '../remote/pages.ts'
import { parseDocument } from '../remote/document.ts'
import type { Client } from '../remote/client.ts'
import type { RemoteRecord, Resource } from '../resource.ts'
import type { Change } from '../store/outbox.ts'
import { readCapability, saveCapability } from '../store/findings.ts'
import type { Database } from '../store/database.ts'
import type { Question } from './question.ts'
import { isRefusal, requestFor, type Place } from './request.ts'
import { SyncError } from '../sync-error.ts'

export interface Asking extends Place {
  readonly sql: Database
  readonly client: Client
}

/** Of whom ScopeStack is asked: it knows none of our own. */
export const checkedIds = (changes: readonly Change[]): string[] =>
  changes
    .filter(({ op, recordId }) => op !== 'create' && !recordId.startsWith('local-'))
    .map(({ recordId }) => recordId)

const DAY_MS = 24 * 60 * 60_000

/**
 * The path and query of a resource's own list, as the last pull found that the server takes it: so the rows come out the
 * same. Where it found another way of reading, or there was none yet, nothing is known of includes here: none are asked
 * for, and keys that are not told stay as they are.
 */
export async function listRequest(asking: Asking, resource: Resource): Promise<ListRequest> {
  const found = (await readCapability(asking.sql, resource.type, 'question'))?.value as Question | undefined
  if (found?.read.from === 'list' && found.request !== null) return found.request
  const own = resource.reads.find(({ from }) => from === 'list') ?? ({ from: 'list', path: resource.type } as const)
  const wanted = requestFor(asking, resource, own)!
  return { ...wanted, query: {} }
}

/** `?include=…`, so that an answer tells the same keys as a list does. */
export const includeOf = ({ query }: ListRequest): string =>
  query['include'] === undefined ? '' : `?${new URLSearchParams({ include: query['include'] }).toString()}`

/**
 * Null: it is not there. One request for all of them, and one more for each that did not come; where the server refuses to
 * be asked for them together, one for each.
 *
 * @param onRefused of one that the server refuses to tell; without it that is thrown.
 */
export async function readRecords(
  asking: Asking,
  resource: Resource,
  ids: readonly string[],
  signal: AbortSignal,
  onRefused?: (id: string, error: SyncError) => void,
): Promise<Map<string, RemoteRecord | null>> {
  const request = await listRequest(asking, resource)
  const found = new Map<string, RemoteRecord | null>()
  if (ids.length > 1 && (await takesIds(asking, resource))) {
    const query = { ...request.query, 'filter[id]': ids.join(',') }
    try {
      const page = await fetchPage(asking.client, { ...request, query, pageSize: ids.length }, 1, signal)
      for (const record of page.records) found.set(record.id, record)
    } catch (error) {
      if (!isRefused(error)) throw error
      if (isRefusal(error)) await saveCapability(asking.sql, resource.type, 'filter[id]', false)
    }
  }
  for (const id of ids) {
    if (found.has(id)) continue
    try {
      found.set(id, await readRecord(asking, request, id, signal))
    } catch (error) {
      if (onRefused === undefined || !isRefused(error)) throw error
      onRefused(id, error)
    }
  }
  return found
}

/** What was asked is not answered, which says nothing of any other question. */
const isRefused = (error: unknown): error is SyncError =>
  error instanceof SyncError && (error.code === 'SYNC_REQUEST_REFUSED' || error.code === 'SYNC_FORBIDDEN')

async function takesIds({ sql }: Asking, { type }: Resource): Promise<boolean> {
  const known = await readCapability(sql, type, 'filter[id]')
  return known === undefined || known.value !== false || known.ageMs > DAY_MS
}

async function readRecord(
  { client }: Asking,
  request: ListRequest,
  id: string,
  signal: AbortSignal,
): Promise<RemoteRecord | null> {
  const path = `${request.path}/${encodeURIComponent(id)}`
  const judge = (body: string, url: string) => parseDocument(body, url).records[0] ?? null
  try {
    return await client.get(path + includeOf(request), judge, signal)
  } catch (error) {
    if (statusOf(error) === 404) return null
    if (!isRefusal(error) || includeOf(request) === '') throw error
    return await client.get(path, judge, signal)
  }
}

const statusOf = (error: unknown): unknown =>
  error instanceof SyncError && error.code === 'SYNC_REQUEST_REFUSED' ? error.facts['status'] : undefined
