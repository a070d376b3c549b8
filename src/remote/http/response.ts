import { notScopeStack, rateLimited, redirected, remoteFailed } from '../../errors/requests.ts'
/**
 * Which answers are ScopeStack's own, and which only say "later" or come from something on the way. What is no answer of
 * ScopeStack's says nothing about what was asked: neither that a role may not see it, nor that it is not there.
 */
import { excerptOf, isObject, readJson } from '../documents/document.ts'
import type { HttpResponse } from './http.ts'

/** @throws SyncError when the same request may succeed later: `wait` where the answer says when, `retry` otherwise. */
export function throwIfTemporary(response: HttpResponse, url: string): void {
  const { status } = response
  const waitMs = retryAfterMs(response)
  // With Retry-After even a 403 or 404 is a limit that passes: no refusal of ScopeStack's has one.
  if (status === 429 || (status >= 400 && waitMs !== null)) {
    throw rateLimited({ url, status, seconds: Math.ceil((waitMs ?? 0) / 1000) })
  }
  if (status >= 500 || PASSING.has(status)) {
    const taken = !UNTAKEN.has(status)
    throw remoteFailed({ url, status, requestId: header(response, 'x-request-id'), taken })
  }
  // A 304 is for whoever sent an ETag; here it comes unasked.
  if (status >= 300 && status < 400) throw redirected({ url, status, to: header(response, 'location') ?? 'nowhere' })
  if (isFromIntermediary(response)) throw notScopeStack({ url, status, start: excerptOf(response.body) })
}

/** Request Timeout, Misdirected Request, Too Early: the same request may be answered by the next try. */
const PASSING: ReadonlySet<number> = new Set([408, 421, 425])

/**
 * Of these the server says that it did not begin (RFC 9110 §15.5.20, RFC 8470 §5.2), so that a POST may be sent again
 * without a look. Not of 408: it speaks of what this hop received, and a proxy may have passed it on.
 */
const UNTAKEN: ReadonlySet<number> = new Set([421, 425])

/** What something on the way answers in ScopeStack's place; any other refusal is about the request itself. */
const MAY_BE_FOREIGN: ReadonlySet<number> = new Set([401, 403, 404, 405, 406, 407, 410, 451])

/**
 * ScopeStack's libraries send an empty body with 401, 403 and a route they do not know, and JSON with `errors` otherwise;
 * Rails itself sends JSON with `error`. A page, a line of text or any other JSON is a proxy's, a firewall's or a gateway's.
 */
export function isFromIntermediary({ status, headers, body }: HttpResponse): boolean {
  if (!MAY_BE_FOREIGN.has(status) || body.trim() === '') return false
  // Rails' own page for a route that it does not know: what stands before it does not count the time that it takes.
  if (status === 404 && headers['x-runtime'] !== undefined) return false
  try {
    const document = readJson(body)
    return !(Array.isArray(document) || (isObject(document) && ('errors' in document || 'error' in document)))
  } catch {
    return true
  }
}

/** Whoever asks for more is asked again after this, and told the same again. */
const LONGEST_WAIT_MS = 60 * 60_000

/**
 * `Retry-After` is seconds or an HTTP date (RFC 9110 §10.2.3), and whatever a proxy puts there: 0 where it cannot be read
 * or has passed, an hour at most, null when it is absent. A date is held against the answer's own: this host's clock may be
 * a day off, and is asked only where the answer does not say when it was given.
 */
export function retryAfterMs(response: Pick<HttpResponse, 'headers'>): number | null {
  const value = header(response, 'retry-after')?.trim()
  if (value === undefined || value === '') return null
  const seconds = Number(value)
  const ms = Number.isNaN(seconds) ? Date.parse(inUtc(value)) - (dateOf(response) ?? Date.now()) : seconds * 1000
  return Number.isNaN(ms) ? 0 : Math.min(LONGEST_WAIT_MS, Math.max(0, ms))
}

/** What the clock of whoever answered showed (RFC 9110 §6.6.1), in ms and to the second; undefined when it does not say. */
export function dateOf(response: Pick<HttpResponse, 'headers'>): number | undefined {
  const time = Date.parse(inUtc(header(response, 'date')?.trim() ?? ''))
  return Number.isNaN(time) ? undefined : time
}

/** The oldest of the three forms names no zone and means UTC; JavaScript takes that for local time. */
const inUtc = (date: string): string => (/^[A-Z][a-z]{2} [A-Z][a-z]{2} .*\d{4}$/.test(date) ? `${date} GMT` : date)

/** The first, where it came several times. @param name in small letters. */
export function header({ headers }: Pick<HttpResponse, 'headers'>, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}
