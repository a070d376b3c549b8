/** What is wrong with Redis, or with the queue. */
import { causeText, type SyncError, syncError } from './sync-error.ts'

export const redisUnreachable = (facts: { where: string }, cause: unknown): SyncError =>
  syncError(
    'SYNC_REDIS_UNREACHABLE',
    `Redis at ${facts.where} cannot be reached: ${causeText(cause)}. Check that it runs and that REDIS_URL names it; without ` +
      'REDIS_URL, Postgres keeps the queue.',
    { facts, cause },
  )

export const redisUnwritable = (facts: { where: string }, cause: unknown): SyncError =>
  syncError(
    'SYNC_REDIS_UNWRITABLE',
    `Redis at ${facts.where} is not writable for now: ${causeText(cause)}. If that stays, check that REDIS_URL names the ` +
      'primary, or an address that follows it, and not a replica.',
    { facts, cause },
  )

export const redisRejected = (facts: { where: string }, cause: unknown): SyncError =>
  syncError(
    'SYNC_REDIS_REFUSED',
    `Redis at ${facts.where} rejected the connection: ${causeText(cause)}. Check user, password and database number in REDIS_URL, and that it ` +
      'has memory left.',
    { facts, cause },
  )

export const redisUnfit = (facts: { where: string; problem: string; remedy: string; passing?: true }): SyncError =>
  syncError(
    'SYNC_REDIS_UNFIT',
    `Redis at ${facts.where} cannot keep the queue: ${facts.problem}. ${facts.remedy}, or leave REDIS_URL empty to keep the ` +
      'queue in Postgres.',
    { facts, remedy: facts.passing === true ? 'retry' : 'stop' },
  )

export const queueUnreachable = (facts: { seconds: number }): SyncError =>
  syncError(
    'SYNC_QUEUE_UNREACHABLE',
    `The queue did not respond within ${facts.seconds} s. Nothing is lost: it continues when the server is back. Check REDIS_URL, ` +
      'or the load of Postgres when the queue is kept there.',
    { facts },
  )
