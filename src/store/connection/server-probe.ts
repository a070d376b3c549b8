/** Probes the server over a new connection: whether it responds, which of our backends are at work, and whether it is the same server. */
import type { Database } from './database.ts'

/** A backend (server process) of one of our connections. */
export interface Backend {
  readonly pid: number
  /** Age of its connection, which distinguishes it from a backend of another server with the same pid. */
  readonly seconds: number
}

export type ProbeResult =
  /**
   * `server`: identifies a running server, at any of its addresses; null for a read-only one · `working`: pids that are at work
   * on a statement of ours.
   */
  | { readonly kind: 'response'; readonly server: number | null; readonly working: ReadonlySet<number> }
  /** The server responds, but cannot tell. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'silence' }

/** @param orphans backends of lost connections, which are ended: they may hold locks. */
export type ServerProbe = (
  suspects: readonly Backend[],
  orphans: readonly Backend[],
  signal: AbortSignal,
) => Promise<ProbeResult>

/** For connecting, and for the query. A server that takes longer counts as away. */
let patienceSeconds = 5
/** For tests. */
export function waitForProbes(seconds: number): void {
  patienceSeconds = seconds
}

/** Difference between the ages of a connection that we and the server measure; connecting takes a while. */
const AGE_TOLERANCE_SECONDS = 15

interface Row {
  readonly pid: number
  readonly state: string | null
  readonly wait: string | null
  readonly seconds: number
  readonly mine: boolean
}

/**
 * @param open opens a single connection with this connection timeout.
 * @param isAway whether an error means that the server is away.
 */
export function openServerProbe(open: (seconds: number) => Database, isAway: (error: unknown) => boolean): ServerProbe {
  return async (suspects, orphans, signal) => {
    const sql = open(patienceSeconds)
    const over = AbortSignal.any([signal, AbortSignal.timeout(2 * patienceSeconds * 1000)])
    try {
      const result = query(sql, suspects, orphans)
      result.catch(() => {})
      return await Promise.race([result, whenAborted(over)])
    } catch (error) {
      return { kind: isAway(error) ? 'silence' : 'unknown' }
    } finally {
      await sql.end({ timeout: 0 })
    }
  }
}

const whenAborted = (signal: AbortSignal): Promise<ProbeResult> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve({ kind: 'silence' })))

async function query(sql: Database, suspects: readonly Backend[], orphans: readonly Backend[]): Promise<ProbeResult> {
  // In a session whose search_path may be anyone's.
  const identity = await sql<{ pid: number; server: number; standby: boolean }[]>`
    select pg_catalog.pg_backend_pid() as pid, pg_catalog.pg_is_in_recovery() as standby,
      pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time()) as server`
  const [{ pid, server, standby }] = identity as unknown as [(typeof identity)[number]]
  // A pooler gives clients an invented pid.
  if (pid !== (identity.state as { pid?: number } | undefined)?.pid) return { kind: 'unknown' }
  const pids = [...suspects, ...orphans].map((one) => one.pid)
  if (pids.length === 0) return { kind: 'response', server: standby ? null : server, working: new Set() }
  await sql`set search_path = pg_catalog`
  const rows = await sql<Row[]>`
    select pid, state, wait_event as wait, usename = current_user as mine,
      extract(epoch from clock_timestamp() - backend_start)::float8 as seconds
    from pg_stat_activity where pid = any(${`{${pids.join(',')}}`}::int[])`
  const same = (one: Backend, row: Row): boolean =>
    one.pid === row.pid && Math.abs(one.seconds - row.seconds) < AGE_TOLERANCE_SECONDS
  const stale = rows.filter((row) => row.mine && !isAtWork(row) && orphans.some((one) => same(one, row)))
  for (const orphan of stale) await sql`select pg_terminate_backend(${orphan.pid})`
  const working = suspects.filter((one) => rows.some((row) => same(one, row) && isAtWork(row)))
  return { kind: 'response', server: standby ? null : server, working: new Set(working.map((one) => one.pid)) }
}

/** A backend that waits for its client, which waits for it, is not at work. One that may not be seen counts as at work. */
function isAtWork({ state, wait }: Row): boolean {
  if (state?.startsWith('idle') === true) return false
  return wait !== 'ClientRead' && wait !== 'ClientWrite'
}
