import { unauthorized } from '../errors/credentials.ts'
/** Calls to the API: the token, the pace, the retries, and what a status means. The body is for the caller to judge. */
import { forbidden, requestRefused } from '../errors/resources.ts'
import { factOf, hasCode, SyncError } from '../errors/sync-error.ts'
import type { Tokens } from './auth/tokens.ts'
import { errorDetail } from './documents/error-response.ts'
import type { Http, HttpRequest, HttpResponse } from './http/http.ts'
import type { RateLimiter } from './http/rate-limit.ts'
import { createRemoteClock } from './http/remote-clock.ts'
import { header, isFromIntermediary, retryAfterMs, throwIfTemporary } from './http/response.ts'
import {
  requestedWaitMs,
  isRateLimited,
  createRetrySchedule,
  sleep,
  type Attempts,
  type RetrySchedule,
  type RetryPolicy,
} from './http/retry.ts'

export interface Client {
  /**
   * @param path from the root of the API, with its query.
   * @param judge reads the body; what it throws with `remedy: retry` is retried like a failure of the network.
   * @throws SyncError: SYNC_UNAUTHORIZED, SYNC_FORBIDDEN, SYNC_REQUEST_REFUSED (facts.status), SYNC_RATE_LIMITED, or
   *   the last failure once the attempts are spent.
   */
  get<T>(path: string, judge: ParseBody<T>, signal: AbortSignal, options?: GetOptions<T>): Promise<T>
  /**
   * A refusal (4xx) is an answer here, for the caller to judge. What was begun is ended: the signal keeps a request from
   * being sent, and never takes back one that was.
   *
   * It is sent once: what fails with `remedy: retry` may have arrived, unless `wasNeverSent` says otherwise, and before it is
   * sent again somebody has to look. Only a POST that was not taken, as a 429, 421 or 425 says, is sent again from here.
   *
   * @throws SyncError like `get`, without SYNC_FORBIDDEN and SYNC_REQUEST_REFUSED.
   */
  write<T>(request: WriteRequest, judge: (answer: Answer, url: string) => T, signal: AbortSignal): Promise<T>
  /** ScopeStack's clock, in ms since the epoch and to the second, never too late; null before its first answer. */
  time(): number | null
}

/** @param etag the answer's, if it has one. */
export type ParseBody<T> = (body: string, url: string, etag: string | undefined) => T

interface GetOptions<T> {
  /** The policy's when left out, or for a failure of which it is undefined. */
  readonly attempts?: Attempts
  /** What a body with this `ETag` was judged to be: sent as `If-None-Match`, and returned when the server says 304. */
  readonly cached?: { readonly etag: string; readonly value: T } | undefined
}

