/** The queue's connections, by the driver that BullMQ uses (pg), over the same route as all others. */
import type { Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { Pool, type PoolClient, type PoolConfig } from 'pg'
import { readAddress } from './address.ts'
import { connectTimeoutSeconds, isConnectionLoss, routeTo } from './database.ts'
import { DriverSocket } from './driver-socket.ts'

interface QueuePoolOptions {
  readonly connections: number
  /** Called when a connection that no statement is using is lost; without a listener that would end the process. */
  readonly onError: (error: Error) => void
}

/** @throws SyncError SYNC_CONFIG */
export function openQueuePool(url: string, { connections, onError }: QueuePoolOptions): Pool {
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
    done === undefined ? connectPatiently(pool, connect) : connect(done)) as Pool['connect']
  return pool
}

/** 6 s in all: a process that is just ending may still use up the connection limit. */
const PAUSES_MS = [100, 200, 400, 800, 1_600, 3_200]

/** BullMQ 6.7 keeps the promise of its first connection: if it fails, no job is ever done. So it is retried here. */
async function connectPatiently(pool: Pool, connect: () => Promise<PoolClient>): Promise<PoolClient> {
  for (const pause of PAUSES_MS) {
    try {
      return await connect()
    } catch (error) {
      if (!isConnectionLoss(error) || pool.ending) throw error
      await delay(pause)
    }
  }
  return await connect()
}

/** The additional part of a socket that pg uses. */
class PgSocket extends DriverSocket {
  /** The route is known already. pg sends its startup message at `connect`; it is held until the connection is made. */
  connect(): void {
    process.nextTick(() => this.emit('connect'))
  }

  setNoDelay(): void {}
}
