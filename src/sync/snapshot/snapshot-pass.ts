/** One pass over a resource: where it begins, and its batches. */
import type { Resource } from '../../catalog/resource.ts'
import { fetchFirstPage, unlessPastPagingLimit } from '../../remote/pages/forward-pages.ts'
import { inferPageSize } from '../../remote/pages/list-length.ts'
import { fetchPage, type ListRequest, type Page } from '../../remote/pages/pages.ts'
import { type PageChain, planChains } from '../../remote/pages/reverse-pages.ts'
import type { Database } from '../../store/connection/database.ts'
import { confirmLease, type Lease } from '../../store/fleet/leases.ts'
import { mirroredIds } from '../../store/mirror/ids.ts'
import { openPass, readPageCount, type Snapshot } from '../../store/progress/checkpoint.ts'
import { needsBothEnds } from '../list/list-facts.ts'
import type { Batch } from '../list/page-batch.ts'
import { openPageCache } from '../list/page-cache.ts'
import {
  readEach,
  readList,
  readSingleton,
  type ListInput,
  type ReadContext,
  type WantedType,
} from '../list/read-list.ts'
import { readNestedLists } from '../list/read-nested.ts'
import type { ReadPlan } from '../list/read-plan.ts'
import { withDbRetry } from '../with-db-retry.ts'

export interface PassDeps extends ReadContext {
  readonly sql: Database
  readonly slug: string
  readonly resource: Resource
  readonly plan: ReadPlan
  /** `requestDigest` of the plan. */
  readonly digest: string
  /** Days for which a 304 is trusted. */
  readonly recheckDays: number
  readonly lease: Lease
}

export interface Pass {
  readonly pass: number
  /** `record-count` and pages at its beginning; null where the list has none. */
  readonly count: number | null
  readonly pages: number | null
  /** Every page is transferred: no 304 is accepted. */
  readonly transfersAll: boolean
  readonly batches: AsyncGenerator<Batch>
}

/** The beginning of a read that keeps no checkpoint. */
export const EMPTY_SNAPSHOT: Snapshot = {
  startedAt: new Date(0),
  ageMs: 0,
  request: null,
  pass: 1,
  chains: null,
  position: null,
  firstCount: null,
  pageSize: null,
  steady: true,
  full: true,
  fresh: 0,
}

export async function startPass(deps: PassDeps, snapshot: Snapshot, from: number): Promise<Pass> {
  const { plan, signal, slug, resource, sql } = deps
  const { read, request } = plan
  const { pass } = snapshot
  const wanted: WantedType = { type: resource.type, aliases: resource.aliases, carried: read.from === 'included' }
  const uncounted = { pass, count: null, pages: null, transfersAll: true }
  if (read.from === 'singleton') return { ...uncounted, batches: readSingleton(deps, read.path) }
  if (read.from === 'each' || read.from === 'below') {
    const { position } = snapshot
    const parents = await withDbRetry(() => mirroredIds(sql, read.parent.replaceAll('-', '_'), position), signal)
    const parentOf = (id: string): string => `/${slug}/v1/${read.parent}/${id}`
    const base = { parents, from, pathOf: (id: string): string => `${parentOf(id)}/${read.path}` }
    if (read.from === 'below') {
      return { ...uncounted, batches: readNestedLists(deps, { ...base, wanted, request: request!, parentOf }) }
    }
    const query = new URLSearchParams(read.query).toString()
    const pathOf = (id: string): string => `${base.pathOf(id)}?${query}`
    return { ...uncounted, batches: readEach(deps, { ...base, type: resource.type, pathOf }) }
  }
  return await beginList(deps, snapshot, request!, wanted)
}

const FROM_END = { fromEnd: true, skipUnreadable: true } as const

/** Then no page counts as full: the list's counts contradict each other. */
const NO_SIZE = 0

async function beginList(deps: PassDeps, snapshot: Snapshot, request: ListRequest, wanted: WantedType): Promise<Pass> {
  const { plan, signal, resource, sql, lease } = deps
  const laid = snapshot.chains as PageChain[] | null
  const resumed = laid !== null && laid.length > 0
  const { recall, transfersAll } = await openPageCache(deps, request, { resumed })
  const far = needsBothEnds(plan)
  const list = { request, wanted, ordered: plan.ordered, far, recall }
  const { pass } = snapshot
  if (resumed) {
    const pages = Math.max(...laid.map(({ first }) => first))
    return {
      pass,
      count: snapshot.firstCount,
      pages,
      transfersAll,
      batches: readList(deps, { ...list, chains: laid, opening: undefined, size: snapshot.pageSize }),
    }
  }
  const { opening, size } = await openWhole(deps, request, recall)
  const { recordCount: count } = opening
  const pageCount = far ? null : opening.pageCount
  const chains = pageCount === null ? [] : planChains(Math.max(1, pageCount), deps.concurrency + 2)
  const open = () =>
    sql.begin(async (tx) => {
      await confirmLease(tx, lease)
      await openPass(tx, resource.type, { pass, chains, count, pageSize: size })
    })
  await withDbRetry(open, signal)
  return { pass, count, pages: pageCount, transfersAll, batches: readList(deps, { ...list, chains, opening, size }) }
}

/**
 * Finds the length of the list and the size of its pages: from its last page, where an earlier read knows the number, since
 * the read begins with that page anyway.
 */
async function openWhole(
  { sql, client, resource, plan, signal }: PassDeps,
  request: ListRequest,
  recall: ListInput['recall'],
): Promise<{ opening: Page; size: number }> {
  const pages = needsBothEnds(plan) ? null : await withDbRetry(() => readPageCount(sql, resource.type), signal)
  const guess = Math.max(1, pages ?? 1)
  // The list may be shorter by now, and the server refuse pages behind its end.
  const last =
    guess === 1
      ? undefined
      : await unlessPastPagingLimit(fetchPage(client, request, guess, signal, await recall(guess), FROM_END))
  const size = last === undefined ? null : inferPageSize(last, request.pageSize)
  if (last !== undefined && last.pageCount !== null && size !== null) return { opening: last, size }
  // Behind the end of a list some servers give no counts, so the first page is requested.
  const first = await fetchFirstPage(client, request, signal, guess === 1 ? await recall(1) : undefined)
  return { opening: first, size: inferPageSize(first, null) ?? NO_SIZE }
}
