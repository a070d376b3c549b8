/**
 * Of Postgres: it cannot be reached, is not fit, is full, or keeps a lock. A server that is away for now is retried; one that
 * is wrong needs its administrator.
 */
import type { Entry } from './entry.ts'

export const DATABASE = {
  SYNC_DATABASE_UNREACHABLE: {
    scope: 'run',
    remedy: 'stop',
    meaning: 'Postgres cannot be reached, has no connection left, is read-only, or the embedded one ended.',
    action: 'Check that Postgres runs and that DATABASE_URL names its primary.',
  },
  SYNC_DATABASE_REFUSED: {
    scope: 'run',
    remedy: 'stop',
    meaning:
      'Postgres rejects user, password, database or right; or it is too old; or the tables are not there yet, or of an older version.',
    action: 'Check DATABASE_URL and the rights of its role; run `migrate`.',
  },
  SYNC_DATABASE_FULL: {
    scope: 'run',
    remedy: 'stop',
    meaning: 'Postgres is out of disk space. Nothing was lost.',
    action: 'Make room, then run the same command again.',
  },
  SYNC_DATABASE_UNFIT: {
    scope: 'run',
    remedy: ['stop', 'retry'],
    meaning: 'A setting of Postgres, or its role as a standby, makes it unusable.',
    action: 'Change the setting that the message names.',
  },
  SYNC_DATABASE_LIMIT: {
    scope: 'resource',
    remedy: 'retry',
    meaning: 'A limit of Postgres (statement_timeout, lock_timeout, …) ended a statement each time it was tried.',
    action: 'Raise the limit for the role of DATABASE_URL, or end the session that holds the lock.',
  },
  SYNC_POOLED: {
    scope: 'run',
    remedy: 'stop',
    exit: 'config',
    meaning: 'DATABASE_URL leads to a pooler that gives a session away after each transaction.',
    action: 'Set DATABASE_DIRECT_URL, or use session pooling.',
  },
  SYNC_CONNECTIONS: {
    scope: 'run',
    remedy: ['stop', 'wait'],
    exit: 'config',
    meaning: 'Postgres, or a pooler before it, has fewer connections left than the process needs.',
    action: 'Raise the limit, end other sessions, or lower SYNC_CONCURRENCY and use Redis for the queue.',
  },
  SYNC_SCHEMA_FOREIGN: {
    scope: 'run',
    remedy: 'stop',
    meaning: 'Schema scopestack or sync holds tables of another program, or only a part of ours.',
    action: 'Use a database of its own, rename that schema, or restore both schemas together.',
  },
  SYNC_NAME_TAKEN: {
    scope: 'run',
    remedy: 'stop',
    meaning: 'A migration makes a table or column whose name is taken already.',
    action: 'Rename what took the name, or restore both schemas from the same backup.',
  },
  SYNC_TABLES_HELD: {
    scope: 'notice',
    remedy: 'wait',
    meaning: 'A migration waits for the locks of another transaction.',
    action: 'End that transaction, or wait until it ends.',
  },
} as const satisfies Record<string, Entry>
