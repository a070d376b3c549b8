/** The rate limit of one process, in its memory: the same queue as `store/fleet/rate-limit-redis.ts` keeps for a fleet. */
import {
  HALVE_AT_MOST_EVERY_MS,
  LOWEST_SHARE,
  RECOVER_EVERY_MS,
  IMPLAUSIBLE_BEYOND_MS,
  type RateLimitStore,
} from '../../rate-limit-store.ts'

export function createLocalRateLimitStore(now: () => number = () => performance.now()): RateLimitStore {
  let nextAt = 0
  let heldUntil = 0
  let taken = 0
  let lowered: { readonly to: number; readonly at: number } | undefined

  const share = (): number =>
    lowered === undefined
      ? 1
      : Math.min(1, lowered.to + 0.1 * Math.max(0, Math.floor((now() - lowered.at) / RECOVER_EVERY_MS)))

  const plausible = (time: number, places = 0): number => (time > now() + IMPLAUSIBLE_BEYOND_MS + places ? 0 : time)

  return {
    async reserve(rate) {
      const at = Math.max(plausible(nextAt, 1_000_000 / rate), now())
      nextAt = at + 1000 / (rate * share())
      return { waitMs: at - now(), taken: ++taken }
    },
    backOffLeft: async () => plausible(heldUntil) - now(),
    async backOff(holdMs) {
      heldUntil = Math.max(plausible(heldUntil), now() + holdMs)
      nextAt = Math.max(nextAt, heldUntil)
      if (lowered !== undefined && now() - lowered.at <= HALVE_AT_MOST_EVERY_MS) return
      lowered = { to: Math.max(LOWEST_SHARE, share() / 2), at: now() }
    },
  }
}
