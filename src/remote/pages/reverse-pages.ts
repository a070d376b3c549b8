/**
 * Reads a list from its end, so that no record can slip past.
 *
 * Page numbers drift: when a record goes, every record behind it moves one place to the front. Read from the front, one of
 * them moves onto a page that was already read and is lost. Read from the back it can only be met twice. New records take
 * the highest ids and stand behind everything. So in a list that is ordered by id, every record that lives throughout the
 * reading is met, whatever comes and goes meanwhile, and nothing has to be read again:
 *
 *   pages      1  2  3  4  5  6  7  8  9
 *   chains     ◄──────────│◄────────│         each from its first page towards the front, all at once
 *
 * A chain ends when it meets what the chain below it began with: by id, not by number, since the pages move under both.
 */
import { listNotInOrder } from '../../errors/resources.ts'
import type { Client } from '../client.ts'
import { repeatedPageGuard } from './forward-pages.ts'
import { unreadableIn } from './list-length.ts'
import { fetchPage, type CachedPage, type ListRequest, type Page } from './pages.ts'

export interface PageChain {
  /** The page it begins at. */
  readonly first: number
  /** The page to read next; 0 when it has ended. */
  readonly next: number
  /** The last id of its first page as first met: `''` when that page was empty, null before it was read. */
  readonly top: string | null
}

/** Pages a chain reads for the one that its joint with the next costs. */
const PAGES_A_JOINT = 10

export function planChains(pageCount: number, atMost: number): PageChain[] {
  const count = Math.max(1, Math.min(atMost, Math.floor(pageCount / PAGES_A_JOINT)))
  return Array.from({ length: count }, (_, index) => {
    const first = Math.round((pageCount * (index + 1)) / count)
    return { first, next: first, top: null }
  })
}

interface Options {
  readonly client: Client
  readonly request: ListRequest
  readonly chains: readonly PageChain[]
  /** False: the list is known not to be ordered by id, and each chain ends at its last number. */
  readonly ordered: boolean
  /** A page that has just come, and is not asked for again. */
  readonly opening?: Page | undefined
  /** What is known of a page from before. */
  readonly recall: (number: number) => Promise<CachedPage | undefined>
  /** Records handed on together, about. */
  readonly batch: number
  readonly signal: AbortSignal
}

export interface ReversePages {
  /** As they came: of two states of one record, the newer is behind the older. */
  readonly pages: readonly Page[]
  /** Where all chains stand once these pages are written. */
  readonly chains: readonly PageChain[]
}

/** Pages of one chain that are read and not yet handed on: enough to be busy while a batch is written. */
const AHEAD = 2

/**
 * Yields what has arrived, at least one page at a time: the slower the consumer, the more it gets at once.
 *
 * @throws SyncError SYNC_LIST_NOT_IN_ORDER when `ordered` and it is not; whatever `fetchPage` throws.
 */
export async function* readReverse({
  client,
  request,
  chains,
  ordered,
  opening,
  recall,
  batch,
  signal,
}: Options): AsyncGenerator<ReversePages> {
  const stop = new AbortController()
  const either = AbortSignal.any([signal, stop.signal])
  const tops = chains.map(({ top }) => {
    const told = Promise.withResolvers<string>()
    if (top !== null) told.resolve(top)
    return told
  })
  const arrived: { page: Page; index: number; after: PageChain }[] = []
  const waiting = chains.map(() => 0)
  const handedOn = [...chains]
  let running = chains.length
  let failed: { error: unknown } | undefined
  let bell = Promise.withResolvers<void>()
  const ring = (): void => {
    bell.resolve()
    bell = Promise.withResolvers<void>()
  }

  async function follow(index: number): Promise<void> {
    let chain = chains[index]!
    let above: Page | undefined
    const guard = repeatedPageGuard(request)
    while (chain.next > 0) {
      while (waiting[index]! >= AHEAD) await bell.promise
      if (stop.signal.aborted) return
      const { next: number } = chain
      const page =
        opening?.number === number && chain.top === null
          ? opening
          : await fetchPage(client, request, number, either, await recall(number), FROM_END)
      guard(page)
      if (ordered && !isInOrder(page, above)) throw listNotInOrder({ path: request.path, page: number })
      const top = chain.top ?? topOf(page)
      tops[index]!.resolve(top)
      const ended = page.number === 1 || (index > 0 && (await endsHere(index, page)))
      chain = { first: chain.first, next: ended ? 0 : number - 1, top }
      arrived.push({ page, index, after: chain })
      waiting[index]!++
      above = page
      ring()
    }
  }

  async function endsHere(index: number, { number, ids }: Page): Promise<boolean> {
    if (!ordered) return number - 1 <= chains[index - 1]!.first
    const below = await tops[index - 1]!.promise
    // Nothing was there when the chain below began, so all there is lies on its way.
    if (below === '') return true
    // Not by id alone: in a list that is ordered in groups the ids of two stretches would meet at once, and the page where
    // the order breaks would never be read.
    return number <= chains[index - 1]!.first && ids.length > 0 && compareIds(ids[0]!, below) <= 0
  }

  for (const index of chains.keys()) {
    follow(index)
      .catch((error: unknown) => {
        failed ??= { error }
        stop.abort()
      })
      .finally(() => {
        running--
        ring()
      })
  }
  try {
    for (;;) {
      if (arrived.length === 0) {
        // Behind what had come before it: that need not be read again.
        if (failed !== undefined) throw failed.error
        if (running === 0) return
        await bell.promise
        continue
      }
      const pages: Page[] = []
      for (let records = 0; arrived.length > 0 && records < batch;) {
        const { page, index, after } = arrived.shift()!
        pages.push(page)
        handedOn[index] = after
        waiting[index]!--
        records += Math.max(1, page.records.length)
      }
      ring()
      yield { pages, chains: [...handedOn] }
    }
  } finally {
    stop.abort()
    ring()
  }
}

const FROM_END = { fromEnd: true, skipUnreadable: true } as const

/** Of a page without any record that could be read it is only known that there was one. */
const topOf = (page: Page): string => page.ids.at(-1) ?? (unreadableIn(page).length > 0 ? '0' : '')

/** Ids are digits (API notes §8) and grow; compared as numbers of any length. */
export const compareIds = (a: string, b: string): number => a.length - b.length || (a < b ? -1 : a > b ? 1 : 0)

/** Ascending inside, and of what stands on the page above only what that page has shown, moved here since. */
function isInOrder({ ids, recordCount }: Page, above: Page | undefined): boolean {
  if (ids.some((id, index) => !/^\d+$/.test(id) || (index > 0 && compareIds(ids[index - 1]!, id) >= 0))) return false
  const [lowest] = above?.ids ?? []
  // With another count so many may have gone that this page lies wholly behind what the one above showed.
  if (lowest === undefined || recordCount !== above?.recordCount) return true
  const shown = new Set(above.ids)
  return ids.every((id) => compareIds(id, lowest) < 0 || shown.has(id))
}
