/** What alerts may be about, in one statement: most turns of the loop that sends them make no other. */
import { isIn } from '../changes/change.ts'
import { OPEN } from '../changes/states.ts'
import type { Database } from '../connection/database.ts'
import { ALIVE_SECONDS } from '../fleet/processes.ts'

export interface Pulse {
  readonly at: Date
  /** It is a standby, or was made read-only. */
  readonly isReadOnly: boolean
  /**
   * This process is the one that says so. Of a standby the heartbeats stand still, so all processes find the same one: the oldest of
   * those that lived last.
   */
  readonly leads: boolean
  /** A local edit waits, or is being sent. */
  readonly open: boolean
  /** An alert waits to be sent. */
  readonly unsent: boolean
}

/** @param id this process's. */
export async function readPulse(sql: Database, id: string): Promise<Pulse> {
  const [row] = await sql<Pulse[]>`
    select pg_is_in_recovery() or current_setting('transaction_read_only') = 'on' as "isReadOnly", now() as at,
      coalesce(${id} = (
        select id from sync.processes
        where seen_at > (select max(seen_at) from sync.processes) - make_interval(secs => ${ALIVE_SECONDS})
        order by started_at, id limit 1), false) as leads,
      exists (select from sync.outbox o where ${isIn(sql, OPEN)}) as open,
      exists (select from sync.alerts where delivered_at is null and raised_at > now() - interval '2 days') as unsent`
  return row!
}
