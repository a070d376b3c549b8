/**
 * Keeps requests under the quota: at most `concurrency` in flight and `rate` a second, all of them held back together
 * when the remote says 429.
 */
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { sleep } from './retry.ts'

export interface Pace {
  /** Runs `act` when it is its turn. */
  take<T>(act: () => Promise<T>, signal: AbortSignal): Promise<T>
  /** A 429 came: nothing more is sent for `ms`, and the rate halves. */
  slowDown(ms: number): void
}

/** After a 429 the rate climbs back by a tenth of the configured rate with each of these. */
const RECOVER_EVERY_MS = 10_000

export function createPace({ rate, concurrency }: { rate: number; concurrency: number }): Pace {
  const waiting: (() => void)[] = []
  let inFlight = 0
  let heldUntil = 0
  let allowed = rate
  let lastChange = 0
  let limiter = limiterFor(rate)

  const adapt = (next: number): void => {
    allowed = next
    lastChange = Date.now()
    limiter = limiterFor(allowed)
  }

  async function turn(signal: AbortSignal): Promise<void> {
    for (;;) {
      const held = heldUntil - Date.now()
      if (held > 0) await sleep(held, signal)
      if (limiter === null) return
      if (allowed < rate && Date.now() - lastChange > RECOVER_EVERY_MS) adapt(Math.min(rate, allowed + rate / 10))
      try {
        await limiter.consume('scopestack')
        return
      } catch (refusal) {
        if (!(refusal instanceof RateLimiterRes)) throw refusal
        await sleep(refusal.msBeforeNext + 1, signal)
      }
    }
  }

  return {
    async take(act, signal) {
      if (inFlight >= concurrency) await new Promise<void>((resolve) => waiting.push(resolve))
      else inFlight++
      try {
        await turn(signal)
        return await act()
      } finally {
        // The place is handed over rather than freed, so that nobody overtakes the queue.
        const next = waiting.shift()
        if (next === undefined) inFlight--
        else next()
      }
    },
    slowDown(ms) {
      heldUntil = Math.max(heldUntil, Date.now() + ms)
      if (limiter !== null) adapt(Math.max(rate / 16, allowed / 2))
    },
  }
}

/** Below one request a second the window grows instead, since points are whole. */
function limiterFor(rate: number): RateLimiterMemory | null {
  if (rate === 0) return null
  return new RateLimiterMemory(
    rate >= 1 ? { points: Math.floor(rate), duration: 1 } : { points: 1, duration: Math.ceil(1 / rate) },
  )
}
