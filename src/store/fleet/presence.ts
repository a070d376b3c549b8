/**
 * The database session that shows other processes that this one lives: when it is missing from pg_stat_activity, the process
 * is dead. It also listens for notifications, which saves two more sessions.
 */
import { openSession, type Database, type Transaction } from '../connection/database.ts'

type Sql = Database | Transaction

/**
 * Whether the session is there that a row names by its pid and start. True where it names none, and where only the pid is
 * visible, since the session is another role's: then what the row grants ends by its time.
 */
export const isHolderAlive = (sql: Sql, pid: ReturnType<Sql>, start: ReturnType<Sql>) => sql`
  (${pid} is null or exists (
    select from pg_stat_activity a where a.pid = ${pid} and (a.backend_start is null
      or date_trunc('milliseconds', a.backend_start) = date_trunc('milliseconds', ${start}))))`

export interface Presence {
  /** The current session; it may be another one than the last time. */
  backend(): Promise<{ pid: number | null; start: Date | null }>
  /**
   * Calls back for each notification, and after the session was replaced, since notifications may have been missed. The
   * replacement is noticed by `backend`.
   */
  listen(channel: string, heard: () => void): Promise<void>
  close(): Promise<void>
}

export function openPresence(sql: Database): Presence {
  const channels = new Map<string, () => void>()
  const session = openSession(sql, (channel) => channels.get(channel)?.())
  /** The listening session: pid and start, since a restarted server reuses pids. */
  let listening: string | null = null

  async function backend(): Promise<{ pid: number | null; start: Date | null }> {
    const [row] = await session<{ pid: number; start: Date }[]>`
      select pid, backend_start as start from pg_stat_activity where pid = pg_backend_pid()`
    const now = `${row?.pid} ${row?.start.getTime()}`
    if (row !== undefined && channels.size > 0 && now !== listening) {
      for (const channel of channels.keys()) await session`listen ${session(channel)}`
      listening = now
      for (const onNotify of channels.values()) onNotify()
    }
    return row ?? { pid: null, start: null }
  }

  return {
    backend,
    async listen(channel, heard) {
      channels.set(channel, heard)
      listening = null
      await backend()
    },
    async close() {
      channels.clear()
      await session.end({ timeout: 5 })
    },
  }
}
