/**
 * The contract between the pace (`remote/http/rate-limit.ts`) and the places it may be shared (`store/fleet/rate-limit.ts`, `store/fleet/rate-limit-redis.ts`).
 *
 * Workers with one rate have one queue. Those with another have their own: in a common one a process that was given 0.001
 * would push everybody's next place a quarter of an hour ahead. What ScopeStack asks for holds for all of them.
 */

export interface RateLimitStore {
  /** Takes the next place in the queue of requests of all that have this rate. One exchange with the store, however many wait. */
  reserve(rate: number): Promise<Reservation>
  /** How long everybody is still held back, in ms; asked again by who has waited for its place. */
  backOffLeft(): Promise<number>
  /** A 429 came: nobody sends for `holdMs`, and each rate halves. */
  backOff(holdMs: number): Promise<void>
}

export interface Reservation {
  /** Until its turn. */
  readonly waitMs: number
  /** Places that the fleet has taken so far: between two of one's own it tells one's share. */
  readonly taken: number
}

/** One answer holds the fleet back for so long at most: whoever asks for more is asked again, and told the same again. */
export const LONGEST_BACK_OFF_MS = 120_000

/**
 * A hold that ends later than this, or a queue that ends later than this and a thousand places, is none: the store's clock was
 * set back since, or who wrote it believed any `Retry-After`. Nobody may wait for a year that one answer has named.
 */
export const IMPLAUSIBLE_BEYOND_MS = 2 * 60 * 60_000

/** After a 429 the rate climbs back by a tenth of the configured rate with each of these. */
export const RECOVER_EVERY_MS = 10_000
/** The answers that are still on their way when the first 429 comes say nothing new. */
export const HALVE_AT_MOST_EVERY_MS = 1_000
/** No rate is lowered below this part of the configured one. */
export const LOWEST_SHARE = 1 / 16
