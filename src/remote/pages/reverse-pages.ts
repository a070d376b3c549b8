/**
 * Reads a list from its end, so that no record is missed.
 *
 * Page numbers drift: when a record is deleted, every record behind it moves one place to the front. Read from the front, one
 * of them moves onto a page that was already read, and is missed. Read from the end, it can only be seen twice. New records
 * get the highest ids and stand behind everything. So in a list that is ordered by id, every record that exists throughout
 * the read is seen, whatever is created and deleted meanwhile, and nothing has to be read again:
 *
 *   pages      1  2  3  4  5  6  7  8  9
 *   chains     ◄──────────│◄────────│         each from its first page towards the front, all in parallel
 *
 * A chain ends when it reaches the id that the chain below it began with. Not the page number: the pages move under both.
 */
import { listNotInOrder } from '../../errors/resources.ts'
import type { Client } from '../client.ts'
import { createBatchQueue, type BatchQueue } from './batch-queue.ts'
import { FROM_END, repeatedPageGuard } from './forward-pages.ts'
import { unreadableIn } from './list-length.ts'
import { fetchPage, type CachedPage, type ListRequest, type Page } from './pages.ts'

export interface PageChain {
  /** The page it begins at. */
  readonly first: number
  /** The page to read next; 0 when it has ended. */
  readonly next: number
  /** The last id of its first page when that was read: `''` when the page was empty, null before it was read. */
  readonly top: string | null
}

/** One page more is read where two chains meet; a chain has at least so many. */
const MIN_PAGES_PER_CHAIN = 10

export function planChains(pageCount: number, atMost: number): PageChain[] {
  const count = Math.max(1, Math.min(atMost, Math.floor(pageCount / MIN_PAGES_PER_CHAIN)))
  return Array.from({ length: count }, (_, index) => {
    const first = Math.round((pageCount * (index + 1)) / count)
    return { first, next: first, top: null }
  })
}

interface Options {
  readonly client: Client
  readonly request: ListRequest
  readonly chains: readonly PageChain[]
  /** False: the list is known not to be ordered by id, and each chain ends at a page number. */
  readonly ordered: boolean
  /** A page that was just read, and is not requested again. */
  readonly opening?: Page | undefined
  /** What is cached of a page. */
  readonly recall: (number: number) => Promise<CachedPage | undefined>
  /** Records in one batch, about. */
  readonly batch: number
  readonly signal: AbortSignal
}

export interface ReversePages {
  /** As they came: of two states of one record, the newer one is behind the older one. */
  readonly pages: readonly Page[]
  /** The checkpoint of all chains once these pages are written. */
  readonly chains: readonly PageChain[]
}

/** Pages of one chain that are read before the consumer takes them: enough to be busy while a batch is written. */
const AHEAD = 2

/** A page that a chain has read, and where the chain stands behind it. */
interface Step {
  readonly page: Page
  readonly index: number
  readonly after: PageChain
}

/**
 * Yields what has arrived, at least one page at a time: the slower the consumer, the more it gets at once.
 *
 * @throws SyncError SYNC_LIST_NOT_IN_ORDER when `ordered` and it is not; whatever `fetchPage` throws. What was read before is
 *   yielded first, and need not be read again.
 */
export async function* readReverse(options: Options): AsyncGenerator<ReversePages> {
  const { chains, batch, signal } = options
  const queue = createBatchQueue<Step>(chains.length, AHEAD)
  const following = {
    ...options,
    queue,
    signal: AbortSignal.any([signal, queue.closed]),
    tops: chains.map(({ top }) => {
      const known = Promise.withResolvers<string>()
      if (top !== null) known.resolve(top)
      return known
    }),
  }
  for (const index of chains.keys()) follow(index, following).then(queue.end, queue.fail)
  const position = [...chains]
  try {
    for (;;) {
      const steps = await queue.take(batch, ({ page }) => Math.max(1, page.records.length))
      if (steps.length === 0) return
      for (const { index, after } of steps) position[index] = after
      yield { pages: steps.map(({ page }) => page), chains: [...position] }
    }
  } finally {
    queue.close()
  }
}

interface Following extends Options {
  readonly queue: BatchQueue<Step>
  /** The `top` of each chain, once its first page has come. */
  readonly tops: readonly PromiseWithResolvers<string>[]
}

async function follow(index: number, following: Following): Promise<void> {
  const { client, request, chains, ordered, opening, recall, queue, tops, signal } = following
  const guard = repeatedPageGuard(request)
  let chain = chains[index]!
  let above: Page | undefined
  while (chain.next > 0 && (await queue.hasRoom(index))) {
    const { next: number } = chain
    const page =
      opening?.number === number && chain.top === null
        ? opening
        : await fetchPage(client, request, number, signal, await recall(number), FROM_END)
    guard(page)
    if (ordered && !isInOrder(page, above)) throw listNotInOrder({ path: request.path, page: number })
    const top = chain.top ?? topOf(page)
    tops[index]!.resolve(top)
    const hasEnded = page.number === 1 || (index > 0 && (await meetsChainBelow(index, page, following)))
    chain = { first: chain.first, next: hasEnded ? 0 : number - 1, top }
    queue.push(index, { page, index, after: chain })
    above = page
  }
}

async function meetsChainBelow(index: number, { number, ids }: Page, { chains, ordered, tops }: Following) {
  const below = chains[index - 1]!
  if (!ordered) return number - 1 <= below.first
  const top = await tops[index - 1]!.promise
  // The list had nothing there when the chain below began, so that chain reads all there is.
  if (top === '') return true
  // Not by id alone: in a list that is ordered in groups the ids of two chains would meet at once, and the page where the
  // order breaks would never be read.
  return number <= below.first && ids.length > 0 && compareIds(ids[0]!, top) <= 0
}

/** `0` stands for the ids of a page that holds only unreadable records: it was not empty. */
const topOf = (page: Page): string => page.ids.at(-1) ?? (unreadableIn(page).length > 0 ? '0' : '')

/** Ids are digits (API notes §8) and grow; compared as numbers of any length. */
export const compareIds = (a: string, b: string): number => a.length - b.length || (a < b ? -1 : a > b ? 1 : 0)

/** Ids ascend within the page; one that is not lower than the page above has moved here from it. */
function isInOrder({ ids, recordCount }: Page, above: Page | undefined): boolean {
  if (ids.some((id, index) => !/^\d+$/.test(id) || (index > 0 && compareIds(ids[index - 1]!, id) >= 0))) return false
  const [lowest] = above?.ids ?? []
  // When the count changed, so many may have been deleted that this page lies wholly behind what the one above showed.
  if (lowest === undefined || recordCount !== above?.recordCount) return true
  const shown = new Set(above.ids)
  return ids.every((id) => compareIds(id, lowest) < 0 || shown.has(id))
}
