/** Requests single records: by their own address, else from their list filtered by ids. */
import type { RemoteRecord, Resource, ReadMethod } from '../../catalog/resource.ts'
import { hasCode } from '../../errors/sync-error.ts'
import { mapInBatches } from '../../map-concurrent.ts'
import type { Client } from '../../remote/client.ts'
import { parseDocument } from '../../remote/documents/document.ts'
import { unreadableIn } from '../../remote/pages/list-length.ts'
import type { ListRequest } from '../../remote/pages/page.ts'
import { fetchPage } from '../../remote/pages/pages.ts'
import type { UnusableRecord } from '../../store/progress/parked-records.ts'
import { isWholeSelection } from './completeness.ts'
import { isBadRequest, isNotFound } from './list-request.ts'
import { splitUsable } from './read-page.ts'
import type { ReadPlan } from './read-plan.ts'
import { isSameRecord } from './same-record.ts'

/** The record as a list of one; an empty list for a document without an id of its own. */
type RecordLookup = 'gone' | 'unsure' | readonly RemoteRecord[]
export type GetRecord = (id: string) => Promise<RecordLookup>

interface Asker {
  readonly client: Client
  readonly slug: string
  readonly resource: Resource
  readonly plan: ReadPlan
  readonly concurrency: number
  readonly signal: AbortSignal
}

export interface LookedUpRecords {
  readonly gone: readonly string[]
  /** The existing records, as they were read. */
  readonly records: readonly RemoteRecord[]
  /** Those of them that make no row. */
  readonly unusable: readonly UnusableRecord[]
  /** How many exist, whether they could be read or not. */
  readonly existing: number
  readonly unsure: readonly string[]
}

/**
 * Some at a time, so that results can be written.
 *
 * @param known some that exist: where none of these is found, a 404 proves nothing.
 * @returns null when the server serves no single records.
 */
export async function getRecords(
  asker: Asker,
  known: readonly string[],
  ids: readonly string[],
): Promise<AsyncGenerator<LookedUpRecords> | null> {
  const ask = createGetRecord(asker)
  const { from } = asker.plan.read
  // With none known, records probably have an address only where the resource has a list of its own.
  if (known.length === 0 ? from === 'list' : await isHeard(ask, known)) return byAddress(ask, asker.concurrency, ids)
  return known.length > 0 && from === 'list' ? await byList(asker, known, ids) : null
}

async function* byAddress(
  ask: GetRecord,
  concurrency: number,
  ids: readonly string[],
): AsyncGenerator<LookedUpRecords> {
  for await (const { items, results } of mapInBatches(ids, concurrency, ask)) {
    const gone = items.filter((_, index) => results[index] === 'gone')
    const unsure = items.filter((_, index) => results[index] === 'unsure')
    const records = results.flatMap((result) => (typeof result === 'string' ? [] : result))
    yield { gone, unsure, records, unusable: [], existing: items.length - gone.length - unsure.length }
  }
}

/** For one record, while others wait: a permanent failure must not delay them. */
const ATTEMPTS = 2

export function createGetRecord(asker: Omit<Asker, 'concurrency'>): GetRecord {
  const { client, slug, resource, plan, signal } = asker
  const { type, aliases } = resource
  const each = plan.read.from === 'each'
  return async (id) => {
    try {
      const { records } = await client.get(addressOf(asker, id), parseDocument, signal, { attempts: ATTEMPTS })
      // A response with another record proves nothing about this one.
      const own = each ? records : records.filter((record) => isSameRecord(record, { slug, resource, id }))
      const found = splitUsable(own, { type, aliases, carried: false }).records
      return found.length > 0 || each ? found : 'unsure'
    } catch (error) {
      if (isNotFound(error)) return 'gone'
      if (isOneRecordsFault(error)) return 'unsure'
      throw error
    }
  }
}

async function isHeard(ask: GetRecord, known: readonly string[]): Promise<boolean> {
  const answers = await Promise.all(known.map(ask))
  return answers.some((answer) => typeof answer !== 'string')
}

const LOOKUP_FAILURES = [
  'SYNC_REQUEST_REFUSED',
  'SYNC_FORBIDDEN',
  'SYNC_REMOTE_FAILED',
  'SYNC_REMOTE_TIMEOUT',
  'SYNC_BODY_UNREADABLE',
] as const

