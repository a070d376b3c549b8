/**
 * Reads chains of a list that several processes read together (`reverse-pages.ts` says why a list is read from its end).
 *
 *   pages      1  2  3  4  5  6  7  8  9
 *   chains     ◄──────────│◄───│◄─────        each read by one process, whichever was free
 *
 * So many followers take one chain after the other from a pool that all processes share. A chain may be split while it is read:
 * what lies below it is asked for again and again. The proof is the same, whichever process reads what, and whenever it began: chain j,
 * from the moment its first page was read, holds every record that lives throughout with an id from its `top` down to the `top` of
 * the chain below; and the chain above goes on until it has reached that id. A `top` that no process has written yet is
 * waited for, where the chain above has come so far.
 */
import { listNotInOrder } from '../../errors/resources.ts'
import type { Client } from '../client.ts'
import { sleep } from '../http/retry.ts'
import { createBatchQueue, type BatchQueue } from './batch-queue.ts'
import { FROM_END, repeatedPageGuard } from './forward-pages.ts'
import type { PageChain } from './page-chains.ts'
import type { CachedPage, ListRequest, Page } from './page.ts'
import { fetchPage } from './pages.ts'
import { compareIds, isInOrder, topOf } from './reverse-pages.ts'

export interface ChainPool {
  /** The next chain to read, once there is one; undefined when all have ended. */
  take(signal: AbortSignal): Promise<PageChain | undefined>
  /** What lies below a chain that was taken; undefined below the lowest. */
  below(first: number): { readonly first: number; readonly top: string | null } | undefined
  /** Looks again what lies below, after a moment. */
  lookAgain(first: number, signal: AbortSignal): Promise<void>
}

interface Options {
  readonly client: Client
  readonly request: ListRequest
  readonly pool: ChainPool
  /** Chains that are read at once, however many places there are. */
  readonly atMost: number
  /** A page that was just read, and is not requested again. */
  readonly opening?: Page | undefined
  readonly recall: (number: number) => Promise<CachedPage | undefined>
  /** Records in one batch, about. */
  readonly batch: number
  readonly signal: AbortSignal
}

/** A page, and where its chain stands behind it. */
export interface ChainStep {
  readonly page: Page
  readonly chain: PageChain
}

/** Pages of one chain that are read before the consumer takes them. */
const AHEAD = 2
/** Until it is looked again whether there is a place for another chain. */
const LOOK_AGAIN_MS = 200

/** @throws SyncError SYNC_LIST_NOT_IN_ORDER; whatever `fetchPage` and the pool throw. What was read before is yielded first. */
export async function* readSharedChains(options: Options): AsyncGenerator<readonly ChainStep[]> {
  const { batch, signal } = options
  const queue = createBatchQueue<ChainStep>(AHEAD)
  // First: chains join for as long as it runs.
  queue.join()
  followAll({ ...options, queue, signal: AbortSignal.any([signal, queue.closed]) }).then(queue.end, queue.fail)
  try {
    for (;;) {
      const steps = await queue.take(batch, ({ page }) => Math.max(1, page.records.length))
      if (steps.length === 0) return
      yield steps
    }
  } finally {
    queue.close()
  }
}

type Following = Options & { readonly queue: BatchQueue<ChainStep> }

/** Takes a chain for each place of this process, until all have ended. */
async function followAll(following: Following): Promise<void> {
  const { client, pool, queue, atMost, signal } = following
  const underWay = new Set<Promise<void>>()
  for (;;) {
    if (underWay.size > 0 && (underWay.size >= atMost || client.slots.spare() <= 0)) {
      await Promise.race([...underWay, sleep(LOOK_AGAIN_MS, signal)])
      continue
    }
    const chain = await pool.take(signal)
    if (chain === undefined) return
    const leave = client.slots.enter()
    const one = follow(queue.join(), chain, following)
      .finally(() => {
        leave()
        underWay.delete(one)
      })
      .then(queue.end, queue.fail)
    underWay.add(one)
  }
}

async function follow(producer: number, taken: PageChain, following: Following): Promise<void> {
  const { client, request, opening, recall, queue, signal } = following
  const guard = repeatedPageGuard(request)
  let chain = taken
  let above: Page | undefined
  while (chain.next > 0 && (await queue.hasRoom(producer))) {
    const { next: number } = chain
    const page =
      opening?.number === number && chain.top === null
        ? opening
        : await fetchPage(client, request, number, signal, await recall(number), FROM_END)
    guard(page)
    if (!isInOrder(page, above)) throw listNotInOrder({ path: request.path, page: number })
    const hasEnded = page.number === 1 || (await meetsBelow(chain.first, page, following))
    chain = { first: chain.first, next: hasEnded ? 0 : number - 1, top: chain.top ?? topOf(page) }
    queue.push(producer, { page, chain })
    above = page
  }
}

async function meetsBelow(first: number, { number, ids }: Page, { pool, signal }: Following): Promise<boolean> {
  for (;;) {
    const below = pool.below(first)
    if (below === undefined) return false
    // The list had nothing there when the chain below began, so that chain reads all there is.
    if (below.top === '') return true
    // Not by id alone: see `reverse-pages.ts`.
    if (number > below.first) return false
    if (below.top !== null) return ids.length > 0 && compareIds(ids[0]!, below.top) <= 0
    await pool.lookAgain(first, signal)
  }
}