export interface WriteRequest {
  readonly method: 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly body?: string
  /** Called just before it leaves, each time it does: it may have waited for its turn. What it throws keeps it here. */
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
  /** The generation that was asked for on a doubt: a second 403 under it is the role's, not the token's. */
  let renewedOnDoubt = 0
  const clock = createRemoteClock()

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
    let repeated = false
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
      clock.note(response)
      const doubt = doubtOf(response)
      if (doubt === 'refused') {
        if (rejected401) throw unauthorized({ url })
        rejected401 = true
        await tokens.reject(token.generation)
      } else if (doubt === 'perhaps' && token.generation > renewedOnDoubt) {
        // The guide (§7) asks for one refresh on 403 as well; API notes §1: it usually means the role lacks a privilege.
        await tokens.reject(token.generation)
        renewedOnDoubt = Math.max(renewedOnDoubt, (await tokens.get(signal)).generation)
      } else if (doubt === undefined || token.generation === renewedOnDoubt || repeated) return response
      // Else it was sent under a token that another call had exchanged meanwhile, and proves nothing. Once only: a store
      // that lost its data begins its generations anew, and then none would ever be the renewed one.
      else repeated = true
    }
  }

  async function once<T>(
    url: string,
    judge: ParseBody<T>,
    known: GetOptions<T>['cached'],
    signal: AbortSignal,
  ): Promise<T> {
    const response = await authorized(url, signal, { etag: known?.etag })
    const { status, body } = response
    if (status >= 200 && status < 300) return judge(body, url, header(response, 'etag'))
    if (status === 304 && known !== undefined) return known.value
    throwIfTemporary(response, url)
    if (status === 403) throw forbidden({ url })
    throw requestRefused({ url, status, detail: errorDetail(body) })
  }

  /** @param mayRepeat of what failed: whether the same may be sent again without a look. */
  async function persistently<T>(
    act: () => Promise<T>,
    signal: AbortSignal,
    { attempts, mayRepeat = () => true }: { attempts?: Attempts; mayRepeat?: (error: SyncError) => boolean },
  ): Promise<T> {
    const patience = createRetrySchedule(policy, { attempts })
    for (;;) {
      try {
        return await rateLimiter.run(act, signal)
      } catch (error) {
        if (!(error instanceof SyncError)) throw error
        const ms = await holdBack(error, patience)
        if (ms === null || !mayRepeat(error)) throw error
        onRetry?.(error)
        await sleep(ms, signal)
      }
    }
  }

  async function onceAtPace<T>(act: () => Promise<T>, signal: AbortSignal): Promise<T> {
    try {
      return await rateLimiter.run(act, signal)
    } catch (error) {
      if (error instanceof SyncError && (error.remedy === 'retry' || isRateLimited(error))) onRetry?.(error)
      if (error instanceof SyncError) await holdBack(error, createRetrySchedule(policy))
      throw error
    }
  }

  /** What asks for a wait holds up the request that comes next, whoever sends it. */
  async function holdBack(error: SyncError, patience: RetrySchedule): Promise<number | null> {
    const ms = patience.delayAfter(error)
    if (isRateLimited(error)) await rateLimiter.backOff(ms ?? requestedWaitMs(error))
    return ms
  }

  return {
    time: () => clock.now(),

    get: (path, judge, signal, { attempts, cached: known } = {}) =>
      persistently(() => once(apiUrl + path, judge, known, signal), signal, { attempts }),

    async write({ method, path, body, beforeSend: leaving }, judge, signal) {
      const url = apiUrl + path
      const act = async () => {
        await leaving?.()
        const response = await authorized(url, signal, { method, body })
        throwIfTemporary(response, url)
        return judge(response, url)
      }
      return method === 'POST'
        ? await persistently(act, signal, { mayRepeat: wasNotTaken })
        : await onceAtPace(act, signal)
    },
  }
}

/**
 * What an answer says about the token: `refused` by the API itself; `perhaps`, where the role may be meant (403) or somebody
 * on the way asks for a login of his own (a 401 with a page); nothing, where it is not about us at all.
 */
function doubtOf(response: HttpResponse): 'refused' | 'perhaps' | undefined {
  const { status } = response
  if ((status !== 401 && status !== 403) || retryAfterMs(response) !== null) return undefined
  if (status === 401) return isFromIntermediary(response) ? 'perhaps' : 'refused'
  return isFromIntermediary(response) ? undefined : 'perhaps'
}

/** What has been sent is waited for: an aborted write may have arrived all the same. */
const NEVER = new AbortController().signal

const NOT_SENT = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/

/** Whoever answered says so. */
const wasNotTaken = (error: SyncError): boolean =>
  factOf(error, 'taken') === false || (isRateLimited(error) && (error.facts.status ?? 429) === 429)

/** No connection was made, so nothing arrived; or it was turned away. */
export function wasNeverSent(error: SyncError): boolean {
  if (wasNotTaken(error)) return true
  if (isRateLimited(error)) return false
  if (hasCode(error, 'SYNC_REMOTE_TIMEOUT')) return error.facts.phase === 'connecting'
  if (!hasCode(error, 'SYNC_REMOTE_UNREACHABLE')) return error.remedy !== 'retry'
  const { cause } = error
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause
  return first instanceof Error && 'code' in first && NOT_SENT.test(String(first.code))
}
