/**
 * Calls to the API. A request passes seven layers, from the outside in; each takes the one below it, and is tested alone:
 *
 *   withAttempts      counts the attempts for the request log                http/with-request-log.ts
 *   withRetry         repeats a failure that may pass                          http/with-retry.ts
 *   withConcurrency   waits for a place, of SYNC_CONCURRENCY at most           http/with-concurrency.ts
 *   withRateLimit     waits for a place among the requests of the fleet        http/with-rate-limit.ts
 *   withObservation   notes what shows how many places there should be         http/in-flight-limit.ts
 *   withToken         puts the token on; on 401 and 403 sends with another     auth/with-token.ts
 *   withClock         notes the server's clock                                 http/with-clock.ts
 *   overHttp          one exchange (the `http` that is given removes our       http/send.ts, http/http.ts
 *                     secrets from what comes back: redact/)
 *
 * Retries are outside the limits, so that each attempt waits its turn, and no place is held during a backoff. The token is inside
 * them: one that was obtained before a wait of up to two minutes could have expired when its turn comes, twice in a row, and
 * SYNC_UNAUTHORIZED would end the run. For that a request that a 401 repeats takes no place of its own: one for each request in
 * flight, once in the life of a token.
 *
 * What a response means is the caller's to say, but for what this file reads out of its status: see `readResponse`.
 */
import { getHeapStatistics } from 'node:v8'
import { forbidden, requestRefused } from '../errors/resources.ts'
import type { SyncError } from '../errors/sync-error.ts'
import type { RequestPurpose } from '../request-log.ts'
import type { Tokens } from './auth/tokens.ts'
import { withToken } from './auth/with-token.ts'
import { errorDetail } from './documents/error-response.ts'
import type { Http, HttpResponse } from './http/http.ts'
import { createInFlightLimit } from './http/in-flight-limit.ts'
import type { RateLimit } from './http/rate-limit.ts'
import { header, throwIfTemporary } from './http/response.ts'
import type { Attempts, RetryPolicy } from './http/retry.ts'
import { overHttp, type Layer } from './http/send.ts'
import { createSlots, type SpareSlots } from './http/slots.ts'
import { createRemoteClock, withClock } from './http/with-clock.ts'
import { observedRateLimit, withConcurrency, withObservation } from './http/with-concurrency.ts'
import { withRateLimit } from './http/with-rate-limit.ts'
import { withAttempts } from './http/with-request-log.ts'
import { withRetry } from './http/with-retry.ts'

export interface Client {
  /**
   * @param path from the root of the API, with its query.
   * @param parse what it throws with `remedy: retry` is retried like a failure of the network.
   * @throws SyncError: SYNC_UNAUTHORIZED, SYNC_FORBIDDEN, SYNC_REQUEST_REFUSED (facts.status), SYNC_RATE_LIMITED, or
   *   the last failure once the attempts are spent.
   */
  get<T>(path: string, parse: ParseBody<T>, signal: AbortSignal, options?: GetOptions<T>): Promise<T>
  /**
   * A refusal (4xx) is a response here, which the caller interprets. The signal keeps a request from being sent, and never
   * aborts one that was.
   *
   * PATCH and DELETE are sent once: what fails with `remedy: retry` may have arrived, unless `wasNeverSent` says otherwise, and
   * the caller has to look before it sends again. Only a POST that the server did not accept (429, 421, 425) is repeated here.
   *
   * @throws SyncError like `get`, without SYNC_FORBIDDEN and SYNC_REQUEST_REFUSED.
   */
  write<T>(
    request: WriteRequest,
    interpret: (response: HttpResponse, url: string) => T,
    signal: AbortSignal,
  ): Promise<T>
  /** ScopeStack's clock, in ms since the epoch and to the second, never too late; null before its first response. */
  time(): number | null
  /** How many more chains of pages would find work. */
  readonly slots: SpareSlots
}

/**
 * @param etag the response's, if it has one.
 * @param digest SHA-1 of the body in UTF-8, in base64, made of its bytes: of a text with letters beyond Latin-1 it costs 1.1 ms a MB more.
 */
export type ParseBody<T> = (body: string, url: string, etag: string | undefined, digest?: () => string) => T