const isOneRecordsFault = (error: unknown): boolean => hasCode(error, ...LOOKUP_FAILURES)

/** Their ids stand in the URL. */
const IDS_AT_ONCE = 50

async function byList(
  asker: Asker,
  known: readonly string[],
  ids: readonly string[],
): Promise<AsyncGenerator<LookedUpRecords> | null> {
  const lists = listsOf(asker.plan)
  const first = await amongLists(asker, lists, known, ids.slice(0, IDS_AT_ONCE))
  if (first === null) return null
  return (async function* () {
    yield first
    for (let start = IDS_AT_ONCE; start < ids.length; start += IDS_AT_ONCE) {
      const some = ids.slice(start, start + IDS_AT_ONCE)
      yield (
        (await amongLists(asker, lists, known, some)) ?? {
          gone: [],
          records: [],
          unusable: [],
          existing: 0,
          unsure: some,
        }
      )
    }
  })()
}

/** With the filters that make it complete, and without: either may hide what the other shows. */
function listsOf({ request }: ReadPlan): ListRequest[] {
  const filtered = request!
  const bare = Object.entries(filtered.query).filter(([name]) => !name.startsWith('filter['))
  const plain = { ...filtered, query: Object.fromEntries(bare) }
  return bare.length === Object.keys(filtered.query).length ? [filtered] : [filtered, plain]
}

async function amongLists(
  { client, resource, signal }: Asker,
  lists: readonly ListRequest[],
  known: readonly string[],
  ids: readonly string[],
): Promise<LookedUpRecords | null> {
  const wanted = new Set([...known, ...ids])
  const records = new Map<string, RemoteRecord>()
  const unreadable = new Set<string>()
  for (const list of lists) {
    const found = await amongList(client, list, wanted, signal)
    const proves = found !== null && known.some((id) => found.records.has(id))
    // The second list may hide the known records; the first one, which is read, is enough.
    if (!proves && list === lists[0]) return null
    for (const [id, record] of found?.records ?? []) records.set(id, record)
    for (const id of found?.unreadable ?? []) unreadable.add(id)
  }
  const { type, aliases } = resource
  const there = ids.filter((id) => records.has(id))
  const found = there.map((id) => records.get(id)!)
  const living = splitUsable(found, { type, aliases, carried: false })
  const missing = ids.filter((id) => !records.has(id))
  return {
    gone: missing.filter((id) => !unreadable.has(id)),
    ...living,
    existing: there.length,
    unsure: missing.filter((id) => unreadable.has(id)),
  }
}

interface Selection {
  readonly records: ReadonlyMap<string, RemoteRecord>
  /** Ids of records that fail every page with them. */
  readonly unreadable: readonly string[]
}

/** Null where the server refuses the filter or ignores it: then other records come, or several pages. */
async function amongList(
  client: Client,
  list: ListRequest,
  ids: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Selection | null> {
  const query = { ...list.query, 'filter[id]': [...ids].join(',') }
  try {
    const selected = { ...list, query, pageSize: ids.size }
    const page = await fetchPage(client, selected, 1, signal, undefined, { skipUnreadable: true })
    // One whose id the server does not send either might be any of them: then it proves nothing.
    const unreadable = unreadableIn(page).map(({ id }) => id ?? '')
    if (!isWholeSelection({ ...page, ids: [...page.ids, ...unreadable] }, ids)) return null
    return { records: new Map(page.records.map((record) => [record.id, record])), unreadable }
  } catch (error) {
    if (isBadRequest(error) || isNotFound(error)) return null
    throw error
  }
}

function addressOf({ slug, resource, plan }: Omit<Asker, 'concurrency'>, id: string): string {
  const { read, request } = plan
  const base = `/${slug}/v1/${pathOf(read, resource)}/${encodeURIComponent(id)}`
  if (read.from === 'each') return `${base}/${read.path}?${new URLSearchParams(read.query).toString()}`
  const include = read.from === 'included' ? undefined : request?.query['include']
  return include === undefined ? base : `${base}?${new URLSearchParams({ include }).toString()}`
}

function pathOf(read: ReadMethod, { type }: Resource): string {
  if (read.from === 'list') return read.path
  return read.from === 'each' ? read.parent : type
}
