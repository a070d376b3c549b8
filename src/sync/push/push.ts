/**
 * Sends the changes that wait in the outbox, under the lease `push`: one process at a time. The steps of a batch:
 *
 *   take      twenty records of one resource, the oldest first; their changes are coalesced to one each (`next-batch.ts`)
 *   read      one request for what ScopeStack holds of the twenty (`read-remote.ts`)
 *   one by one, several at once, `push-one.ts`:
 *     decide  base, local and remote value of each field (`conflict.ts`): send · nothing to send · park the conflict
 *     send    PATCH or DELETE of what differs (`send-edit.ts`), POST of a new row (`send-create.ts`)
 *     settle  the response becomes the row, and the change is `sent`, in one transaction (`push-one.ts`)
 *
 * What goes wrong ends in one of four ways: the change is parked for a person; it is postponed and tried again; it was sent and
 * its result is unknown, then the next attempt looks first; or the error concerns every change, then it is thrown.
 */
import { endsTheRun, factOf, SyncError } from '../../errors/sync-error.ts'
import { mapConcurrent } from '../../map-concurrent.ts'
import { clientFor } from '../../remote/client.ts'
import { isPageFailure } from '../../remote/pages/page-failures.ts'
import type { Change } from '../../store/changes/change.ts'
import { pauseAll } from '../../store/changes/writes.ts'
import { readWithColumns } from '../../store/columns/decisions.ts'
import type { Lease } from '../../store/fleet/leases.ts'
import { createMirror } from '../../store/mirror/load.ts'
import { loseInFlight, nextBatch, PUSH_LEASE } from '../../store/outbox/next-batch.ts'
import { withLease, type Patience } from '../with-lease.ts'
import { beginFlight, isNoResponse, type ChangeResult, type PushDeps } from './attempt.ts'
import { pushOne } from './push-one.ts'
import { idsToRead, listRequest, readRecords } from './read-remote.ts'

export interface PushOptions extends Patience {
  readonly signal: AbortSignal
  readonly onResult: (settled: ChangeResult) => void
}

/**
 * Records read together, so that a change costs 1.05 requests. More would lengthen the time between the read and the last
 * write, in which an edit made in ScopeStack is overwritten unseen: ScopeStack ignores If-Match (API notes §12).
 */
const READ_TOGETHER = 20
/** Past this, as when the rate limit is used up by others, each record is read again by itself. */
const STALE_MS = 10_000

/**
 * Until no change is left that may be sent now.
 *
 * @throws SyncError SYNC_BUSY while another process pushes, unless it is to wait; what every other change would meet, too.
 */
export async function push(deps: PushDeps, options: PushOptions): Promise<void> {
  await withLease(
    deps.leases,
    PUSH_LEASE,
    options.signal,
    async (signal, lease) => {
      await loseInFlight(lease)
      while (!signal.aborted) {
        const changes = await nextBatch(deps.catalog, lease, READ_TOGETHER)
        if (changes === null) return
        try {
          await pushBatch(deps, lease, changes, { ...options, signal })
        } catch (error) {
          const ids = changes.map(({ id }) => id)
          await pauseAll(deps.sql, ids, lease, Math.min(pauseAfter(error), 60)).catch(() => {})
          throw error
        }
      }
    },
    options,
  )
}

/**
 * Seconds before these records are tried again. Where ScopeStack failed at the request for them, the next push begins with
 * others, in case these records cause it.
 */
function pauseAfter(error: unknown): number {
  if (!(error instanceof SyncError)) return 0
  if (error.remedy === 'retry' && !isNoResponse(error) && !endsTheRun(error)) return 60
  return factOf(error, 'seconds') ?? 0
}

async function pushBatch(
  given: PushDeps,
  lease: Lease,
  changes: readonly Change[],
  { signal, onResult }: PushOptions,
): Promise<void> {
  const [first] = changes
  if (first === undefined) return
  const deps = { ...given, client: clientFor(given.client, { runId: null, resource: first.resource }) }
  const resource = deps.catalog.get(first.resource)!
  const ending = new AbortController()
  const batch = {
    resource,
    list: await listRequest(deps, resource),
    mirror: createMirror(await readWithColumns(deps.sql, resource)),
    lease,
    batch: changes.map(({ id }) => id),
    signal: AbortSignal.any([signal, ending.signal]),
  }
  let fatal: unknown

  const remote = await readRecords(deps, batch, idsToRead(changes))
  const readAt = performance.now()
  // What is under way ends by itself before the push does, so none of these fails.
  await mapConcurrent(changes, deps.concurrency, async (change) => {
    if (batch.signal.aborted) return
    try {
      const isStale = performance.now() - readAt > STALE_MS
      const held = (isStale ? await readRecords(deps, batch, idsToRead([change])) : remote).get(change.recordId)
      const result = await pushOne(deps, { ...batch, change, flight: beginFlight(change) }, held ?? null)
      if (result === null) return
      onResult(result)
      // A batch of one shows nothing about the others, which may fail alike: the push ends, and the next begins with them.
      if (changes.length === 1 && result.outcome === 'postponed' && isPageFailure(held)) throw held
    } catch (error) {
      fatal ??= error
      ending.abort()
    }
  })
  if (fatal !== undefined) throw fatal
}
