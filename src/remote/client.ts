/** Calls to the API: the token, the pace, the retries, and what a status means. The body is for the caller to judge. */
import { forbidden, rateLimited, remoteFailed, requestRefused, unauthorized } from '../errors.ts'
import { errorDetail } from './document.ts'
import type { Http, HttpRequest, HttpResponse } from './http.ts'
import type { Pace } from './pace.ts'
import { backoff, sleep, type RetryPolicy } from './retry.ts'
import type { Tokens } from './tokens.ts'
import { SyncError } from '../sync-error.ts'

export interface Client {
  /**
   * @param path from the root of the API, with its query.
   * @param judge reads the body; what it throws with `remedy: retry` is retried like a failure of the network.
   * @throws SyncError: SYNC_UNAUTHORIZED, SYNC_FORBIDDEN, SYNC_REQUEST_REFUSED (facts.status), SYNC_RATE_LIMITED, or
   *   the last failure once the attempts are spent.
   */
  get<T>(path: string, judge: Judge<T>, signal: AbortSignal, options?: GetOptions<T>): Promise<T>
  /**
   * A refusal (4xx) is an answer here, for the caller to judge. What was begun is ended: the signal keeps a request from
   * being sent, and never takes back one that was.
   *
   * It is sent once: what fails with `remedy: retry` may have arrived, unless `wasNeverSent` says otherwise, and before it is
   * sent again somebody has to look. Only a POST that met a 429, and so was not taken, is sent again from here.
   *
   * @throws SyncError like `get`, without SYNC_FORBIDDEN and SYNC_REQUEST_REFUSED.
   */
  write<T>(request: WriteRequest, judge: (answer: Answer, url: string) => T, signal: AbortSignal): Promise<T>
}

/** @param etag the answer's, if it has one. */
export type Judge<T> = (body: string, url: string, etag: string | undefined) => T

interface GetOptions<T> {
  /** The policy's when left out. */
  readonly attempts?: number | undefined
  /** What a body with this `ETag` was judged to be: sent as `If-None-Match`, and returned when the server says 304. */
  readonly known?: { readonly etag: string; readonly value: T } | undefined
}

export interface WriteRequest {
  readonly method: 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly body?: string
  /** Called just before it leaves, each time it does: it may have waited for its turn. What it throws keeps it here. */
  readonly leaving?: () => Promise<void>
}

export type Answer = HttpResponse

interface Deps {
  readonly http: Http
  readonly tokens: Tokens
  readonly pace: Pace
  readonly policy: RetryPolicy
  readonly apiUrl: string
  readonly userAgent: string
  readonly onRetry?: (error: SyncError) => void
}

/** How long one request may be held up by 429 answers, before the run gives the quota time to recover. */
const WAIT_CEILING_MS = 120_000

