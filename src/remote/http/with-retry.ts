/**
 * Repeats what failed, where that is safe.
 *
 *   sees                             GET            POST                        PATCH, DELETE
 *   remedy retry (network, 5xx,      repeated, with repeated only where the     thrown: it may have arrived, so its caller
 *   a body that cannot be read)      backoff        server did not begin        looks at the record before it sends again
 *                                                   with it (421, 425)
 *   SYNC_RATE_LIMITED                holds back the whole fleet for the wait; then repeated, without spending an attempt;
 *                                    a POST only after a 429 itself, PATCH and DELETE never
 *   anything else                    thrown
 *
 *   throws   the last failure, once the attempts or the two minutes of waiting are spent; SYNC_STOPPED during a wait
 */
import { SyncError } from '../../errors/sync-error.ts'
import type { HttpRequest } from './http.ts'
import type { RateLimit } from './rate-limit.ts'
import { createRetrySchedule, isRateLimited, requestedWaitMs, sleep, wasNotBegun, type RetryPolicy } from './retry.ts'
import type { Layer } from './send.ts'

interface Deps {
  readonly policy: RetryPolicy
  readonly rateLimit: Pick<RateLimit, 'backOff'>
  readonly onRetry?: ((error: SyncError) => void) | undefined
}

export const withRetry =
  ({ policy, rateLimit, onRetry }: Deps): Layer =>
  (send) =>
  async (request, signal) => {
    const schedule = createRetrySchedule(policy, { attempts: request.attempts })
    for (;;) {
      try {
        return await send(request, signal)
      } catch (error) {
        if (!(error instanceof SyncError)) throw error
        const ms = schedule.delayAfter(error)
        if (isRateLimited(error)) await rateLimit.backOff(ms ?? requestedWaitMs(error))
        const repeats = ms !== null && mayRepeat(request.method, error)
        // A PATCH or DELETE is repeated by its caller; a POST is looked for first, which says more.
        if (repeats || (isSentOnce(request.method) && isTemporary(error))) onRetry?.(error)
        if (!repeats) throw error
        await sleep(ms, signal)
      }
    }
  }

const isSentOnce = (method: HttpRequest['method']): boolean => method === 'PATCH' || method === 'DELETE'

const mayRepeat = (method: HttpRequest['method'], error: SyncError): boolean =>
  method === 'GET' || (method === 'POST' && wasNotBegun(error))

const isTemporary = (error: SyncError): boolean => error.remedy === 'retry' || isRateLimited(error)
