import { setTimeout } from 'node:timers/promises'
import { isConnectionLoss } from '../../../src/store/connection/database.ts'

/**
 * Repeats a statement until a connection carries it: the pool may hold some that are lost and do not know it yet. With a pause,
 * since the driver refuses at once where it has none: without one no timer of the process would ever fire again.
 *
 * @throws what is no loss, and what the driver answers once it was ended, as it is behind a test that took too long.
 */
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
