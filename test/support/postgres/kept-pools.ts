/**
 * A worker's pool outlives its test, with the database that it is of: the next test of this process gets both. A new session reads
 * each definition that it meets from the catalogs first, which was 30 of the 65 ms of CPU
 * that the server took for a test of one list.
 *
 *   startWorker ──► takePool     of this database, from an earlier worker, else a new one
 *   its end     ──► keepPool     where the database was lent; others are closed
 *   giveBack    ──► poolOf       empties the database by one session of the pool, which is reset; the server ends the others
 */
import { sessionOf, readAddress } from '../../../src/store/connection/address.ts'
import { openDatabase, type Database } from '../../../src/store/connection/database.ts'

const lent = new Set<string>()
const kept = new Map<string, Database>()

export const beginLoan = (url: string): void => void lent.add(url)

/** @returns the pool that was kept of it, which is the caller's now. */
export function endLoan(url: string): Database | undefined {
  lent.delete(url)
  return poolOf(url)
}

export const takePool = (url: string, connections: number): Database =>
  poolOf(url) ?? openDatabase(url, { connections })

export async function keepPool(url: string, sql: Database): Promise<void> {
  if (kept.has(url) || !lent.has(url)) await sql.end({ timeout: 1 })
  else kept.set(url, sql)
}

/** For the next loan of its database. */
export const storePool = (url: string, sql: Database): void => void kept.set(url, sql)

/** Back to how a session begins, but for what it knows of the catalogs. By itself each: `reset all` takes none before it. */
export const resetStatements = (url: string): string[] => [
  'reset session authorization',
  'reset all',
  'discard temp; discard sequences; unlisten *; select pg_advisory_unlock_all()',
  sessionOf(readAddress(url)).statement,
]

// --- internal ---

function poolOf(url: string): Database | undefined {
  const sql = kept.get(url)
  kept.delete(url)
  return sql
}
