/**
 * The queue's connections, by the driver that BullMQ uses (pg), over the same route as all others. Each of its workers would take one of
 * them to listen on for as long as it lives; they hear from the session of the process instead, which listens anyway.
 */
import { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { Pool, type PoolConfig, type QueryResult } from 'pg'
import { readAddress } from './address.ts'
import { connectTimeoutSeconds, isConnectionLoss, routeTo } from './database.ts'
import { DriverSocket } from './driver-socket.ts'

interface QueuePoolOptions {
  readonly connections: number
  /** Called when a connection that no statement is using is lost; without a listener that would end the process. */
  readonly onError: (error: Error) => void
  readonly presence: {
    /** Calls back with the payload of each notification, and without one when some may have been missed. */
    listen(channel: string, heard: (payload?: string) => void): Promise<void>
  }
  /** Who may have missed some then. */
  readonly queues: readonly string[]
}

/** @throws SyncError SYNC_CONFIG */
export function openQueuePool(url: string, { connections, onError, ...hearing }: QueuePoolOptions): Pool {
  const address = readAddress(url)
  const { database, user, password } = address
  // BullMQ's statements name no schema.
  const route = routeTo(url, 'bullmq')
  const config: PoolConfig = {
    database,
    user,
    // A function, as for the other driver: pg would replace an empty password by PGPASSWORD or ~/.pgpass.
    password: () => password,
    max: connections,
    connectionTimeoutMillis: connectTimeoutSeconds(address) * 1000,
    // Longer than a worker waits for a job, so that its next look needs no new connection.
    idleTimeoutMillis: 40_000,
    ssl: false,
    // BullMQ blocks longer for a job if it is set; DriverSocket sets it in any case.
    keepAlive: true,
    // Otherwise PGSSLNEGOTIATION would apply.
    sslnegotiation: 'postgres',
    // pg uses no more of a stream than PgSocket has.
    stream: () => new PgSocket(route) as unknown as Duplex,
  }
  const pool = new Pool(config)
  pool.on('error', onError)
  const connect = pool.connect.bind(pool)
  // The pool itself calls with a callback, for one statement; the caller of that repeats it.
  pool.connect = ((done?: Parameters<typeof connect>[0]) =>
    done === undefined ? Promise.resolve(new QueueClient(pool, hearing)) : connect(done)) as Pool['connect']
  return pool
}

/** 6 s in all: a process that is just ending may still use up the connection limit. */
const PAUSES_MS = [100, 200, 400, 800, 1_600, 3_200]

/** BullMQ 6.7 keeps the promise of its first connection: if it fails, no job is ever done. So it is retried here. */
async function patiently<T>(pool: Pool, act: () => Promise<T>): Promise<T> {
  for (const pause of PAUSES_MS) {
    try {
      return await act()
    } catch (error) {
      if (!isConnectionLoss(error) || pool.ending) throw error
      await delay(pause)
    }
  }
  return await act()
}

type Hearing = Pick<QueuePoolOptions, 'presence' | 'queues'>

/** What BullMQ takes for a connection of its own: to look at the version of its tables once, and to listen. */
class QueueClient extends EventEmitter {
  readonly #pool: Pool
  readonly #hearing: Hearing
  readonly #heard = new Set<string>()

  constructor(pool: Pool, hearing: Hearing) {
    super()
    this.#pool = pool
    this.#hearing = hearing
  }

  async query(text: string, values: unknown[] = []): Promise<Pick<QueryResult, 'rows'>> {
    const channel = /^\s*listen\s+"?(\w+)"?/im.exec(text)?.[1]
    if (channel !== undefined) {
      await this.#listen(channel)
      return { rows: [] }
    }
    // It names the connection after its queue, by which other programs could count workers: there is none to name.
    if (text.includes("set_config('application_name'")) return { rows: [] }
    return await patiently(this.#pool, () => this.#pool.query(text, values))
  }

  /** Once, however often it is asked for: BullMQ asks again after each failure. */
  async #listen(channel: string): Promise<void> {
    if (this.#heard.has(channel)) return
    this.#heard.add(channel)
    const { presence, queues } = this.#hearing
    await presence.listen(channel, (payload) => {
      for (const one of payload === undefined ? queues : [payload]) {
        this.emit('notification', { channel, payload: one })
      }
    })
  }

  release(): void {
    this.removeAllListeners()
  }
}

/** The additional part of a socket that pg uses. */
class PgSocket extends DriverSocket {
  /** The route is known already. pg sends its startup message at `connect`; it is held until the connection is made. */
  connect(): void {
    process.nextTick(() => this.emit('connect'))
  }

  setNoDelay(): void {}
}
