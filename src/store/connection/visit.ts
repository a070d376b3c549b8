/** What a connection made for it hears from the server about the others. */
import type { Database } from './database.ts'

/** A server process, as its client knows it. */
export interface Backend {
  readonly pid: number
  /** Since its connection was made. It tells a process from one of another server that has the same number. */
  readonly seconds: number
}

export type ProbeResult =
  /**
   * `server`: the same text for as long as the same server answers, at whichever of its addresses, null of one that cannot
   * be written to · `working`: processes that are at work on what was asked.
   */
  | { readonly kind: 'answer'; readonly server: string | null; readonly working: ReadonlySet<number> }
  /** It answers, but cannot say. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'silence' }

/** @param graves processes whose connection we have given up: their locks are held for nobody. */
export type ServerProbe = (
  suspects: readonly Backend[],
  graves: readonly Backend[],
  signal: AbortSignal,
) => Promise<ProbeResult>

/** Connecting and asking, each. A server that takes longer for this is as good as away. */
const PATIENCE_SECONDS = 5
/** Between our clock's view of a connection's age and the server's; making it takes a while. */
const AGE_TOLERANCE_SECONDS = 15

interface Row {
  readonly pid: number
  readonly state: string | null
  readonly wait: string | null
  readonly seconds: number
  readonly mine: boolean
}

/**
 * @param open a single connection, which waits so many seconds to be made.
 * @param isAway tells whether a failure means that the server is not there.
 */
export function openServerProbe(open: (seconds: number) => Database, isAway: (error: unknown) => boolean): ServerProbe {
  return async (suspects, graves, signal) => {
    const sql = open(PATIENCE_SECONDS)
    const over = AbortSignal.any([signal, AbortSignal.timeout(2 * PATIENCE_SECONDS * 1000)])
    try {
      const asked = ask(sql, suspects, graves)
      asked.catch(() => {})
      return await Promise.race([asked, aborted(over)])
    } catch (error) {
      return { kind: isAway(error) ? 'silence' : 'unknown' }
    } finally {
      await sql.end({ timeout: 0 })
    }
  }
}

const aborted = (signal: AbortSignal): Promise<ProbeResult> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve({ kind: 'silence' })))

async function ask(sql: Database, suspects: readonly Backend[], graves: readonly Backend[]): Promise<ProbeResult> {
  const identity = await sql<{ pid: number; server: string; standby: boolean }[]>`
    select pg_backend_pid() as pid, pg_is_in_recovery() as standby, pg_postmaster_start_time()::text as server`
  const [{ pid, server, standby }] = identity as unknown as [(typeof identity)[number]]
  // Behind a pooler the number that a client is given is made up.
  if (pid !== (identity.state as { pid?: number } | undefined)?.pid) return { kind: 'unknown' }
  const pids = [...suspects, ...graves].map((one) => one.pid)
  if (pids.length === 0) return { kind: 'answer', server: standby ? null : server, working: new Set() }
  const rows = await sql<Row[]>`
    select pid, state, wait_event as wait, usename = current_user as mine,
      extract(epoch from clock_timestamp() - backend_start)::float8 as seconds
    from pg_stat_activity where pid = any(${`{${pids.join(',')}}`}::int[])`
  const same = (one: Backend, row: Row): boolean =>
    one.pid === row.pid && Math.abs(one.seconds - row.seconds) < AGE_TOLERANCE_SECONDS
  const orphans = rows.filter((row) => row.mine && !isAtWork(row) && graves.some((one) => same(one, row)))
  for (const orphan of orphans) await sql`select pg_terminate_backend(${orphan.pid})`
  const working = suspects.filter((one) => rows.some((row) => same(one, row) && isAtWork(row)))
  return { kind: 'answer', server: standby ? null : server, working: new Set(working.map((one) => one.pid)) }
}

/** What waits for its client, when the client waits for it, is not. What may not be seen is taken to be. */
function isAtWork({ state, wait }: Row): boolean {
  if (state?.startsWith('idle') === true) return false
  return wait !== 'ClientRead' && wait !== 'ClientWrite'
}
