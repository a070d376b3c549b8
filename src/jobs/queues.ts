/**
 * The one place that chooses what BullMQ runs on: Redis when it is configured, else the same Postgres. Everything else is
 * the same code. A queue holds nothing that Postgres does not know (store/planned-runs.ts), so it may be emptied at any
 * time.
 */
import {
  createPostgresBackend,
  FlowProducer,
  Queue,
  runMigrations,
  withBackend,
  Worker,
  type BackendClasses,
  type FlowJobNode,
  type IQueueBackend,
  type Job,
  type JobsOptions,
  type Processor,
} from 'bullmq'
import { queueUnreachable } from '../errors/unattended.ts'
import { openQueuePool } from '../store/queue-pool.ts'
import { closeJobId, pullJobId, PUSH_QUEUE, QUEUE, type JobData, type JobName } from './names.ts'

export type SyncJob = Job<JobData, void, JobName>
export type SyncWorker = Worker<JobData, void, JobName, IQueueBackend>
export type PushJob = Job<object, void, 'push'>

export interface Timing {
  /** Seconds until a killed worker's job is somebody else's, about. */
  readonly takeoverSeconds: number
  /** The first wait of a retry; each later one is twice as long. */
  readonly retryMs: number
}

export interface Queues {
  readonly kind: 'redis' | 'postgres'
  /** The run as a flow: a job for each resource, then the one that closes it. Jobs that exist stay as they are. */
  addRun(runId: number, resources: readonly string[]): Promise<void>
  /** What became of a job. `none`: nobody knows of it. */
  stateOf(runId: number, resource: string): Promise<JobState>
  /** Removes a job that has ended, so that its id can be used again. */
  forget(runId: number, resource: string): Promise<void>
  startWorker(process: Processor<JobData, void, JobName>, concurrency: number): SyncWorker
  /** There may be something to push. Many of these make one job, and one more where a job is at it already. */
  wakePush(): Promise<void>
  startPushWorker(process: Processor<object, void, 'push'>): Pick<SyncWorker, 'run' | 'close'>
  /** @throws when the queue does not answer. */
  ping(): Promise<void>
  close(): Promise<void>
}

export type JobState = 'none' | 'live' | 'completed' | { readonly failed: string }

interface Place {
  readonly databaseUrl: string
  readonly redisUrl: string | undefined
  /** Keeps two databases' jobs apart in one Redis. */
  readonly installation: string
}

type Classes = BackendClasses<IQueueBackend, unknown>

/** A worker waits and listens on a connection each; the rest is for what is asked meanwhile. */
const POSTGRES_CONNECTIONS = 8

/** Past this a queue counts as down: whoever asks is not to hang. What was added late all the same does no harm. */
const PATIENCE_MS = 10_000

/** BullMQ's tables, in schema `bullmq`. It takes an advisory lock of its own. */
export async function migrateQueue(databaseUrl: string): Promise<void> {
  const pool = openQueuePool(databaseUrl, { connections: 1 })
  pool.on('error', () => {})
  try {
    await runMigrations(pool, 'bullmq')
  } finally {
    await pool.end()
  }
}

