/** The read methods of a resource, all as batches of pages, so that one snapshot serves them all. */
import type { RemoteRecord } from '../../catalog/resource.ts'
import { hasCode, reason } from '../../errors/sync-error.ts'
import { mapInBatches } from '../../map-concurrent.ts'
import type { Client } from '../../remote/client.ts'
import { isObject, parseDocument } from '../../remote/documents/document.ts'
import { readBothEnds } from '../../remote/pages/both-ends.ts'
import { readForward } from '../../remote/pages/forward-pages.ts'
import { countedIds, unreadableIn, reportsCount, isFullPage } from '../../remote/pages/list-length.ts'
import type { ListRequest, Page, CachedPage, UnreadableRecord } from '../../remote/pages/pages.ts'
import { readReverse, type PageChain } from '../../remote/pages/reverse-pages.ts'
import { isStorable, storable } from '../../store/mirror/codec.ts'
import type { Batch, ReadPage, UnusableRecord } from './page-batch.ts'

export interface ReadContext {
  readonly client: Client
  /** Requests in flight. */
  readonly concurrency: number
  readonly signal: AbortSignal
}

/** Which records are wanted: those of the list itself, or those in its `included`. */
export interface WantedType {
  readonly type: string
  readonly aliases: readonly string[]
  readonly carried: boolean
}

export interface ListInput {
  readonly request: ListRequest
  readonly wanted: WantedType
  readonly chains: readonly PageChain[]
  readonly ordered: boolean
  readonly opening: Page | undefined
  /** Of the server's pages. */
  readonly size: number | null
  /** The server refuses the far pages. */
  readonly far?: boolean | undefined
  readonly recall: (number: number) => Promise<CachedPage | undefined>
}

/** A batch is what has arrived; this only bounds one transaction when the database is the slower side. */
const BATCH_RECORDS = 1000

export async function* readList({ client, signal }: ReadContext, list: ListInput): AsyncGenerator<Batch> {
  const { request, wanted, chains, opening, size } = list
  if (chains.length === 0) {
    if (opening === undefined) throw new Error('a list without chains begins with its first page')
    const pages = (list.far === true ? readBothEnds : readForward)(client, request, opening, signal)
    for await (const page of pages) {
      yield { position: null, pages: [toReadPage(page, wanted)] }
    }
    return
  }
  for await (const links of readReverse({ ...list, client, batch: BATCH_RECORDS, signal })) {
    const pages = links.pages.map((page) => toReadPage(page, wanted, size))
    yield { position: null, chains: links.chains, pages }
  }
}

/** @param size of the server's pages; a page counts as full where it is not known. */
export function toReadPage(page: Page, wanted: WantedType, size: number | null = null): ReadPage {
  const { number, recordCount, pageCount, etagLied, validator, cached: known } = page
  const common = {
    number,
    // Smaller pages with different counts count nothing.
    recordCount: reportsCount(page, recordCount) ? recordCount : null,
    pageCount,
    etagLied,
    full: size === null || isFullPage(page, size),
  }
  if (known !== null) {
    const [ids, carriers] = wanted.carried ? [known.carried ?? [], known.ids] : [known.ids, null]
    return { ...common, records: [], unusable: [], ids, carriers, known: true, validator: null }
  }
  const { records, unusable } = wanted.carried ? carriedBy(page, wanted) : ownOf(page, wanted)
  const broken = unreadableIn(page)
  return {
    ...common,
    records,
    unusable: [...unusable, ...broken.map((one) => unreadable(one, wanted))],
    ids: [...records, ...unusable, ...(wanted.carried ? [] : broken)].flatMap(({ id }) =>
      id === null ? [] : [storable(id)],
    ),
    carriers: wanted.carried ? countedIds(page).map(storable) : null,
    unnamed: wanted.carried ? [] : broken.filter(({ id }) => id === null).map(({ place }) => `place ${place}`),
    known: false,
    validator,
  }
}

function ownOf({ records, unusable }: Page, wanted: WantedType) {
  const sorted = splitUsable(records, wanted)
  const nameless = unusable.map((body) => ({ id: null, reason: 'It has no id and type of its own.', body }))
  return { records: sorted.records, unusable: [...nameless, ...sorted.unusable] }
}

