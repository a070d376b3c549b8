/** How a job is tried again, taken over and kept, on either queue. */
import type { JobsOptions } from 'bullmq'
import type { Timing } from './queues.ts'

/**
 * A job whose lock is not renewed in time is found by the next check for such jobs: lock and check together are the time
 * until a killed worker's job goes on elsewhere. A lock that ran out although its worker lives does no harm: the lease in
 * Postgres keeps the second one waiting.
 */
export const takeover = ({ takeoverSeconds }: Timing) => ({
  // Whole numbers, which is what Postgres takes.
  lockDuration: Math.round((takeoverSeconds * 1000 * 2) / 3),
  stalledInterval: Math.round((takeoverSeconds * 1000) / 3),
  // BullMQ's own is 1, which fails a job for good when two workers are killed in a row; a deploy does that. A resource
  // that kills every worker (out of memory) must come to an end all the same.
  maxStalledCount: 10,
  // After a lost connection; its own 15 s would make every restart of the server last that long.
  runRetryDelay: 1_000,
})

export const jobOptions = ({ retryMs }: Timing): JobsOptions => ({
  attempts: 5,
  backoff: { type: 'exponential', delay: retryMs, jitter: 0.5 },
  // For a person who looks at the queue; sync.runs records what was done.
  removeOnComplete: { age: 7 * 86_400, count: 2_000 },
  removeOnFail: { age: 30 * 86_400, count: 2_000 },
})
