/** How a part of BullMQ is closed whose server may be gone: it sends its goodbye and waits for the response, for ever. */
import { setTimeout as sleep } from 'node:timers/promises'

interface Closable {
  close(): Promise<void>
  /** At once, whatever waits. */
  disconnect(): Promise<void>
}

/** Where the server responds it takes a few milliseconds. */
const PATIENCE_MS = 5_000

/** @param busy resolves when what it does has ended, which may take its time; undefined when it does nothing. */
export async function closeWithTimeout(one: Closable, busy?: () => Promise<unknown> | undefined): Promise<void> {
  const closed = one.close().catch(() => {})
  const given = new AbortController()
  const patience = async (): Promise<boolean> => {
    await busy?.()
    return await sleep(PATIENCE_MS, true, { signal: given.signal }).catch(() => false)
  }
  const late = await Promise.race([closed.then(() => false), patience()])
  given.abort()
  if (!late) return
  const gone = one.disconnect().catch(() => {})
  await withTimeout(Promise.all([gone, closed]))
}

/** Waits for it, and no longer than for a peer that is there. */
export async function withTimeout(work: Promise<unknown>): Promise<void> {
  const given = new AbortController()
  const patience = sleep(PATIENCE_MS, undefined, { signal: given.signal }).catch(() => {})
  await Promise.race([work.catch(() => {}), patience])
  given.abort()
}
