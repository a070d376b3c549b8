/** Writes items together as long as none is rejected, and finds the rejected ones by halving. */
import type { Transaction } from '../connection/database.ts'
import { isRejectedByDatabase, type DatabaseRejection } from './rejections.ts'

type OnRejected<T, R> = (error: Error & DatabaseRejection, item: T) => Promise<R> | R

/**
 * Runs `act` in savepoints that are halved until each rejected item is alone: one among 1,000 costs twenty more savepoints.
 *
 * @param onRejected the result for a rejected item; throws an error that every item would have.
 */
export const bisect = <T, R>(
  tx: Transaction,
  items: readonly T[],
  act: (savepoint: Transaction, some: readonly T[]) => Promise<R>,
  onRejected: OnRejected<T, R>,
): Promise<R[]> =>
  halve(
    items,
    async (some) =>
      (await tx.savepoint(async (savepoint) => {
        const result = await act(savepoint, some)
        // A deferred constraint would reject the whole transaction at its end.
        await savepoint`set constraints all immediate`
        return result
      })) as R,
    onRejected,
  )

/** The same outside a transaction, of what writes nothing. */
export async function halve<T, R>(
  items: readonly T[],
  act: (some: readonly T[]) => Promise<R>,
  onRejected: OnRejected<T, R>,
): Promise<R[]> {
  const [first] = items
  if (first === undefined) return []
  try {
    return [await act(items)]
  } catch (error) {
    if (!isRejectedByDatabase(error)) throw error
    if (items.length === 1) return [await onRejected(error, first)]
  }
  const half = items.length >> 1
  return [...(await halve(items.slice(0, half), act, onRejected)), ...(await halve(items.slice(half), act, onRejected))]
}
