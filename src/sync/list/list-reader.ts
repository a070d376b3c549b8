/**
 * Reads a list, and says whether it was read completely. Every list is read here: whole ones by a snapshot or for `verify`,
 * small ones nested below a record, of a few projects, or of recent changes.
 *
 *   opening ──► pass: batches of pages ──► completeness ──┬─► proved, or nothing more to prove: the end
 *      ▲                                                  │
 *      └──────────────── another pass ────────────────────┘
 *
 * A pass reads in one of three orders:
 *
 *   from-end    several chains from the list's end towards its front, in the order of ids
 *   by-number   the same, of a list in another order: each chain ends at a page number
 *   both-ends   from the front, then in the opposite order: where the server refuses the pages between
 *
 * and page by page to the first empty one where the list does not count its pages. Which order a list needs is part of the
 * read plan of a resource; a small list tries one after the other (`tryOrders`). What a pass has seen is kept by `Passes`, in
 * memory or, where the reading outlives its process, in the database.
 */
import { readBothEnds } from '../../remote/pages/both-ends.ts'
import { createEtagCheck } from '../../remote/pages/etag-check.ts'
import { isPastPagingLimit, readForward } from '../../remote/pages/forward-pages.ts'
import { openList, type OpenedList } from '../../remote/pages/list-opening.ts'
import { planChains, type PageChain } from '../../remote/pages/page-chains.ts'
import type { CachedPage, CacheTrust, ListRequest, Page } from '../../remote/pages/page.ts'
import { readReverse } from '../../remote/pages/reverse-pages.ts'
import { assessList, type Completeness, type ListEvidence } from './completeness.ts'
import { isNotInOrder } from './list-request.ts'
import type { ListSharing } from './list-sharing.ts'
import { toBatch, type Batch, type ReadContext, type WantedType } from './read-page.ts'
import type { ReadingOrder } from './read-plan.ts'

export interface List {
  readonly request: ListRequest
  readonly wanted: WantedType
  readonly order: ReadingOrder
  /** Another order is tried where this one fails. */
  readonly tryOrders?: boolean
  /** At most so many chains. */
  readonly chains: number
  /** How many pages it had the last time. */
  readonly lastPages?: number | null
  /** Its first page, where that was just read. */
  readonly opening?: Page | undefined
  /** What is cached of its pages. @param resumed an earlier process began the pass. */
  readonly openCache?: ((resumed: boolean) => Promise<PageCache>) | undefined
  /** Other processes may read a part of it. */
  readonly sharing?: ListSharing | undefined
}

/** Pages that were loaded before: `page-cache.ts`. */
export interface PageCache {
  readonly recall: (number: number) => Promise<CachedPage | undefined>
  /** Null: it holds nothing. */
  readonly trust: CacheTrust | null
  /** Every page is transferred: no 304 is accepted. */
  readonly transfersAll: boolean
  /** One ETag came with two bodies. */
  readonly distrust: () => Promise<void>
}

export interface PassStart {
  /** `record-count`; null where the list has none. */
  readonly count: number | null
  /** Null where the list does not count them, or is read from both ends. */
  readonly pages: number | null
  readonly chains: readonly PageChain[] | null
  /** Of the server's pages; 0 where the list's counts contradict each other. */
  readonly size: number
  /** Every page is transferred: no 304 is accepted. */
  readonly transfersAll: boolean
}

type ResumedPass = Pick<PassStart, 'count' | 'size'> & { readonly chains: readonly PageChain[] }

export type PassTally = Pick<ListEvidence, 'seen' | 'known' | 'steady' | 'full'>

/** What the passes over a list have seen. */
export interface Passes {
  /** A pass that an earlier process began, and how it began. */
  readonly resumed?: ResumedPass | undefined
  begin(start: PassStart, resumed: boolean): Promise<void>
  add(batch: Batch): void
  tally(): Promise<PassTally>
  /** Goes on to another pass, where there may be one. @param anyway however many there were. */
  next(anyway: boolean): boolean
}

/** @throws whatever `fetchPage` and `readReverse` throw. */
export async function* readList(context: ReadContext, list: List, passes: Passes): AsyncGenerator<Batch, Completeness> {
  const etagsLie = createEtagCheck()
  for (let pass = 1; ; pass++) {
    const facts: PassFacts = { order: list.order, count: null, counted: false, pages: 0 }
    const resumed = pass === 1 ? passes.resumed : undefined
    const cache = (await list.openCache?.(resumed !== undefined)) ?? NO_CACHE
    let misled = false
    for await (const batch of readPass({ ...context, list, passes, pass }, cache, resumed, facts)) {
      passes.add(batch)
      yield batch
      if (!etagsLie(batch.pages)) continue
      await cache.distrust()
      misled = !cache.transfersAll
    }
    if (list.sharing?.misled === true && !misled) {
      await cache.distrust()
      misled = !cache.transfersAll
    }
    const { order, count, counted, pages } = facts
    const ends = { fromEnd: order === 'from-end' && counted, bothEnds: order === 'both-ends' }
    const found = assessList({ count, pages, ...ends, ...(await passes.tally()) })
    // Pages that were taken as unchanged before the ETags proved wrong are read once more, without ETags.
    const again = misled || (!found.complete && found.again)
    if (!again || !passes.next(misled)) return found
  }
}

