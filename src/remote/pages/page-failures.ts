/** Why a page fails, how often it is requested, and the facts that were found out about its list. */
import { factOf, hasCode, type SyncError } from '../../errors/sync-error.ts'
import { wasNeverSent, type Attempts } from '../http/retry.ts'
import type { PageOptions, ListRequest } from './page.ts'

/** What was found out about a list while it was read. */
export interface ListFacts {
  /** Larger pages are too much for the server. */
  largestSize: number
  /** Records that were skipped, by path and place: a list may be read several times. */
  readonly unreadable: Set<string>
  /** It ignores page number and size. */
  ignoresPaging: boolean
  /** The server sends its last page. */
  lastPageReached: boolean
  /** A page failed with `idsOnly`, or lacked something, and did not without. */
  failsIdsOnly: boolean
}

const listFacts = new WeakMap<ListRequest['query'], ListFacts>()

/** The facts belong to the query object: requests with the same one read the same list, or lists below the records of another. */
export function listFactsOf({ query }: ListRequest): ListFacts {
  const known = listFacts.get(query) ?? {
    largestSize: Number.POSITIVE_INFINITY,
    unreadable: new Set(),
    ignoresPaging: false,
    lastPageReached: false,
    failsIdsOnly: false,
  }
  listFacts.set(query, known)
  return known
}

/** Another query of the same list. */
export function shareListFacts(request: ListRequest, other: ListRequest): ListRequest {
  listFacts.set(other.query, listFactsOf(request))
  return other
}

/** Failures that may have to do with what is on the page. */
const FAILURES = [
  'SYNC_REMOTE_FAILED',
  'SYNC_REMOTE_TIMEOUT',
  'SYNC_REMOTE_UNREACHABLE',
  'SYNC_BODY_UNREADABLE',
] as const

/** A gateway sends 502 and 504 when it has waited too long. */
const TOO_LONG: ReadonlySet<unknown> = new Set([502, 504])

export const isPageFailure = (error: unknown): error is SyncError => hasCode(error, ...FAILURES) && !wasNeverSent(error)

/** A page with fewer records may succeed. */
export function isTooMuch(error: SyncError): boolean {
  if (hasCode(error, 'SYNC_REMOTE_TIMEOUT')) return error.facts.phase !== 'connecting'
  if (hasCode(error, 'SYNC_BODY_UNREADABLE')) return error.facts.tooLarge === true
  return TOO_LONG.has(factOf(error, 'status'))
}

/** A caller that needs every record cannot use a page without the one that fails. */
export const maySplit = (error: SyncError, size: number, { skipUnreadable = false }: PageOptions): boolean =>
  isPageFailure(error) && ((isTooMuch(error) && size > 1) || skipUnreadable)

/**
 * A page that is too much would cost the same minute again, and Rails sends 500 for a bug, which stays. One more attempt is for a
 * deployment at that moment. Undefined: as often as any other request.
 */
export const attemptsFor =
  (size: number | null, { skipUnreadable = false }: PageOptions): Attempts =>
  (error) => {
    if (size === null) return undefined
    if (isTooMuch(error) && size > 1) return factOf(error, 'status') === 502 ? 2 : 1
    return skipUnreadable && factOf(error, 'status') === 500 ? 2 : undefined
  }

/** A part that fails is split at once; a single record is requested again after the server has responded to something else. */
export const attemptsForPart = (error: SyncError): number | undefined =>
  isTooMuch(error) || factOf(error, 'status') === 500 ? 1 : undefined
