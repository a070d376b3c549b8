/** The passes of a snapshot: three at most over one list, with their checkpoint in the database. */
import {
  countSeen,
  openPass,
  readPassEvidence,
  type SeenCounts,
  type Snapshot,
} from '../../store/progress/checkpoint.ts'
import type { Passes, PassStart, PassTally } from '../list/list-reader.ts'
import { withDbRetry } from '../with-db-retry.ts'
import type { PassDeps } from './snapshot-options.ts'

/** A list that is not proved complete by then keeps changing, or never can be. */
const MOST_PASSES = 3
/** Where two lists are read, the passes of the second one are numbered from here. */
export const SECOND_LIST = 10

/** Passes whose checkpoint, and what they have seen, is saved with the rows (S1). */
export class SavedPasses implements Passes {
  readonly resumed: Passes['resumed']
  /** Of the pass. */
  number: number
  pages: number | null = null
  transferredAll = true
  readonly #deps: PassDeps
  readonly #first: number
  /** Once its last batch is written. */
  #counts: SeenCounts | undefined
  readonly #onBegin: (count: number | null, isFirst: boolean) => void

  constructor(deps: PassDeps, begun: Snapshot, onBegin: (count: number | null, isFirst: boolean) => void) {
    const { pass, firstCount: count, pageSize } = begun
    const chains = begun.chains as PassStart['chains'] | null
    this.resumed = chains === null || chains.length === 0 ? undefined : { chains, count, size: pageSize ?? 0 }
    this.number = pass
    this.#first = pass
    this.#deps = deps
    this.#onBegin = onBegin
  }

  async begin({ count, pages, chains, size, transfersAll }: PassStart, resumed: boolean): Promise<void> {
    const { lease, resource } = this.#deps
    this.pages = pages
    this.transferredAll &&= transfersAll
    const pass = { pass: this.number, chains, count, pageSize: size }
    if (!resumed) await lease.transaction((tx) => openPass(tx, resource.type, pass))
    this.#onBegin(count, this.number === this.#first)
  }

  add(): void {
    // Written with its rows.
  }

  async counts(): Promise<SeenCounts> {
    const { sql, resource, signal } = this.#deps
    return (this.#counts ??= await withDbRetry(() => countSeen(sql, resource.type, this.number), signal))
  }

  async tally(): Promise<PassTally> {
    const { sql, resource, plan, signal } = this.#deps
    const { seen, carriers } = await this.counts()
    const { fresh, ...evidence } = await withDbRetry(() => readPassEvidence(sql, resource.type), signal)
    // The included records do not show which records of the list were known.
    if (plan.read.from === 'included') return { ...evidence, seen: carriers, known: 0 }
    return { ...evidence, seen, known: seen - fresh }
  }

  next(anyway: boolean): boolean {
    if (!anyway && this.number % SECOND_LIST >= MOST_PASSES) return false
    this.number++
    this.#counts = undefined
    return true
  }
}
