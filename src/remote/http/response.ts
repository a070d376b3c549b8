/**
 * Which responses are ScopeStack's own, and which only mean "later" or come from an intermediary (a proxy, a firewall). A
 * response of an intermediary proves nothing about the record: neither that the role may not see it, nor that it does not exist.
 */
import { notScopeStack, rateLimited, redirected, remoteFailed } from '../../errors/requests.ts'
import { isObject } from '../../exact-json.ts'
import { excerptOf, readJson } from '../documents/document.ts'
import type { HttpResponse } from './http.ts'

/** @throws SyncError when the same request may succeed later: `wait` where the response says when, `retry` otherwise. */
export function throwIfTemporary(response: HttpResponse, url: string): void {
  const { status } = response
  const waitMs = retryAfterMs(response)
  // With Retry-After even a 403 or 404 is a limit that passes: ScopeStack's own refusals never have one.
  if (status === 429 || (status >= 400 && waitMs !== null)) {
    throw rateLimited({ url, status, seconds: Math.ceil((waitMs ?? 0) / 1000) })
  }
  if (status >= 500 || TEMPORARY.has(status)) {
    const taken = !NOT_BEGUN.has(status)
    throw remoteFailed({ url, status, requestId: header(response, 'x-request-id'), taken })
  }
  // A 304 to a request with an ETag has been handled before; this one was not requested.
  if (status >= 300 && status < 400) throw redirected({ url, status, to: header(response, 'location') ?? 'nowhere' })
  if (isFromIntermediary(response)) throw notScopeStack({ url, status, start: excerptOf(response.body) })
}

/** Request Timeout, Misdirected Request, Too Early: the same request may succeed at the next try. */
const TEMPORARY: ReadonlySet<number> = new Set([408, 421, 425])

/**
 * With these the server did not begin to process the request (RFC 9110 §15.5.20, RFC 8470 §5.2), so a POST may be repeated
 * unchecked. A 408 is not among them: it is about what this hop received, and a proxy may have passed it on.
 */
const NOT_BEGUN: ReadonlySet<number> = new Set([421, 425])

/** Statuses that an intermediary may send in ScopeStack's place; any other 4xx is about the request itself. */
const MAY_BE_INTERMEDIARY: ReadonlySet<number> = new Set([401, 403, 404, 405, 406, 407, 410, 451])

/**
 * ScopeStack's libraries send an empty body with 401, 403 and a route they do not know, and JSON with `errors` otherwise;
 * Rails itself sends JSON with `error`. HTML, a line of text or any other JSON is an intermediary's.
 */
export function isFromIntermediary({ status, headers, body }: HttpResponse): boolean {
  if (!MAY_BE_INTERMEDIARY.has(status) || body.trim() === '') return false
  // Rails' own page for an unknown route: an intermediary sends no x-runtime.
  if (status === 404 && headers['x-runtime'] !== undefined) return false
  try {
    const document = readJson(body)
    return !(Array.isArray(document) || (isObject(document) && ('errors' in document || 'error' in document)))
  } catch {
    return true
  }
}

/** After a longer Retry-After the server is tried again after this, and may send another. */
const LONGEST_WAIT_MS = 60 * 60_000

/**
 * `Retry-After` is seconds or an HTTP date (RFC 9110 §10.2.3); proxies send other texts, too. 0 where it cannot be read or has
 * passed, an hour at most, null when it is absent. A date is compared with the response's own `Date`: this host's clock may be
 * a day off, and is used only where there is none.
 */
export function retryAfterMs(response: Pick<HttpResponse, 'headers'>): number | null {
  const value = header(response, 'retry-after')?.trim()
  if (value === undefined || value === '') return null
  const seconds = Number(value)
  const ms = Number.isNaN(seconds) ? Date.parse(inUtc(value)) - (dateOf(response) ?? Date.now()) : seconds * 1000
  return Number.isNaN(ms) ? 0 : Math.min(LONGEST_WAIT_MS, Math.max(0, ms))
}

/** The server's clock by the `Date` header (RFC 9110 §6.6.1), in ms and to the second; undefined when it is missing. */
export function dateOf(response: Pick<HttpResponse, 'headers'>): number | undefined {
  const time = Date.parse(inUtc(header(response, 'date')?.trim() ?? ''))
  return Number.isNaN(time) ? undefined : time
}

/** The oldest of the three forms names no zone and means UTC; JavaScript takes that for local time. */
const inUtc = (date: string): string => (/^[A-Z][a-z]{2} [A-Z][a-z]{2} .*\d{4}$/.test(date) ? `${date} GMT` : date)

/** The first one, where it came several times. @param name in lower case. */
export function header({ headers }: Pick<HttpResponse, 'headers'>, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}
