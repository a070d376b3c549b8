import type { Store } from '../../assemble/store.ts'
import { hasCode, reason, type SyncError } from '../../errors/sync-error.ts'
import { noteRetries, type Logger } from '../../logger.ts'
import { backoff, sleep } from '../../remote/http/retry.ts'
import { explainDatabase, isConnectionLoss, isLimitError, isLostRace } from '../../store/connection/database.ts'

interface Waiting {
  readonly store: Store
  readonly log: Logger
  /** What is waited for, in words; shown by /readyz. */
  readonly onWait: (words: string) => void
  readonly signal: AbortSignal
}

const REDIS = ['SYNC_REDIS_UNREACHABLE', 'SYNC_REDIS_UNWRITABLE', 'SYNC_REDIS_UNFIT'] as const

const PAUSES = { baseMs: 250, capMs: 10_000, attempts: 0 }

/**
 * What a service does first at its database, or at Redis, which may come up after it and stay away for long: it is waited for
 * without an end, since a supervisor that starts us anew brings it no nearer. An embedded database that went away does not
 * come back by itself.
 *
 * @param act may run twice.
 */
export async function awaitServer<T>(act: () => Promise<T>, { store, log, onWait, signal }: Waiting): Promise<T> {
  let said = ''
  for (let attempt = 1; ; attempt++) {
    try {
      return await act()
    } catch (error) {
      // Away, or a replica, which may be on its way to another role.
      const redis = hasCode(error, ...REDIS) && error.remedy === 'retry'
      // Also one that has no connections left for us, or a pooler without.
      const full = hasCode(error, 'SYNC_CONNECTIONS') && error.remedy === 'wait'
      const standby = hasCode(error, 'SYNC_DATABASE_UNFIT') && error.remedy === 'retry'
      const passes = full || standby || isConnectionLoss(error) || isLostRace(error) || isLimitError(error)
      const database = store.embedded === undefined && passes
      if (!redis && !database) throw error
      const words = reason(explainDatabase(error, store.url))
      onWait(`waiting for ${redis ? 'Redis' : 'the database'}: ${words}`)
      // Once, and not at every try.
      if (words !== said) log.warn(`${words} Trying again until it answers.`)
      said = words
      await sleep(backoff(attempt, PAUSES), signal)
    }
  }
}

/** What a change of tables waits for is said in the same places. */
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
