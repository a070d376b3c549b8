/**
 * Calls to the API. A call is wrapped from the outside in: retries, the rate limit (http/request-runner.ts), the token
 * (auth/with-token.ts), one HTTP exchange (http/http.ts). What a status means is decided here; the body is the caller's to
 * parse.
 */
import { forbidden, requestRefused } from '../errors/resources.ts'
import { factOf, hasCode, type SyncError } from '../errors/sync-error.ts'
import type { Tokens } from './auth/tokens.ts'
import { withToken } from './auth/with-token.ts'
import { errorDetail } from './documents/error-response.ts'
import type { Http, HttpResponse } from './http/http.ts'
import type { RateLimiter } from './http/rate-limit.ts'
import { createRequestRunner } from './http/request-runner.ts'
import { createRemoteClock, header, throwIfTemporary, type RemoteClock } from './http/response.ts'
import { isRateLimited, type Attempts, type RetryPolicy } from './http/retry.ts'

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
  write<T>(request: WriteRequest, interpret: (response: Answer, url: string) => T, signal: AbortSignal): Promise<T>
  /** ScopeStack's clock, in ms since the epoch and to the second, never too late; null before its first response. */
  time(): number | null
}

/** @param etag the response's, if it has one. */
export type ParseBody<T> = (body: string, url: string, etag: string | undefined) => T

interface GetOptions<T> {
  /** The policy's when left out, or for a failure of which it is undefined. */
  readonly attempts?: Attempts
  /** What a body with this `ETag` was parsed to: sent as `If-None-Match`, and returned when the server says 304. */
  readonly cached?: { readonly etag: string; readonly value: T } | undefined
}

export interface WriteRequest {
  readonly method: 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly body?: string
  /** Called just before each time it is sent, which may be after a wait for the rate limit. What it throws prevents that. */
  readonly beforeSend?: () => Promise<void>
}

export type Answer = HttpResponse

interface Deps {
  readonly http: Http
  readonly tokens: Tokens
  readonly rateLimiter: RateLimiter
  readonly policy: RetryPolicy
  readonly apiUrl: string
  readonly userAgent: string
  readonly onRetry?: (error: SyncError) => void
}

export function createClient({ http, tokens, rateLimiter, policy, apiUrl, userAgent, onRetry }: Deps): Client {
  const clock = createRemoteClock()
  const api = withToken(withClock(withoutAbortedWrites(http), clock), tokens)
  const runner = createRequestRunner({ rateLimiter, policy, onRetry })
  const headers = { accept: JSON_API, 'user-agent': userAgent }

  return {
    time: () => clock.now(),

    get(path, parse, signal, { attempts, cached } = {}) {
      const url = apiUrl + path
      const condition = cached === undefined ? {} : { 'if-none-match': cached.etag }
      const request = { method: 'GET', url, headers: { ...headers, ...condition } } as const
      return runner.repeat(async () => readResponse(await api.send(request, signal), url, parse, cached), signal, {
        attempts,
      })
    },

    async write({ method, path, body, beforeSend }, interpret, signal) {
      const url = apiUrl + path
      const content = body === undefined ? {} : { 'content-type': JSON_API }
      const request = { method, url, headers: { ...headers, ...content }, ...(body === undefined ? {} : { body }) }
      const attempt = async () => {
        await beforeSend?.()
        const response = await api.send(request, signal)
        throwIfTemporary(response, url)
        return interpret(response, url)
      }
      return method === 'POST'
        ? await runner.repeat(attempt, signal, { mayRepeat: wasNotTaken })
        : await runner.once(attempt, signal)
    },
  }
}

const JSON_API = 'application/vnd.api+json'

function readResponse<T>(response: HttpResponse, url: string, parse: ParseBody<T>, cached: GetOptions<T>['cached']): T {
  const { status, body } = response
  if (status >= 200 && status < 300) return parse(body, url, header(response, 'etag'))
  if (status === 304 && cached !== undefined) return cached.value
  throwIfTemporary(response, url)
  if (status === 403) throw forbidden({ url })
  throw requestRefused({ url, status, detail: errorDetail(body) })
}

/** A write that was sent is waited for: one that is aborted may have arrived all the same. */
const withoutAbortedWrites = (http: Http): Http => ({
  send: (request, signal) => http.send(request, request.method === 'GET' ? signal : NEVER),
  close: () => http.close(),
})

const NEVER = new AbortController().signal

const withClock = (http: Http, clock: RemoteClock): Http => ({
  async send(request, signal) {
    const response = await http.send(request, signal)
    clock.note(response)
    return response
  },
  close: () => http.close(),
})

const NOT_SENT = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/

/** The server said that it did not begin with it. */
const wasNotTaken = (error: SyncError): boolean =>
  factOf(error, 'taken') === false || (isRateLimited(error) && (error.facts.status ?? 429) === 429)

/** No connection was made, so nothing arrived; or the server did not accept it. */
export function wasNeverSent(error: SyncError): boolean {
  if (wasNotTaken(error)) return true
  if (isRateLimited(error)) return false
  if (hasCode(error, 'SYNC_REMOTE_TIMEOUT')) return error.facts.phase === 'connecting'
  if (!hasCode(error, 'SYNC_REMOTE_UNREACHABLE')) return error.remedy !== 'retry'
  const { cause } = error
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause
  return first instanceof Error && 'code' in first && NOT_SENT.test(String(first.code))
}
