/** What can be wrong with what the workers share: a person's session, Redis, the pace, a database that is switched over. */
import { reason, SyncError } from './sync-error.ts'

export const loginRequired = (facts: { why: string }): SyncError =>
  new SyncError(
    'SYNC_LOGIN_REQUIRED',
    'stop',
    `${facts.why} Run the command "login" once, on a machine with a browser and with the same settings; every worker of ` +
      'this database then goes on by itself.',
    { facts },
  )

export const loginFailed = (facts: { why: string; next: string }, cause?: unknown): SyncError =>
  new SyncError('SYNC_LOGIN_FAILED', 'stop', `The login did not succeed: ${facts.why}. ${facts.next}`, { facts, cause })

export const redisRefused = (facts: { where: string }, cause: unknown): SyncError =>
  new SyncError(
    'SYNC_REDIS_REFUSED',
    'stop',
    `Redis at ${facts.where} refused: ${reason(cause)}. Check user, password and database number in REDIS_URL, and that it ` +
      'has memory left.',
    { facts, cause },
  )

export const redisUnwritable = (facts: { where: string }, cause: unknown): SyncError =>
  new SyncError(
    'SYNC_REDIS_UNWRITABLE',
    'retry',
    `Redis at ${facts.where} cannot be written to for now: ${reason(cause)}. If that stays, check that REDIS_URL names the ` +
      'primary, or an address that follows it, and not a replica.',
    { facts, cause },
  )

export const redisUnreachable = (facts: { where: string }, cause: unknown): SyncError =>
  new SyncError(
    'SYNC_REDIS_UNREACHABLE',
    'retry',
    `Redis at ${facts.where} cannot be reached: ${reason(cause)}. Check that it runs and that REDIS_URL names it; without ` +
      'REDIS_URL, Postgres does its work.',
    { facts, cause },
  )

export const databaseReadOnly = (facts: { where: string }, cause: unknown): SyncError =>
  new SyncError(
    'SYNC_DATABASE_UNREACHABLE',
    'stop',
    `Postgres at ${facts.where} can only be read from: ${reason(cause)}. While it is switched over that passes; else name the ` +
      'primary in DATABASE_URL, or an address that follows it, and look for a default_transaction_read_only.',
    { facts, cause },
  )

/** A notice rather than a failure: the request is sent when its turn comes. */
export const waitingForRateLimit = (facts: { seconds: number; rate: number; isHeld: boolean }): SyncError =>
  new SyncError(
    'SYNC_PACE_WAITS',
    'wait',
    facts.isHeld
      ? `Requests wait for ${facts.seconds} s: ScopeStack asked another worker to (429, or Retry-After). They go on by themselves.`
      : `The next request waits ${facts.seconds} s for its turn: all workers with this SYNC_RATE together send ${facts.rate} ` +
          'requests/s. Raise SYNC_RATE, the same for all of them, if that is too slow.',
    { facts },
  )

/** A notice rather than a failure: the requests go on. */
export const rateLimitStoreUnreachable = (facts: { rate: number; seconds: number }, cause: unknown): SyncError =>
  new SyncError(
    'SYNC_PACE_ALONE',
    'wait',
    `The pace cannot be shared with the other workers for now: ${reason(cause)} This one goes on with its own share, ` +
      `${facts.rate} requests/s, and tries to share again in ${facts.seconds} s.`,
    { facts, cause },
  )
