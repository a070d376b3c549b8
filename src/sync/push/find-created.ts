/** Finds the record that a create made: by its natural key, where the response was lost, and in the response. */
import { isEditable, type Column, type RemoteRecord, type Resource } from '../../catalog/resource.ts'
import type { SyncError } from '../../errors/sync-error.ts'
import type { HttpResponse } from '../../remote/http/http.ts'
import { unlessPastPagingLimit } from '../../remote/pages/forward-pages.ts'
import type { ListRequest } from '../../remote/pages/page.ts'
import { fetchPage } from '../../remote/pages/pages.ts'
import type { Change, ChangeContent, Members } from '../../store/changes/change.ts'
import { isNearlySame } from '../../store/changes/equality.ts'
import { fieldsOf, remoteValueOf } from '../../store/changes/fields.ts'
import { idsOfOtherCreates, wasMirroredBefore } from '../../store/outbox/similar-creates.ts'
import { isBadRequest } from '../list/list-request.ts'
import { isSameRecord } from '../list/same-record.ts'
import type { Attempt, PushDeps } from './attempt.ts'
import { queryVariants, listRequest, type RemoteAccess, type RemoteList } from './read-remote.ts'

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
  deps: RemoteAccess,
  { resource, signal }: Pick<RemoteList, 'resource' | 'signal'>,
  key: Members,
): Promise<RemoteRecord[] | null> {
  const request = await listRequest(deps, resource, { toSearch: true })
  const found = new Map<string, RemoteRecord>()
  const refusals: SyncError[] = []
  const ways = queryVariants(request)
  for (const query of ways) {
    try {
      const some = await searched(deps, { resource, signal, list: { ...request, query } }, key)
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
async function searched(deps: RemoteAccess, from: RemoteList, key: Members): Promise<RemoteRecord[] | null> {
  const { query, ...request } = from.list
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
      return await pagesOf(deps, { ...from, list: way }, { key, asked: index < 2 ? first : null })
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
  deps: RemoteAccess,
  { resource, list, signal }: RemoteList,
  sought: Sought,
): Promise<RemoteRecord[] | null> {
  const found: RemoteRecord[] = []
  const seenIds = new Set<string>()
  for (let number = 1; number <= MOST_PAGES; number++) {
    const page = await unlessPastPagingLimit(fetchPage(deps.client, list, number, signal))
    if (page === undefined) return null
    const { records, recordCount, pageCount } = page
    const fresh = records.filter(({ id }) => !seenIds.has(id))
    for (const record of fresh) {
      seenIds.add(record.id)
      const holds = has(resource, record, sought)
      if (holds === undefined) return null
      // Filters by name match a part of it (API notes §4).
      if (holds && isSameRecord(record, { ...deps, resource, id: record.id })) found.push(record)
    }
    if (records.length === 0 || (pageCount !== null && number >= pageCount)) return found
    // The server ignores the page number: this was everything, unless it was cut short.
    if (fresh.length === 0)
      return (recordCount === null ? records.length !== list.pageSize : seenIds.size >= recordCount) ? found : null
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

/** Why this cannot be the created record, as part of a sentence; null when nothing contradicts it. */
export async function mismatchWithCreated(
  deps: PushDeps,
  attempt: Attempt,
  record: RemoteRecord,
): Promise<string | null> {
  const { change, resource } = attempt
  const { id } = record
  if (change.knownIds?.includes(id)) return `record ${id} was there before, with the same name`
  if (await wasMirroredBefore(deps.sql, resource, change, id)) return `record ${id} was there before`
  if ((await idsOfOtherCreates(deps.sql, change, [id])).has(id))
    return `record ${id} is the answer to another new row as well`
  return speaksOf(resource, record, change) ? null : `record ${id} holds other values`
}

/**
 * Not every value: ScopeStack may ignore or reformat some. Its natural key must be the same; where it has none, no foreign
 * key may differ, and one of its texts must be the same.
 */
function speaksOf(resource: Resource, record: RemoteRecord, change: Change): boolean {
  const given = resource.columns.flatMap((column) => {
    const local = (column.from === 'attribute' ? change.attributes : change.relationships)[column.member] ?? null
    const held = remoteValueOf(record, column)
    return local === null || held === undefined || !isEditable(column) ? [] : [same(column, held, local)]
  })
  const [attributes, ends] = [given.filter(isAttribute), given.filter((one) => !isAttribute(one))]
  const { naturalKey } = resource
  if (naturalKey !== undefined) {
    const key = given.filter(({ column }) => naturalKey.includes(column.member))
    return key.every(({ isSame }) => isSame) && key.some(isAttribute)
  }
  const texts = attributes.filter(({ column }) => column.kind === 'text')
  const proof = texts.length > 0 ? texts : ends.length > 0 ? ends : attributes
  return ends.every(({ isSame }) => isSame) && proof.some(({ isSame }) => isSame)
}

type Compared = ReturnType<typeof same>
const isAttribute = ({ column }: Compared): boolean => column.from === 'attribute'

const same = (column: Column, held: unknown, local: unknown) => ({
  column,
  isSame: isNearlySame(column.kind, held, local) || lower(held) === lower(local),
})

const lower = (value: unknown): unknown => (typeof value === 'string' ? value.trim().toLowerCase() : value)

/**
 * The id of the record that `Location` names. The URL itself is never followed: it may lead anywhere, and the library's own
 * lacks the account (API notes §12).
 */
export function idInLocation({ headers }: HttpResponse, { type, aliases }: Resource, path: string): string | null {
  const { location } = headers
  const given = Array.isArray(location) ? location[0] : location
  if (given === undefined || given.length > LONGEST_ADDRESS) return null
  try {
    const { pathname } = new URL(given, 'https://scopestack.invalid')
    const [id = '', kind = ''] = pathname
      .split('/')
      .filter((part) => part !== '')
      .map(decodeURIComponent)
      .toReversed()
    return [type, ...aliases, path.split('/').at(-1)].includes(kind) ? id : null
  } catch {
    return null
  }
}

const LONGEST_ADDRESS = 2_000
