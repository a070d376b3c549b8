/** Why a local change was not taken: set aside for a person, who finds it under "changes". */
import { SyncError } from '../sync-error.ts'

/** Codes by which a parked change is known. */
export const UNKNOWN = 'SYNC_PUSH_UNKNOWN'
/** Not parked: a creation whose answer was lost and that is being looked for. */
export const UNANSWERED = 'SYNC_PUSH_UNANSWERED'

const SEE = 'See "changes show"'
const AGAIN = 'edit the row again, or "changes retry" sends it as it is'

export const conflictFound = (facts: { what: string; columns: string }): SyncError =>
  new SyncError(
    'SYNC_PUSH_CONFLICT',
    'park',
    `${facts.what} was changed in ScopeStack, too: ${facts.columns}. Nothing was overwritten. ${SEE} for both values, and ` +
      'settle it with "changes resolve --keep local" or "--keep remote".',
    { facts },
  )

export const writeRefused = (facts: { what: string; status: number; said: string }): SyncError =>
  new SyncError(
    facts.status === 422 ? 'SYNC_PUSH_INVALID' : 'SYNC_PUSH_REFUSED',
    'park',
    `ScopeStack refused ${facts.what} (${facts.status})${facts.said === '' ? '' : `: ${facts.said}`}. Correct it: ${AGAIN}.`,
    { facts },
  )

export const writeForbidden = (facts: { what: string }): SyncError =>
  new SyncError(
    'SYNC_PUSH_FORBIDDEN',
    'park',
    `ScopeStack does not let the service account write ${facts.what} (403). Give its role the right for that area ` +
      '(Settings → Roles), then "changes retry".',
    { facts },
  )

export const recordGone = (facts: { what: string }): SyncError =>
  new SyncError(
    'SYNC_PUSH_GONE',
    'park',
    `${facts.what} is no longer in ScopeStack (404), so it cannot be changed. "changes discard" lets the change go; the ` +
      'values are kept with it for a new row.',
    { facts },
  )

export const arrivalUnknown = (facts: { what: string; why: string }): SyncError =>
  new SyncError(
    UNKNOWN,
    'park',
    `Nobody knows whether ${facts.what} arrived: its answer was lost, and ${facts.why}. Look in ScopeStack: if it is there, ` +
      '"changes discard" and the next pull brings it; if it is not, "changes retry" sends it again.',
    { facts },
  )

export const parentDiscarded = (facts: { what: string; parent: string }): SyncError =>
  new SyncError(
    'SYNC_PUSH_PARENT_GONE',
    'park',
    `${begin(facts.what)} refers to ${facts.parent}, a new row that was never sent and is discarded. Make it refer to another ` +
      'record, or "changes discard" it too.',
    { facts },
  )

export const unsupported = (facts: { what: string; verb: string }): SyncError =>
  new SyncError(
    'SYNC_PUSH_UNSUPPORTED',
    'park',
    `${facts.what} arrived in ScopeStack before it was to be ${facts.verb}, which its API is not known to do. Do it in ` +
      'ScopeStack, and "changes discard" this.',
    { facts },
  )

export const keepsFailing = (facts: { what: string; attempts: number; last: string }): SyncError =>
  new SyncError(
    'SYNC_PUSH_FAILED',
    'park',
    `${begin(facts.what)} was sent ${facts.attempts} times and ScopeStack failed each time: ${facts.last} When it is well again, ` +
      '"changes retry".',
    { facts },
  )

export const claimLost = (facts: { change: number; term: number }): SyncError =>
  new SyncError(
    'SYNC_CLAIM_LOST',
    'wait',
    `Change ${facts.change} passed to another worker while this one was held up, so this one settled nothing. The other ` +
      'goes on with it; nothing needs to be done.',
    { facts },
  )

/** What is named in the middle of a sentence, at its beginning. */
const begin = (what: string): string => what[0]!.toUpperCase() + what.slice(1)
