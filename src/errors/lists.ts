/** What can be wrong with a list. */
import { SyncError } from '../sync-error.ts'

/** Never seen by a person: the list is read in another way then. */
export const listNotInOrder = (facts: { path: string; page: number }): SyncError =>
  new SyncError(
    'SYNC_LIST_NOT_IN_ORDER',
    'stop',
    `Page ${facts.page} of ${facts.path} is not ordered by id, so the list has to be read more than once.`,
    { facts },
  )
