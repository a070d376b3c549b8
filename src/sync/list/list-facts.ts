/**
 * What a read has learned about its list, so that the next one starts with it. Facts expire after a day, by the database's
 * clock, when the read plan is opened. They are stored with the plan in `sync.capabilities`: their names stay.
 */
import { listFactsOf } from '../../remote/pages/page-failures.ts'
import { orderOf, type ListFacts, type ReadPlan } from './read-plan.ts'

const DAY_MS = 24 * 60 * 60_000

/** A time in the future does not count: a host whose clock is ahead has written it. */
export const isFresh = (at: string | undefined, now: Date): boolean =>
  at !== undefined && Math.abs(now.getTime() - Date.parse(at)) < DAY_MS

export function freshFacts({ most, farAt, unpagedAt }: ListFacts, now: Date): ListFacts {
  return {
    ...(isFresh(most?.at, now) ? { most: most! } : {}),
    ...(isFresh(farAt, now) ? { farAt: farAt! } : {}),
    ...(isFresh(unpagedAt, now) ? { unpagedAt: unpagedAt! } : {}),
  }
}

/** Undefined when that is the plan already. */
export const planForBothEnds = (plan: ReadPlan, now: Date): ReadPlan | undefined =>
  orderOf(plan) === 'both-ends' ? undefined : { ...plan, learned: { ...plan.learned, farAt: now.toISOString() } }

/** For requests by this plan, and those derived from it (`shareListFacts`). */
export function applyFacts(plan: ReadPlan): ReadPlan {
  const { request, learned } = plan
  if (request === null || learned === undefined) return plan
  const known = listFactsOf(request)
  if (learned.unpagedAt !== undefined) known.ignoresPaging = true
  if (learned.most !== undefined) known.largestSize = Math.min(known.largestSize, learned.most.size)
  return plan
}

/** For a full read: with pages the server can answer, so that each of them can be cached. */
export function withSmallerPages(plan: ReadPlan): ReadPlan {
  const { request } = plan
  if (request === null || request.pageSize === null) return plan
  const { largestSize } = listFactsOf(request)
  return largestSize < request.pageSize ? { ...plan, request: { ...request, pageSize: largestSize } } : plan
}

/** Undefined when there is nothing new to remember. */
export function withNewFacts(plan: ReadPlan, now: Date): ReadPlan | undefined {
  const { request, learned = {} } = plan
  if (request === null) return undefined
  const observed = listFactsOf(request)
  const at = now.toISOString()
  const most = largestPage(request.pageSize, observed.largestSize, at, learned.most)
  const farAt = observed.lastPageReached ? undefined : learned.farAt
  const unpagedAt = learned.unpagedAt ?? (observed.ignoresPaging ? at : undefined)
  if (most === learned.most && farAt === learned.farAt && unpagedAt === learned.unpagedAt) return undefined
  return { ...plan, learned: { ...(most && { most }), ...(farAt && { farAt }), ...(unpagedAt && { unpagedAt }) } }
}

function largestPage(requested: number | null, size: number, at: string, before: ListFacts['most']): ListFacts['most'] {
  return size < (requested ?? 0) && size !== before?.size ? { size, at } : before
}