const NO_CACHE: PageCache = {
  recall: () => Promise.resolve(undefined),
  trust: null,
  transfersAll: true,
  distrust: () => Promise.resolve(),
}

/** What a pass finds out while it reads. */
interface PassFacts {
  order: ReadingOrder
  count: number | null
  /** The list counts its pages. */
  counted: boolean
  pages: number
}

type PassContext = ReadContext & { readonly list: List; readonly passes: Passes; readonly pass: number }

async function* readPass(
  context: PassContext,
  cache: PageCache,
  resumed: Passes['resumed'],
  facts: PassFacts,
): AsyncGenerator<Batch> {
  const { client, signal, list, pass } = context
  const lastPages = facts.order === 'both-ends' ? null : list.lastPages
  const given = pass === 1 ? list.opening : undefined
  const opened =
    resumed === undefined ? await openList(client, { ...list, lastPages, given }, cache.recall, signal) : undefined
  for (;;) {
    try {
      yield* readInOrder(context, cache, opened ?? resumed!, facts)
      return
    } catch (error) {
      const next = list.tryOrders === true ? orderAfter(facts.order, error) : undefined
      if (next === undefined) throw error
      facts.order = next
    }
  }
}

function orderAfter(failed: ReadingOrder, error: unknown): ReadingOrder | undefined {
  if (isNotInOrder(error)) return 'by-number'
  return isPastPagingLimit(error) && failed !== 'both-ends' ? 'both-ends' : undefined
}

async function* readInOrder(
  context: PassContext,
  cache: PageCache,
  begun: OpenedList | ResumedPass,
  facts: PassFacts,
): AsyncGenerator<Batch> {
  const { client, signal, list, passes, pass } = context
  const { transfersAll } = cache
  const { request, wanted } = list
  const { order } = facts
  const opening = 'opening' in begun ? begun.opening : undefined
  const start =
    'opening' in begun ? startOf(begun, order, Math.min(list.chains, client.slots.spare())) : asResumed(begun)
  const { count, chains, size } = start
  Object.assign(facts, { count, counted: start.pages !== null, pages: start.pages ?? 0 })
  await passes.begin({ ...start, transfersAll }, opening === undefined)
  const isFromEnd = order === 'from-end' && chains.length > 0
  const inBatch: ToBatch = (some, after) => {
    const batch = toBatch(some, { wanted, size, count, pass, isFromEnd })
    if (!facts.counted) facts.pages += batch.pages.length
    return after === undefined ? batch : { ...batch, chains: after }
  }
  if (opening !== undefined && chains.length === 0) {
    const read = order === 'both-ends' ? readBothEnds : readForward
    for await (const page of read(client, request, opening, signal)) yield inBatch([page])
    return
  }
  yield* readChains(context, cache, { ...start, order, opening }, inBatch)
}

type ToBatch = (some: readonly Page[], after?: readonly PageChain[]) => Batch

/** Alone, and from where that leaves off together with others, if there are any. */
async function* readChains(
  { client, signal, list }: PassContext,
  { recall, trust }: PageCache,
  start: Start & { readonly order: ReadingOrder; readonly opening: Page | undefined },
  inBatch: ToBatch,
): AsyncGenerator<Batch> {
  const { request } = list
  const { chains, order, opening, count, size } = start
  const ordered = order === 'from-end'
  const sharing = ordered ? list.sharing : undefined
  let at = chains
  if (!(await sharing?.wanted(at))) {
    const how = { atMost: list.chains, ordered, batch: BATCH_RECORDS }
    for await (const links of readReverse({ client, request, chains, ...how, opening, recall, signal })) {
      yield inBatch(links.pages, links.chains)
      at = links.chains
      if (await sharing?.wanted(at)) break
    }
  }
  if (sharing === undefined || at.every(({ next }) => next === 0)) return
  const shared = { request, chains: at, opening: at === chains ? opening : undefined, count, size, recall, trust }
  for await (const steps of sharing.read(shared)) {
    yield { ...inBatch(steps.map(({ page }) => page)), steps: steps.map(({ chain }) => chain) }
  }
}

/** A batch is what has arrived; this only bounds one transaction when the database is the slower side. */
export const BATCH_RECORDS = 1000

type Start = ResumedPass & Pick<PassStart, 'pages'>

function startOf({ opening, size }: OpenedList, order: ReadingOrder, atMost: number): Start {
  const pages = order === 'both-ends' ? null : opening.pageCount
  return {
    count: opening.recordCount,
    pages,
    size,
    chains: pages === null ? [] : planChains(Math.max(1, pages), atMost),
  }
}

const asResumed = (begun: ResumedPass): Start => ({
  ...begun,
  pages: Math.max(...begun.chains.map(({ first }) => first)),
})
