/**
 * One process that reads a shared list: takes chains, reads them, and writes their pages. The coordinator of the list is one
 * (`share-list.ts`), and so is each of its helpers (`help-read.ts`).
 */
import { sleep } from '../../remote/http/retry.ts'
import type { PageChain } from '../../remote/pages/page-chains.ts'
import { compareIds } from '../../remote/pages/reverse-pages.ts'
import type { ChainPool } from '../../remote/pages/shared-pages.ts'
import type { Database } from '../../store/connection/database.ts'
import { RENEW_EVERY_MS, type Lease, type Leases } from '../../store/fleet/leases.ts'
import type { Mirror } from '../../store/mirror/load.ts'
import {
  absorbBelow,
  advanceChains,
  ChainsMoved,
  countOpenChains,
  giveBackUnknown,
  readBelows,
  splitLongestChain,
  takeFreeChain,
  type Belows,
} from '../../store/progress/chains.ts'
import { addSeenPages } from '../../store/progress/checkpoint.ts'
import { endLostReaders, renewReader, type MembersShown, type Reader } from '../../store/progress/shared-list.ts'
import type { Batch, ReadPage } from '../list/read-page.ts'
import { withDbRetry } from '../with-db-retry.ts'
import type { Written } from '../write-records.ts'
import { writeBatch, type Target } from './write-batch.ts'

/** Between two looks for a chain that is free, or that has got a top. */
const LOOK_AGAIN_MS = 200
/** A chain with fewer pages left is not split: one page is read twice for it, and its reader is a few pages ahead of what is written. */
const SPLIT_FROM_PAGES = 8
const FEWEST_PAGES = 2

interface Deps {
  readonly sql: Database
  readonly reader: Reader
  /** Under the term of the coordinator. */
  readonly lease: Lease
  /** Of this process. */
  readonly leases: Pick<Leases, 'session'>
  /** SYNC_SHARE_PAGES */
  readonly fromPages: number
}

export class SharedReader implements ChainPool {
  readonly #sql: Database
  readonly #reader: Reader
  readonly #lease: Lease
  readonly #leases: Deps['leases']
  readonly #splitFrom: number
  #belows: Belows = new Map()
  #members = ''
  /** By the `first` of each. */
  readonly #taken = new Set<number>()
  /** It may have been given a chain that it does not know of. */
  #isTaking = false

  constructor({ sql, reader, lease, leases, fromPages }: Deps) {
    this.#sql = sql
    this.#reader = reader
    this.#lease = lease
    this.#leases = leases
    this.#splitFrom = Math.max(FEWEST_PAGES, Math.min(SPLIT_FROM_PAGES, fromPages))
  }

