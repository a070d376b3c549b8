/** What analysts and integrators made of a mirrored table, or of its rows, that scopestack-sync cannot work with. */
import { SyncError } from './sync-error.ts'

/** The table itself: no row of it can be read, or written. @param facts.problem ends with what mends it. */
export const tableUnfit = (facts: { table: string; problem: string | null }, cause?: unknown): SyncError =>
  new SyncError(
    'SYNC_TABLE_UNFIT',
    'stop',
    `${facts.problem ?? `${facts.table} is not as it was made.`} Until then nothing is written there.`,
    { facts: { table: facts.table, problem: facts.problem }, cause },
  )

/** A statement over it, by something that was not foreseen. */
export const tableRefused = (facts: { table: string; said: string }, cause?: unknown): SyncError =>
  new SyncError(
    'SYNC_TABLE_REFUSED',
    'stop',
    `Postgres refuses what is written to ${facts.table}: ${facts.said} Change the table, its constraints or its triggers so that ` +
      'it is taken; the next run tries again, and the other tables are not affected.',
    { facts, cause },
  )

/** A statement of a command, over whichever table. */
export const statementRefused = (facts: { said: string }, cause: unknown): SyncError =>
  new SyncError(
    'SYNC_TABLE_REFUSED',
    'stop',
    `Postgres refuses a statement of this command: ${facts.said.replace(/\.$/, '')}. A table, column, constraint, trigger or right ` +
      'of schema scopestack or sync is not as it was made: mend what is named, and run it again.',
    { facts, cause },
  )

/** A migration makes something that is there already, and is not ours. */
export const nameTaken = (facts: { what: string; said: string }, cause: unknown): SyncError =>
  new SyncError(
    'SYNC_NAME_TAKEN',
    'stop',
    facts.what === 'column'
      ? `This version brings a column that somebody has added before: ${facts.said}. Nothing was changed. Name yours otherwise ` +
          '(alter table scopestack.… rename column … to …), and what refers to it, then run it again.'
      : `This version makes what is there already: ${facts.said}. Nothing was changed. Where schema scopestack was restored without ` +
          'schema sync, restore both from the same backup, sync first; or drop what is there (drop schema scopestack cascade) and ' +
          "the next pull reads it anew. What is somebody's own takes another name.",
    { facts, cause },
  )
