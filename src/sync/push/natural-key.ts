/** Finds a record by its natural key: how a create whose response was lost is searched for. */
import type { RemoteRecord, Resource } from '../../catalog/resource.ts'
import type { SyncError } from '../../errors/sync-error.ts'
import { unlessPastPagingLimit } from '../../remote/pages/forward-pages.ts'
import { fetchPage, type ListRequest } from '../../remote/pages/pages.ts'
import type { Change, ChangeContent, Members } from '../../store/changes/change.ts'
import { isNearlySame } from '../../store/changes/equality.ts'
import { fieldsOf, remoteValueOf } from '../../store/changes/fields.ts'
import { isBadRequest } from '../list/list-request.ts'
import { isSameRecord } from '../list/same-record.ts'
import { searchRequest, queryVariants, type RemoteAccess } from './read-remote.ts'

/** Past so many pages of similar records the result is uncertain. */
const MOST_PAGES = 20

/**
 * What surely fits into a URL with the rest of a request: nginx accepts 8 KB, Puma 10 KB, and each letter may take nine
 * characters.
 */
const LONGEST_VALUE = 4_000

/** Members and values; null when the resource has no key, the change has no value for it, or one that is too long for a URL. */
export function naturalKeyOf({ naturalKey }: Resource, { attributes, relationships }: Change): Members | null {
  if (naturalKey === undefined) return null
  const [first] = naturalKey
  const values = naturalKey.map((member) => [member, attributes[member] ?? relationships[member] ?? null] as const)
  const asked = values.find(([member]) => member === first)?.[1]
  if (typeof asked !== 'string' || asked === '') return null
  return encodeURIComponent(csvField(asked).toWellFormed()).length > LONGEST_VALUE ? null : Object.fromEntries(values)
}

/**
 * Uses every query variant that the server accepts: a filter that makes a list complete hides records with none of its
 * values, and without it archived records may be hidden. Where the server refuses or ignores a filter by the key, the
 * records themselves are compared.
 *
 * @returns all records with the key; null when that is not certain.
 * @throws SyncError when every variant is refused.
 */
export async function findByNaturalKey(
  asking: RemoteAccess,
  resource: Resource,
  key: Members,
  signal: AbortSignal,
): Promise<RemoteRecord[] | null> {
  const request = await searchRequest(asking, resource)
  const found = new Map<string, RemoteRecord>()
  const refusals: SyncError[] = []
  const ways = queryVariants(request)
  for (const query of ways) {
    try {
      const some = await searched(asking, resource, { ...request, query }, key, signal)
      if (some === null) return null
      for (const one of some) found.set(one.id, one)
    } catch (error) {
      if (!isBadRequest(error)) throw error
      refusals.push(error)
    }
  }
  if (refusals.length === ways.length) throw refusals[0]!
  // What a refused query would have shown is not known.
  return refusals.length > 0 && found.size === 0 ? null : [...found.values()]
}

/** Parts of the request that are refused are left out, so that they do not hide existing records. */
async function searched(
  asking: RemoteAccess,
  resource: Resource,
  { query, ...request }: ListRequest,
  key: Members,
  signal: AbortSignal,
): Promise<RemoteRecord[] | null> {
  const [first, value] = Object.entries(key)[0]!
  const byKey = { [`filter[${first}]`]: spellingsOf(String(value)).map(csvField).join(',') }
  const { include: _, ...filters } = query
  const ways: ListRequest[] = [
    { ...request, query: { ...query, ...byKey } },
    { ...request, pageSize: null, query: { ...filters, ...byKey } },
    { ...request, query },
    { ...request, pageSize: null, query: filters },
  ]
  for (const [index, way] of ways.entries()) {
    try {
      return await pagesOf(asking, resource, way, { key, asked: index < 2 ? first : null }, signal)
    } catch (error) {
      if (!isBadRequest(error) || index === ways.length - 1) throw error
    }
  }
  return null
}

interface Sought {
  readonly key: Members
  /** The member that the server filtered by; null where the request has no such filter. */
  readonly asked: string | null
}

async function pagesOf(
  asking: RemoteAccess,
  resource: Resource,
  request: ListRequest,
  sought: Sought,
  signal: AbortSignal,
): Promise<RemoteRecord[] | null> {
  const found: RemoteRecord[] = []
  const met = new Set<string>()
  for (let number = 1; number <= MOST_PAGES; number++) {
    const page = await unlessPastPagingLimit(fetchPage(asking.client, request, number, signal))
    if (page === undefined) return null
    const { records, recordCount, pageCount } = page
    const fresh = records.filter(({ id }) => !met.has(id))
    for (const record of fresh) {
      met.add(record.id)
      const holds = has(resource, record, sought)
      if (holds === undefined) return null
      // Filters by name match a part of it (API notes §4).
      if (holds && isSameRecord(record, { ...asking, resource, id: record.id })) found.push(record)
    }
    if (records.length === 0 || (pageCount !== null && number >= pageCount)) return found
    // The server ignores the page number: this was everything, unless it was cut short.
    if (fresh.length === 0)
      return (recordCount === null ? records.length !== request.pageSize : met.size >= recordCount) ? found : null
  }
  return null
}

/** As it was sent, and as ScopeStack may store it: with blanks collapsed (`isNearlySame`). */
function spellingsOf(text: string): string[] {
  const plain = text.trim().replaceAll(/\s+/g, ' ')
  return plain === text || plain === '' ? [text] : [text, plain]
}

/** A filter's value is read as a line of CSV: a comma would mean "or" (API notes §4). */
const csvField = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

/** Whether a record has the key; undefined where it lacks the members. */
function has({ columns }: Resource, record: RemoteRecord, { key, asked }: Sought): boolean | undefined {
  let isComplete: boolean | undefined = true
  for (const column of columns) {
    if (!column.writable || !(column.member in key)) continue
    const held = remoteValueOf(record, column)
    if (held !== undefined) {
      if (!isNearlySame(column.kind, held, key[column.member])) return false
    } else if (column.from === 'attribute' || (asked === null && column.member === Object.keys(key)[0])) {
      isComplete = undefined
    }
  }
  return isComplete
}

/** Whether a record holds every sent member and user-defined field. */
export const holdsWhatWasSent = (resource: Resource, record: RemoteRecord, change: ChangeContent): boolean =>
  fieldsOf(resource, change).every(({ column, entry, local }) => {
    const held = remoteValueOf(record, column, entry)
    return held === undefined || isNearlySame(column.kind, held, local)
  })
