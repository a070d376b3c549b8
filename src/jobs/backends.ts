/**
 * What BullMQ runs on, and how it is connected there. The rest is the same for both (jobs/queues.ts).
 */
import {
  createPostgresBackend,
  FlowProducer,
  Queue,
  withBackend,
  Worker,
  type BackendClasses,
  type IQueueBackend,
} from 'bullmq'
import { openQueuePool } from '../store/queue-pool.ts'
import { openCaller, workerConnection } from '../store/redis-queue.ts'
import { atMost } from './closing.ts'

export interface Place {
  readonly databaseUrl: string
  readonly redisUrl: string | undefined
  /** Keeps two databases' jobs apart in one Redis. */
  readonly installation: string
}

type Classes = BackendClasses<IQueueBackend, unknown>

/** A worker waits and listens on a connection each; the rest is for what is asked meanwhile. */
const POSTGRES_CONNECTIONS = 8

export interface Backend {
  readonly classes: Classes
  readonly connection: (forWorker: boolean) => unknown
  readonly prefix: { readonly prefix?: string }
  /** Proves that it takes what is written. Of Postgres the database's own check does. */
  readonly write?: () => Promise<void>
  readonly refused?: (error: unknown) => void
  readonly release: () => Promise<void>
}

export function onPostgres({ databaseUrl }: Place, onError: (error: Error) => void): Backend {
  const pool = openQueuePool(databaseUrl, { connections: POSTGRES_CONNECTIONS })
  pool.on('error', onError)
  return {
    classes: withBackend(createPostgresBackend) as Classes,
    connection: () => pool,
    prefix: {},
    release: () => atMost(pool.end()),
  }
}

export function onRedis({ redisUrl, installation }: Place, onError: (error: Error) => void): Backend {
  const caller = openCaller(redisUrl!, onError)
  const prefix = `scopestack-sync-${installation}`
  return {
    classes: { Queue, FlowProducer, Worker } as unknown as Classes,
    connection: (forWorker) => (forWorker ? workerConnection(redisUrl!) : caller.connection),
    prefix: { prefix },
    write: () => caller.write(`${prefix}:readiness`),
    refused: (error) => caller.refused(error),
    release: async () => caller.close(),
  }
}
