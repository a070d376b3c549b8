/** What Postgres may be, or do, that a run cannot live with. */
import { reason, SyncError } from './sync-error.ts'

export const databaseLimit = (facts: { limit: string }, cause: unknown): SyncError =>
  new SyncError(
    'SYNC_DATABASE_LIMIT',
    'retry',
    `Postgres ended a statement by ${facts.limit}: ${reason(cause)}. Nothing was lost, and the next run goes on there. Raise ` +
      'the limit for the role of DATABASE_URL, or end what holds the lock.',
    { facts, cause },
  )

/** @param facts.passes a standby, which may be on its way to another role. */
export const databaseUnfit = (facts: { where: string; problem: string; remedy: string; passes?: boolean }): SyncError =>
  new SyncError(
    'SYNC_DATABASE_UNFIT',
    facts.passes === true ? 'retry' : 'stop',
    `Postgres at ${facts.where} cannot be used: ${facts.problem}. ${facts.remedy}.`,
    { facts },
  )

export const tablesHeld = (facts: { pid: string; who: string; tables: string; since: string | null }): SyncError =>
  new SyncError(
    'SYNC_TABLES_HELD',
    'wait',
    `The tables of this version wait for a transaction of ${facts.who} (pid ${facts.pid}` +
      `${facts.since === null ? '' : `, since ${facts.since}`}), which has locks on ${shortened(facts.tables)}. Readers are not held up ` +
      'meanwhile. End that transaction, or wait until it ends.',
    { facts },
  )

const shortened = (text: string): string => (text.length > 200 ? `${text.slice(0, 200)}…` : text)
