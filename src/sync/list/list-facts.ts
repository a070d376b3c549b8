/**
 * What a reading has learned of its list, so that the next one begins with it. After a day it is found out anew: what has come
 * of age is forgotten where the question is opened, by the database's clock, and nobody looks at the time after that.
 */
import { listFactsOf } from '../../remote/pages/page-failures.ts'
import type { ReadPlan } from './read-plan.ts'

export interface ListFacts {
  /** Larger pages are too much for the server. */
  readonly most?: { readonly size: number; readonly at: string }
  /** When it gave no page so far back: it is read from both ends. */
  readonly farAt?: string
  /** When it ignored what is said of pages: one document held all of it. */
  readonly unpagedAt?: string
}

const DAY_MS = 24 * 60 * 60_000

/** Nor from a time to come: a host whose clock is ahead has written that. */
export const isFresh = (at: string | undefined, now: Date): boolean =>
  at !== undefined && Math.abs(now.getTime() - Date.parse(at)) < DAY_MS

export function freshFacts({ most, farAt, unpagedAt }: ListFacts, now: Date): ListFacts {
  return {
    ...(isFresh(most?.at, now) ? { most: most! } : {}),
    ...(isFresh(farAt, now) ? { farAt: farAt! } : {}),
    ...(isFresh(unpagedAt, now) ? { unpagedAt: unpagedAt! } : {}),
  }
}

export const needsBothEnds = ({ learned }: ReadPlan): boolean => learned?.farAt !== undefined

/** Undefined where it was tried. */
export const planForBothEnds = (question: ReadPlan, now: Date): ReadPlan | undefined =>
  needsBothEnds(question) ? undefined : { ...question, learned: { ...question.learned, farAt: now.toISOString() } }

/** For whoever asks by this question, or one that is made of it (`learnFrom`). */
export function applyFacts(question: ReadPlan): ReadPlan {
  const { request, learned } = question
  if (request === null || learned === undefined) return question
  const known = listFactsOf(request)
  if (learned.unpagedAt !== undefined) known.unpaged = true
  if (learned.most !== undefined) known.most = Math.min(known.most, learned.most.size)
  return question
}

/** As a whole reading asks it: with pages that are not too much, so that each can be known again. */
export function withSmallerPages(question: ReadPlan): ReadPlan {
  const { request } = question
  if (request === null || request.pageSize === null) return question
  const { most } = listFactsOf(request)
  return most < request.pageSize ? { ...question, request: { ...request, pageSize: most } } : question
}

/** Undefined when there is nothing new to remember. */
export function withNewFacts(question: ReadPlan, now: Date): ReadPlan | undefined {
  const { request, learned } = question
  if (request === null) return undefined
  const { most, unpaged, reached } = listFactsOf(request)
  const isSmaller = most < (request.pageSize ?? 0) && most !== learned?.most?.size
  const { farAt, ...rest } = learned ?? {}
  const isNear = farAt !== undefined && reached
  const isUnpaged = unpaged && learned?.unpagedAt === undefined
  if (!isSmaller && !isNear && !isUnpaged) return undefined
  const far = farAt === undefined || isNear ? {} : { farAt }
  const at = now.toISOString()
  const size = isSmaller ? { most: { size: most, at } } : {}
  return { ...question, learned: { ...rest, ...far, ...size, ...(isUnpaged ? { unpagedAt: at } : {}) } }
}
