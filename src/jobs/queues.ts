/**
 * The one place that chooses what BullMQ runs on: Redis when it is configured, else the same Postgres. Everything else is
 * the same code. A queue holds nothing that Postgres does not know (store/runs/scheduled-runs.ts), so it may be emptied at any
 * time.
 */
import { EventEmitter, once } from 'node:events'
import type {
  FlowJobNode,
  FlowProducer,
  IQueueBackend,
  Job,
  JobProgress,
  JobsOptions,
  Processor,
  Queue,
  Worker,
} from 'bullmq'
import { queueUnreachable } from '../errors/redis.ts'
import { withinLimit } from '../within-limit.ts'
import { onPostgres, onRedis, type Backend, type Place } from './backends.ts'
import { closeJobId, helpJobId, pullJobId, PUSH_QUEUE, QUEUE, type JobData, type JobName } from './job-names.ts'
import { jobOptions, takeover } from './job-options.ts'
import { watchPolling, type LivenessCheck } from './liveness.ts'
import { closeWithTimeout } from './with-timeout.ts'

export type SyncJob = Job<JobData, void, JobName>
export type BullWorker<T = object, N extends string = string> = Worker<T, void, N, IQueueBackend, JobProgress, unknown>
export type PushJob = Job<object, void, 'push'>

export interface Timing {
  /** Seconds until another worker takes over a killed worker's job, about. */
  readonly takeoverSeconds: number
  /** The first wait of a retry; each later one is twice as long. */
  readonly retryMs: number
}

export interface QueueWorker {
  readonly liveness: LivenessCheck
  run(): Promise<void>
  /** Takes nothing more, and resolves when the jobs in hand have ended. */
  close(): Promise<void>
}

export interface Queues {
  readonly kind: 'redis' | 'postgres'
  /** The run as a flow: a job for each resource, then the one that closes it. Jobs that exist stay as they are. */
  addRun(runId: number, resources: readonly string[]): Promise<void>
  /** So many jobs to help with the list of a resource; those that exist stay as they are. One that is lost costs only time. */
  addHelp(runId: number, resource: string, count: number): Promise<void>
  /** `none`: the queue does not hold the job. */
  jobState(runId: number, resource: string): Promise<JobState>
  /** Ends the delay of a postponed job. */
  promote(runId: number, resource: string): Promise<void>
  /** Removes a job that has ended, so that its id can be used again. */
  removeJob(runId: number, resource: string): Promise<void>
  startWorker(process: Processor<JobData, void, JobName>, concurrency: number): QueueWorker
  /** There may be something to push. Many of these make one job, and one more where a job is at it already. */
  wakePush(): Promise<void>
  /** Ends the pause of the job that is to push, where it has lasted for long enough: meanwhile nothing wakes it. */
  endPushDelay(isOver: (pause: PushDelay) => boolean): Promise<void>
  startPushWorker(process: Processor<object, void, 'push'>): QueueWorker
  /** @throws when the queue does not respond, or takes nothing. */
  ping(): Promise<void>
  close(): Promise<void>
}

export interface PushDelay {
  /** Another one for each wait. */
  readonly key: string
  readonly delayedMs: number
}

export type JobState =
  | 'none'
  | 'live'
  | 'completed'
  | { readonly failed: string }
  /** For how long it was postponed, and how often it had been started. */
  | { readonly delayedMs: number; readonly begun: number }

/** Past this a queue counts as down, so that no caller hangs. A job that is added late all the same does no harm. */
const TIMEOUT_MS = 10_000

/** Waits for a call of the queue, for at most {@link TIMEOUT_MS}. */
type CallQueue = <T>(work: Promise<T>) => Promise<T>

export function openQueues(place: Place, timing: Timing, onError: (error: Error) => void): Queues {
  const { redisUrl, telemetry } = place
  const traced = telemetry === undefined ? {} : { telemetry }
  const { classes, connection, prefix, write, refused, waitSeconds, spare, release } =
    redisUrl === undefined ? onPostgres(place, onError) : onRedis(place, onError)
  const callQueue: CallQueue = async (work) => {
    try {
      return await withinLimit(work, TIMEOUT_MS, () => {
        throw queueUnreachable({ seconds: TIMEOUT_MS / 1000 })
      })
    } catch (error) {
      refused?.(error)
      throw error
    }
  }
  // A call that finds the server gone must fail, not wait for it. The server's version was checked at start.
  const options = {
    connection: connection(false),
    skipWaitingForReady: true,
    skipVersionCheck: true,
    ...prefix,
    ...traced,
  }
  const pulls = new classes.Queue<JobData, void, JobName>(QUEUE, options)
  const flows = new classes.FlowProducer(options)
  const pushes = new classes.Queue<object, void, 'push'>(PUSH_QUEUE, options)
  pulls.on('error', onError)
  pushes.on('error', onError)
  flows.on('error', onError)
  const common = { connection: connection(true), ...prefix, ...traced, ...takeover(timing) }
  const working = { ...common, autorun: false, drainDelay: waitSeconds.drained }
  const workers: Workers = { onError, waitSeconds, spare }

  return {
    kind: redisUrl === undefined ? 'postgres' : 'redis',
    ...pullJobs({ pulls, flows, defaults: jobOptions(timing), callQueue }),
    ...pushJobs(pushes, callQueue),
    startWorker: (process, concurrency) =>
      workerOf(process, (counted) => new classes.Worker(QUEUE, counted, { ...working, concurrency }), workers),
    startPushWorker: (process) =>
      workerOf(process, (counted) => new classes.Worker(PUSH_QUEUE, counted, working), workers),
    ping: async () =>
      void (await callQueue<unknown>(write === undefined ? pulls.getJobCountByTypes('active') : write())),
    async close() {
      await Promise.all([pulls, pushes, flows].map((one) => closeWithTimeout(one)))
      await release()
    },
  }
}

