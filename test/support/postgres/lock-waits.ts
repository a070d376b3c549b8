/**
 * Waits until a session waits for a lock on a table of this database, and gives its process id. The view shows those of all
 * databases, and clones of one template number their tables alike.
 */
import type postgres from 'postgres'
import { until } from '../until.ts'

export const lockWait = (sql: postgres.Sql, table: string): Promise<number> =>
  until(async () => (await lockWaits(sql, table))[0], `a session to wait for ${table}`)

/** The process ids of all sessions that wait now. */
export async function lockWaits(sql: postgres.Sql, table: string): Promise<number[]> {
  const waits = await sql<{ pid: number }[]>`
    select pid from pg_locks where not granted and relation = ${table}::regclass
      and database = (select oid from pg_database where datname = current_database())`
  return waits.map(({ pid }) => pid)
}
