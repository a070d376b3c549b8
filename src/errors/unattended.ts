/** What can be wrong with a worker that nobody attends: its queue, the order of its jobs, its port. */
import { reason, SyncError } from './sync-error.ts'

export const queueUnreachable = (facts: { seconds: number }): SyncError =>
  new SyncError(
    'SYNC_QUEUE_UNREACHABLE',
    'retry',
    `The queue did not answer within ${facts.seconds} s. Nothing is lost: it goes on when the server is back. Check REDIS_URL, ` +
      'or the load of Postgres when the queue is kept there.',
    { facts },
  )

export const redisUnfit = (facts: { where: string; problem: string; remedy: string; passing?: true }): SyncError =>
  new SyncError(
    'SYNC_REDIS_UNFIT',
    facts.passing === true ? 'retry' : 'stop',
    `Redis at ${facts.where} cannot carry the queue: ${facts.problem}. ${facts.remedy}, or leave REDIS_URL empty to keep the ` +
      'queue in Postgres.',
    { facts },
  )

export const notYet = (facts: { resource: string; parent: string; seconds: number }): SyncError =>
  new SyncError(
    'SYNC_NOT_YET',
    'wait',
    `${facts.resource} is read when ${facts.parent} has been, in ${facts.seconds} s at the earliest.`,
    { facts },
  )

export const httpUnavailable = (facts: { host: string; port: number }, cause: unknown): SyncError =>
  new SyncError(
    'SYNC_CONFIG',
    'stop',
    `Port ${facts.port} of ${facts.host} cannot be had: ${reason(cause)}. Choose others with HTTP_PORT (0 for any free one) ` +
      'and HTTP_HOST.',
    { facts, cause },
  )