export function createClient({ http, tokens, pace, policy, apiUrl, userAgent, onRetry }: Deps): Client {
  /** The generation that was asked for because of a 403: a second 403 under it is the role's, not the token's. */
  let renewedFor403 = 0

  async function authorized(
    url: string,
    signal: AbortSignal,
    {
      method = 'GET',
      body,
      etag,
    }: { method?: HttpRequest['method']; body?: string | undefined; etag?: string | undefined },
  ): Promise<HttpResponse> {
    let rejected401 = false
    let repeated403 = false
    for (;;) {
      const token = await tokens.get(signal)
      const headers = {
        authorization: `Bearer ${token.accessToken}`,
        accept: 'application/vnd.api+json',
        'user-agent': userAgent,
        ...(body === undefined ? {} : { 'content-type': 'application/vnd.api+json' }),
        ...(etag === undefined ? {} : { 'if-none-match': etag }),
      }
      const request = { method, url, headers, ...(body === undefined ? {} : { body }) }
      const response = await http.send(request, method === 'GET' ? signal : NEVER)
      if (response.status === 401) {
        if (rejected401) throw unauthorized({ url })
        rejected401 = true
        await tokens.reject(token.generation)
      } else if (response.status === 403 && token.generation > renewedFor403) {
        // The guide (§7) asks for one refresh on 403 as well; API notes §1: it usually means the role lacks a privilege.
        await tokens.reject(token.generation)
        renewedFor403 = Math.max(renewedFor403, (await tokens.get(signal)).generation)
      } else if (response.status !== 403 || token.generation === renewedFor403 || repeated403) return response
      // Else it was sent under a token that another call had exchanged meanwhile, and proves nothing. Once only: a store
      // that lost its data begins its generations anew, and then none would ever be the renewed one.
      else repeated403 = true
    }
  }

  async function once<T>(url: string, judge: Judge<T>, known: GetOptions<T>['known'], signal: AbortSignal): Promise<T> {
    const response = await authorized(url, signal, { etag: known?.etag })
    const { status, body } = response
    if (status >= 200 && status < 300) return judge(body, url, header(response, 'etag'))
    if (status === 304 && known !== undefined) return known.value
    throwIfLater(response, url)
    if (status === 403) throw forbidden({ url })
    throw requestRefused({ url, status, detail: errorDetail(body) })
  }

  async function persistently<T>(act: () => Promise<T>, signal: AbortSignal, attempts: number): Promise<T> {
    let failures = 0
    let waitedMs = 0
    for (;;) {
      try {
        return await pace.take(act, signal)
      } catch (error) {
        if (!(error instanceof SyncError)) throw error
        if (error.code === 'SYNC_RATE_LIMITED') {
          // A 429 spends no attempt: it says "later", not "failed".
          const ms = waitOf(error, failures)
          waitedMs += ms
          await pace.slowDown(ms)
          if (waitedMs > WAIT_CEILING_MS) throw error
          onRetry?.(error)
          await sleep(ms, signal)
        } else if (error.remedy === 'retry' && !comesAgain(error) && ++failures < attempts) {
          onRetry?.(error)
          await sleep(backoff(failures - 1, policy), signal)
        } else throw error
      }
    }
  }

  /** A 429 holds up the request that comes next, whoever sends it. */
  async function onceAtPace<T>(act: () => Promise<T>, signal: AbortSignal): Promise<T> {
    try {
      return await pace.take(act, signal)
    } catch (error) {
      if (error instanceof SyncError && (error.remedy === 'retry' || error.code === 'SYNC_RATE_LIMITED'))
        onRetry?.(error)
      if (error instanceof SyncError && error.code === 'SYNC_RATE_LIMITED') await pace.slowDown(waitOf(error, 0))
      throw error
    }
  }

  const waitOf = ({ facts }: SyncError, failures: number): number =>
    Math.max(Number(facts['seconds']) * 1000, backoff(failures + 2, policy))

  return {
    get: (path, judge, signal, { attempts = policy.attempts, known } = {}) =>
      persistently(() => once(apiUrl + path, judge, known, signal), signal, attempts),

    async write({ method, path, body, leaving }, judge, signal) {
      const url = apiUrl + path
      const act = async () => {
        await leaving?.()
        const response = await authorized(url, signal, { method, body })
        throwIfLater(response, url)
        return judge(response, url)
      }
      return method === 'POST' ? await persistently(act, signal, 1) : await onceAtPace(act, signal)
    },
  }
}

/** What has been sent is waited for: an aborted write may have arrived all the same. */
const NEVER = new AbortController().signal

/** @throws SyncError when the same request may succeed later. */
function throwIfLater(response: HttpResponse, url: string): void {
  const { status } = response
  if (status === 429) throw rateLimited({ url, seconds: Math.ceil((retryAfterMs(response) ?? 0) / 1000) })
  if (status >= 500) throw remoteFailed({ url, status, requestId: header(response, 'x-request-id') })
}

/** The same bytes would come again. */
const comesAgain = ({ facts }: SyncError): boolean => facts['tooLarge'] === true || facts['encoding'] === true

const NOT_SENT = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/

/** No connection was made, so nothing arrived. */
export function wasNeverSent(error: SyncError): boolean {
  if (error.code === 'SYNC_REMOTE_TIMEOUT') return error.facts['phase'] === 'connecting'
  if (error.code !== 'SYNC_REMOTE_UNREACHABLE') return error.remedy !== 'retry'
  const { cause } = error
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause
  return first instanceof Error && 'code' in first && NOT_SENT.test(String(first.code))
}

/** `Retry-After` is seconds or an HTTP date (RFC 9110 §10.2.3); null when absent or neither. */
export function retryAfterMs(response: HttpResponse, now = Date.now()): number | null {
  const value = header(response, 'retry-after')
  if (value === undefined) return null
  if (/^\d+$/.test(value)) return Number(value) * 1000
  const date = Date.parse(value)
  return Number.isNaN(date) ? null : Math.max(0, date - now)
}

/** The first, where it came several times. @param name in small letters. */
function header(response: Pick<HttpResponse, 'headers'>, name: string): string | undefined {
  const value = response.headers[name]
  return Array.isArray(value) ? value[0] : value
}
