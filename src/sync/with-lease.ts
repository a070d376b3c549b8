/**
 * Runs work on a resource under its lease, so that no other worker does the same meanwhile (S7).
 *
 *   acquire ──► act, while a timer renews ──► release
 *      │          └─ the lease is lost (paused process, dead connection): `act` is aborted and the error is SYNC_LEASE_LOST
 *      └─ busy: SYNC_BUSY, or with `patient` another try each second
 *
 * Aborting is only a courtesy: what makes a late write harmless is that each transaction proves the lease's term.
 */
import { leaseLost } from '../errors/resources.ts'
import { hasCode, type SyncError } from '../errors/sync-error.ts'
import { sleep } from '../remote/http/retry.ts'
import { RENEW_EVERY_MS, type Lease, type Leases } from '../store/fleet/leases.ts'
import { withDbRetry } from './with-db-retry.ts'

/** Between two tries at a lease that another worker holds. */
const LOOK_AGAIN_MS = 1_000

export interface Patience {
  /** Wait for the holder, for as long as that takes. */
  readonly patient?: boolean
  /** Called when it begins to wait, and whenever the holder changes. */
  readonly onWait?: (busy: SyncError) => void
  /** In the history, what is written is of this run. */
  readonly runId?: number
}

/** Holds the lease while `act` runs, renews it, and stops `act` when it is lost. */
export async function withLease<T>(
  leases: Leases,
  type: string,
  signal: AbortSignal,
  act: (signal: AbortSignal, lease: Lease) => Promise<T>,
  patience: Patience = {},
): Promise<T> {
  const acquired = await acquire(leases, type, signal, patience)
  const lost = new AbortController()
  const held = AbortSignal.any([signal, lost.signal])
  const lease: Lease = { ...acquired, transaction: (write) => withDbRetry(() => acquired.transaction(write), held) }
  const renewal = setInterval(() => {
    // A renewal that cannot be sent is tried again; the lease outlives three of them.
    leases.renew(lease).then(
      (isHeld) => isHeld || lost.abort(),
      () => {},
    )
  }, RENEW_EVERY_MS)
  try {
    return await act(held, lease)
  } catch (error) {
    throw lost.signal.aborted ? leaseLost({ resource: type, term: lease.term }) : error
  } finally {
    clearInterval(renewal)
    await withDbRetry(() => leases.release(lease), signal).catch(() => {})
  }
}

async function acquire(
  leases: Leases,
  type: string,
  signal: AbortSignal,
  { patient = false, onWait, runId }: Patience,
): Promise<Lease> {
  let reported = ''
  for (;;) {
    try {
      return await withDbRetry(() => leases.acquire(type, runId), signal)
    } catch (error) {
      if (!patient || !hasCode(error, 'SYNC_BUSY')) throw error
      if (error.message !== reported) onWait?.(error)
      reported = error.message
    }
    await sleep(LOOK_AGAIN_MS, signal)
  }
}
