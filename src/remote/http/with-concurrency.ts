/**
 * At most so many requests of this process at once, from the wait for the rate limit to the last byte of the response (slots.ts).
 * How many a second may start is another question, of the whole fleet: rate-limit.ts.
 *
 *   sees     every request, once for each attempt; those that wait are served in the order of coming
 *   throws   SYNC_STOPPED when the signal fires before its turn, and whatever the layer below throws
 */
import type { Layer } from './send.ts'
import type { Slots } from './slots.ts'

export const withConcurrency =
  (slots: Slots): Layer =>
  (send) =>
  async (request, signal) => {
    await slots.acquire(signal)
    try {
      return await send(request, signal)
    } finally {
      slots.release()
    }
  }
