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
 *
 * While the process has places for more requests, the longest chain is split: another one begins half way of what it has still to
 * read, and it ends where that has begun. For the proof a chain may begin at any time: it sees every record that lives throughout
 * and has an id up to the last one of its first page, whenever that is read.
 */
import { listNotInOrder } from '../../errors/resources.ts'
import type { Client } from '../client.ts'
import { createBatchQueue, type BatchQueue } from './batch-queue.ts'
import { FROM_END, repeatedPageGuard } from './forward-pages.ts'
import { unreadableIn } from './list-length.ts'
import { pagesLeft, secondHalf, withoutJoined, type PageChain } from './page-chains.ts'
import type { CachedPage, ListRequest, Page } from './page.ts'
import { fetchPage } from './pages.ts'

interface Options {
  readonly client: Client
  readonly request: ListRequest
  readonly chains: readonly PageChain[]
  /** Under way at once, however many places there are. */
  readonly atMost: number
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
  readonly chain: Chain
  readonly after: PageChain
}

/**
 * Yields what has arrived, at least one page at a time: the slower the consumer, the more it gets at once.
 *
 * @throws SyncError SYNC_LIST_NOT_IN_ORDER when `ordered` and it is not; whatever `fetchPage` throws. What was read before is
 *   yielded first, and need not be read again.
 */
export async function* readReverse(options: Options): AsyncGenerator<ReversePages> {
  const { batch, signal } = options
  const queue = createBatchQueue<Step>(AHEAD)
  const reading: Reading = { ...options, queue, signal: AbortSignal.any([signal, queue.closed]), chains: [] }
  for (const at of options.chains) reading.chains.push(openChain(at, reading.chains.at(-1), queue))
  try {
    for (const chain of reading.chains) begin(reading, chain)
    splitLongest(reading)
    for (;;) {
      const steps = await queue.take(batch, ({ page }) => Math.max(1, page.records.length))
      if (steps.length === 0) return
      for (const { chain, after } of steps) chain.saved = after
      reading.chains = withoutJoined(reading.chains)
      yield { pages: steps.map(({ page }) => page), chains: reading.chains.map(({ saved }) => saved) }
    }
  } finally {
    queue.close()
    // Some may wait for what will not come any more.
    for (const chain of reading.chains) chain.leave()
  }
}

interface Chain {
  /** Where it stands. */
  at: PageChain
  /** Where it stands once everything is written that was taken. */
  saved: PageChain
  /** The one it ends at; undefined: it goes on to the first page. */
  below: Chain | undefined
  /** `at.top`, as soon as it is known. */
  readonly known: PromiseWithResolvers<string>
  readonly producer: number
  /** Gives up its claim to a place for requests. */
  leave: () => void
}

interface Reading extends Omit<Options, 'chains'> {
  readonly queue: BatchQueue<Step>
  /** From the front of the list to its end. */
  chains: Chain[]
}

function openChain(at: PageChain, below: Chain | undefined, queue: BatchQueue<Step>): Chain {
  const known = Promise.withResolvers<string>()
  if (at.top !== null) known.resolve(at.top)
  return { at, saved: at, below, known, producer: queue.join(), leave: () => {} }
}

function begin(reading: Reading, chain: Chain): void {
  chain.leave = reading.client.slots.enter()
  follow(reading, chain)
    .finally(() => chain.leave())
    .then(reading.queue.end, reading.queue.fail)
}

async function follow(reading: Reading, chain: Chain): Promise<void> {
  const { client, request, ordered, opening, recall, queue, signal } = reading
  const guard = repeatedPageGuard(request)
  let above: Page | undefined
  while (chain.at.next > 0 && (await queue.hasRoom(chain.producer))) {
    const { first, next: number, top: known } = chain.at
    const page =
      opening?.number === number && known === null
        ? opening
        : await fetchPage(client, request, number, signal, await recall(number), FROM_END)
    guard(page)
    if (ordered && !isInOrder(page, above)) throw listNotInOrder({ path: request.path, page: number })
    const top = known ?? topOf(page)
    chain.at = { ...chain.at, top }
    chain.known.resolve(top)
    const hasEnded = page.number === 1 || (await meetsChainBelow(chain, page, ordered))
    chain.at = { first, next: hasEnded ? 0 : number - 1, top }
    queue.push(chain.producer, { page, chain, after: chain.at })
    above = page
    splitLongest(reading)
  }
}

/** As long as more chains would find a place for their requests, and there is enough left to read. */
function splitLongest(reading: Reading): void {
  const { atMost, chains, client, queue } = reading
  while (client.slots.spare() > 0 && !queue.closed.aborted) {
    const underWay = chains.filter(({ at }) => at.next > 0)
    if (underWay.length === 0 || underWay.length >= atMost) return
    const longest = underWay.reduce((one, other) => (leftOf(other) > leftOf(one) ? other : one))
    const half = secondHalf(longest.at, endOf(longest))
    if (half === undefined) return
    const chain = openChain(half, longest.below, queue)
    // At once, and before anything that ends there is written: the checkpoint always has all that is left to read.
    chains.splice(chains.indexOf(longest), 0, chain)
    longest.below = chain
    begin(reading, chain)
  }
}

const endOf = ({ below }: Chain): number => below?.at.first ?? 0
const leftOf = (chain: Chain): number => pagesLeft(chain.at, endOf(chain))

async function meetsChainBelow({ below }: Chain, { number, ids }: Page, ordered: boolean): Promise<boolean> {
  if (below === undefined) return false
  const { first, top: found } = below.at
  if (!ordered) return number - 1 <= first
  if (number > first && found !== '') return false
  const top = await below.known.promise
  // The list had nothing there when the chain below began, so that chain reads all there is.
  if (top === '') return true
  // Not by id alone: in a list that is ordered in groups the ids of two chains would meet at once, and the page where the
  // order breaks would never be read.
  return number <= first && ids.length > 0 && compareIds(ids[0]!, top) <= 0
}

/** `0` stands for the ids of a page that holds only unreadable records: it was not empty. */
export const topOf = (page: Page): string => page.ids.at(-1) ?? (unreadableIn(page).length > 0 ? '0' : '')

/** Ids are digits (API notes §8) and grow; compared as numbers of any length. */
export const compareIds = (a: string, b: string): number => a.length - b.length || (a < b ? -1 : a > b ? 1 : 0)

/** Ids ascend within the page; one that is not lower than the page above has moved here from it. */
export function isInOrder({ ids, recordCount }: Page, above: Page | undefined): boolean {
  if (ids.some((id, index) => !/^\d+$/.test(id) || (index > 0 && compareIds(ids[index - 1]!, id) >= 0))) return false
  const [lowest] = above?.ids ?? []
  // When the count changed, so many may have been deleted that this page lies wholly behind what the one above showed.
  if (lowest === undefined || recordCount !== above?.recordCount) return true
  const shown = new Set(above.ids)
  return ids.every((id) => compareIds(id, lowest) < 0 || shown.has(id))
}
