/**
 * The right to write a resource. The database is the clock and the judge: a lease ends at its time, or at once when the
 * connection of its holder is gone (a killed process), and every taking raises `term`. A writer proves its term in the
 * transaction that writes, so a process that was suspended and comes back writes nothing.
 */
import { busy, leaseLost } from '../../errors/resources.ts'
import { limitWaits, type Database, type Transaction } from '../connection/database.ts'
import { disableCapture } from '../schema/capture-triggers.ts'
import { openPresence } from './presence.ts'

export interface Lease {
  readonly resource: string
  readonly term: number
}

export interface Leases {
  /** @throws SyncError SYNC_BUSY (wait) while somebody else has it. */
  acquire(resource: string): Promise<Lease>
  /** False when it was lost, or released. */
  renew(lease: Lease): Promise<boolean>
  release(lease: Lease): Promise<void>
  close(): Promise<void>
}

/** A holder that hangs is waited for this long; one that is killed, not at all. */
const LEASE_SECONDS = 60
export const RENEW_EVERY_MS = 15_000

/**
 * @param holder shown to whoever finds the lease taken: `host, process 123`.
 * @param presence of this process, which ends with it.
 */
export async function openLeases(sql: Database, holder: string, presence = openPresence(sql)): Promise<Leases> {
  /** What this process has, with its term. A lease that is ours by its row alone lost its answer on the way, or its release. */
  const held = new Map<string, number>()
  /** One question at a time for each resource, so that `held` is right when it is looked at. */
  const asked = new Map<string, Promise<unknown>>()

  async function take(resource: string): Promise<Lease> {
    const { pid, start } = await presence.backend()
    const ours = !held.has(resource)
    const [taken] = await sql<{ term: number }[]>`
      insert into sync.leases as l (resource, term, holder, backend_pid, backend_start, expires_at)
      values (${resource}, 1, ${holder}, ${pid}, ${start}, now() + make_interval(secs => ${LEASE_SECONDS}))
      on conflict (resource) do update set
        term = l.term + 1, holder = excluded.holder, backend_pid = excluded.backend_pid,
        backend_start = excluded.backend_start, acquired_at = now(), expires_at = excluded.expires_at
      where l.expires_at < now()
        or (${ours} and l.backend_pid = excluded.backend_pid and l.backend_start = excluded.backend_start)
        or (l.backend_pid is not null and not exists (
          select from pg_stat_activity a
          -- Of another role's session only the pid may be seen: it counts as alive, and its lease ends by the clock.
          where a.pid = l.backend_pid and (a.backend_start is null
            or date_trunc('milliseconds', a.backend_start) = date_trunc('milliseconds', l.backend_start))))
      returning term::int`
    if (taken !== undefined) {
      held.set(resource, taken.term)
      return { resource, term: taken.term }
    }
    const [other] = await sql<{ holder: string; since: Date }[]>`
      select holder, acquired_at as since from sync.leases where resource = ${resource}`
    throw busy({
      resource,
      holder: other?.holder ?? 'another process',
      since: other?.since.toISOString() ?? 'a moment ago',
    })
  }

  return {
    async acquire(resource) {
      const mine = (asked.get(resource) ?? Promise.resolve()).then(() => take(resource))
      const settled = mine.catch(() => {})
      asked.set(resource, settled)
      return await mine
    },

    async renew({ resource, term }) {
      // Said again each time: the connection may be another one since. Once released it stays so, whoever is first.
      const { pid, start } = await presence.backend()
      const { count } = await sql`
        update sync.leases set
          expires_at = now() + make_interval(secs => ${LEASE_SECONDS}), backend_pid = ${pid}, backend_start = ${start}
        where resource = ${resource} and term = ${term} and expires_at > '-infinity'`
      return count === 1
    },

    async release({ resource, term }) {
      if (held.get(resource) === term) held.delete(resource)
      await sql`update sync.leases set expires_at = '-infinity' where resource = ${resource} and term = ${term}`
    },

    async close() {
      await presence.close()
    },
  }
}

/**
 * Inside the writing transaction: the share lock makes a taker wait until it has ended. A writer that is suspended before
 * that must not make it wait for longer than a lease lasts, so the server ends the transaction then; since version 17 it
 * can do so in the middle of a COPY too.
 *
 * @throws SyncError SYNC_LEASE_LOST.
 */
export async function confirmLease(tx: Transaction, { resource, term }: Lease): Promise<void> {
  const [, , [held]] = await Promise.all([
    limitWaits(tx),
    // Whoever writes under a lease writes what came from ScopeStack.
    disableCapture(tx),
    // A writer that hangs in the middle would keep the row from whoever takes over; older servers know no such limit.
    tx`
      select case when current_setting('server_version_num')::int >= 170000
        then set_config('transaction_timeout', ${`${LEASE_SECONDS}s`}, true) end
      from sync.leases where resource = ${resource} and term = ${term} for share`,
  ])
  if (held === undefined) throw leaseLost({ resource, term })
}
