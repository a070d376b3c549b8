/**
 * The session by which others see that this process lives: its absence from pg_stat_activity proves our death. It also
 * listens, since it has nothing else to do: one session instead of three.
 */
import { openSession, type Database } from '../connection/database.ts'

export interface Presence {
  /** Of the session as it is now; it may be another one than the last time. */
  backend(): Promise<{ pid: number | null; start: Date | null }>
  /**
   * Calls back for each notification, and whenever the session is another one, since nobody knows what was said meanwhile.
   * Whether it is shows when `backend` is asked.
   */
  listen(channel: string, heard: () => void): Promise<void>
  close(): Promise<void>
}

export function openPresence(sql: Database): Presence {
  const channels = new Map<string, () => void>()
  const session = openSession(sql, (channel) => channels.get(channel)?.())
  /** The session that listens. A server that begins again gives its numbers out again. */
  let listening: string | null = null

  async function backend(): Promise<{ pid: number | null; start: Date | null }> {
    const [row] = await session<{ pid: number; start: Date }[]>`
      select pid, backend_start as start from pg_stat_activity where pid = pg_backend_pid()`
    const now = `${row?.pid} ${row?.start.getTime()}`
    if (row !== undefined && channels.size > 0 && now !== listening) {
      for (const channel of channels.keys()) await session`listen ${session(channel)}`
      listening = now
      for (const heard of channels.values()) heard()
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
