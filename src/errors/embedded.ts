/** What can go wrong with the Postgres that runs inside. */
import { databaseFull } from './errors.ts'
import { reason, SyncError } from './sync-error.ts'

export const embeddedFailed = (cause: unknown): SyncError =>
  new SyncError('SYNC_DATABASE_UNREACHABLE', 'stop', reason(cause), { cause })

export const embeddedGone = (facts: { folder: string; said: string }, cause: unknown): SyncError =>
  /No space left/.test(facts.said)
    ? databaseFull({ where: facts.folder }, new Error(facts.said, { cause }))
    : new SyncError(
        'SYNC_DATABASE_UNREACHABLE',
        'stop',
        `The embedded Postgres in ${facts.folder} went away${facts.said ? `: ${facts.said}` : ''}. Run the same command ` +
          'again: it starts anew and goes on where it stopped. What it said is in postgres.log there.',
        { facts, cause },
      )
