/**
 * Keeps the requests of the whole fleet below ScopeStack's quota. Two limits hold for each request:
 *
 *   concurrency   requests of this process in flight: a semaphore
 *   rate          requests a second by all workers with the same SYNC_RATE together: one queue in the store
 *
 * The queue is one number, the time of its end. A request takes the next place in one exchange with the store, and waits:
 *
 *   start = max(end, now)      end = start + 1 s / (rate × share)      share = 1 until a 429 comes
 *
 *   429, or Retry-After    no worker starts a request before now + wait (Retry-After, or growing from 1 s to 32 s; 120 s at
 *   with any 4xx or 5xx    most), and share = max(1/16, share / 2), at most once a second. It recovers by 1/10 every 10 s.
 *   store unreachable      each process goes on alone for 10 s, with the part of the rate that it used lately, then tries the
 *                          store again (rate-limit-fallback.ts)
 *   worker dies            its places pass unused; nothing has to be released
 *   rate is 0              there is no queue, and a 429 holds back this process alone
 *
 * rate-limiter-flexible was tried first, on the same Redis with 8 processes of 10 callers at 20/s: its fixed windows let 40
 * requests start within a second (this: 21), its refused callers ask again, 3.9 exchanges a request (this: 2), and places
 * went to who asked at the right moment, 10 to 40 a process (this: 20 to 30).
 */
import { stopped } from '../../errors/commands.ts'
import { waitingForRateLimit } from '../../errors/requests.ts'
import type { SyncError } from '../../errors/sync-error.ts'
import { LONGEST_BACK_OFF_MS, type RateLimitStore } from '../../rate-limit-store.ts'
import { withLocalFallback } from './rate-limit-fallback.ts'
import { createLocalRateLimitStore } from './rate-limit-local.ts'
import { sleep } from './retry.ts'
import { createSemaphore } from './semaphore.ts'

export interface RateLimiter {
  /** Runs `act` when both limits allow it. */
  run<T>(act: () => Promise<T>, signal: AbortSignal): Promise<T>
  /** After a 429 or its like: no request starts for `ms`, two minutes at most, and the rate halves. */
  backOff(ms: number): Promise<void>
}

interface Deps {
  readonly rate: number
  readonly concurrency: number
  /** Left out: this process is the only one. */
  readonly shared?: RateLimitStore
  /** Something an operator may want to know: the store cannot be reached, or a request has to wait long. */
  readonly onNotice?: (notice: SyncError) => void
  readonly now?: () => number
}

/** Longer waits are reported, once a minute at most. */
const LONG_WAIT_MS = 10_000
const REPORT_EVERY_MS = 60_000

export function createRateLimiter({
  rate,
  concurrency,
  shared,
  onNotice,
  now = () => performance.now(),
}: Deps): RateLimiter {
  const slots = createSemaphore(concurrency)
  const local = createLocalRateLimitStore(now)
  const queue = withLocalFallback({ rate, local, shared, onUnreachable: onNotice, now })
  let reportedAt = -Infinity
  let ownBackOffUntil = -Infinity

  async function waitForTurn(signal: AbortSignal): Promise<void> {
    for (;;) {
      const waitMs = rate === 0 ? await local.backOffLeft() : (await queue.reserve()).waitMs
      if (waitMs <= 0) return
      if (waitMs > LONG_WAIT_MS) await reportLongWait(waitMs)
      await sleep(waitMs, signal)
      // A 429 that came meanwhile has moved the whole queue; this place in it is void.
      if ((await queue.backOffLeft()) <= 0) return
    }
  }

  async function reportLongWait(waitMs: number): Promise<void> {
    if (onNotice === undefined || now() < reportedAt + REPORT_EVERY_MS) return
    reportedAt = now()
    const isHeld = (await queue.backOffLeft()) > 0
    // A back-off that this process was asked for itself has been reported as a retry.
    if (isHeld && now() < ownBackOffUntil) return
    onNotice(waitingForRateLimit({ seconds: Math.round(waitMs / 1000), rate, isHeld }))
  }

  return {
    async run(act, signal) {
      await slots.acquire(signal)
      try {
        if (signal.aborted) throw stopped()
        await waitForTurn(signal)
        return await act()
      } finally {
        slots.release()
      }
    },
    async backOff(requestedMs) {
      const ms = Math.min(requestedMs, LONGEST_BACK_OFF_MS)
      ownBackOffUntil = Math.max(ownBackOffUntil, now() + ms)
      await queue.backOff(ms)
    },
  }
}
