/**
 * Of one resource of a run: what ScopeStack refuses of it, a list that cannot be proved complete, a table that is not fit. The
 * other resources of the run are read on.
 */
import type { Entry } from './entry.ts'

export const RESOURCES = {
  SYNC_FORBIDDEN: {
    scope: 'resource',
    remedy: 'stop',
    meaning: "The service account's role may not see this resource (403).",
    action: 'Give the role the "view" privilege (Settings → Roles), or leave the resource out with SYNC_RESOURCES.',
  },
  SYNC_LIST_NOT_FOUND: {
    scope: 'resource',
    remedy: 'stop',
    meaning: 'ScopeStack has no such list (404).',
    action: 'If the account does not have this area, leave the resource out with SYNC_RESOURCES.',
  },
  SYNC_REQUEST_REFUSED: {
    scope: 'resource',
    remedy: 'stop',
    meaning: 'ScopeStack refused a request (another 4xx); repeating it would not help.',
    action: 'Report the message if it stays.',
  },
  SYNC_PAGE_REPEATED: {
    scope: 'resource',
    remedy: 'stop',
    meaning: 'A list gives the same page again and again, so it cannot be read to its end. Nothing was deleted.',
    action: 'Report the message.',
  },
  SYNC_LIST_NOT_IN_ORDER: {
    scope: 'resource',
    remedy: 'stop',
    meaning: 'A list is not ordered by id. It is then read by another method, so this is rarely seen.',
    action: 'Report the message if it ends a resource.',
  },
  SYNC_LIST_OUT_OF_REACH: {
    scope: 'resource',
    remedy: 'stop',
    meaning: 'ScopeStack refuses the far pages of a list, and neither of its ends leads to all records.',
    action: 'Report the message to ScopeStack support.',
  },
  SYNC_INCOMPLETE: {
    scope: 'resource',
    remedy: 'wait',
    meaning: 'The list was not proved complete: what was read is written, nothing was deleted.',
    action: 'The next run tries again. If it stays, the message says which records or members are missing.',
  },
  SYNC_SUSPECT: {
    scope: 'resource',
    remedy: 'stop',
    meaning: 'More rows are missing from the list than SYNC_DELETE_LIMIT allows, so nothing was deleted.',
    action: 'If the records are really gone, run `pull RESOURCE --full --allow-mass-delete`.',
  },
  SYNC_TABLE_UNFIT: {
    scope: 'resource',
    remedy: 'stop',
    meaning: 'A mirrored table was changed so that it cannot be read or written.',
    action: 'Repair the table as the message says.',
  },
  SYNC_TABLE_REFUSED: {
    scope: 'resource',
    remedy: 'stop',
    meaning: 'Postgres rejects what is written to a table: a constraint, trigger or right is in the way.',
    action: 'Change the constraint, trigger or right; the next run tries again.',
  },
  SYNC_RECORD_UNUSABLE: {
    scope: 'record',
    remedy: 'retry',
    meaning:
      'A record of ScopeStack makes no row: it has no id, its members have the wrong form, or ScopeStack fails every page with it. It is parked; the rest of its list is loaded.',
    action:
      'Look at the record in ScopeStack, by its id in sync.parked; each run requests it again by that id, and each full run reads its list.',
  },
  SYNC_RECORD_REJECTED: {
    scope: 'record',
    remedy: 'retry',
    meaning:
      'Postgres rejects the row of a record: a constraint, a trigger or a column of this database is in the way. It is parked; the rest of its list is loaded.',
    action: 'Change what the reason names; the next run tries the record again.',
  },
  SYNC_BUSY: {
    scope: 'resource',
    remedy: 'wait',
    meaning: 'Another process holds the lease of this resource.',
    action: 'Wait until it ends, or stop it.',
  },
  SYNC_LEASE_LOST: {
    scope: 'resource',
    remedy: 'stop',
    meaning: 'The lease of this resource passed to another process, which continues the work.',
    action: 'Nothing.',
  },
  SYNC_NOT_YET: {
    scope: 'resource',
    remedy: 'wait',
    meaning: 'The resource waits until the one it belongs to has been read.',
    action: 'Nothing.',
  },
  SYNC_JOB_FAILED: {
    scope: 'resource',
    remedy: 'stop',
    meaning: "The queue gave up a resource's job, mostly because its workers were killed.",
    action: 'Check the memory limit of the workers; the next tick tries again.',
  },
  SYNC_COLUMN_USED: {
    scope: 'run',
    remedy: 'stop',
    meaning:
      'A view, a function or a policy of a user depends on a column that is to be dropped or to get another type.',
    action: 'Change or drop what the message names, then run the command again.',
  },
  SYNC_COLUMN_REFUSED: {
    scope: 'run',
    remedy: 'stop',
    meaning:
      'Postgres does not let a column be added or changed: the role does not own the table, or the table is full.',
    action: 'Run the command as the owner of the tables, or change what the message names.',
  },
} as const satisfies Record<string, Entry>
