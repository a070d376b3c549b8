/**
 * A lease is the exclusive right to write the rows of one resource. One row of sync.leases for each; all times are by the
 * database's clock, so the clocks of the hosts do not matter.
 *
 *   free ── acquire: term + 1 ──► held ── renew every 15 s: expires_at = now + 60 s ──► held
 *    ▲                             │
 *    └── release · expires_at has passed · the holder's database session is gone
 *
 * Expiry. A holder that is killed loses its session, which pg_stat_activity shows: the next acquire takes the lease at once.
 * A holder that hangs keeps its session: the lease ends 60 s after its last renewal.
 *
 * Fencing (S7). Each acquire raises `term`. What writes rows or checkpoints takes a `LeasedTransaction`, and only
 * `Lease.transaction` makes one: it proves the term first, with a share lock on the lease's row. So a new holder's acquire
 * waits for that transaction, and a former holder's proof fails (SYNC_LEASE_LOST) before it has written anything: a suspended
 * process that wakes up writes nothing.
 *
 *   failure                          what happens
 *   holder killed                    the next acquire succeeds at once
 *   holder suspended                 lease ends after 60 s; its next transaction fails in the proof
 *   suspended inside a transaction   the server ends it within 60 s (limitWaits; since version 17 inside a COPY too)
 *   response to acquire lost         same session, term not in `held`: this process acquires again, with a higher term
 *   database restarted               all sessions are gone, so is every lease; renew names the new session
 */
import { busy, leaseLost } from '../../errors/resources.ts'
import { waitLimits, type Database, type Transaction } from '../connection/database.ts'
import { captureOff } from '../schema/capture-triggers.ts'
import { isHolderAlive, openPresence, type Presence } from './presence.ts'

declare const leased: unique symbol

/** A transaction that has proved its lease. */
export type LeasedTransaction = Transaction & { readonly [leased]: true }

export interface Lease {
  readonly resource: string
  readonly term: number
  /**
   * The one way to write under the lease. The lease that `withLease` gives to its act tries again when the connection is lost.
   *
   * @param act may run twice, then.
   * @throws SyncError SYNC_LEASE_LOST; whatever `act` throws, and nothing is written then.
   */
  transaction<T>(act: (tx: LeasedTransaction) => Promise<T>): Promise<T>
}

type Held = Pick<Lease, 'resource' | 'term'> & { readonly runId?: number | undefined }

export interface Leases {
  /**
   * @param runId in the history, what is written is of this run.
   * @throws SyncError SYNC_BUSY while another process holds it.
   */
  acquire(resource: string, runId?: number): Promise<Lease>
  /** False when it was lost or released. */
  renew(lease: Held): Promise<boolean>
  release(lease: Held): Promise<void>
  /** To write under a lease that another process holds, for as long as it does: it reads a list together with that one. */
  under(held: Held): Lease
  /** The session that shows others that this process lives. */
  session(): ReturnType<Presence['backend']>
  close(): Promise<void>
}

/** How long a lease outlives the last renewal of a holder that hangs. */
const LEASE_SECONDS = 60
export const RENEW_EVERY_MS = 15_000

/**
 * @param holder shown to a process that finds the lease taken: `host, process 123`.
 * @param presence the session of this process; closed with the leases.
 */
export async function openLeases(sql: Database, holder: string, presence = openPresence(sql)): Promise<Leases> {
  /** Terms that this process holds. A lease that names our session and is not here lost the response to its acquire or release. */
  const held = new Map<string, number>()
  /** Acquires of one resource run one after the other, so that `held` is current when it is read. */
  const acquiring = new Map<string, Promise<unknown>>()

  async function take(resource: string, runId: number | undefined): Promise<Lease> {
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
        or not ${isHolderAlive(sql, sql`l.backend_pid`, sql`l.backend_start`)}
      returning term::int`
    if (taken !== undefined) {
      held.set(resource, taken.term)
      return under(sql, { resource, term: taken.term, runId })
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
    async acquire(resource, runId) {
      const mine = (acquiring.get(resource) ?? Promise.resolve()).then(() => take(resource, runId))
      const done = mine.catch(() => {})
      acquiring.set(resource, done)
      return await mine
    },

    async renew({ resource, term }) {
      // The session may be another one by now. A released lease is not renewed, whichever of the two comes first.
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

    under: (lease) => under(sql, lease),
    session: () => presence.backend(),

    async close() {
      await presence.close()
    },
  }
}

const under = (sql: Database, held: Held): Lease => ({
  resource: held.resource,
  term: held.term,
  transaction: (act) => transactUnder(sql, held, act),
})

async function transactUnder<T>(
  sql: Database,
  { resource, term, runId }: Held,
  act: (tx: LeasedTransaction) => Promise<T>,
): Promise<T> {
  const done = await sql.begin(async (tx) => {
    // One round trip. The columns are computed below the lock, so that its wait is limited already. What is written under a
    // lease came from ScopeStack, and is not captured. A writer that hangs would keep the row from the next holder: versions
    // below 17 do not have the limit against that.
    const [held] = await tx`
      select ${waitLimits(tx)}, ${captureOff(tx)},
        set_config('sync.history', ${runId === undefined ? '' : `run ${runId}`}, true), case when current_setting('server_version_num')::int >= 170000
        then set_config('transaction_timeout', ${`${LEASE_SECONDS}s`}, true) end
      from sync.leases where resource = ${resource} and term = ${term} for share`
    if (held === undefined) throw leaseLost({ resource, term })
    return await act(tx as LeasedTransaction)
  })
  return done as T
}

/** The same proof within one statement: a condition, which is evaluated once. */
export const isLeaseOurs = (sql: Database | Transaction, { resource, term }: Held) =>
  sql`exists (select from sync.leases l where l.resource = ${resource} and l.term = ${term} for share)`

/** A condition: a process that lives holds the lease. */
export const isLeaseHeld = (sql: Database | Transaction, resource: string) => sql`
  exists (select from sync.leases l where l.resource = ${resource} and l.expires_at > now()
    and ${isHolderAlive(sql, sql`l.backend_pid`, sql`l.backend_start`)})`
