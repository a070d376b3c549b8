/**
 * Changes to tables that make nobody wait for long. A statement that waits for the lock of a table stands in front of every
 * reader who comes behind it: a report that is open for an hour would stop all others for as long. So it waits for less than
 * a second, lets go of all it has, and comes again, as often as it takes, while the reports go on.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { stopped } from '../../errors/commands.ts'
import { tablesHeld } from '../../errors/database.ts'
import type { SyncError } from '../../errors/sync-error.ts'
import { isLostRace, type Database, type Transaction } from '../connection/database.ts'

export interface LockWaiting {
  readonly signal?: AbortSignal | undefined
  /** Called when something else is waited for than before. */
  readonly onWait?: ((error: SyncError) => void) | undefined
}

/** Runs statements, with what is left of the time that may be spent with waiting. */
export type RunStatements = (statements: string) => Promise<void>

/** A transaction that is alone with the tables. */
export type ChangeTables = (act: (tx: Transaction) => Promise<void>) => Promise<void>

/** Of one try. Locks that it has are kept from readers for as long as it waits for the next. */
const WAIT_MS = 600
/** What is behind long work waits as good as not at all. */
const LEAST_MS = 50
const PAUSE_MS = { least: 200, most: 5_000 }

/** @param act one transaction, begun anew until it has had all its locks. */
export async function changeTables<T>(
  sql: Database,
  act: (tx: Transaction, run: RunStatements) => Promise<T>,
  { signal, onWait }: LockWaiting,
): Promise<T> {
  let said = ''
  for (let attempt = 0; ; attempt++) {
    try {
      return (await sql.begin((tx) => act(tx, hurried(tx)))) as T
    } catch (error) {
      if (!isInTheWay(error)) throw error
      const holder = await holderOf(sql)
      if (holder !== undefined && holder.pid !== said) {
        said = holder.pid
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
 * A lock that others have; a deadlock; or another process that has just made the same thing, which is only seen in the
 * catalog of Postgres (`CREATE … IF NOT EXISTS` looks once).
 */
function isInTheWay(error: unknown): boolean {
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

/** The session that has had locks of our tables for longest; of other roles' sessions little may be seen. */
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
