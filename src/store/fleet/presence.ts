/**
 * The database session that shows other processes that this one lives: when it is missing from pg_stat_activity, the process
 * is dead. It also listens for all notifications, and takes what says that the process lives: more sessions would only rest.
 */
import { setTimeout as delay } from 'node:timers/promises'
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
  /** The session itself, for what says that the process lives: it is open in any case. */
  readonly session: Database
  /** The current session; it may be another one than the last time. */
  backend(): Promise<{ pid: number | null; start: Date | null }>
  /**
   * Calls back with the payload of each notification, and without one when the session has begun to listen, also after it was
   * replaced: notifications may have been missed. A lost session is replaced at once.
   */
  listen(channel: string, heard: Heard): Promise<void>
  close(): Promise<void>
}

type Heard = (payload?: string) => void

/** Between two tries to replace a session that was lost; the first comes at once. */
const AGAIN_MS = 1_000

export function openPresence(sql: Database): Presence {
  const channels = new Map<string, Heard[]>()
  const session = openSession(
    sql,
    (channel, payload) => channels.get(channel)?.forEach((heard) => heard(payload)),
    () => replace(),
  )
  /** The listening session: pid and start, since a restarted server reuses pids. */
  let listening: string | null = null
  const state = { isLost: false, isReplacing: false, isClosed: false }

  async function backend(): Promise<{ pid: number | null; start: Date | null }> {
    const [row] = await session<{ pid: number; start: Date }[]>`
      select pid, backend_start as start from pg_stat_activity where pid = pg_backend_pid()`
    const now = `${row?.pid} ${row?.start.getTime()}`
    if (row !== undefined && channels.size > 0 && now !== listening) {
      for (const channel of channels.keys()) await session`listen ${session(channel)}`
      listening = now
      for (const heard of [...channels.values()].flat()) heard()
    }
    return row ?? { pid: null, start: null }
  }

  /** While it is listened to; where it only stands for the process, the next statement opens another. */
  function replace(): void {
    state.isLost = true
    if (!state.isReplacing && channels.size > 0) void replaceUntilOpen()
  }

  async function replaceUntilOpen(): Promise<void> {
    state.isReplacing = true
    while (state.isLost && !state.isClosed) {
      state.isLost = false
      await backend().catch(async () => {
        state.isLost = true
        await delay(AGAIN_MS, undefined, { ref: false })
      })
    }
    state.isReplacing = false
  }

  return {
    session,
    backend,
    async listen(channel, heard) {
      channels.set(channel, [...(channels.get(channel) ?? []), heard])
      listening = null
      await backend().catch(replace)
    },
    async close() {
      state.isClosed = true
      channels.clear()
      await session.end({ timeout: 5 })
    },
  }
}
