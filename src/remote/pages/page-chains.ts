/** How the pages of a list are divided among the chains that read it (`reverse-pages.ts`). */

export interface PageChain {
  /** The page it begins at. */
  readonly first: number
  /** The page to read next; 0 when it has ended. */
  readonly next: number
  /** The last id of its first page when that was read: `''` when the page was empty, null before it was read. */
  readonly top: string | null
}

/** One page more is read where two chains meet; a chain has at least so many. */
const MIN_PAGES_PER_CHAIN = 4

export function planChains(pageCount: number, atMost: number): PageChain[] {
  const count = Math.max(1, Math.min(atMost, Math.floor(pageCount / MIN_PAGES_PER_CHAIN)))
  return Array.from({ length: count }, (_, index) => beginAt(Math.round((pageCount * (index + 1)) / count)))
}

/** Pages that the chain has still to read; fewer than 1 once it has reached the first page of the chain below it, at page `end`. */
export const pagesLeft = ({ next }: PageChain, end: number): number => next - end

/** A chain for the second half of what another one has still to read; undefined where that is too little. */
export function secondHalf(chain: PageChain, end: number): PageChain | undefined {
  const left = pagesLeft(chain, end)
  return left < 2 * MIN_PAGES_PER_CHAIN ? undefined : beginAt(end + Math.floor(left / 2))
}

/**
 * The checkpoint without chains of which nothing is known to be needed: a chain that has ended is needed by the one above it,
 * until that has ended, too. The topmost one tells how long the list was.
 */
export const withoutJoined = <C extends { readonly saved: PageChain }>(chains: readonly C[]): C[] =>
  chains.filter(({ saved }, index) => saved.next > 0 || chains[index + 1]?.saved.next !== 0)

const beginAt = (first: number): PageChain => ({ first, next: first, top: null })
