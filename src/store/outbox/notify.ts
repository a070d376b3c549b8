/** When there is something to push: Postgres says so at once, and the table knows for sure. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Database } from '../connection/database.ts'
import type { Presence } from '../fleet/presence.ts'
import { isPostponed } from './claim.ts'

export interface Due {
  /** A change may be sent, as far as its time goes; whether something else is in its way shows when it is claimed. */
  readonly due: boolean
  /** Of the newest claim: it stays while all that is due is kept back, as behind a new row that was set aside. */
  readonly term: number
}

export async function readDue(sql: Database): Promise<Due> {
  const [row] = await sql<Due[]>`
    select coalesce(pg_sequence_last_value('sync.outbox_term'), 0)::float8 as term, exists (
      select from sync.outbox o where state in ('waiting', 'sending') and not ${isPostponed(sql)}
        and (claim_until is null or claim_until < now() or claim_pid is null
          or not exists (select from pg_stat_activity a where a.pid = claim_pid))) as due`
  return row!
}

/** Any role that may connect can notify, as often as it likes. */
const GATHER_MS = 100

/**
 * Calls back when transactions have left changes; also whenever the session that hears of them is another one, since nobody
 * knows what was said meanwhile. At once the first time, and then once for all that was said in a tenth of a
 * second, when the call before has ended.
 */
export async function listenForChanges(presence: Presence, onChange: () => Promise<void>): Promise<void> {
  const said = { again: false, calling: false }
  const call = async (): Promise<void> => {
    said.calling = true
    while (said.again) {
      said.again = false
      await onChange().catch(() => {})
      await delay(GATHER_MS)
    }
    said.calling = false
  }
  const hear = (): void => {
    said.again = true
    if (!said.calling) void call()
  }
  await presence.listen('scopestack_sync_outbox', hear)
}

/** What is settled is kept for a while, for whoever asks what became of an edit. */
const KEPT_DAYS = 90

/** @returns how many were let go. */
export async function pruneSettledChanges(sql: Database): Promise<number> {
  const { count } = await sql`
    delete from sync.outbox where state in ('sent', 'superseded', 'discarded')
      and settled_at < now() - make_interval(days => ${KEPT_DAYS})`
  await sql`delete from sync.local_ids where made_at < now() - make_interval(days => ${KEPT_DAYS})`
  return count
}
