/**
 * The rate limit that all processes of one pair of credentials share: the contract between the limiter
 * (`remote/http/rate-limit.ts`) and the stores (`store/fleet/rate-limit.ts`, `rate-limit-redis.ts`).
 *
 * GCRA, the "leaky bucket as a meter": a queue is stored as one time, `nextAt`, at which its next place is free. With the
 * configured `rate` in requests a second, and a `share` of it in (1/16 … 1]:
 *
 *   reserve    at     = max(nextAt, now, heldUntil)      the caller waits for at - now
 *              nextAt = at + 1 / (rate × share)
 *   429        heldUntil = max(heldUntil, now + Retry-After)
 *              share     = max(1/16, share / 2)          once a second at most
 *   recovery   share     = min(1, share + 1/10)          every 10 s
 *
 * `now` is the store's clock, so the clocks of the hosts do not matter. A burst is never saved up: an idle queue starts at `now`.
 *
 * Workers with one rate share one queue; another rate has its own queue. In a common one a process with a rate of 0.001 would
 * delay the next request of all others by a quarter of an hour. `heldUntil` and `share` hold for all queues.
 *
 * When the store is away, the limiter goes on by itself with its share of the rate, and tries the store again later.
 */

export interface RateLimitStore {
  /** Reserves the next place in the queue of this rate: one round trip to the store, however many wait. */
  reserve(rate: number): Promise<Reservation>
  /** How long all processes are still held back, in ms. A caller checks again when its place has come. */
  backOffLeft(): Promise<number>
  /** After a 429: no process sends for `holdMs`, and each rate halves. */
  backOff(holdMs: number): Promise<void>
}

/** What a person is shown of it. */
export interface RateState {
  /** No process sends a request before; null where none is held back. */
  readonly heldUntil: Date | null
  /** Of the configured rate: 1, and less after a 429 until it has recovered. */
  readonly share: number
}

export interface Reservation {
  /** Until the place is free. */
  readonly waitMs: number
  /** Places that all processes have reserved so far: from two of its own, a process learns its part of the rate. */
  readonly taken: number
}

/** One response holds all processes back for at most this long. A server that wants more repeats it in its next response. */
export const LONGEST_BACK_OFF_MS = 120_000

/**
 * A hold that ends later than this from now is ignored, and so is a queue that ends later than this and a thousand places: the
 * store's clock was set back since, or an older version stored any `Retry-After`. No process may wait for a year.
 */
export const IMPLAUSIBLE_BEYOND_MS = 2 * 60 * 60_000

/** After a 429 the rate climbs back by a tenth of the configured rate with each of these. */
export const RECOVER_EVERY_MS = 10_000
/** Responses that were on their way when the first 429 came mean nothing new. */
export const HALVE_AT_MOST_EVERY_MS = 1_000
/** No rate is lowered below this part of the configured one. */
export const LOWEST_SHARE = 1 / 16
