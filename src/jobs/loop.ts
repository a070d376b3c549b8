/** Something that is repeated until it is stopped. A failure is logged and the next turn comes all the same. */
import { reason, SyncError } from '../errors/sync-error.ts'
import type { Logger } from '../logger.ts'
import { checkTurn, type LivenessCheck } from './liveness.ts'
import type { Outages } from './outage-log.ts'

export interface Loop {
  /** A turn that failed is none. */
  readonly liveness: LivenessCheck
  /** The next turn comes within so many milliseconds, also where it is one that goes on now. */
  within(ms: number): void
  stop(): Promise<void>
}

/** A clock that was set, or a machine that slept, is noticed after this long. */
const LONGEST_PAUSE_MS = 30_000
const AFTER_FAILURE_MS = 2_000

/** A turn that had nothing to do, and asked nothing of the database: it says nothing of an outage. */
export const IDLE = Symbol('idle')

export function startLoop(
  what: string,
  turn: (signal: AbortSignal) => Promise<void | typeof IDLE>,
  pauseMs: () => number,
  { log, outages }: { readonly log: Logger; readonly outages: Outages },
): Loop {
  const stopping = new AbortController()
  const { signal } = stopping
  let reported = ''
  let last = performance.now()
  let pause = 0
  const rest = createRest(signal)
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      const begun = performance.now()
      rest.begin()
      try {
        if ((await turn(signal)) !== IDLE) outages.end(begun)
        reported = ''
        last = performance.now()
        pause = Math.min(pauseMs(), LONGEST_PAUSE_MS)
      } catch (error) {
        if (signal.aborted) return
        // Once, and not at each turn while a server is away.
        if (!outages.note(error) && reason(error) !== reported) {
          // A sentence of ours is enough; for anything else a report needs the stack.
          const facts = error instanceof SyncError ? { code: error.code } : { err: error }
          log.error(facts, `${what}: ${reason(error)}`)
        }
        reported = reason(error)
        pause = AFTER_FAILURE_MS
      }
      await rest.over(pause)
    }
  }
  const running = run()
  return {
    liveness: () => checkTurn(last, pause),
    within: (ms) => rest.shorten(ms),
    async stop() {
      stopping.abort()
      await running
    },
  }
}

/** The pause between two turns, which may be shortened from the beginning of the turn on. */
function createRest(signal: AbortSignal) {
  let until = Infinity
  let timer: NodeJS.Timeout | undefined
  let end: (() => void) | undefined
  const arm = (): void => {
    clearTimeout(timer)
    if (end !== undefined) timer = setTimeout(end, Math.max(0, until - performance.now()))
  }
  signal.addEventListener('abort', () => end?.())
  return {
    begin(): void {
      until = Infinity
    },
    shorten(ms: number): void {
      until = Math.min(until, performance.now() + ms)
      arm()
    },
    async over(ms: number): Promise<void> {
      if (signal.aborted) return
      until = Math.min(until, performance.now() + ms)
      const { promise, resolve } = Promise.withResolvers<void>()
      end = resolve
      arm()
      await promise
      clearTimeout(timer)
      end = undefined
    },
  }
}
