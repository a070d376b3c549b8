/** The passes of a snapshot: three at most over one list, with their checkpoint in the database. */
import type { LeasedTransaction } from '../../store/fleet/leases.ts'
import { beginPass, readPassEvidence, type NewPass, type PassEvidence } from '../../store/progress/checkpoint.ts'
import type { Passes, PassStart, PassTally } from '../list/list-reader.ts'
import { withDbRetry } from '../with-db-retry.ts'
import type { OpenSnapshot } from './resume.ts'
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
  readonly #begun: OpenSnapshot
  /** The pass is saved with the first batch of it. */
  #unsaved: NewPass | undefined
  /** Once its last batch is written. */
  #evidence: PassEvidence | undefined
  readonly #onBegin: (count: number | null, isFirst: boolean) => void

  constructor(deps: PassDeps, begun: OpenSnapshot, onBegin: (count: number | null, isFirst: boolean) => void) {
    const { pass, firstCount: count, pageSize } = begun
    const chains = begun.chains as PassStart['chains'] | null
    this.resumed = chains === null || chains.length === 0 ? undefined : { chains, count, size: pageSize ?? 0 }
    this.number = pass
    this.#begun = begun
    this.#deps = deps
    this.#onBegin = onBegin
  }

  begin({ count, pages, chains, size, transfersAll }: PassStart, resumed: boolean): Promise<void> {
    this.pages = pages
    this.transferredAll &&= transfersAll
    const { startedAt, request } = this.#begun
    const pass = { startedAt, request, pass: this.number, chains, firstCount: count, pageSize: size }
    this.#unsaved = resumed ? undefined : pass
    this.#onBegin(count, this.#isFirst())
    return Promise.resolve()
  }

  /** Part of the transaction that writes a batch. */
  async save(tx: LeasedTransaction): Promise<void> {
    const isNew = this.#begun.isNew && this.#isFirst()
    if (this.#unsaved !== undefined) await beginPass(tx, this.#deps.resource.type, this.#unsaved, isNew)
  }

  #isFirst(): boolean {
    return this.number === this.#begun.pass
  }

  add(): void {
    // Written with its rows.
  }

  /** That transaction has been committed. */
  saved(): void {
    this.#unsaved = undefined
  }

  async evidence(): Promise<PassEvidence> {
    const { sql, resource, lease, signal } = this.#deps
    // Below no parent there is no batch.
    if (this.#unsaved !== undefined) await lease.transaction((tx) => this.save(tx))
    this.saved()
    return (this.#evidence ??= await withDbRetry(() => readPassEvidence(sql, resource.type, this.number), signal))
  }

  async tally(): Promise<PassTally> {
    const { seen, carriers, fresh, steady, full } = await this.evidence()
    // The included records do not show which records of the list were known.
    if (this.#deps.plan.read.from === 'included') return { steady, full, seen: carriers, known: 0 }
    return { steady, full, seen, known: seen - fresh }
  }

  next(anyway: boolean): boolean {
    if (!anyway && this.number % SECOND_LIST >= MOST_PASSES) return false
    this.number++
    this.#evidence = undefined
    return true
  }
}
