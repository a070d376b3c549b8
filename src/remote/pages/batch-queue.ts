/**
 * Joins the items of several producers for one consumer. The consumer takes what has arrived as one batch: the slower it is,
 * the larger its batches. A producer that is `ahead` of the consumer by so many items waits.
 */
export interface BatchQueue<T> {
  /** Fires when the queue is closed, by the consumer or by a failure. */
  readonly closed: AbortSignal
  /** One producer more, by its number. Not after all others have ended. */
  join(): number
  /** Resolves when this producer may make its next item; false when the queue is closed. */
  hasRoom(producer: number): Promise<boolean>
  push(producer: number, item: T): void
  /** A producer has made all its items. */
  readonly end: () => void
  /** A producer has failed: the consumer gets the items that came before, then the first error. */
  readonly fail: (error: unknown) => void
  /** At least one item, and more until their weights add up to `weight`; none when all producers have ended. */
  take(weight: number, weightOf: (item: T) => number): Promise<readonly T[]>
  close(): void
}

export function createBatchQueue<T>(ahead: number): BatchQueue<T> {
  const items: { readonly item: T; readonly producer: number }[] = []
  const waiting: number[] = []
  const closing = new AbortController()
  const { signal: closed } = closing
  let running = 0
  let failed: { readonly error: unknown } | undefined
  let change = Promise.withResolvers<void>()

  function changed(): void {
    change.resolve()
    change = Promise.withResolvers<void>()
  }
  function close(): void {
    closing.abort()
    changed()
  }
  function end(): void {
    running--
    changed()
  }

  return {
    closed,
    close,
    end,
    join() {
      running++
      return waiting.push(0) - 1
    },
    async hasRoom(producer) {
      while (!closed.aborted && waiting[producer]! >= ahead) await change.promise
      return !closed.aborted
    },
    push(producer, item) {
      items.push({ item, producer })
      waiting[producer]!++
      changed()
    },
    fail(error) {
      failed ??= { error }
      close()
      end()
    },
    async take(weight, weightOf) {
      while (items.length === 0) {
        if (failed !== undefined) throw failed.error
        if (running === 0) return []
        await change.promise
      }
      const taken: T[] = []
      for (let sum = 0; items.length > 0 && sum < weight;) {
        const { item, producer } = items.shift()!
        taken.push(item)
        waiting[producer]!--
        sum += weightOf(item)
      }
      changed()
      return taken
    },
  }
}
