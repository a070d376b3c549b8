/** Signals that end the process. It imports next to nothing, since it is loaded before anything else. */
import { constants } from 'node:os'
import { EXIT } from './errors/sync-error.ts'

/**
 * Signals within this time are one request. A terminal sends Ctrl-C to every process in front of it, and npm, one of them,
 * forwards it to us: one key, two signals.
 */
const SAME_REQUEST_MS = 500
/** Cleanup takes a fraction of this. */
const CLEANUP_MS = 10_000

type Cleanup = () => Promise<void>

const cleanups: Cleanup[] = []

export interface Stop {
  /** Fires when the process is asked to end. */
  readonly signal: AbortSignal
  /** From now on a signal ends the command in order. Until then it ends the process, as signals do. */
  begin(): void
}

/**
 * The first signal ends the process in order. A second one ends it at once, after the cleanups of `onForcedExit` only, and a
 * third one without them. A key that is held down gives no third one: it repeats all the time, and the cleanups of a busy
 * machine take longer than its repetitions.
 */
export function listenForStop(): Stop {
  const stop = new AbortController()
  let begun = false
  let first = 0
  let previous = 0
  let leaving = false
  const onSignal = (name: Name): void => {
    const now = performance.now()
    const pause = now - previous
    previous = now
    if (!begun) endBy(name)
    else if (!stop.signal.aborted) {
      first = now
      stop.abort()
    } else if (leaving) {
      if (pause > SAME_REQUEST_MS) process.exit(EXIT.failed)
    } else if (now - first > SAME_REQUEST_MS) {
      if (cleanups.length === 0) process.exit(EXIT.failed)
      leaving = true
      void exitAtOnce()
    }
  }
  // SIGHUP: the terminal was closed, and no shell is left to clean up after us.
  for (const name of NAMES) process.on(name, onSignal)
  return { signal: stop.signal, begin: () => void (begun = true) }
}

const NAMES = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
type Name = (typeof NAMES)[number]

/** By the signal itself, which the parent sees; process 1 of a container can only return its status. */
function endBy(name: Name): void {
  if (process.pid === 1) process.exit(128 + constants.signals[name])
  process.removeAllListeners(name)
  process.kill(process.pid, name)
}

/**
 * Registers the cleanup of something that must not outlive the process, a server or a folder, for when the process ends at
 * once. The newest runs first.
 *
 * @returns removes it; to be called after the usual cleanup.
 */
export function onForcedExit(cleanup: Cleanup): () => void {
  cleanups.push(cleanup)
  return () => {
    const at = cleanups.indexOf(cleanup)
    if (at >= 0) cleanups.splice(at, 1)
  }
}

/** Ends the process with 1 after the registered cleanups, whatever else is under way. */
export async function exitAtOnce(): Promise<void> {
  setTimeout(() => process.exit(EXIT.failed), CLEANUP_MS)
  // A failure stops no other one, and there is no screen left to report it on.
  for (const cleanup of cleanups.toReversed()) await cleanup().catch(() => {})
  process.exit(EXIT.failed)
}
