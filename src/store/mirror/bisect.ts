/** Writes items together as long as none is rejected, and finds the rejected ones by halving. */
import type { Transaction } from '../connection/database.ts'
import { isRejectedByDatabase, type DatabaseRejection } from './rejections.ts'

/**
 * Runs `act` in savepoints that are halved until each rejected item is alone: one among 1,000 costs twenty more savepoints.
 *
 * @param onRejected the result for a rejected item; throws an error that every item would have.
 */
export async function bisect<T, R>(
  tx: Transaction,
  items: readonly T[],
  act: (savepoint: Transaction, some: readonly T[]) => Promise<R>,
  onRejected: (error: Error & DatabaseRejection, item: T) => Promise<R> | R,
): Promise<R[]> {
  const [first] = items
  if (first === undefined) return []
  try {
    const done = await tx.savepoint(async (savepoint) => {
      const result = await act(savepoint, items)
      // A deferred constraint would reject the whole transaction at its end.
      await savepoint`set constraints all immediate`
      return result
    })
    return [done as R]
  } catch (error) {
    if (!isRejectedByDatabase(error)) throw error
    if (items.length === 1) return [await onRejected(error, first)]
  }
  const half = items.length >> 1
  return [
    ...(await bisect(tx, items.slice(0, half), act, onRejected)),
    ...(await bisect(tx, items.slice(half), act, onRejected)),
  ]
}
