/** What a page that fails may be too much of, how often it is asked for, and what was learned of its list by that. */
import { factOf, hasCode, type SyncError } from '../../errors/sync-error.ts'
import { wasNeverSent } from '../client.ts'
import type { Attempts } from '../http/retry.ts'
import type { PageOptions, ListRequest } from './pages.ts'

/** What was learned of a list while it was read. */
export interface ListFacts {
  /** Larger pages than that are too much. */
  largestSize: number
  /** Records that were read around, by their addresses: a list may be read several times. */
  readonly unreadable: Set<string>
  /** It ignores what is said of pages. */
  ignoresPaging: boolean
  /** Its last page is given. */
  lastPageReached: boolean
}

const learned = new WeakMap<ListRequest['query'], ListFacts>()

/** Whoever asks by the same query object reads the same list, or those below the records of another one. */
export function listFactsOf({ query }: ListRequest): ListFacts {
  const known = learned.get(query) ?? {
    largestSize: Number.POSITIVE_INFINITY,
    unreadable: new Set(),
    ignoresPaging: false,
    lastPageReached: false,
  }
  learned.set(query, known)
  return known
}

/** Another question to the same list. */
export function shareListFacts(request: ListRequest, other: ListRequest): ListRequest {
  learned.set(other.query, listFactsOf(request))
  return other
}

/** The bytes are no page's fault: something in between answers, or nothing does. */
const FAILURES = [
  'SYNC_REMOTE_FAILED',
  'SYNC_REMOTE_TIMEOUT',
  'SYNC_REMOTE_UNREACHABLE',
  'SYNC_BODY_UNREADABLE',
] as const

/** 502 and 504 are what a gateway says that has waited long enough. */
const TOO_LONG: ReadonlySet<unknown> = new Set([502, 504])

export const isPageFailure = (error: unknown): error is SyncError => hasCode(error, ...FAILURES) && !wasNeverSent(error)

/** Fewer records may be less than too much. */
export function isTooMuch(error: SyncError): boolean {
  if (hasCode(error, 'SYNC_REMOTE_TIMEOUT')) return error.facts.phase !== 'connecting'
  if (hasCode(error, 'SYNC_BODY_UNREADABLE')) return error.facts.tooLarge === true
  return TOO_LONG.has(factOf(error, 'status'))
}

/** Who needs every record has nothing of a page without the one that fails it. */
export const maySplit = (error: SyncError, size: number, { skipUnreadable = false }: PageOptions): boolean =>
  isPageFailure(error) && ((isTooMuch(error) && size > 1) || skipUnreadable)

/**
 * The same page again would cost the same minute of waiting, and a 500 is Rails' word for a bug, which stays: once more is
 * for the deploy that went by. Undefined: as often as any other request.
 */
export const attemptsFor =
  (size: number | null, { skipUnreadable = false }: PageOptions): Attempts =>
  (error) => {
    if (size === null) return undefined
    if (isTooMuch(error) && size > 1) return factOf(error, 'status') === 502 ? 2 : 1
    return skipUnreadable && factOf(error, 'status') === 500 ? 2 : undefined
  }

/** A part that fails is looked into at once, and the last one asked for again behind a look at the rest. */
export const attemptsForPart = (error: SyncError): number | undefined =>
  isTooMuch(error) || factOf(error, 'status') === 500 ? 1 : undefined
