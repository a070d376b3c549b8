/** When there is something to push: a notification is immediate, and the table is the proof. */
import { setTimeout as delay } from 'node:timers/promises'
import { isIn, isPostponed } from '../changes/change.ts'
import { OPEN } from '../changes/states.ts'
import { deleteSettled } from '../changes/writes.ts'
import type { Database } from '../connection/database.ts'
import { isLeaseHeld } from '../fleet/leases.ts'
import type { Presence } from '../fleet/presence.ts'
import { PUSH_LEASE } from './next-batch.ts'

export interface Due {
  /** A change is not postponed, and no process pushes. Whether something else blocks it shows when it is its turn. */
  readonly due: boolean
  /** A change waits, or is being sent. */
  readonly open: boolean
  /** How many batches were taken. It does not grow while all due changes are blocked, for example by a parked create. */
  readonly batches: number
}

export async function readDue(sql: Database): Promise<Due> {
  const [row] = await sql<Due[]>`
    select coalesce(pg_sequence_last_value('sync.outbox_term'), 0)::float8 as batches,
      exists (select from sync.outbox o where ${isIn(sql, OPEN)} and not ${isPostponed(sql)})
        and not ${isLeaseHeld(sql, PUSH_LEASE)} as due,
      exists (select from sync.outbox o where ${isIn(sql, OPEN)}) as open`
  return row!
}

/** Of the capture triggers, and of what a person decides of a change. */
export const OUTBOX_CHANNEL = 'scopestack_sync_outbox'

/** Any role that may connect can send notifications, at any rate. */
const GATHER_MS = 100

/**
 * Calls back when transactions have committed changes, and after the listening session was replaced, since notifications may
 * have been missed. The first call comes at once, the next one when the last has ended and a tenth of a second has passed.
 */
export async function listenForChanges(presence: Presence, onChange: () => Promise<void>): Promise<void> {
  const state = { isDue: false, isCalling: false }
  const call = async (): Promise<void> => {
    state.isCalling = true
    while (state.isDue) {
      state.isDue = false
      await onChange().catch(() => {})
      await delay(GATHER_MS)
    }
    state.isCalling = false
  }
  await presence.listen(OUTBOX_CHANNEL, () => {
    state.isDue = true
    if (!state.isCalling) void call()
  })
}

/** Settled changes are kept for a while, so that the outcome of an edit can be looked up. */
const KEPT_DAYS = 90

/** @returns how many were deleted. */
export async function pruneSettledChanges(sql: Database): Promise<number> {
  const count = await deleteSettled(sql, KEPT_DAYS)
  await sql`delete from sync.local_ids where made_at < now() - make_interval(days => ${KEPT_DAYS})`
  return count
}
