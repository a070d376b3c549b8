/** What can be wrong with the database that was named, before anything is in it. */
import { SyncError } from './sync-error.ts'

/** Enough to recognize whose they are. */
const NAMED = 3

export const foreignSchema = (facts: { schema: string; relations: readonly string[] }): SyncError =>
  new SyncError(
    'SYNC_SCHEMA_FOREIGN',
    'stop',
    `Schema "${facts.schema}" of this database is not of scopestack-sync, or is a part of it: it has ${facts.relations
      .slice(0, NAMED)
      .join(
        ', ',
      )}${facts.relations.length > NAMED ? ` and ${facts.relations.length - NAMED} more` : ''}, and no record of our ` +
      'migrations goes with it. Nothing was changed there. Use a database of its own, or rename that schema; a copy of ' +
      'our own tables is restored together with schema sync.',
    { facts },
  )
