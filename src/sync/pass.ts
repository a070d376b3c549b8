/** One reading of a resource: where it begins, and its batches. */
import { layChains, type Chain } from '../remote/chains.ts'
import { fetchPage, sizeFrom, type ListRequest, type Page } from '../remote/pages.ts'
import type { Resource } from '../resource.ts'
import { openPass, readPageCount, type Snapshot } from '../store/cursors.ts'
import type { Database } from '../store/database.ts'
import { confirmLease, type Lease } from '../store/leases.ts'
import { mirroredIds } from '../store/rows.ts'
import { readBelow } from './below.ts'
import type { Batch } from './commit.ts'
import { openKnownPages } from './known-pages.ts'
import type { Question } from './question.ts'
import { readEach, readList, readSingleton, type ListReading, type Reading, type Wanted } from './read.ts'
import { reconnecting } from './reconnect.ts'

export interface PassDeps extends Reading {
  readonly sql: Database
  readonly slug: string
  readonly resource: Resource
  readonly question: Question
  /** `digestOf` the question. */
  readonly digest: string
  /** Days for which a page is believed to be unchanged because the server says so. */
  readonly recheckDays: number
  readonly lease: Lease
}

export interface Pass {
  readonly pass: number
  /** `record-count` and pages before it was read; null where nothing is counted. */
  readonly count: number | null
  readonly pages: number | null
  /** Every page is transferred, whatever the server says of it. */
  readonly transfersAll: boolean
  readonly batches: AsyncGenerator<Batch>
}

export async function beginPass(deps: PassDeps, snapshot: Snapshot, from: number): Promise<Pass> {
  const { question, signal, slug, resource, sql } = deps
  const { read, request } = question
  const { pass } = snapshot
  const wanted: Wanted = { type: resource.type, aliases: resource.aliases, carried: read.from === 'included' }
  const uncounted = { pass, count: null, pages: null, transfersAll: true }
  if (read.from === 'singleton') return { ...uncounted, batches: readSingleton(deps, read.path) }
  if (read.from === 'each' || read.from === 'below') {
    const { position } = snapshot
    const parents = await reconnecting(() => mirroredIds(sql, read.parent.replaceAll('-', '_'), position), signal)
    const parentOf = (id: string): string => `/${slug}/v1/${read.parent}/${id}`
    const base = { parents, from, pathOf: (id: string): string => `${parentOf(id)}/${read.path}` }
    if (read.from === 'below') {
      return { ...uncounted, batches: readBelow(deps, { ...base, wanted, question: request!, parentOf }) }
    }
    const query = new URLSearchParams(read.query).toString()
    const pathOf = (id: string): string => `${base.pathOf(id)}?${query}`
    return { ...uncounted, batches: readEach(deps, { ...base, type: resource.type, pathOf }) }
  }
  return await beginList(deps, snapshot, request!, wanted)
}

/** No page is full then: what a list says of its pages contradicts itself. */
const NO_SIZE = 0

async function beginList(deps: PassDeps, snapshot: Snapshot, request: ListRequest, wanted: Wanted): Promise<Pass> {
  const { question, signal, resource, sql, lease } = deps
  const { recall, transfersAll } = await openKnownPages(deps, request)
  const list = { request, wanted, ordered: question.ordered, recall }
  const { pass } = snapshot
  const laid = snapshot.chains as Chain[] | null
  if (laid !== null && laid.length > 0) {
    const pages = Math.max(...laid.map(({ first }) => first))
    return {
      pass,
      count: snapshot.firstCount,
      pages,
      transfersAll,
      batches: readList(deps, { ...list, chains: laid, opening: undefined, size: snapshot.pageSize }),
    }
  }
  const { opening, size } = await openList(deps, request, recall)
  const { recordCount: count, pageCount } = opening
  const chains = pageCount === null ? [] : layChains(Math.max(1, pageCount), deps.concurrency + 2)
  const open = () =>
    sql.begin(async (tx) => {
      await confirmLease(tx, lease)
      await openPass(tx, resource.type, { pass, chains, count, pageSize: size })
    })
  await reconnecting(open, signal)
  return { pass, count, pages: pageCount, transfersAll, batches: readList(deps, { ...list, chains, opening, size }) }
}

/**
 * Says how long the list is, and its pages are. Where the first was known, and still holds, it is by the page that the
 * reading begins with.
 */
async function openList(
  { sql, client, resource, signal }: PassDeps,
  request: ListRequest,
  recall: ListReading['recall'],
): Promise<{ opening: Page; size: number }> {
  const guess = Math.max(1, (await reconnecting(() => readPageCount(sql, resource.type), signal)) ?? 1)
  const last = await fetchPage(client, request, guess, signal, await recall(guess))
  const size = sizeFrom(last, request.pageSize)
  // Behind the end of a list some servers say nothing, and only a page in the middle shows how long they really are.
  if (last.number > 1 && (last.pageCount === null || size === null)) {
    const first = await fetchPage(client, request, 1, signal)
    return { opening: first, size: sizeFrom(first, null) ?? NO_SIZE }
  }
  return { opening: last, size: size ?? NO_SIZE }
}