/** Without an id it is identified by its place. */
const unreadable = ({ id, path, place, reason: why }: UnreadableRecord, { carried }: WantedType): UnusableRecord => ({
  id: carried || id === null ? null : storable(id),
  reason: carried ? `What a record of the list carries is missing. ${why}` : why,
  body: carried || id === null ? { path, place } : null,
})

/** Each page includes its own, so the same record comes many times. */
const carriedBy = ({ included }: Page, wanted: WantedType) =>
  splitUsable(
    included.filter(({ type }) => isOfType(type, wanted)),
    wanted,
  )

const isOfType = (type: string, wanted: WantedType): boolean => type === wanted.type || wanted.aliases.includes(type)

export function splitUsable(
  records: readonly RemoteRecord[],
  wanted: WantedType,
): Pick<ReadPage, 'records' | 'unusable'> {
  const fits = (record: RemoteRecord): boolean => objectionTo(record, wanted) === null
  if (records.every(fits)) return { records, unusable: [] }
  return {
    records: records.filter(fits),
    unusable: records.flatMap((body) => {
      const objection = objectionTo(body, wanted)
      return objection === null ? [] : [{ id: storable(body.id), reason: objection, body }]
    }),
  }
}

function objectionTo(record: RemoteRecord, wanted: WantedType): string | null {
  // It belongs into another table.
  if (!isOfType(record.type, wanted)) return `Its type is ${JSON.stringify(record.type)}, not "${wanted.type}".`
  // Its row would lack the values.
  if (!isObject(record.attributes ?? {})) return 'Its attributes are not an object.'
  if (!isObject(record.relationships ?? {})) return 'Its relationships are not an object.'
  return isStorable(record.id) ? null : 'Its id holds U+0000 or half a character, which Postgres does not store.'
}

export async function* readSingleton({ client, signal }: ReadContext, path: string): AsyncGenerator<Batch> {
  const { records } = await client.get(path, parseDocument, signal)
  yield { position: null, pages: [{ ...syntheticPage(1, records, []), recordCount: 1 }] }
}

/** Records that are no page of a list, in the shape of one. */
export const syntheticPage = (
  number: number,
  records: readonly RemoteRecord[],
  unusable: readonly UnusableRecord[],
  full = true,
): ReadPage => ({
  number,
  records,
  unusable,
  ids: [...records.map(({ id }) => id), ...unusable.flatMap(({ id }) => (id === null ? [] : [id]))],
  carriers: null,
  recordCount: null,
  pageCount: null,
  full,
  known: false,
  validator: null,
  etagLied: false,
})

/** Attempts at one document: some never succeed (API notes §2b), and the others should not wait for them. */
const DOCUMENT_ATTEMPTS = 2

export interface ParentRecords {
  readonly type: string
  /** In the order of `position`. */
  readonly parents: readonly string[]
  readonly pathOf: (id: string) => string
  /** Number of the first batch: those before it were written by an earlier run. */
  readonly from: number
}

/** One document for each parent. Its row takes the parent's id: the document's own is unknown (API notes §2, merge-data). */
export async function* readEach(
  { client, concurrency, signal }: ReadContext,
  { type, parents, pathOf, from }: ParentRecords,
): AsyncGenerator<Batch> {
  const read = async (id: string): Promise<RemoteRecord | UnusableRecord> => {
    try {
      const { records } = await client.get(pathOf(id), parseDocument, signal, { attempts: DOCUMENT_ATTEMPTS })
      const attributes = records[0]?.attributes
      if (isObject(attributes)) return { type, id, attributes }
      return { id, reason: 'Its attributes are not an object.', body: records[0] ?? null }
    } catch (error) {
      if (!isOneDocumentsFault(error)) throw error
      return { id, reason: reason(error), body: null }
    }
  }
  let number = from
  for await (const { items, results } of mapInBatches(parents, concurrency, read)) {
    const records = results.filter((result) => 'type' in result)
    const unusable = results.filter((result) => 'reason' in result)
    yield { position: items.at(-1) ?? null, pages: [syntheticPage(number++, records, unusable)] }
  }
}

const ONE_DOCUMENT = [
  'SYNC_REMOTE_FAILED',
  'SYNC_REMOTE_TIMEOUT',
  'SYNC_BODY_UNREADABLE',
  'SYNC_REQUEST_REFUSED',
] as const

const isOneDocumentsFault = (error: unknown): boolean => hasCode(error, ...ONE_DOCUMENT)
