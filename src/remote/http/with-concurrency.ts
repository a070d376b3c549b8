/**
 * At most so many requests of this process at once, from the wait for the rate limit to the last byte of the response (slots.ts), and
 * what they show of how many that should be (in-flight-limit.ts). How many a second may start is another question, of the whole
 * fleet: rate-limit.ts.
 *
 *   sees     every request, once for each attempt; those that wait are served in the order of coming
 *   throws   SYNC_STOPPED when the signal fires before its turn, and whatever the layer below throws
 */
import { factOf, hasCode } from '../../errors/sync-error.ts'
import type { InFlightLimit, Observed } from './in-flight-limit.ts'
import type { RateLimit } from './rate-limit.ts'
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

/** Behind the wait for the rate limit: what comes of each request, and how long it took. Reads only, of which there are many of a kind. */
export const withObservation =
  (limit: InFlightLimit, now: () => number): Layer =>
  (send) =>
  async (request, signal) => {
    if (request.method !== 'GET') return await send(request, signal)
    const at = now()
    let status = 0
    const read: typeof request.read = (response) => {
      status = response.status
      return request.read(response)
    }
    const note = (came: Observed['came'] | undefined): void => {
      if (came !== undefined) limit.note({ kind: `${status} ${listOf(request.url)}`, ms: now() - at, came, at })
    }
    try {
      const result = await send({ ...request, read }, signal)
      note('response')
      return result
    } catch (error) {
      note(cameOf(error))
      throw error
    }
  }

/** The same rate limit; the limit of requests in flight learns of its waits. */
export const observedRateLimit = (
  { acquire }: Pick<RateLimit, 'acquire'>,
  limit: InFlightLimit,
): Pick<RateLimit, 'acquire'> => ({
  async acquire(signal) {
    const heldMs = await acquire(signal)
    limit.noteRateWait(heldMs)
    return heldMs
  },
})

/** Undefined: nothing about the server's load. A 500 is a bug at one record, which its page meets again (pages/smaller-pages.ts). */
function cameOf(error: unknown): Observed['came'] | undefined {
  if (hasCode(error, 'SYNC_RATE_LIMITED')) return 'refusal'
  if (hasCode(error, 'SYNC_REMOTE_TIMEOUT', 'SYNC_REMOTE_UNREACHABLE')) return 'failure'
  if (!hasCode(error, 'SYNC_REMOTE_FAILED')) return undefined
  const status = factOf(error, 'status')
  return status === 503 ? 'refusal' : status === 500 ? undefined : 'failure'
}

/** Of all pages of one size, and of all lists nested below records. */
const listOf = (url: string): string =>
  `${url.split('?', 1)[0]!.replaceAll(/\/\d+/g, '/#')} ${/page%5Bsize%5D=\d+/.exec(url)?.[0]}`
