/** Asks for single records: by their own address, else among the records of their list. */
import type { RemoteRecord, Resource, ReadMethod } from '../../catalog/resource.ts'
import { hasCode } from '../../errors/sync-error.ts'
import type { Client } from '../../remote/client.ts'
import { parseDocument } from '../../remote/documents/document.ts'
import { fetchPage, type ListRequest } from '../../remote/pages/pages.ts'
import { isBadRequest } from './list-request.ts'
import { splitUsable } from './read-list.ts'
import { isNotFound } from './read-nested.ts'
import type { ReadPlan } from './read-plan.ts'
import { isSameRecord } from './same-record.ts'

/** The record, if it could be read; of documents without an id of their own an empty list. */
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
  /** Those that are there, as they were read. */
  readonly records: readonly RemoteRecord[]
  /** There, whether anything was read of them or not. */
  readonly existing: number
  readonly unsure: readonly string[]
}

/**
 * Some at a time, so that what is settled can be written.
 *
 * @param known some that are there: where none of these is found, not being found proves nothing.
 * @returns null when single records cannot be asked for.
 */
export async function getRecords(
  asker: Asker,
  known: readonly string[],
  ids: readonly string[],
): Promise<AsyncGenerator<LookedUpRecords> | null> {
  const ask = createGetRecord(asker)
  const { from } = asker.plan.read
  // With nothing known, only a list of its own makes it likely that its records have an address.
  if (known.length === 0 ? from === 'list' : await isHeard(ask, known)) return byAddress(ask, asker.concurrency, ids)
  return known.length > 0 && from === 'list' ? await byList(asker, known, ids) : null
}

async function* byAddress(
  ask: GetRecord,
  concurrency: number,
  ids: readonly string[],
): AsyncGenerator<LookedUpRecords> {
  for (let start = 0; start < ids.length; start += concurrency) {
    const some = ids.slice(start, start + concurrency)
    const answers = await Promise.all(some.map(ask))
    const gone = some.filter((_, index) => answers[index] === 'gone')
    const unsure = some.filter((_, index) => answers[index] === 'unsure')
    const living = answers.flatMap((answer) => (typeof answer === 'string' ? [] : answer))
    yield { gone, unsure, records: living, existing: some.length - gone.length - unsure.length }
  }
}

/** Of one record, while others wait: one that fails for ever must not hold them up. */
const ATTEMPTS = 2

export function createGetRecord(asker: Omit<Asker, 'concurrency'>): GetRecord {
  const { client, slug, resource, plan, signal } = asker
  const { type, aliases } = resource
  const each = plan.read.from === 'each'
  return async (id) => {
    try {
      const { records } = await client.get(addressOf(asker, id), parseDocument, signal, { attempts: ATTEMPTS })
      // An answer that speaks of another record says nothing of this one.
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

const UNANSWERED = [
  'SYNC_REQUEST_REFUSED',
  'SYNC_FORBIDDEN',
  'SYNC_REMOTE_FAILED',
  'SYNC_REMOTE_TIMEOUT',
  'SYNC_BODY_UNREADABLE',
] as const

const isOneRecordsFault = (error: unknown): boolean => hasCode(error, ...UNANSWERED)

/** Their ids stand in the address. */
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
      yield (await amongLists(asker, lists, known, some)) ?? { gone: [], records: [], existing: 0, unsure: some }
    }
  })()
}

/** With the filters that are to make it whole, and without: either may hide what the other shows. */
function listsOf({ request }: ReadPlan): ListRequest[] {
  const asked = request!
  const bare = Object.entries(asked.query).filter(([name]) => !name.startsWith('filter['))
  const plain = { ...asked, query: Object.fromEntries(bare) }
  return bare.length === Object.keys(asked.query).length ? [asked] : [asked, plain]
}

async function amongLists(
  { client, resource, signal }: Asker,
  lists: readonly ListRequest[],
  known: readonly string[],
  ids: readonly string[],
): Promise<LookedUpRecords | null> {
  const asked = new Set([...known, ...ids])
  const records = new Map<string, RemoteRecord>()
  for (const list of lists) {
    const found = await amongList(client, list, asked, signal)
    const proves = found !== null && known.some((id) => found.has(id))
    // The other list may hide the known ones; what the one that is read says is enough.
    if (!proves && list === lists[0]) return null
    for (const [id, record] of found ?? []) records.set(id, record)
  }
  const { type, aliases } = resource
  const there = ids.filter((id) => records.has(id))
  const found = there.map((id) => records.get(id)!)
  const living = splitUsable(found, { type, aliases, carried: false }).records
  return { gone: ids.filter((id) => !records.has(id)), records: living, existing: there.length, unsure: [] }
}

/** Null where it does not take ids, or not as a filter: others come along then, or pages of them. */
async function amongList(
  client: Client,
  list: ListRequest,
  ids: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, RemoteRecord> | null> {
  const query = { ...list.query, 'filter[id]': [...ids].join(',') }
  try {
    const page = await fetchPage(client, { ...list, query, pageSize: ids.size }, 1, signal)
    const isWhole = page.recordCount === page.ids.length && page.ids.every((id) => ids.has(id))
    return isWhole ? new Map(page.records.map((record) => [record.id, record])) : null
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
