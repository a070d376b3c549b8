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
import type { Presence } from '../store/fleet/presence.ts'
import { openQueueClient, workerConnection } from '../store/redis/redis-queue.ts'
import { connectionsNeeded } from '../sync/run/connections.ts'
import { PUSH_QUEUE, QUEUE, redisPrefix } from './job-names.ts'
import type { BullWorker } from './queues.ts'
import { checkWhereJobsAre } from './stalled-checks.ts'
import { withTimeout } from './with-timeout.ts'

export interface Place {
  readonly databaseUrl: string
  readonly redisUrl: string | undefined
  /** Keeps two databases' jobs apart in one Redis. */
  readonly installation: string
  /** The session of this process, by which its workers hear of jobs. */
  readonly presence: Presence
  /** Carries the span of who adds a job to who does it. */
  readonly telemetry?: Telemetry | undefined
}

type Classes = BackendClasses<IQueueBackend, unknown>

/** For the queue's statements. */
const QUERYING = 2

/** All connections to Postgres that `start` may have at once. A worker's session comes behind migrations, in their place. */
export const connectionsToStart = (concurrency: number, redisUrl: string | undefined): number =>
  connectionsNeeded(concurrency) + (redisUrl === undefined ? QUERYING : 0)

export interface Backend {
  readonly classes: Classes
  readonly connection: (forWorker: boolean) => unknown
  readonly prefix: { readonly prefix?: string }
  /** Proves that it takes what is written. Of Postgres the database's own check does. */
  readonly write?: () => Promise<void>
  readonly refused?: (error: unknown) => void
  /** For so long a worker waits for a job at most before it looks again. */
  readonly waitSeconds: WaitSeconds
  /** What a worker does less often while there is nothing to do; to be called before it runs. */
  readonly spare: (worker: BullWorker) => void
  readonly release: () => Promise<void>
}

export interface WaitSeconds {
  /** Where no job is known. */
  readonly drained: number
  /** Where one is due later. */
  readonly delayed: number
}

/**
 * Each job is notified, a session that no longer hears is replaced within 20 s, and a worker then looks at once. BullMQ's own 5 s where
 * no job is known were three statements each time for each worker; its own hour where one is due later would hide a queue that hangs.
 */
const ON_POSTGRES: WaitSeconds = { drained: 60, delayed: 30 }
/** A dead connection is noticed by the end of the wait. */
const ON_REDIS: WaitSeconds = { drained: 5, delayed: 10 }

export function onPostgres({ databaseUrl, presence }: Place, onError: (error: Error) => void): Backend {
  const pool = openQueuePool(databaseUrl, { connections: QUERYING, onError, presence, queues: [QUEUE, PUSH_QUEUE] })
  return {
    classes: withBackend(createPostgresBackend) as Classes,
    connection: () => pool,
    prefix: {},
    waitSeconds: ON_POSTGRES,
    spare: (worker) => checkWhereJobsAre(worker, presence),
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
    waitSeconds: ON_REDIS,
    spare: () => {},
    release: async () => caller.close(),
  }
}
