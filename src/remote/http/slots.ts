/**
 * The places of this process for requests in flight, from the wait for the rate limit to the last byte of the response. There are as
 * many as `in-flight-limit.ts` finds. Requests that wait are served in the order of coming.
 */
import { stopped } from '../../errors/commands.ts'
import type { InFlightLimit } from './in-flight-limit.ts'

/** What a reader of lists may know of them. */
export interface SpareSlots {
  /** So many more chains of pages would find work now; not above 0 where all places are taken, or the rate limit is what they wait for. */
  spare(): number
  /** A chain of pages is under way: it wants a place, also between two of its requests. @returns what ends it, also when called again. */
  enter(): () => void
}

export interface Slots extends SpareSlots {
  readonly limit: InFlightLimit
  /** @throws SyncError SYNC_STOPPED when the signal fires first. */
  acquire(signal: AbortSignal): Promise<void>
  release(): void
}

/** Chains beyond the places, so that a request waits for the place of a chain that is busy with its page. */
const BEYOND = 2

export function createSlots(limit: InFlightLimit): Slots {
  const queue: (() => void)[] = []
  let held = 0
  let chains = 0

  function waitInQueue(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const served = (): void => {
        signal.removeEventListener('abort', left)
        resolve()
      }
      const left = (): void => {
        queue.splice(queue.indexOf(served), 1)
        reject(stopped())
      }
      signal.addEventListener('abort', left, { once: true })
      queue.push(served)
    })
  }

  return {
    limit,
    spare: () => (limit.isRateLimited() ? 0 : limit.current() + BEYOND - Math.max(chains, held + queue.length)),
    enter() {
      let isUnderWay = true
      chains++
      return () => {
        if (isUnderWay) chains--
        isUnderWay = false
      }
    },
    async acquire(signal) {
      if (signal.aborted) throw stopped()
      if (held < limit.current() && queue.length === 0) {
        held++
        return
      }
      limit.noteWanted()
      await waitInQueue(signal)
    },
    release() {
      held--
      // At once, so that no newcomer overtakes the queue.
      while (held < limit.current() && queue.length > 0) {
        held++
        queue.shift()!()
      }
    },
  }
}
