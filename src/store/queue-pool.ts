/** The queue's connections, by the driver that BullMQ knows: to the same server, in the same way, as all others. */
import type { Duplex } from 'node:stream'
import { Pool, type PoolConfig } from 'pg'
import { readAddress } from './address.ts'
import { connectSeconds, wayTo } from './database.ts'
import { DriverSocket } from './socket.ts'

/** @throws SyncError SYNC_CONFIG */
export function openQueuePool(url: string, { connections }: { connections: number }): Pool {
  const address = readAddress(url)
  const { database, user, password } = address
  // BullMQ's statements name no schema.
  const way = wayTo(url, 'bullmq')
  const config: PoolConfig = {
    database,
    user,
    // A function, as for the other driver: in place of an empty one pg would take PGPASSWORD, or look into ~/.pgpass.
    password: () => password,
    max: connections,
    connectionTimeoutMillis: connectSeconds(address) * 1000,
    ssl: false,
    // BullMQ waits longer for a job where it is on; the socket sees to it.
    keepAlive: true,
    // PGSSLNEGOTIATION would be taken otherwise.
    sslnegotiation: 'postgres',
    // It uses no more of a stream than is here.
    stream: () => new PgSocket(way) as unknown as Duplex,
  }
  return new Pool(config)
}

/** What pg wants of a socket beside the other driver. */
class PgSocket extends DriverSocket {
  /** Where to is known already. pg greets when it hears that the connection stands; what it says is kept until it does. */
  connect(): void {
    process.nextTick(() => this.emit('connect'))
  }

  setNoDelay(): void {}
}
