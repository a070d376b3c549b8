/**
 * Waits until a session waits for a lock on a table of this database, and gives its process id. The view shows those of all
 * databases, and clones of one template number their tables alike.
 */
import type postgres from 'postgres'
import { until } from '../until.ts'

export const lockWait = (sql: postgres.Sql, table: string): Promise<number> =>
  until(async () => {
    const [wait] = await sql<{ pid: number }[]>`
      select pid from pg_locks where not granted and relation = ${table}::regclass
        and database = (select oid from pg_database where datname = current_database())`
    return wait?.pid
  }, `a session to wait for ${table}`)