  /** Others see that this process lives, until the timer is cleared. @param onLost they have taken its chains. */
  renewing(onLost: () => void): NodeJS.Timeout {
    return setInterval(() => {
      // One that cannot be sent is tried again.
      this.#renew().then(
        (isOurs) => isOurs || onLost(),
        () => {},
      )
    }, RENEW_EVERY_MS)
  }

  async #renew(): Promise<boolean> {
    return await renewReader(this.#sql, this.#reader, await this.#leases.session())
  }

  async take(signal: AbortSignal): Promise<PageChain | undefined> {
    for (;;) {
      const found = await withDbRetry(() => this.#find(), signal)
      if (found === undefined) return undefined
      if (found !== null) {
        this.#learn(await withDbRetry(() => readBelows(this.#sql, this.#reader), signal))
        return found
      }
      await sleep(LOOK_AGAIN_MS, signal)
    }
  }

  below(first: number): ReturnType<ChainPool['below']> {
    return this.#belows.get(first)
  }

  async lookAgain(first: number, signal: AbortSignal): Promise<void> {
    await sleep(LOOK_AGAIN_MS, signal)
    await withDbRetry(async () => {
      await endLostReaders(this.#sql, this.#reader)
      await absorbBelow(this.#sql, this.#reader, first)
      this.#learn(await readBelows(this.#sql, this.#reader))
    }, signal)
  }

  /** Null: there is nothing for it now. */
  async #find(): Promise<PageChain | undefined | null> {
    const [sql, reader] = [this.#sql, this.#reader]
    // No one would ever read that chain, and all would wait for it.
    if (this.#isTaking) await giveBackUnknown(sql, reader, this.#taken)
    this.#isTaking = true
    const taken = (await takeFreeChain(sql, reader)) ?? (await splitLongestChain(sql, reader, this.#splitFrom))
    if (taken !== undefined) this.#taken.add(taken.first)
    this.#isTaking = false
    if (taken === undefined) {
      await endLostReaders(sql, reader)
      return (await countOpenChains(sql, reader)) === 0 ? undefined : null
    }
    return taken
  }

  /** What is known of chains that have ended stays, for pages that are still to be written. */
  #learn(belows: Belows): void {
    this.#belows = new Map([...this.#belows, ...belows])
  }

  /** Writes the pages of a batch, with the places of their chains. @throws SyncError SYNC_LEASE_LOST */
  async write(
    target: Target & { readonly mirror: Mirror; readonly signal: AbortSignal },
    batch: Batch,
  ): Promise<Written> {
    const { resource, pass, mirror, signal } = target
    const steps = batch.steps!
    const chains = [...new Map(steps.map((chain) => [chain.first, chain])).values()]
    for (;;) {
      let members: MembersShown | undefined
      const known = this.#belows
      const pages = batch.pages.map((page, at) => withoutBelow(page, known.get(steps[at]!.first)))
      try {
        const written = await writeBatch(
          target,
          { ...batch, pages },
          async () => {},
          async (tx, { loaded, progress, known: cached }) => {
            // In one order, or two processes would wait for each other's page.
            await addSeenPages(
              tx,
              resource.type,
              pass,
              progress.pages.toSorted((a, b) => a.page - b.page),
            )
            // Only now has the mirror seen the records of these pages.
            members = this.#ifNew({ seen: mirror.seenMembers(), unseen: mirror.unseenAttributes() }, pages)
            const shown = {
              ...pick(loaded),
              unchanged: loaded.unchanged + cached,
              kept: loaded.left.length,
              records: pages.reduce((sum, { ids }) => sum + ids.length, 0),
              pages: pages.length,
              steady: progress.steady,
              full: progress.full,
              fresh: progress.fresh,
              parsedAll: pages.every((page) => !page.known),
              members,
            }
            const term = this.#lease.term
            this.#learn(await advanceChains(tx, { reader: this.#reader, term }, chains, known, shown))
          },
        )
        // Not before it is committed: it may run twice.
        if (members !== undefined) this.#members = JSON.stringify(members)
        return written
      } catch (error) {
        if (!(error instanceof ChainsMoved)) throw error
        const own = chains.map(({ first }) => first)
        this.#learn(await withDbRetry(() => readBelows(this.#sql, this.#reader, own), signal))
      }
    }
  }

  /** Undefined where it was saved before. */
  #ifNew(members: MembersShown, pages: readonly ReadPage[]): MembersShown | undefined {
    if (pages.every(({ records }) => records.length === 0)) return undefined
    return JSON.stringify(members) === this.#members ? undefined : members
  }
}

const pick = ({ inserted, updated }: { readonly inserted: number; readonly updated: number }) => ({ inserted, updated })

/**
 * Of two chains only one writes a record: the lower one, from its `top` on. A page of the one above that reaches down there is
 * not kept in the page cache, which would say of rows that another process writes that they are known.
 */
function withoutBelow(
  page: ReadPage,
  below: { readonly first: number; readonly top: string | null } | undefined,
): ReadPage {
  if (below === undefined) return page
  const top = below.top ?? ''
  const isAbove = (id: string | null): boolean => id === null || top === '' || compareIds(id, top) > 0
  if (page.number > below.first && page.ids.every(isAbove)) return page
  return {
    ...page,
    validator: null,
    records: page.records.filter(({ id }) => isAbove(id)),
    unusable: page.unusable.filter(({ id }) => isAbove(id)),
    ids: page.ids.filter(isAbove),
  }
}
