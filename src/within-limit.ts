/**
 * Waits for work no longer than a limit. It does not stop the work, which goes on by itself; what becomes of it then is not reported.
 *
 * @param onLate what the caller gets instead, or throws.
 */
export async function withinLimit<T, L>(work: PromiseLike<T>, ms: number, onLate: () => L): Promise<T | L> {
  const late = Promise.withResolvers<void>()
  const timer = setTimeout(late.resolve, ms)
  try {
    return await Promise.race([work, late.promise.then(onLate)])
  } finally {
    clearTimeout(timer)
  }
}