export function openQueues(place: Place, timing: Timing, onError: (error: Error) => void): Queues {
  const { redisUrl } = place
  const { classes, connection, prefix, release } = redisUrl === undefined ? onPostgres(place, onError) : onRedis(place)
  // A command that finds the server gone must fail, not wait for it.
  const options = { connection: connection(false), skipWaitingForReady: true, ...prefix }
  const queue = new classes.Queue<JobData, void, JobName>(QUEUE, options)
  const flows = new classes.FlowProducer(options)
  const pushes = new classes.Queue<object, void, 'push'>(PUSH_QUEUE, options)
  queue.on('error', onError)
  pushes.on('error', onError)
  flows.on('error', onError)
  const defaults = jobOptions(timing)
  const working = { connection: connection(true), ...prefix, autorun: false, ...takeover(timing) }

  return {
    kind: redisUrl === undefined ? 'postgres' : 'redis',

    async addRun(runId, resources) {
      const children = resources.map((resource): FlowJobNode => {
        const opts = { ...defaults, jobId: pullJobId(runId, resource), ignoreDependencyOnFailure: true }
        return { name: 'pull', queueName: QUEUE, data: { runId, resource } satisfies JobData, opts }
      })
      const opts = { ...defaults, jobId: closeJobId(runId) }
      await patiently(flows.add({ name: 'close', queueName: QUEUE, data: { runId } satisfies JobData, opts, children }))
    },

    async stateOf(runId, resource) {
      const job = await patiently(queue.getJob(pullJobId(runId, resource)))
      if (job === undefined) return 'none'
      const state = await patiently(job.getState())
      if (state === 'failed') return { failed: job.failedReason }
      if (state === 'completed') return 'completed'
      return state === 'unknown' ? 'none' : 'live'
    },

    async forget(runId, resource) {
      await patiently(queue.remove(pullJobId(runId, resource)))
    },

    startWorker(process, concurrency) {
      const worker = new classes.Worker<JobData, void, JobName>(QUEUE, process, { ...working, concurrency })
      worker.on('error', onError)
      return worker as SyncWorker
    },

    async wakePush() {
      const deduplication = { id: 'push', keepLastIfActive: true }
      await patiently(pushes.add('push', {}, { deduplication, removeOnComplete: true, removeOnFail: true }))
    },

    startPushWorker(process) {
      const worker = new classes.Worker<object, void, 'push'>(PUSH_QUEUE, process, working)
      worker.on('error', onError)
      return worker
    },

    async ping() {
      await patiently(queue.getJobCountByTypes('active'))
    },

    async close() {
      await Promise.allSettled([queue.close(), pushes.close(), flows.close()])
      await release()
    },
  }
}

/**
 * A job whose lock is not renewed in time is found by the next look for such jobs: lock and look together are the time
 * until a killed worker's job goes on elsewhere. A lock that ran out although its worker lives does no harm: the lease in
 * Postgres keeps the second one waiting.
 */
const takeover = ({ takeoverSeconds }: Timing) => ({
  // Whole numbers, which is what Postgres takes.
  lockDuration: Math.round((takeoverSeconds * 1000 * 2) / 3),
  stalledInterval: Math.round((takeoverSeconds * 1000) / 3),
  // BullMQ's own is 1, which fails a job for good when two workers are killed in a row; a deploy does that. A resource
  // that kills every worker (out of memory) must come to an end all the same.
  maxStalledCount: 10,
  // After a lost connection; its own 15 s would make every restart of the server last that long.
  runRetryDelay: 1_000,
})

const jobOptions = ({ retryMs }: Timing): JobsOptions => ({
  attempts: 5,
  backoff: { type: 'exponential', delay: retryMs, jitter: 0.5 },
  // For whoever looks at the queue; the record of what was done is in sync.runs.
  removeOnComplete: { age: 7 * 86_400, count: 2_000 },
  removeOnFail: { age: 30 * 86_400, count: 2_000 },
})

interface Backend {
  readonly classes: Classes
  readonly connection: (forWorker: boolean) => unknown
  readonly prefix: { readonly prefix?: string }
  readonly release: () => Promise<void>
}

function onPostgres({ databaseUrl }: Place, onError: (error: Error) => void): Backend {
  const pool = openQueuePool(databaseUrl, { connections: POSTGRES_CONNECTIONS })
  pool.on('error', onError)
  return {
    classes: withBackend(createPostgresBackend) as Classes,
    connection: () => pool,
    prefix: {},
    release: () => pool.end(),
  }
}

const onRedis = ({ redisUrl, installation }: Place): Backend => ({
  classes: { Queue, FlowProducer, Worker } as unknown as Classes,
  // A worker waits for its server as long as it takes.
  connection: (forWorker) =>
    forWorker
      ? { url: redisUrl, maxRetriesPerRequest: null }
      : { url: redisUrl, maxRetriesPerRequest: 1, connectTimeout: PATIENCE_MS },
  prefix: { prefix: `scopestack-sync-${installation}` },
  release: async () => {},
})

async function patiently<T>(work: Promise<T>): Promise<T> {
  // Abandoned, it may still fail.
  work.catch(() => {})
  let timer: NodeJS.Timeout | undefined
  const tired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(queueUnreachable({ seconds: PATIENCE_MS / 1000 })), PATIENCE_MS)
  })
  try {
    return await Promise.race([work, tired])
  } finally {
    clearTimeout(timer)
  }
}
