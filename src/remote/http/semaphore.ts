/** At most `limit` holders at once; who waits is served in the order of coming. */
import { stopped } from '../../errors/commands.ts'

export interface Semaphore {
  /** @throws SyncError SYNC_STOPPED when the signal fires first; the place in the queue is given up then. */
  acquire(signal: AbortSignal): Promise<void>
  release(): void
}

export function createSemaphore(limit: number): Semaphore {
  const queue: (() => void)[] = []
  let held = 0

  function waitInQueue(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(stopped())
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
    async acquire(signal) {
      if (held < limit) held++
      else await waitInQueue(signal)
    },
    release() {
      // The place is handed over rather than freed, so that no newcomer overtakes the queue.
      const next = queue.shift()
      if (next === undefined) held--
      else next()
    },
  }
}
