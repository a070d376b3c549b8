/** Of Redis and of the queue in it. The token and the rate limit fall back when Redis is away; jobs wait for it. */
import type { Entry } from './entry.ts'

export const REDIS = {
  SYNC_REDIS_UNREACHABLE: {
    scope: 'resource',
    remedy: 'retry',
    meaning: 'Redis cannot be reached.',
    action: 'Check that it runs and that REDIS_URL names it.',
  },
  SYNC_REDIS_UNWRITABLE: {
    scope: 'resource',
    remedy: 'retry',
    meaning: 'Redis cannot be written to: it is a replica, or fails over.',
    action: 'If this stays, name the primary in REDIS_URL.',
  },
  SYNC_REDIS_REFUSED: {
    scope: 'run',
    remedy: 'stop',
    meaning: 'Redis rejects user, password or database number, or has no memory left.',
    action: 'Check REDIS_URL and the memory of Redis.',
  },
  SYNC_REDIS_UNFIT: {
    scope: 'run',
    remedy: ['stop', 'retry'],
    meaning: 'A setting of Redis makes it unusable for the queue.',
    action: 'Change the setting that the message names, or leave REDIS_URL empty.',
  },
  SYNC_QUEUE_UNREACHABLE: {
    scope: 'resource',
    remedy: 'retry',
    meaning: 'The queue did not respond in time. Nothing is lost.',
    action: 'Check Redis, or the load of Postgres when it keeps the queue.',
  },
} as const satisfies Record<string, Entry>
