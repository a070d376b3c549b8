/** A database that restarts, or drops a connection, is waited for. */
import { backoff, RETRY, sleep } from '../remote/retry.ts'
import { isConnectionLoss } from '../store/database.ts'

/** @param act may run twice: when the connection goes, nobody knows whether its last statement took effect. */
export async function reconnecting<T>(act: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await act()
    } catch (error) {
      if (!isConnectionLoss(error) || attempt >= RETRY.attempts) throw error
      await sleep(backoff(attempt, RETRY), signal)
    }
  }
}
