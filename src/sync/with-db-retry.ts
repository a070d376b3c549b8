/**
 * A database that restarts, or drops a connection, is waited for; who lost to another transaction comes behind it; what a
 * limit or a person ended is tried again.
 */
import { backoff, RETRY, sleep } from '../remote/http/retry.ts'
import { explainLimit, isConnectionLoss, isLimitError, isLostRace } from '../store/connection/database.ts'

/** Each time has cost as long as the limit already. */
const LIMITED_ATTEMPTS = 5

/**
 * @param act may run twice: when the connection is lost, its last statement may or may not have taken effect.
 * @throws SyncError SYNC_DATABASE_LIMIT when a limit ended it each time; else the driver's error.
 */
export async function withDbRetry<T>(act: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await act()
    } catch (error) {
      if (isLimitError(error) && attempt >= LIMITED_ATTEMPTS) throw explainLimit(error)
      const mayPass = isConnectionLoss(error) || isLostRace(error) || isLimitError(error)
      if (!mayPass || attempt >= RETRY.attempts) throw error
      await sleep(backoff(attempt, RETRY), signal)
    }
  }
}
