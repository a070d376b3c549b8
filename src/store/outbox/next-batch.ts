/**
 * Takes the next changes to send: local edits on their way to ScopeStack, one row a change. Triggers write the row in the
 * transaction of the edit (store/schema/capture-triggers.ts), so an edit is never without its change; what becomes of it is in
 * store/changes/transitions.ts.
 *
 * One process pushes at a time, under the lease `push`: it sends one change of a record at a time, in their order (S5).
 * Changes are not claimed one by one. Whatever was in flight when a process takes the lease has lost its sender.
 *
 *   failure                       what is left                what the next holder of the lease does
 *   killed before the send        waiting                     sends it
 *   killed after the send,        in_flight or lost           reads the record; sends only what is missing. A create is
 *   or the response was lost                                  looked for by its natural key, and parked where that
 *                                                             cannot tell (SYNC_PUSH_UNKNOWN)
 *   the response came, but the    answered                    settles with the stored response; sends nothing
 *   row could not be written
 *   database gone before the send waiting                     the send is not made
 *   database gone after it        in_flight                   as when the response was lost
 *   suspended, and woken up late  as it was                   its writes do not prove the lease, and change nothing
 */
import type { Resource } from '../../catalog/resource.ts'
import { changeColumns, isIn, isPostponed, type Change, type Fragment } from '../changes/change.ts'
import { coalesceChanges } from '../changes/coalesce.ts'
import { DEPARTED, OPEN } from '../changes/states.ts'
import { clampTimes, coalesceInto, lose, rewrite } from '../changes/writes.ts'
import type { Transaction } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'
import { isLeaseHeld, type Lease } from '../fleet/leases.ts'
import { resolveLocalIds } from './local-ids.ts'

/** The lease of the process that pushes. No resource has this name. */
export const PUSH_LEASE = 'push'

/** Its holder begins: what was in flight has lost its sender. */
export const loseInFlight = (lease: Lease): Promise<number> => lease.transaction((tx) => lose(tx, tx`true`))

/** The same of some changes, where no process pushes. @param which of changes `o`. */
export const loseAbandoned = (tx: Transaction, which: Fragment) =>
  lose(tx, tx`${which} and not ${isLeaseHeld(tx, PUSH_LEASE)}`)

/**
 * The oldest changes that may be sent, of one resource, at most one of each record. What waits together for one record is
 * coalesced.
 *
 * @returns null when there is nothing to send.
 * @throws SyncError SYNC_LEASE_LOST
 */
export async function nextBatch(
  catalog: ReadonlyMap<string, Resource>,
  lease: Lease,
  limit: number,
): Promise<Change[] | null> {
  return await lease.transaction(async (tx) => {
    const heads = await readHeads(tx, limit)
    const [first] = heads
    if (first === undefined) return null
    // How many batches there were shows whether what is due goes on.
    await tx`select nextval('sync.outbox_term')`
    const departed = heads.filter(({ state }) => DEPARTED.includes(state))
    const waiting = heads.filter(({ state }) => !DEPARTED.includes(state))
    const changes = [...departed, ...(await coalesceRecords(tx, catalog.get(first.resource)!, waiting))]
    return await upToDate(
      tx,
      changes.toSorted((a, b) => a.id - b.id),
    )
  })
}

/** The first open change of each record that nothing blocks. One that another transaction holds is passed over, so that the others go on. */
async function readHeads(tx: Transaction, limit: number): Promise<Change[]> {
  // The plan has to follow the index, and stop at the limit.
  await tx`select set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
    set_config('enable_sort', 'off', true)`
  const ready = tx`${isIn(tx, OPEN)} and not ${isPostponed(tx)} and sync.blocker_of(o) is null`
  return await tx<Change[]>`
    select ${changeColumns(tx)} from sync.outbox o
    where ${ready} and o.resource = (select o.resource from sync.outbox o where ${ready} order by o.id limit 1)
    order by o.id limit ${limit} for update of o skip locked`
}

async function coalesceRecords(tx: Transaction, resource: Resource, heads: readonly Change[]): Promise<Change[]> {
  if (heads.length === 0) return []
  const headIds = arrayLiteral(heads.map(({ id }) => String(id)))
  // An edit that was committed since the heads were read may refer to a new row: its record waits for that row.
  const together = await tx<Change[]>`
    select ${changeColumns(tx)} from sync.outbox o
    where record_id = any(${arrayLiteral(heads.map(({ recordId }) => recordId))}::text[])
      and resource = ${resource.type} and ${isIn(tx, ['waiting', 'parked'])}
      and record_id <> all(array(
        select h.record_id from sync.outbox h where h.id = any(${headIds}::bigint[]) and sync.blocker_of(h) is not null))
    order by id for update`
  const changes: Change[] = []
  for (const those of Map.groupBy(together, ({ recordId }) => recordId).values()) {
    // A person discarded it meanwhile.
    if (!those.some(({ state }) => state === 'waiting')) continue
    if (those.length === 1) changes.push(those[0]!)
    else {
      const { change, superseded } = coalesceChanges(resource, those)
      await coalesceInto(tx, superseded, change?.id ?? null)
      if (change === null) continue
      await rewrite(tx, change)
      changes.push(change)
    }
  }
  return changes
}

/** With the real ids of new rows that have got theirs, and without times of a clock that was ahead. */
async function upToDate(tx: Transaction, changes: readonly Change[]): Promise<Change[]> {
  const ids = changes.map(({ id }) => id)
  const resolved = await resolveLocalIds(tx, ids)
  const isAhead = changes.some(({ silentFor }) => silentFor !== null && silentFor < 0)
  if (isAhead) await clampTimes(tx, ids)
  if (resolved.size === 0 && !isAhead) return [...changes]
  const now = await tx<Change[]>`
    select ${changeColumns(tx)} from sync.outbox o where o.id = any(${`{${ids.join(',')}}`}::bigint[]) order by o.id`
  return [...now]
}
