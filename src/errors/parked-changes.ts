/** Why a local edit is parked: a person finds it under "changes". */
import { type SyncError, syncError } from './sync-error.ts'
import { capitalized } from './wording.ts'

const SEE = 'See "changes show"'
const AGAIN = 'edit the row again, or "changes retry" sends it as it is'

export const conflictFound = (facts: { what: string; columns: string }): SyncError =>
  syncError(
    'SYNC_PUSH_CONFLICT',
    `${facts.what} was changed in ScopeStack, too: ${facts.columns}. Nothing was overwritten. ${SEE} for both values, and ` +
      'resolve it with "changes resolve --keep local" or "--keep remote".',
    { facts },
  )

export const writeRefused = (facts: { what: string; status: number; said: string }): SyncError =>
  syncError(
    facts.status === 422 ? 'SYNC_PUSH_INVALID' : 'SYNC_PUSH_REFUSED',
    `ScopeStack refused ${facts.what} (${facts.status})${facts.said === '' ? '' : `: ${facts.said}`}. Correct it: ${AGAIN}.`,
    { facts },
  )

export const writeForbidden = (facts: { what: string; said?: string }): SyncError =>
  syncError(
    'SYNC_PUSH_FORBIDDEN',
    `ScopeStack does not let the service account write ${facts.what} (403${facts.said ? `: ${facts.said}` : ''}). Give its ` +
      'role the right for that area (Settings → Roles), then "changes retry".',
    { facts: { ...facts, last: 'ScopeStack does not let the service account look it up (403)' } },
  )

/** It was not sent: what is there already could not be found out. */
export const lookupRefused = (facts: { what: string; status: number; detail: string }): SyncError => {
  const refusal = `(${facts.status})${facts.detail === '' ? '' : `: ${facts.detail}`}`
  return syncError(
    'SYNC_PUSH_REFUSED',
    `ScopeStack refused the lookup of the record, so ${facts.what} was not sent ${refusal}. "changes retry" tries again; report ` +
      'this line if it stays.',
    { facts: { ...facts, last: `ScopeStack refused the lookup ${refusal}` } },
  )
}

/** Code 105: a member that is known to be writable, and is not in this account, or with this role. */
export const memberNotWritable = (facts: { what: string; isNew: boolean; columns: string; said: string }): SyncError =>
  syncError(
    'SYNC_PUSH_REFUSED',
    `ScopeStack does not let ${facts.columns} be written, and applied nothing of ${facts.what} (400: ${facts.said}). ` +
      (facts.isNew
        ? '"changes discard" discards it; insert the row again without that column.'
        : 'Set that column back to its old value and the rest is sent, or "changes discard" discards all of it.'),
    { facts },
  )

/** 404 or 405, and the record is there. */
export const writeNotOffered = (facts: { what: string; status: number; said: string }): SyncError =>
  syncError(
    'SYNC_PUSH_UNSUPPORTED',
    `ScopeStack does not let this account write ${facts.what} (${facts.status}${facts.said === '' ? '' : `: ${facts.said}`}), ` +
      'though it shows these records: its API has no such write, or the role of the service account lacks the right ' +
      '(Settings → Roles). Do it in ScopeStack and "changes discard" this, or "changes retry" when it is allowed.',
    { facts },
  )

export const unsupported = (facts: { what: string; verb: string }): SyncError =>
  syncError(
    'SYNC_PUSH_UNSUPPORTED',
    `${facts.what} was created in ScopeStack before it was to be ${facts.verb}, which the API is not known to support. Do it in ` +
      'ScopeStack, and "changes discard" this.',
    { facts },
  )

export const recordGone = (facts: { what: string }): SyncError =>
  syncError(
    'SYNC_PUSH_GONE',
    `${facts.what} is no longer in ScopeStack (404), so it cannot be changed. "changes discard" discards the change; its ` +
      'values are kept with it for a new row.',
    { facts },
  )

/** What was to follow a new row that there is no more. */
export const newRowDiscarded = (facts: { what: string }): SyncError =>
  syncError(
    'SYNC_PUSH_GONE',
    `${capitalized(facts.what)} belongs to a new row that is discarded, so there is no record to send it to. "changes discard" discards it.`,
    { facts },
  )

export const parentDiscarded = (facts: { what: string; parent: string }): SyncError =>
  syncError(
    'SYNC_PUSH_PARENT_GONE',
    `${capitalized(facts.what)} refers to ${facts.parent}, and ScopeStack's id of that row is not known: the row was deleted or discarded ` +
      'here, or made more than 90 days ago. Make it refer to another record, or "changes discard" it too.',
    { facts },
  )

/** @param facts.answer what is known of its response. */
export const arrivalUnknown = (facts: { what: string; why: string; answer?: string }): SyncError =>
  syncError(
    'SYNC_PUSH_UNKNOWN',
    `It is not known whether ${facts.what} was applied: ${facts.answer ?? 'its response was lost'}, and ${facts.why}. Look in ScopeStack: if it is there, ` +
      '"changes discard" and the next pull brings it; if it is not, "changes retry" sends it again.',
    { facts },
  )

/** Its response is known, and its row could not be settled with it. */
export const arrivedUnsettled = (facts: { what: string; record: string; why: string }): SyncError =>
  syncError(
    'SYNC_PUSH_UNKNOWN',
    `${capitalized(facts.what)} was created in ScopeStack as ${facts.record}, and its row could not take that id: ${facts.why}. ` +
      '"changes retry" tries that again and sends nothing; "changes discard" discards the change, and the next pull brings the row.',
    { facts },
  )

/** It may have arrived, and there is no way to find out. */
export const writeUnproved = (facts: { what: string; why: string; look: string }): SyncError =>
  syncError(
    'SYNC_PUSH_UNPROVED',
    `It is not known whether ${facts.what} was applied: ${facts.why}, and ${facts.look}. Look in ScopeStack: if it is there, "changes ` +
      'discard" discards the change; if it is not, "changes retry" sends it again.',
    { facts },
  )

/** Entries that the account cannot see would be deleted by a write without them. */
export const partlyHidden = (facts: { what: string; columns: string }): SyncError =>
  syncError(
    'SYNC_PUSH_UNSEEN',
    `${capitalized(facts.what)} was not sent: ${facts.columns} can only be written as a whole, and ScopeStack does not show this account ` +
      'what it holds there. Give the role of the service account the right to see it (Settings → Roles), then "changes retry".',
    { facts },
  )

/** The response was 200, and the record lacks the value. */
export const valueIgnored = (facts: { what: string; columns: string }): SyncError =>
  syncError(
    'SYNC_PUSH_IGNORED',
    `ScopeStack accepted ${facts.what} but did not apply ${facts.columns}. Check that the value is of the right ` +
      'kind, and that the user-defined field exists; then edit that column again, or "changes discard" discards it.',
    { facts },
  )

export const notStorable = (facts: { what: string; why: string }): SyncError =>
  syncError(
    'SYNC_PUSH_NOT_HELD',
    `This database could not store the result of ${facts.what}: ${facts.why}. It may have been applied: look in ScopeStack, then ` +
      '"changes discard" or "changes retry".',
    { facts },
  )

export const keepsFailing = (facts: { what: string; attempts: number; last: string }): SyncError =>
  syncError(
    'SYNC_PUSH_FAILED',
    `${capitalized(facts.what)} was tried ${facts.attempts} times and ScopeStack failed each time: ${facts.last} When it works again, ` +
      '"changes retry".',
    { facts: { ...facts, last: `ScopeStack failed ${facts.attempts} times: ${facts.last}` } },
  )
