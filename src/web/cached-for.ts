/**
 * One reader for all who ask: pages that are open, and /metrics.
 *
 * @param read runs once at a time, and its result serves all for `ms` from its end. What it throws is not kept.
 */
export function cachedFor<T>(ms: number, read: () => Promise<T>, elapsed = () => performance.now()): () => Promise<T> {
  let reading: Promise<T> | undefined
  let kept: { readonly value: T; readonly until: number } | undefined
  return () => {
    if (kept !== undefined && elapsed() < kept.until) return Promise.resolve(kept.value)
    reading ??= read()
      .then((value) => {
        kept = { value, until: elapsed() + ms }
        return value
      })
      .finally(() => (reading = undefined))
    return reading
  }
}

/** What a page shows is at most that old. */
export const KEPT_MS = 1_000
