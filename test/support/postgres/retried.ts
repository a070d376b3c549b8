/**
 * Repeats a statement until it succeeds: the pool may still have connections that are lost. With a pause,
 * since the driver rejects at once if it has none: without a pause no timer of the process would ever fire again.
 *
 * @throws any error that is not a lost connection, and the driver's error once it was ended, as after a test that took too long.
 */
import { setTimeout } from 'node:timers/promises'
import { isConnectionLoss } from '../../../src/store/connection/database.ts'

export async function retried<T>(act: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await act()
    } catch (error) {
      if (!isConnectionLoss(error) || (error as NodeJS.ErrnoException).code === 'CONNECTION_ENDED') throw error
      await setTimeout(10)
    }
  }
}