type BullQueue<T, N extends string> = Queue<T, void, N, T, void, N, IQueueBackend, unknown>

interface PullQueue {
  readonly pulls: BullQueue<JobData, JobName>
  readonly flows: FlowProducer<IQueueBackend, unknown>
  readonly defaults: JobsOptions
  readonly callQueue: CallQueue
}

const pullJobs = ({
  pulls,
  flows,
  defaults,
  callQueue,
}: PullQueue): Pick<Queues, 'addRun' | 'addHelp' | 'jobState' | 'promote' | 'removeJob'> => ({
  async addRun(runId, resources) {
    const children = resources.map((resource): FlowJobNode => {
      const opts = { ...defaults, jobId: pullJobId(runId, resource), ignoreDependencyOnFailure: true }
      return { name: 'pull', queueName: QUEUE, data: { runId, resource } satisfies JobData, opts }
    })
    const opts = { ...defaults, jobId: closeJobId(runId) }
    await callQueue(flows.add({ name: 'close', queueName: QUEUE, data: { runId } satisfies JobData, opts, children }))
  },

  async addHelp(runId, resource, count) {
    const jobs = Array.from({ length: count }, (_, at) => ({
      name: 'help' as const,
      data: { runId, resource },
      // An older release's worker that gets it pulls the resource as soon as that is free, with as many attempts as ever.
      opts: { ...defaults, jobId: helpJobId(runId, resource, at + 1), removeOnComplete: true, removeOnFail: true },
    }))
    await callQueue(pulls.addBulk(jobs))
  },

  async jobState(runId, resource) {
    const job = await callQueue(pulls.getJob(pullJobId(runId, resource)))
    if (job === undefined) return 'none'
    const state = await callQueue(job.getState())
    if (state === 'failed') return { failed: job.failedReason }
    if (state === 'completed') return 'completed'
    if (state === 'delayed') return { delayedMs: job.delay, begun: job.attemptsStarted }
    return state === 'unknown' ? 'none' : 'live'
  },

  async promote(runId, resource) {
    const job = await callQueue(pulls.getJob(pullJobId(runId, resource)))
    await callQueue(job?.promote() ?? Promise.resolve())
  },

  async removeJob(runId, resource) {
    await callQueue(pulls.remove(pullJobId(runId, resource)))
  },
})

const pushJobs = (
  pushes: BullQueue<object, 'push'>,
  callQueue: CallQueue,
): Pick<Queues, 'wakePush' | 'endPushDelay'> => ({
  async wakePush() {
    const deduplication = { id: 'push', keepLastIfActive: true }
    await callQueue(pushes.add('push', {}, { deduplication, removeOnComplete: true, removeOnFail: true }))
  },

  async endPushDelay(isOver) {
    const id = await callQueue(pushes.getDeduplicationJobId('push'))
    const job = id === null ? undefined : await callQueue(pushes.getJob(id))
    if (job === undefined || (await callQueue(job.getState())) !== 'delayed') return
    if (isOver({ key: `${id} ${job.attemptsStarted}`, delayedMs: job.delay })) await callQueue(job.promote())
  },
})

interface Workers extends Pick<Backend, 'waitSeconds' | 'spare'> {
  readonly onError: (error: Error) => void
}

function workerOf<T extends object, N extends string>(
  process: Processor<T, void, N>,
  make: (counted: Processor<T, void, N>) => BullWorker<T, N>,
  { onError, waitSeconds, spare }: Workers,
): QueueWorker {
  let atWork = 0
  const idle = new EventEmitter()
  const worker = make(async (job, token) => {
    atWork++
    try {
      await process(job, token)
    } finally {
      if (--atWork === 0) idle.emit('idle')
    }
  })
  worker.on('error', onError)
  spare(worker as unknown as BullWorker)
  return {
    liveness: watchPolling(worker as unknown as BullWorker, () => atWork, waitSeconds),
    run: () => worker.run(),
    close: () => closeWithTimeout(worker, () => (atWork === 0 ? undefined : once(idle, 'idle'))),
  }
}
