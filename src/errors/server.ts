/** Of the database server itself. */
import { SyncError } from './sync-error.ts'

export const serverTooOld = (facts: { version: string; oldest: number }): SyncError =>
  new SyncError(
    'SYNC_DATABASE_REFUSED',
    'stop',
    `The database server is PostgreSQL ${facts.version}, and scopestack-sync needs ${facts.oldest} or newer. Nothing was ` +
      'changed there. Upgrade the server, or name a newer one in DATABASE_URL.',
    { facts },
  )
