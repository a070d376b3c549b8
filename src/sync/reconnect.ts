/** A database that restarts, or drops a connection, is waited for; who lost to another transaction comes behind it. */
import { backoff, RETRY, sleep } from '../remote/retry.ts'
import { isConnectionLoss, isLostRace } from '../store/database.ts'

/** @param act may run twice: when the connection goes, nobody knows whether its last statement took effect. */
export async function reconnecting<T>(act: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await act()
    } catch (error) {
      const mayPass = isConnectionLoss(error) || isLostRace(error)
      if (!mayPass || attempt >= RETRY.attempts) throw error
      await sleep(backoff(attempt, RETRY), signal)
    }
  }
}
