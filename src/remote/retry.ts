/** Retries what `remedy: retry` names, with exponential backoff and full jitter. */
import { setTimeout as delay } from 'node:timers/promises'
import { stopped } from '../errors.ts'
import { SyncError } from '../sync-error.ts'

export interface RetryPolicy {
  readonly attempts: number
  readonly baseMs: number
  readonly capMs: number
}

/** Seven attempts wait 0.25 s to 8 s, 16 s in all and half that on average: a deploy at the remote is ridden out. */
export const RETRY: RetryPolicy = { attempts: 7, baseMs: 250, capMs: 8_000 }

/** Full jitter: anything between nothing and the exponential bound, so that workers do not come back together. */
export const backoff = (attempt: number, { baseMs, capMs }: RetryPolicy, random = Math.random): number =>
  random() * Math.min(capMs, baseMs * 2 ** attempt)

export async function retrying<T>(
  act: () => Promise<T>,
  { policy, signal, onRetry }: { policy: RetryPolicy; signal: AbortSignal; onRetry?: (error: SyncError) => void },
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await act()
    } catch (error) {
      const again = error instanceof SyncError && error.remedy === 'retry' && attempt + 1 < policy.attempts
      if (!again) throw error
      onRetry?.(error)
      await sleep(backoff(attempt, policy), signal)
    }
  }
}

/** @throws SyncError SYNC_STOPPED when the signal fires first. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal })
  } catch {
    throw stopped()
  }
}
