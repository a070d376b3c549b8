/**
 * Keeps the requests of the whole fleet below ScopeStack's quota: how many a second all workers with the same SYNC_RATE start
 * together. (How many one process has in flight is with-concurrency.ts.)
 *
 * The rate is a queue in the store, of one number, the time of its end. A request takes the next place in one exchange with the
 * store, and waits:
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
 * requests start within a second (this: 21), its refused callers try again, 3.9 exchanges a request (this: 2), and places
 * went to the callers of the right moment, 10 to 40 a process (this: 20 to 30).
 */
import { waitingForRateLimit } from '../../errors/requests.ts'
import type { SyncError } from '../../errors/sync-error.ts'
import { LONGEST_BACK_OFF_MS, type RateLimitStore } from '../../rate-limit-store.ts'
import { withLocalFallback } from './rate-limit-fallback.ts'
import { createLocalRateLimitStore } from './rate-limit-local.ts'
import { sleep } from './retry.ts'

export interface RateLimit {
  /**
   * Resolves when the next request may start, to how long it was held back, in ms: without the exchanges with the store.
   *
   * @throws SyncError SYNC_STOPPED when the signal fires first.
   */
  acquire(signal: AbortSignal): Promise<number>
  /** After a 429 or its like: no request starts for `ms`, two minutes at most, and the rate halves. */
  backOff(ms: number): Promise<void>
}

interface Deps {
  readonly rate: number
  /** Left out: this process is the only one. */
  readonly shared?: RateLimitStore
  /** Something an operator may want to know: the store cannot be reached, or a request has to wait long. */
  readonly onNotice?: (notice: SyncError) => void
  readonly now?: () => number
}

/** Longer waits are reported, once a minute at most. */
const LONG_WAIT_MS = 10_000
const REPORT_EVERY_MS = 60_000

export function createRateLimit({ rate, shared, onNotice, now = () => performance.now() }: Deps): RateLimit {
  const local = createLocalRateLimitStore(now)
  const queue = withLocalFallback({ rate, local, shared, onUnreachable: onNotice, now })
  let reportedAt = -Infinity
  let ownBackOffUntil = -Infinity

  async function reportLongWait(waitMs: number): Promise<void> {
    if (onNotice === undefined || now() < reportedAt + REPORT_EVERY_MS) return
    reportedAt = now()
    const isHeld = (await queue.backOffLeft()) > 0
    // A back-off after a response to this process has been reported as a retry.
    if (isHeld && now() < ownBackOffUntil) return
    onNotice(waitingForRateLimit({ seconds: Math.round(waitMs / 1000), rate, isHeld }))
  }

  return {
    async acquire(signal) {
      for (let heldMs = 0; ;) {
        const waitMs = rate === 0 ? await local.backOffLeft() : (await queue.reserve()).waitMs
        if (waitMs <= 0) return heldMs
        if (waitMs > LONG_WAIT_MS) await reportLongWait(waitMs)
        await sleep(waitMs, signal)
        heldMs += waitMs
        // A 429 that came meanwhile has moved the whole queue; this place in it is void.
        if ((await queue.backOffLeft()) <= 0) return heldMs
      }
    },
    async backOff(requestedMs) {
      const ms = Math.min(requestedMs, LONGEST_BACK_OFF_MS)
      ownBackOffUntil = Math.max(ownBackOffUntil, now() + ms)
      await queue.backOff(ms)
    },
  }
}
