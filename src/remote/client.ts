/** Calls to the API: the token, the pace, the retries, and what a status means. The body is for the caller to judge. */
import { forbidden, rateLimited, remoteFailed, requestRefused, unauthorized } from '../errors.ts'
import { errorDetail } from './document.ts'
import type { Http, HttpResponse } from './http.ts'
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
}

/** @param etag the answer's, if it has one. */
export type Judge<T> = (body: string, url: string, etag: string | undefined) => T

interface GetOptions<T> {
  /** The policy's when left out. */
  readonly attempts?: number | undefined
  /** What a body with this `ETag` was judged to be: sent as `If-None-Match`, and returned when the server says 304. */
  readonly known?: { readonly etag: string; readonly value: T } | undefined
}

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

  async function authorized(url: string, etag: string | undefined, signal: AbortSignal): Promise<HttpResponse> {
    let rejected401 = false
    let repeated403 = false
    for (;;) {
      const token = await tokens.get(signal)
      const headers = {
        authorization: `Bearer ${token.accessToken}`,
        accept: 'application/vnd.api+json',
        'user-agent': userAgent,
        ...(etag === undefined ? {} : { 'if-none-match': etag }),
      }
      const response = await http.send({ method: 'GET', url, headers }, signal)
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
    const response = await authorized(url, known?.etag, signal)
    const { status, body } = response
    if (status >= 200 && status < 300) return judge(body, url, header(response, 'etag'))
    if (status === 304 && known !== undefined) return known.value
    if (status === 403) throw forbidden({ url })
    if (status === 429) throw rateLimited({ url, seconds: Math.ceil((retryAfterMs(response) ?? 0) / 1000) })
    if (status >= 500) throw remoteFailed({ url, status, requestId: header(response, 'x-request-id') })
    throw requestRefused({ url, status, detail: errorDetail(body) })
  }

  return {
    async get(path, judge, signal, { attempts = policy.attempts, known } = {}) {
      const url = apiUrl + path
      let failures = 0
      let waitedMs = 0
      for (;;) {
        try {
          return await pace.take(() => once(url, judge, known, signal), signal)
        } catch (error) {
          if (!(error instanceof SyncError)) throw error
          if (error.code === 'SYNC_RATE_LIMITED') {
            // A 429 spends no attempt: it says "later", not "failed".
            const ms = Math.max(Number(error.facts['seconds']) * 1000, backoff(failures + 2, policy))
            waitedMs += ms
            await pace.slowDown(ms)
            if (waitedMs > WAIT_CEILING_MS) throw error
            onRetry?.(error)
            await sleep(ms, signal)
          } else if (error.remedy === 'retry' && ++failures < attempts) {
            onRetry?.(error)
            await sleep(backoff(failures - 1, policy), signal)
          } else throw error
        }
      }
    },
  }
}

/** `Retry-After` is seconds or an HTTP date (RFC 9110 §10.2.3); null when absent or neither. */
export function retryAfterMs(response: HttpResponse, now = Date.now()): number | null {
  const value = header(response, 'retry-after')
  if (value === undefined) return null
  if (/^\d+$/.test(value)) return Number(value) * 1000
  const date = Date.parse(value)
  return Number.isNaN(date) ? null : Math.max(0, date - now)
}

function header(response: HttpResponse, name: string): string | undefined {
  const value = response.headers[name]
  return Array.isArray(value) ? value[0] : value
}
