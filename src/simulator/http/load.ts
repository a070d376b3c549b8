/** A server that does not work on any number of requests at once: switches `worksOn` and `overloaded`. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Switches } from '../switches.ts'

export interface Load {
  /** Ends with the work on a request; false: it is refused. */
  work(signal: AbortSignal): Promise<boolean>
}

export function createLoad({ switches }: { readonly switches: Switches }): Load {
  const waiting: (() => void)[] = []
  let here = 0
  let inWork = 0

  async function turn(most: number): Promise<void> {
    // The place of one that ends is handed over.
    if (inWork >= most) await new Promise<void>((resolve) => void waiting.push(resolve))
    else inWork += 1
  }

  function end(): void {
    const next = waiting.shift()
    if (next === undefined) inWork -= 1
    else next()
  }

  async function work(signal: AbortSignal): Promise<boolean> {
    const { latency, worksOn, overloaded } = switches
    const delay = (ms: number): Promise<void> => (ms > 0 ? wait(ms, undefined, { signal }) : Promise.resolve())
    if (worksOn === null || (overloaded !== 'queue' && here <= worksOn)) {
      await delay(latency)
      return true
    }
    if (overloaded === 'refuse') return false
    if (overloaded === 'slow') {
      await delay((latency * here) / worksOn)
      return true
    }
    await turn(worksOn)
    try {
      await delay(latency)
    } finally {
      end()
    }
    return true
  }

  return {
    async work(signal) {
      here += 1
      try {
        return await work(signal)
      } finally {
        here -= 1
      }
    },
  }
}
