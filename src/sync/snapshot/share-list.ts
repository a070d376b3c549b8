/**
 * The coordinator's side of a shared list. It reads alone, as any list is read, until there is another worker process that could
 * help; then the chains become rows, others are called, and it reads on as one reader among them. Whether the list is complete it
 * decides alone, when all chains have ended, from what all readers have shown.
 *
 *   alone ── another worker lives, and many pages are left ──► shared ── all chains have ended ──► assessed
 *     ▲                                                          │
 *     └── the coordinator was killed: the next one goes on       └─ a helper was killed, or hangs: its chains are free
 */
import type { Resource } from '../../catalog/resource.ts'
import { leaseLost, listNotInOrder } from '../../errors/resources.ts'
import type { PageChain } from '../../remote/pages/page-chains.ts'
import type { CacheTrust, ListRequest } from '../../remote/pages/page.ts'
import { readSharedChains, type ChainStep } from '../../remote/pages/shared-pages.ts'
import {
  closeSharedList,
  countBusyReaders,
  endReader,
  openReader,
  openSharedList,
  readFoundByOthers,
  type FoundByOthers,
  type Reader,
} from '../../store/progress/shared-list.ts'
import { BATCH_RECORDS } from '../list/list-reader.ts'
import type { ListSharing, ListToShare } from '../list/list-sharing.ts'
import { withDbRetry } from '../with-db-retry.ts'
import type { SavedPasses } from './saved-passes.ts'
import { SharedReader } from './shared-reader.ts'
import type { PassDeps, Sharing } from './snapshot-options.ts'

/** What a helper needs to know to read and write as the coordinator does. */
export interface SharedReading {
  readonly request: ListRequest
  readonly digest: string
  readonly count: number | null
  readonly size: number
  /** Of cached pages; null: there are none. */
  readonly trust: CacheTrust | null
  /** Columns beside the declared ones. */
  readonly added: Resource['added']
  readonly acceptWithheld: boolean
  /** Which written projects are noted as changed: those since a time, or all. */
  readonly followSince: string | null
}

export type HowShared = Pick<SharedReading, 'acceptWithheld' | 'followSince'>

/** Between two looks for other workers, and between two calls of those that live. */
const ASK_AGAIN_MS = 10_000
const CALL_AGAIN_MS = 2_000

interface Deps {
  readonly sharing: Sharing
  readonly pass: PassDeps
  readonly runId: number
  readonly startedAt: Date
  readonly passes: SavedPasses
  readonly how: HowShared
}

export class ShareList implements ListSharing {
  /** The reader of this process, while the list is shared. */
  reader: SharedReader | undefined
  misled = false
  /** In each pass that was shared. */
  readonly found: (FoundByOthers & { readonly pass: number })[] = []
  readonly #deps: Deps
  #askedAt = -Infinity
  #others = 0

  constructor(deps: Deps) {
    this.#deps = deps
  }

  async wanted(chains: readonly PageChain[]): Promise<boolean> {
    const { sharing, pass } = this.#deps
    if (sharing.fromPages === 0 || pagesToRead(chains) < sharing.fromPages) return false
    if (performance.now() - this.#askedAt < ASK_AGAIN_MS) return this.#others > 0
    this.#askedAt = performance.now()
    this.#others = await withDbRetry(() => sharing.others(), pass.signal)
    return this.#others > 0
  }

  async *read(list: ListToShare): AsyncGenerator<readonly ChainStep[]> {
    const { sharing, pass, passes } = this.#deps
    const { sql, resource, lease, client, signal: outer } = pass
    this.misled = false
    const own = await this.#open(list)
    const reader = new SharedReader({ sql, reader: own, lease, leases: sharing.leases, fromPages: sharing.fromPages })
    this.reader = reader
    const lost = new AbortController()
    const renewal = reader.renewing(() => lost.abort())
    const calling = setInterval(() => void this.#callOthers(own).catch(() => {}), CALL_AGAIN_MS)
    const signal = AbortSignal.any([outer, lost.signal])
    try {
      await this.#callOthers(own).catch(() => {})
      const { request, opening, recall } = list
      const atMost = pass.concurrency + 2
      yield* readSharedChains({ client, request, opening, recall, atMost, pool: reader, batch: BATCH_RECORDS, signal })
      const found = await withDbRetry(() => readFoundByOthers(sql, own), signal)
      if (found.disorderedPage !== null) throw listNotInOrder({ path: request.path, page: found.disorderedPage })
      this.misled = found.misled
      this.found.push({ ...found, pass: passes.number })
    } catch (error) {
      throw lost.signal.aborted ? leaseLost(lease) : error
    } finally {
      clearInterval(renewal)
      clearInterval(calling)
      this.reader = undefined
      await endReader(sql, own).catch(() => {})
      // Where this process only stops, its helpers go on.
      if (!outer.aborted) await lease.transaction((tx) => closeSharedList(tx, resource.type)).catch(() => {})
    }
  }

  async #open({ request, chains, count, size, trust }: ListToShare): Promise<Reader> {
    const { sharing, pass, runId, startedAt, passes, how } = this.#deps
    const { sql, resource, digest, lease, signal } = pass
    const reading: SharedReading = { ...how, request, digest, count, size, trust, added: resource.added }
    const list = {
      resource: resource.type,
      runId,
      term: lease.term,
      startedAt,
      pass: passes.number,
      version: sharing.version,
      reading,
    }
    await lease.transaction(async (tx) => {
      await passes.save(tx)
      await openSharedList(tx, list, chains)
    })
    passes.saved()
    const backend = await withDbRetry(() => sharing.leases.session(), signal)
    const opened = await withDbRetry(() => openReader(sql, list, { holder: sharing.holder, backend }), signal)
    return opened!
  }

  /** Also those that have come since, and those whose job a queue has lost. */
  async #callOthers(own: Reader): Promise<void> {
    const { sharing, pass, runId } = this.#deps
    const [others, busy] = [await sharing.others(), await countBusyReaders(pass.sql, own)]
    if (others > busy) await sharing.call(runId, pass.resource.type, others - busy)
  }
}

/** Pages that are still to be read. */
const pagesToRead = (chains: readonly PageChain[]): number =>
  chains.reduce((sum, { next }, at) => sum + Math.max(0, next - (chains[at - 1]?.first ?? 0)), 0)
