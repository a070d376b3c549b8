/**
 * Work on many items, so many at once, by p-map: the next item begins as soon as one has ended, where a loop over chunks waits for
 * the slowest of each chunk. Results come in the order of the items.
 *
 *   a failure   no further item begins, and the failure is thrown: by `mapConcurrent` at once, by `mapInBatches` after the batches
 *               before it. Items under way end by themselves, and what becomes of them is not reported.
 *   a stop      is a failure: what is done for an item has the signal, and throws SYNC_STOPPED
 */
import pMap, { pMapIterable } from 'p-map'

type Act<T, R> = (item: T, index: number) => Promise<R>

export const mapConcurrent = <T, R>(items: Iterable<T>, concurrency: number, act: Act<T, R>): Promise<R[]> =>
  pMap(items, act, { concurrency })

interface ResultBatch<T, R> {
  readonly items: readonly T[]
  readonly results: readonly R[]
}

/** Batches of `concurrency` results, for a caller that writes each. Meanwhile the next two are worked on, and no more than that. */
export async function* mapInBatches<T, R>(
  items: readonly T[],
  concurrency: number,
  act: Act<T, R>,
): AsyncGenerator<ResultBatch<T, R>> {
  let start = 0
  let results: R[] = []
  for await (const result of pMapIterable(items, act, { concurrency, backpressure: 2 * concurrency })) {
    results.push(result)
    const end = start + results.length
    if (results.length < concurrency && end < items.length) continue
    yield { items: items.slice(start, end), results }
    start = end
    results = []
  }
}
