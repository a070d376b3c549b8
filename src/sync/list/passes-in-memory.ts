/** The passes of a reading that keeps no checkpoint. */
import type { Passes, PassStart, PassTally } from './list-reader.ts'
import { countedIn, type Batch } from './read-page.ts'

/** What one has seen is known to the next. */
export class PassesInMemory implements Passes {
  /** Different ids seen in this pass. */
  seen = new Set<string>()
  count: number | null = null
  #known: ReadonlySet<string> = new Set()
  #steady = true
  #full = true
  #left: number

  /** @param most so many passes in all. */
  constructor(most: number) {
    this.#left = most
  }

  begin({ count }: PassStart): Promise<void> {
    this.count = count
    return Promise.resolve()
  }

  add({ pages, steady, full }: Batch): void {
    this.#steady &&= steady
    this.#full &&= full
    for (const page of pages) for (const id of countedIn(page)) this.seen.add(id)
  }

  tally(): Promise<PassTally> {
    const known = this.seen.intersection(this.#known).size
    return Promise.resolve({ seen: this.seen.size, known, steady: this.#steady, full: this.#full })
  }

  next(): boolean {
    if (--this.#left <= 0) return false
    this.#known = this.seen
    this.seen = new Set()
    this.#steady = true
    this.#full = true
    return true
  }
}
