/** Why a resource cannot be read or written: its list, its table, its lease. */
import { type SyncError, syncError } from './sync-error.ts'

export const forbidden = (facts: { url: string; resource?: string | undefined }): SyncError =>
  syncError(
    'SYNC_FORBIDDEN',
    `ScopeStack responded with 403 to ${facts.url}: the service account's role may not see ${facts.resource ?? 'this'}. ` +
      'Give the role the "view" privilege for that area (Settings → Roles), or leave the resource out with SYNC_RESOURCES.',
    { facts },
  )

export const listNotFound = (facts: { url: string; resource: string }): SyncError =>
  syncError(
    'SYNC_LIST_NOT_FOUND',
    `ScopeStack has no list at ${facts.url} (404). The mirrored rows of ${facts.resource} stay as they are. If this ` +
      'account does not have that area, leave it out with SYNC_RESOURCES.',
    { facts },
  )

export const requestRefused = (facts: { url: string; status: number; detail: string }): SyncError =>
  syncError(
    'SYNC_REQUEST_REFUSED',
    `ScopeStack responded with ${facts.status} to ${facts.url}${facts.detail ? `: ${facts.detail}` : ''}. ` +
      'Repeating it would not help; report it with this line if it stays.',
    { facts },
  )

export const pageRepeated = (facts: { url: string; page: number }): SyncError =>
  syncError(
    'SYNC_PAGE_REPEATED',
    `Page ${facts.page} of ${facts.url} is the same as the page before it, so the list cannot be read to its end. The ` +
      'server seems to ignore page[number]; nothing was deleted. Report it with this line.',
    { facts },
  )

/** Never seen by a person: the list is read in another way then. */
export const listNotInOrder = (facts: { path: string; page: number }): SyncError =>
  syncError(
    'SYNC_LIST_NOT_IN_ORDER',
    `Page ${facts.page} of ${facts.path} is not ordered by id, so the list has to be read more than once.`,
    { facts },
  )

/** The list is read from its other end then; a person sees it where that does not help. */
export const listOutOfReach = (facts: { path: string; page: number; status: number | null }): SyncError =>
  syncError(
    'SYNC_LIST_OUT_OF_REACH',
    `ScopeStack serves the first page of ${facts.path}, and not page ${facts.page}` +
      `${facts.status === null ? '' : ` (${facts.status})`}: it serves no page so far back. What it served is kept. A larger ` +
      'SYNC_PAGE_SIZE does not help; report it to ScopeStack support with this line.',
    { facts },
  )

/** The table itself: no row of it can be read, or written. @param facts.problem ends with what repairs it. */
export const tableUnfit = (facts: { table: string; problem: string | null }, cause?: unknown): SyncError =>
  syncError(
    'SYNC_TABLE_UNFIT',
    `${facts.problem ?? `${facts.table} was changed since it was created.`} Until then nothing is written there.`,
    { facts: { table: facts.table, problem: facts.problem }, cause },
  )

/** A statement over it, by something that was not foreseen. */
export const tableRejected = (facts: { table: string; said: string }, cause?: unknown): SyncError =>
  syncError(
    'SYNC_TABLE_REFUSED',
    `Postgres rejects what is written to ${facts.table}: ${facts.said} Change the table, its constraints or its triggers so that ` +
      'it is accepted; the next run tries again, and the other tables are not affected.',
    { facts, cause },
  )

export const busy = (facts: { resource: string; holder: string; since: string }): SyncError =>
  syncError(
    'SYNC_BUSY',
    `${facts.resource} is in use by ${facts.holder} since ${facts.since}. Wait until it ends, or stop it first.`,
    { facts },
  )

export const leaseLost = (facts: { resource: string; term: number }): SyncError =>
  syncError(
    'SYNC_LEASE_LOST',
    `The lease of ${facts.resource} passed to another run while this one was delayed, so this one wrote nothing more. ` +
      'The other run continues where it stopped; nothing needs to be done.',
    { facts },
  )

export const parentNotRead = (facts: { resource: string; parent: string; seconds: number }): SyncError =>
  syncError('SYNC_NOT_YET', `${facts.resource} is read after ${facts.parent}, in ${facts.seconds} s at the earliest.`, {
    facts,
  })

/** @param facts.users `view reporting.pipeline, view reporting.terms` */
export const columnUsed = (facts: { column: string; users: string }): SyncError =>
  syncError(
    'SYNC_COLUMN_USED',
    `Column ${facts.column} is used by ${facts.users}, and stays as it is. Change or drop that first; nothing is ` +
      'dropped with a column.',
    { facts },
  )

export const columnRefused = (facts: { said: string }): SyncError =>
  syncError(
    'SYNC_COLUMN_REFUSED',
    `Postgres does not let the column be changed: ${facts.said.replace(/\.$/, '')}. Connect as the owner of the table, or ` +
      'change what is named.',
    { facts },
  )
