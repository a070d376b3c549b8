/**
 * At most so many requests of this process at once, from the wait for the rate limit to the last byte of the response. How many a
 * second may start is another question, of the whole fleet: rate-limit.ts.
 *
 *   sees     every request, once for each attempt; those that wait are served in the order of coming
 *   throws   SYNC_STOPPED when the signal fires before its turn, and whatever the layer below throws
 */
import { stopped } from '../../errors/commands.ts'
import type { Layer } from './send.ts'

export function withConcurrency(limit: number): Layer {
  const slots = createSemaphore(limit)
  return (send) => async (request, signal) => {
    await slots.acquire(signal)
    try {
      return await send(request, signal)
    } finally {
      slots.release()
    }
  }
}

function createSemaphore(limit: number) {
  const queue: (() => void)[] = []
  let held = 0

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
    async acquire(signal: AbortSignal): Promise<void> {
      if (signal.aborted) throw stopped()
      if (held < limit) held++
      else await waitInQueue(signal)
    },
    release(): void {
      // The place is handed over rather than freed, so that no newcomer overtakes the queue.
      const next = queue.shift()
      if (next === undefined) held--
      else next()
    },
  }
}