interface GetOptions<T> {
  /** The policy's when left out, or for a failure of which it is undefined. */
  readonly attempts?: Attempts
  readonly cached?: Cached<T> | undefined
  readonly purpose?: RequestPurpose | undefined
}

/** What a body was parsed to. */
interface Cached<T> {
  /** Sent as `If-None-Match`: the value is returned when the server says 304. */
  readonly etag: string | null
  /** SHA-1 of its text in UTF-8, in base64: the value is returned when the same bytes come, which are not even decoded then. */
  readonly digest: string | null
  readonly value: T
}

export interface WriteRequest {
  readonly method: 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly body?: string
  /** Called just before each time it is sent, behind all waits. What it throws prevents that. */
  readonly beforeSend?: () => Promise<void>
  readonly purpose?: RequestPurpose | undefined
}

interface Deps {
  readonly http: Http
  readonly tokens: Tokens
  /** At most so many requests in flight. */
  readonly concurrency: number
  readonly rateLimit: RateLimit
  readonly policy: RetryPolicy
  readonly apiUrl: string
  readonly userAgent: string
  readonly onRetry?: (error: SyncError) => void
  /** So many may be in flight from now on. */
  readonly onInFlightLimit?: (limit: number) => void
}

export function createClient(deps: Deps): Client {
  const { http, tokens, concurrency, rateLimit, policy, apiUrl, userAgent, onRetry, onInFlightLimit: onChange } = deps
  const clock = createRemoteClock()
  const limit = createInFlightLimit({ ceiling: concurrency, now, memory: heapInUse, onChange })
  const slots = createSlots(limit)
  onChange?.(limit.current())
  const layers: Layer[] = [
    withAttempts,
    withRetry({ policy, rateLimit, onRetry }),
    withConcurrency(slots),
    withRateLimit(observedRateLimit(rateLimit, limit)),
    withObservation(limit, now),
    withToken(tokens),
    withClock(clock),
  ]
  const send = layers.reduceRight((inner, layer) => layer(inner), overHttp(http))
  const headers = { accept: JSON_API, 'user-agent': userAgent }

  return {
    time: () => clock.now(),
    slots,

    get(path, parse, signal, { attempts, cached, purpose } = {}) {
      const url = apiUrl + path
      const etag = cached?.etag ?? null
      const condition = etag === null ? {} : { 'if-none-match': etag }
      const read = (response: HttpResponse) => readResponse(response, url, parse, cached)
      return send({ method: 'GET', url, headers: { ...headers, ...condition }, attempts, purpose, read }, signal)
    },

    write({ method, path, body, beforeSend, purpose }, interpret, signal) {
      const url = apiUrl + path
      const content = body === undefined ? {} : { 'content-type': JSON_API }
      const read = (response: HttpResponse) => {
        throwIfTemporary(response, url)
        return interpret(response, url)
      }
      const request = { method, url, headers: { ...headers, ...content }, beforeSend, purpose, read }
      return send(body === undefined ? request : { ...request, body }, signal)
    },
  }
}

/** The same for one purpose, by which the request log shows what each request was sent for. */
export const clientFor = (client: Client, purpose: RequestPurpose): Client => ({
  ...client,
  get: (path, parse, signal, options) => client.get(path, parse, signal, { ...options, purpose }),
  write: (request, interpret, signal) => client.write({ ...request, purpose }, interpret, signal),
})

const now = (): number => performance.now()

function heapInUse(): number {
  const { used_heap_size: used, heap_size_limit: most } = getHeapStatistics()
  return used / most
}

const JSON_API = 'application/vnd.api+json'

function readResponse<T>(response: HttpResponse, url: string, parse: ParseBody<T>, cached: GetOptions<T>['cached']): T {
  const { status, received } = response
  if (status >= 200 && status < 300) {
    const isSame = cached !== undefined && cached.digest !== null && received?.digest() === cached.digest
    return isSame ? cached.value : parse(response.body, url, header(response, 'etag'), received?.digest)
  }
  if (status === 304 && cached !== undefined && cached.etag !== null) return cached.value
  throwIfTemporary(response, url)
  // The role's: see auth/forbidden.ts.
  if (status === 403) throw forbidden({ url })
  throw requestRefused({ url, status, detail: errorDetail(response.body) })
}
