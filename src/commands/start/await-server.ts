/**
 * Repeats the first steps of a service until its database, or Redis, responds: either may come up later than the service. It
 * waits without an end, since a restart by a supervisor would bring the server no nearer.
 *
 * @param act may run twice.
 */
import type { Store } from '../../assemble/store.ts'
import { hasCode, reason, type SyncError } from '../../errors/sync-error.ts'
import { noteRetries, type Logger } from '../../logger.ts'
import { backoff, sleep } from '../../remote/http/retry.ts'
import { explainDatabase, isConnectionLoss, isLimitError, isLostRace } from '../../store/connection/database.ts'

interface Waiting {
  readonly store: Store
  readonly log: Logger
  /** What start waits for, as /readyz shows it. */
  readonly onWait: (text: string) => void
  readonly signal: AbortSignal
}

const REDIS = ['SYNC_REDIS_UNREACHABLE', 'SYNC_REDIS_UNWRITABLE', 'SYNC_REDIS_UNFIT'] as const

const PAUSES = { baseMs: 250, capMs: 10_000, attempts: 0 }

export async function awaitServer<T>(act: () => Promise<T>, { store, log, onWait, signal }: Waiting): Promise<T> {
  let lastText = ''
  for (let attempt = 1; ; attempt++) {
    try {
      return await act()
    } catch (error) {
      const server = unavailableServer(error, store)
      if (server === null) throw error
      const text = reason(explainDatabase(error, store.url))
      onWait(`waiting for ${server}: ${text}`)
      // Logged once, not at every try.
      if (text !== lastText) log.warn(`Trying again until it responds. ${text}`)
      lastText = text
      await sleep(backoff(attempt, PAUSES), signal)
    }
  }
}

/** The server that is away for now; null where waiting does not help. */
function unavailableServer(error: unknown, { embedded }: Store): 'Redis' | 'the database' | null {
  // Also a replica, which may be about to become the primary.
  if (hasCode(error, ...REDIS) && error.remedy === 'retry') return 'Redis'
  // An embedded database that went away does not come back by itself.
  return embedded === undefined && isPassing(error) ? 'the database' : null
}

function isPassing(error: unknown): boolean {
  // The server, or its pooler, has no connections left for us.
  if (hasCode(error, 'SYNC_CONNECTIONS')) return error.remedy === 'wait'
  // A standby.
  if (hasCode(error, 'SYNC_DATABASE_UNFIT')) return error.remedy === 'retry'
  return isConnectionLoss(error) || isLostRace(error) || isLimitError(error)
}

/** Reports the locks that a migration waits for in the same places. */
export function reportingLockWaits({ log, onWait, signal }: Waiting) {
  const note = noteRetries(log)
  return {
    signal,
    onWait(error: SyncError): void {
      note(error)
      onWait(error.message)
    },
  }
}
