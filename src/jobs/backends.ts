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
  type Telemetry,
} from 'bullmq'
import { openQueuePool } from '../store/connection/queue-pool.ts'
import { openQueueClient, workerConnection } from '../store/redis/redis-queue.ts'
import { connectionsNeeded } from '../sync/run/connections.ts'
import { redisPrefix } from './job-names.ts'
import { withTimeout } from './with-timeout.ts'

export interface Place {
  readonly databaseUrl: string
  readonly redisUrl: string | undefined
  /** Keeps two databases' jobs apart in one Redis. */
  readonly installation: string
  /** Whether there will be workers here, who listen. */
  readonly works?: boolean
  /** Carries the span of who adds a job to who does it. */
  readonly telemetry?: Telemetry | undefined
}

type Classes = BackendClasses<IQueueBackend, unknown>

/** Each of the two workers listens on a connection of its own; two are for queries meanwhile. */
const LISTENING = 2
const QUERYING = 2

const queueConnections = (works: boolean): number => QUERYING + (works ? LISTENING : 0)

/** All connections to Postgres that `start` may have at once. A worker's session comes behind migrations, in their place. */
export const connectionsToStart = (concurrency: number, redisUrl: string | undefined, works: boolean): number =>
  connectionsNeeded(concurrency) + (redisUrl === undefined ? queueConnections(works) : 0)

export interface Backend {
  readonly classes: Classes
  readonly connection: (forWorker: boolean) => unknown
  readonly prefix: { readonly prefix?: string }
  /** Proves that it takes what is written. Of Postgres the database's own check does. */
  readonly write?: () => Promise<void>
  readonly refused?: (error: unknown) => void
  readonly release: () => Promise<void>
}

export function onPostgres({ databaseUrl, works = true }: Place, onError: (error: Error) => void): Backend {
  const pool = openQueuePool(databaseUrl, { connections: queueConnections(works), onError })
  return {
    classes: withBackend(createPostgresBackend) as Classes,
    connection: () => pool,
    prefix: {},
    release: () => withTimeout(pool.end().catch(() => {})),
  }
}

export function onRedis({ redisUrl, installation }: Place, onError: (error: Error) => void): Backend {
  const caller = openQueueClient(redisUrl!, onError)
  const prefix = redisPrefix(installation)
  return {
    classes: { Queue, FlowProducer, Worker } as unknown as Classes,
    connection: (forWorker) => (forWorker ? workerConnection(redisUrl!) : caller.connection),
    prefix: { prefix },
    write: () => caller.write(`${prefix}:readiness`),
    refused: (error) => caller.refused(error),
    release: async () => caller.close(),
  }
}
