/** The queue's connections, by the driver that BullMQ knows: to the same server, in the same way, as all others. */
import type { Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { Pool, type PoolClient, type PoolConfig } from 'pg'
import { readAddress } from './address.ts'
import { connectTimeoutSeconds, isConnectionLoss, routeTo } from './database.ts'
import { DriverSocket } from './driver-socket.ts'

/** @throws SyncError SYNC_CONFIG */
export function openQueuePool(url: string, { connections }: { connections: number }): Pool {
  const address = readAddress(url)
  const { database, user, password } = address
  // BullMQ's statements name no schema.
  const way = routeTo(url, 'bullmq')
  const config: PoolConfig = {
    database,
    user,
    // A function, as for the other driver: in place of an empty one pg would take PGPASSWORD, or look into ~/.pgpass.
    password: () => password,
    max: connections,
    connectionTimeoutMillis: connectTimeoutSeconds(address) * 1000,
    ssl: false,
    // BullMQ waits longer for a job where it is on; the socket sees to it.
    keepAlive: true,
    // PGSSLNEGOTIATION would be taken otherwise.
    sslnegotiation: 'postgres',
    // It uses no more of a stream than is here.
    stream: () => new PgSocket(way) as unknown as Duplex,
  }
  const pool = new Pool(config)
  const connect = pool.connect.bind(pool)
  // By a callback the pool asks itself, for one statement, and that is for its caller to repeat.
  pool.connect = ((done?: Parameters<typeof connect>[0]) =>
    done === undefined ? connectPatiently(pool, connect) : connect(done)) as Pool['connect']
  return pool
}

/** 6 s in all: a limit of connections that a process which is just ending still fills. */
const PAUSES_MS = [100, 200, 400, 800, 1_600, 3_200]

/** BullMQ 6.7 keeps the promise of its first connection: one that is refused would be its last, and no job would ever be done. */
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

/** What pg wants of a socket beside the other driver. */
class PgSocket extends DriverSocket {
  /** Where to is known already. pg greets when it hears that the connection stands; what it says is kept until it does. */
  connect(): void {
    process.nextTick(() => this.emit('connect'))
  }

  setNoDelay(): void {}
}
