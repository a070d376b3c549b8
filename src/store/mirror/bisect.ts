/** Rows that go together as long as none is refused, and apart where one is. */
import type { Transaction } from '../connection/database.ts'
import { isRejectedByDatabase, type DatabaseRejection } from './refusals.ts'

/**
 * In savepoints that are halved until each item that is refused stands alone: one among 1,000 costs twenty savepoints more.
 *
 * @param refuse what becomes of an item that is refused by itself; throws what no other would escape.
 */
export async function bisect<T, R>(
  tx: Transaction,
  items: readonly T[],
  act: (savepoint: Transaction, some: readonly T[]) => Promise<R>,
  refuse: (error: Error & DatabaseRejection, item: T) => Promise<R> | R,
): Promise<R[]> {
  const [first] = items
  if (first === undefined) return []
  try {
    const done = await tx.savepoint(async (savepoint) => {
      const result = await act(savepoint, items)
      // What somebody has put off to the end of the transaction would refuse all of it there.
      await savepoint`set constraints all immediate`
      return result
    })
    return [done as R]
  } catch (error) {
    if (!isRejectedByDatabase(error)) throw error
    if (items.length === 1) return [await refuse(error, first)]
  }
  const half = items.length >> 1
  return [
    ...(await bisect(tx, items.slice(0, half), act, refuse)),
    ...(await bisect(tx, items.slice(half), act, refuse)),
  ]
}
