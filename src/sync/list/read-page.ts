/** What the list reader yields: batches of pages, as they are written; and how a page of a list becomes one of them. */
import type { RemoteRecord } from '../../catalog/resource.ts'
import { isObject } from '../../exact-json.ts'
import type { Client } from '../../remote/client.ts'
import { countedIds, unreadableIn, reportsCount, isFullPage } from '../../remote/pages/list-length.ts'
import type { PageChain } from '../../remote/pages/page-chains.ts'
import type { Page, PageValidator, UnreadableRecord } from '../../remote/pages/page.ts'
import type { UnusableRecord } from '../../store/progress/parked-records.ts'
import { isStorable, storable } from '../../store/values/codec.ts'

export interface ReadContext {
  readonly client: Client
  /** Requests in flight. */
  readonly concurrency: number
  readonly signal: AbortSignal
}

export interface Batch {
  readonly pages: readonly ReadPage[]
  /** Of the reading, from 1: a list that is not proved complete is read again. */
  readonly pass: number
  /** The checkpoint of the chains once the batch is written; undefined where there are none. */
  readonly chains?: readonly PageChain[]
  /** Of a shared list: where the chain of each page stands behind it. */
  readonly steps?: readonly PageChain[]
  /** For documents and lists read parent by parent: the parent after which the next run goes on. */
  readonly position: string | null
  /** Every page gave the count that the pass began with. */
  readonly steady: boolean
  /** Every page held as many records as its place demands; of nested lists, each was proved complete. */
  readonly full: boolean
}

export interface ReadPage {
  readonly number: number
  readonly records: readonly RemoteRecord[]
  /** Parked before loading, with the reason. */
  readonly unusable: readonly UnusableRecord[]
  /** Some of them could not be read: ScopeStack fails at them. */
  readonly broken: boolean
  /** Ids of the resource's records, whether they are here or were loaded before. */
  readonly ids: readonly string[]
  /** Where the records came in `included` of another list: the ids of that list, which its count counts. */
  readonly carriers: readonly string[] | null
  /** In place of ids that ScopeStack does not send. */
  readonly unnamed?: readonly string[]
  /** The count of the list on this page; null when there is none. */
  readonly recordCount: number | null
  readonly pageCount: number | null
  readonly full: boolean
  /** It came from the cache: its records are not here. */
  readonly known: boolean
  /** What to remember it by; null when it was known, or is no page of a list. */
  readonly validator: PageValidator | null
  /** It came under the `ETag` of another body. */
  readonly isEtagWrong: boolean
}

/** Records below which others are read one by one, or list by list. */
export interface Parents {
  /** In the order of `position`. */
  readonly ids: readonly string[]
  /** Number of the first batch: those before it were written by an earlier run. */
  readonly from: number
}

/** Which records are wanted: those of the list itself, or those in its `included`. */
export interface WantedType {
  readonly type: string
  readonly aliases: readonly string[]
  readonly carried: boolean
}

/** @param size of the server's pages; 0 where the list's counts contradict each other: then no page counts as full. */
export function toReadPage(page: Page, wanted: WantedType, size = 0): ReadPage {
  const { number, recordCount, pageCount, isEtagWrong, validator, cached: known } = page
  const common = {
    number,
    // Smaller pages with different counts count nothing.
    recordCount: reportsCount(page, recordCount) ? recordCount : null,
    pageCount,
    isEtagWrong,
    full: isFullPage(page, size),
  }
  if (known !== null) {
    const [ids, carriers] = wanted.carried ? [known.carried ?? [], known.ids] : [known.ids, null]
    return { ...common, records: [], unusable: [], broken: false, ids, carriers, known: true, validator: null }
  }
  const { records, unusable } = wanted.carried ? carriedBy(page, wanted) : ownOf(page, wanted)
  const broken = unreadableIn(page)
  return {
    ...common,
    records,
    broken: broken.length > 0,
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

interface OfBatch {
  readonly wanted: WantedType
  readonly size: number
  /** Of the pass. */
  readonly count: number | null
  readonly pass: number
  readonly isFromEnd: boolean
}

export function toBatch(some: readonly Page[], { wanted, size, count, pass, isFromEnd }: OfBatch): Batch {
  const pages = some.map((page) => toReadPage(page, wanted, size))
  const steady = pages.every(({ recordCount }) => recordCount === count)
  // Parts of a page show what a whole one would only where they were read in the order of ids, from their end.
  const full = pages.every((page, at) => page.full && (isFromEnd || some[at]!.parts === undefined))
  return { position: null, pass, pages, steady, full }
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
  broken: false,
  carriers: null,
  recordCount: null,
  pageCount: null,
  full,
  known: false,
  validator: null,
  isEtagWrong: false,
})

/** What the list's count counts: its own ids, also where the records wanted came in their `included`. */
export const countedIn = ({ carriers, ids, unnamed = [] }: ReadPage): readonly string[] =>
  carriers ?? [...ids, ...unnamed]

/** @returns what the reading has proved. */
export async function takeAll<T>(
  reading: AsyncGenerator<Batch, T>,
  take: (batch: Batch) => Promise<void> | void,
): Promise<T> {
  try {
    for (;;) {
      const next = await reading.next()
      if (next.done === true) return next.value
      await take(next.value)
    }
  } finally {
    // Where a batch could not be written, no more pages are requested.
    await reading.return(undefined as never)
  }
}
