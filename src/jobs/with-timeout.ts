/** How long a call of the queue is waited for while a process ends: its server may be gone, and BullMQ waits for a response for ever. */
import { withinLimit } from '../within-limit.ts'

/** Where the server responds it takes a few milliseconds. */
const LONGEST_MS = 5_000

/** Resolves with the work, or without it when that takes too long. @throws what the work throws by then. */
export const withTimeout = async (work: Promise<unknown>): Promise<void> =>
  void (await withinLimit(work, LONGEST_MS, () => {}))

interface Closable {
  close(): Promise<void>
  /** At once, whatever waits. */
  disconnect(): Promise<void>
}

/** @param busy resolves when what it does has ended, which may take its time; undefined when it does nothing. */
export async function closeWithTimeout(one: Closable, busy?: () => Promise<unknown> | undefined): Promise<void> {
  let isClosed = false
  const closed = one
    .close()
    .catch(() => {})
    .finally(() => (isClosed = true))
  await Promise.race([closed, busy?.()])
  await withTimeout(closed)
  if (!isClosed) await withTimeout(Promise.all([one.disconnect().catch(() => {}), closed]))
}
