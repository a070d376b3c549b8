/** How the process is asked to end. Small, and imports next to nothing: it is loaded before anything else. */
import { constants } from 'node:os'
import { EXIT } from './errors/sync-error.ts'

/**
 * For so long a repeat is the same request. A terminal sends Ctrl-C to every process in front of it, and npm, one of them,
 * sends it on to us: one key, two signals.
 */
const SAME_REQUEST_MS = 500
/** What is owed at the end takes a fraction of this. */
const OWED_MS = 10_000

type Duty = () => Promise<void>

const duties: Duty[] = []

export interface Stop {
  /** Fires when the process is asked to end. */
  readonly signal: AbortSignal
  /** From now on there is something to finish. Until then a signal ends the process, as signals do. */
  begin(): void
}

/**
 * The first signal asks to finish what runs; a later one does not want to wait. Even then what the process has begun
 * outside of itself is ended (`onForcedExit`), and a third one leaves that as it is.
 */
export function listenForStop(): Stop {
  const stop = new AbortController()
  let begun = false
  let first = 0
  let leaving = false
  const asked = (name: Name): void => {
    if (!begun) endBy(name)
    else if (!stop.signal.aborted) {
      first = performance.now()
      stop.abort()
    } else if (performance.now() - first > SAME_REQUEST_MS) {
      if (leaving || duties.length === 0) process.exit(EXIT.failed)
      leaving = true
      first = performance.now()
      void exitAtOnce()
    }
  }
  // SIGHUP: the terminal was closed, and nobody is left to clean up after us.
  for (const name of NAMES) process.on(name, asked)
  return { signal: stop.signal, begin: () => void (begun = true) }
}

const NAMES = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
type Name = (typeof NAMES)[number]

/** By the signal itself, which says most; process 1 of a container has to say it by its status. */
function endBy(name: Name): void {
  if (process.pid === 1) process.exit(128 + constants.signals[name])
  process.removeAllListeners(name)
  process.kill(process.pid, name)
}

/**
 * Something that must not outlive the process, a server or a folder, is ended by `duty` when the process has to go at once;
 * the newest comes first.
 *
 * @returns to be called when it has been ended in the usual way.
 */
export function onForcedExit(duty: Duty): () => void {
  duties.push(duty)
  return () => {
    const at = duties.indexOf(duty)
    if (at >= 0) duties.splice(at, 1)
  }
}

/** Ends the process with 1 after what is owed, whatever else is under way. */
export async function exitAtOnce(): Promise<void> {
  setTimeout(() => process.exit(EXIT.failed), OWED_MS)
  // One that fails keeps no other from being done, and nobody is left to be told.
  for (const duty of duties.toReversed()) await duty().catch(() => {})
  process.exit(EXIT.failed)
}
