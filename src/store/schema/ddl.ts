/**
 * DDL that blocks readers only briefly. A statement that waits for a table lock blocks every later reader: one report that is
 * open for an hour would stop all others for as long. So a try waits for less than a second, then releases all its locks
 * and tries again later, as often as needed.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { stopped } from '../../errors/commands.ts'
import { tablesHeld } from '../../errors/database.ts'
import type { SyncError } from '../../errors/sync-error.ts'
import { isLostRace, type Database, type Transaction } from '../connection/database.ts'

export interface LockWaiting {
  readonly signal?: AbortSignal | undefined
  /** Called when another session than before holds the lock. */
  readonly onWait?: ((error: SyncError) => void) | undefined
}

/** Runs statements within the rest of the waiting time of this try. */
export type RunStatements = (statements: string) => Promise<void>

/** Runs a transaction under the migration lock. */
export type ChangeTables = (act: (tx: Transaction) => Promise<void>) => Promise<void>

/** Waiting time of one try. While it waits for the next lock, it blocks readers by the locks it has. */
const WAIT_MS = 600
/** The minimum, after long work in the same transaction. */
const LEAST_MS = 50
const PAUSE_MS = { least: 200, most: 5_000 }

/** @param act one transaction, repeated until it obtains all its locks. */
export async function changeTables<T>(
  sql: Database,
  act: (tx: Transaction, run: RunStatements) => Promise<T>,
  { signal, onWait }: LockWaiting,
): Promise<T> {
  let reported = ''
  for (let attempt = 0; ; attempt++) {
    try {
      return (await sql.begin((tx) => act(tx, hurried(tx)))) as T
    } catch (error) {
      if (!isBlocked(error)) throw error
      const holder = await holderOf(sql)
      if (holder !== undefined && holder.pid !== reported) {
        reported = holder.pid
        onWait?.(tablesHeld(holder))
      }
    }
    await pause(Math.min(PAUSE_MS.most, PAUSE_MS.least * 2 ** attempt), signal)
  }
}

function hurried(tx: Transaction): RunStatements {
  const begun = performance.now()
  return async (statements) => {
    const left = Math.max(LEAST_MS, Math.round(WAIT_MS - (performance.now() - begun)))
    await tx.unsafe(`set local lock_timeout = ${left}; ${statements}`)
  }
}

/**
 * Another session's lock; a deadlock; or another process that creates the same object at the same moment, which shows as a
 * conflict in the system catalog (`CREATE … IF NOT EXISTS` checks only once).
 */
function isBlocked(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code, schema_name, routine } = error as { code?: string; schema_name?: string; routine?: string }
  return (
    code === '55P03' ||
    isLostRace(error) ||
    (code === '23505' && schema_name === 'pg_catalog') ||
    (code === 'XX000' && routine === 'simple_heap_update')
  )
}

interface Holder {
  readonly pid: string
  readonly who: string
  readonly tables: string
  readonly since: string | null
}

/** The session with the oldest transaction that locks our tables; of other roles' sessions little is visible. */
async function holderOf(sql: Database): Promise<Holder | undefined> {
  const [holder] = await sql<Holder[]>`
    select a.pid::text, coalesce(a.usename, '?') || coalesce(', ' || nullif(a.application_name, ''), '') as who,
      string_agg(distinct c.relnamespace::regnamespace || '.' || c.relname, ', ') as tables,
      to_char(a.xact_start, 'YYYY-MM-DD HH24:MI:SS"Z"') as since
    from pg_locks l join pg_stat_activity a on a.pid = l.pid join pg_class c on c.oid = l.relation
    where l.granted and l.pid <> pg_backend_pid() and c.relkind in ('r', 'p')
      and l.database = (select oid from pg_database where datname = current_database())
      and c.relnamespace in (select oid from pg_namespace where nspname in ('scopestack', 'sync'))
    group by a.pid, a.usename, a.application_name, a.xact_start order by a.xact_start nulls last limit 1`
  return holder
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal })
  } catch {
    throw stopped()
  }
}
