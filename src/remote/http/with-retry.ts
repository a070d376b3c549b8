/**
 * Runs requests under the rate limit, and repeats those that may be sent again. A response that asks for a wait holds back
 * the next request of the fleet, whichever it is.
 */
import { SyncError } from '../../errors/sync-error.ts'
import type { RateLimiter } from './rate-limit.ts'
import { createRetrySchedule, isRateLimited, requestedWaitMs, sleep, type Attempts, type RetryPolicy } from './retry.ts'

export interface RequestRunner {
  /** Until it succeeds, its attempts are spent, or `mayRepeat` is false for its failure. */
  repeat<T>(request: () => Promise<T>, signal: AbortSignal, options?: RepeatOptions): Promise<T>
  once<T>(request: () => Promise<T>, signal: AbortSignal): Promise<T>
}

interface RepeatOptions {
  readonly attempts?: Attempts
  readonly mayRepeat?: (error: SyncError) => boolean
}

interface Deps {
  readonly rateLimiter: RateLimiter
  readonly policy: RetryPolicy
  readonly onRetry?: ((error: SyncError) => void) | undefined
}

export function createRequestRunner({ rateLimiter, policy, onRetry }: Deps): RequestRunner {
  async function backOffAfter(error: SyncError, delayMs: number | null): Promise<void> {
    if (isRateLimited(error)) await rateLimiter.backOff(delayMs ?? requestedWaitMs(error))
  }

  return {
    async repeat(request, signal, { attempts, mayRepeat = () => true } = {}) {
      const schedule = createRetrySchedule(policy, { attempts })
      for (;;) {
        try {
          return await rateLimiter.run(request, signal)
        } catch (error) {
          if (!(error instanceof SyncError)) throw error
          const ms = schedule.delayAfter(error)
          await backOffAfter(error, ms)
          if (ms === null || !mayRepeat(error)) throw error
          onRetry?.(error)
          await sleep(ms, signal)
        }
      }
    },
    async once(request, signal) {
      try {
        return await rateLimiter.run(request, signal)
      } catch (error) {
        if (!(error instanceof SyncError)) throw error
        // The caller repeats it, once it has looked whether it arrived.
        if (error.remedy === 'retry' || isRateLimited(error)) onRetry?.(error)
        await backOffAfter(error, createRetrySchedule(policy).delayAfter(error))
        throw error
      }
    },
  }
}
