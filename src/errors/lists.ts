/** What can be wrong with a list. */
import { SyncError } from './sync-error.ts'

/** Never seen by a person: the list is read in another way then. */
export const listNotInOrder = (facts: { path: string; page: number }): SyncError =>
  new SyncError(
    'SYNC_LIST_NOT_IN_ORDER',
    'stop',
    `Page ${facts.page} of ${facts.path} is not ordered by id, so the list has to be read more than once.`,
    { facts },
  )

/** The list is read from its other end then; a person sees it where that does not help. */
export const listOutOfReach = (facts: { path: string; page: number; status: number | null }): SyncError =>
  new SyncError(
    'SYNC_LIST_OUT_OF_REACH',
    'stop',
    `ScopeStack answers the first page of ${facts.path}, and not page ${facts.page}` +
      `${facts.status === null ? '' : ` (${facts.status})`}: it gives no page so far back. What it gave is kept. A larger ` +
      'SYNC_PAGE_SIZE does not help; report it to ScopeStack support with this line.',
    { facts },
  )
