/**
 * When a failed request is retried: `remedy: retry` after a backoff with full jitter, a rate limit after the wait of its
 * Retry-After; and whether a write whose request failed can have reached ScopeStack.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { stopped } from '../../errors/commands.ts'
import { factOf, hasCode, SyncError, type SyncErrorOf } from '../../errors/sync-error.ts'

export interface RetryPolicy {
  readonly attempts: number
  readonly baseMs: number
  readonly capMs: number
}

/** Seven attempts wait 0.25 s to 8 s, 16 s in all and half that on average: longer than a deployment of the remote. */
export const RETRY: RetryPolicy = { attempts: 7, baseMs: 250, capMs: 8_000 }

/** Longest wait of one request in all; then the run gives the remote time to recover. */
const WAIT_CEILING_MS = 120_000

/** Full jitter: anything from 0 to the exponential bound, so that workers do not retry at the same time. */
export const backoff = (attempt: number, { baseMs, capMs }: RetryPolicy, random = Math.random): number =>
  random() * Math.min(capMs, baseMs * 2 ** attempt)

/** It is waited for, and spends no attempt. */
export const isRateLimited = (error: SyncError): error is SyncErrorOf<'SYNC_RATE_LIMITED'> =>
  hasCode(error, 'SYNC_RATE_LIMITED')

/** The wait of its Retry-After, in ms. */
export const requestedWaitMs = (error: SyncError): number => (factOf(error, 'seconds') ?? 0) * 1000

/** By its status, the server did not begin with it. */
export const wasNotBegun = (error: SyncError): boolean =>
  factOf(error, 'taken') === false || (isRateLimited(error) && (error.facts.status ?? 429) === 429)

/** No connection was made, so nothing arrived; or the server did not begin with it. */
export function wasNeverSent(error: SyncError): boolean {
  if (wasNotBegun(error)) return true
  if (isRateLimited(error)) return false
  if (hasCode(error, 'SYNC_REMOTE_TIMEOUT')) return error.facts.phase === 'connecting'
  if (!hasCode(error, 'SYNC_REMOTE_UNREACHABLE')) return error.remedy !== 'retry'
  const { cause } = error
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause
  return first instanceof Error && 'code' in first && NOT_CONNECTED.test(String(first.code))
}

const NOT_CONNECTED = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/

/** The server would send the same bytes again. */
const comesAgain = (error: SyncError): boolean =>
  hasCode(error, 'SYNC_BODY_UNREADABLE') && (error.facts.tooLarge === true || error.facts.encoding === true)

export interface RetrySchedule {
  /** How long to wait before the next attempt, in ms; null when there is none. */
  delayAfter(error: unknown): number | null
}

/**
 * Counts the failures of one request. After a rate limit without a time, or with 0 again and again, the wait doubles from 1 s to
 * 32 s, half of it jitter: full jitter would sometimes not wait at all.
 */
export function createRetrySchedule(
  policy: RetryPolicy,
  { attempts, ceilingMs = WAIT_CEILING_MS, random = Math.random }: PatienceOptions = {},
): RetrySchedule {
  let failures = 0
  let waits = 0
  let waitedMs = 0

  function pauseAfter(error: unknown): number | null {
    if (!(error instanceof SyncError)) return null
    if (isRateLimited(error)) {
      const growing = Math.min(4 * policy.capMs, policy.baseMs * 2 ** (waits++ + 2))
      return Math.max(requestedWaitMs(error), (growing * (1 + random())) / 2)
    }
    const repeatable = error.remedy === 'retry' && !comesAgain(error)
    const most = (typeof attempts === 'function' ? attempts(error) : attempts) ?? policy.attempts
    return repeatable && ++failures < most ? backoff(failures - 1, policy, random) : null
  }

  return {
    delayAfter(error) {
      const ms = pauseAfter(error)
      if (ms === null || waitedMs + ms > ceilingMs) return null
      waitedMs += ms
      return ms
    },
  }
}

/** Undefined, or undefined for a failure: the policy's. */
export type Attempts = number | ((error: SyncError) => number | undefined) | undefined

interface PatienceOptions {
  readonly attempts?: Attempts
  /** Of all its waits together. */
  readonly ceilingMs?: number
  readonly random?: () => number
}

export async function retry<T>(
  act: () => Promise<T>,
  { schedule, signal, onRetry }: { schedule: RetrySchedule; signal: AbortSignal; onRetry?: (error: SyncError) => void },
): Promise<T> {
  for (;;) {
    try {
      return await act()
    } catch (error) {
      const ms = schedule.delayAfter(error)
      if (ms === null) throw error
      onRetry?.(error as SyncError)
      await sleep(ms, signal)
    }
  }
}

/** A longer timer, or one that is no number, would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** At most 24 days. @throws SyncError SYNC_STOPPED when the signal fires first. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(Number.isNaN(ms) ? 0 : Math.min(Math.max(0, ms), LONGEST_TIMER_MS), undefined, { signal })
  } catch {
    throw stopped()
  }
}
