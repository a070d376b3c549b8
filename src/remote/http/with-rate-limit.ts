/**
 * Each attempt acquires a place of the fleet's rate limit (rate-limit.ts) before it goes on.
 *
 *   sees     every attempt; a request that is sent again with another token is one attempt
 *   throws   SYNC_STOPPED when the signal fires during the wait, and whatever the layer below throws
 */
import type { RateLimit } from './rate-limit.ts'
import type { Layer } from './send.ts'

export const withRateLimit =
  (rateLimit: Pick<RateLimit, 'acquire'>): Layer =>
  (send) =>
  async (request, signal) => {
    await rateLimit.acquire(signal)
    return await send(request, signal)
  }
