/** What analysts and integrators made of a mirrored table, or of its rows, that scopestack-sync cannot work with. */
import { SyncError } from '../sync-error.ts'

/** The table itself: no row of it can be read, or written. @param facts.problem ends with what mends it. */
export const tableUnfit = (facts: { table: string; problem: string }, cause?: unknown): SyncError =>
  new SyncError(
    'SYNC_TABLE_UNFIT',
    'stop',
    `${facts.problem} Until then nothing is written there; the other tables are not affected.`,
    {
      facts,
      cause,
    },
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
