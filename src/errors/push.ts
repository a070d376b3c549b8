/** Why a local change was not taken: set aside for a person, who finds it under "changes". */
import { SyncError } from './sync-error.ts'

/** Codes by which a parked change is known. */
export const UNKNOWN = 'SYNC_PUSH_UNKNOWN'
export const IGNORED = 'SYNC_PUSH_IGNORED'
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

export const writeForbidden = (facts: { what: string; said?: string }): SyncError =>
  new SyncError(
    'SYNC_PUSH_FORBIDDEN',
    'park',
    `ScopeStack does not let the service account write ${facts.what} (403${facts.said ? `: ${facts.said}` : ''}). Give its ` +
      'role the right for that area (Settings → Roles), then "changes retry".',
    { facts: { ...facts, last: 'ScopeStack does not let the service account look for it (403)' } },
  )

/** It was not sent: what is there already could not be found out. */
export const lookRefused = (facts: { what: string; status: number; detail: string }): SyncError => {
  const refusal = `(${facts.status})${facts.detail === '' ? '' : `: ${facts.detail}`}`
  return new SyncError(
    'SYNC_PUSH_REFUSED',
    'park',
    `ScopeStack refused to say what it holds, so ${facts.what} was not sent ${refusal}. "changes retry" asks again; report it ` +
      'with this line if it stays.',
    { facts: { ...facts, last: `ScopeStack refused to be asked for it ${refusal}` } },
  )
}

export const recordGone = (facts: { what: string }): SyncError =>
  new SyncError(
    'SYNC_PUSH_GONE',
    'park',
    `${facts.what} is no longer in ScopeStack (404), so it cannot be changed. "changes discard" lets the change go; the ` +
      'values are kept with it for a new row.',
    { facts },
  )

/** @param facts.answer what is known of its answer. */
export const arrivalUnknown = (facts: { what: string; why: string; answer?: string }): SyncError =>
  new SyncError(
    UNKNOWN,
    'park',
    `Nobody knows whether ${facts.what} arrived: ${facts.answer ?? 'its answer was lost'}, and ${facts.why}. Look in ScopeStack: if it is there, ` +
      '"changes discard" and the next pull brings it; if it is not, "changes retry" sends it again.',
    { facts },
  )

/** Its answer is known, and its row could not be settled with it. */
export const arrivedUnsettled = (facts: { what: string; record: string; why: string }): SyncError =>
  new SyncError(
    UNKNOWN,
    'park',
    `${begin(facts.what)} arrived in ScopeStack as ${facts.record}, and its row could not be given that id: ${facts.why}. ` +
      '"changes retry" tries that again, and sends nothing; "changes discard" lets the row go, and the next pull brings it.',
    { facts },
  )

/** Not parked: ScopeStack may still be working on it. */
export const unanswered = (facts: { what: string; why: string; answer?: string }): SyncError =>
  new SyncError(
    UNANSWERED,
    'wait',
    `${begin(facts.what)} left, and ${facts.answer ?? 'its answer was lost'}. ${facts.why} It is tried again later; nothing needs to be done.`,
    { facts },
  )

/** Not parked: only somebody's open transaction is in its way. */
export const rowHeld = (facts: { what: string }): SyncError =>
  new SyncError(
    'SYNC_PUSH_ROW_LOCKED',
    'wait',
    `${begin(facts.what)} is not settled: another transaction holds its row. It is tried again later; end that transaction ` +
      'if this stays.',
    { facts },
  )

/** It was answered, or cannot be looked at: a trigger, a constraint or the shape of its table is in the way. */
export const rowRefused = (facts: { what: string; said: string }, cause: unknown): SyncError =>
  new SyncError(
    'SYNC_PUSH_ROW_REFUSED',
    'wait',
    `${begin(facts.what)} waits to be settled, since the database refuses its row: ${facts.said} Mend that, for instance by "on ` +
      'update cascade" of a foreign key, and it settles by itself; nothing is sent twice.',
    { facts: { ...facts, seconds: 30 }, cause },
  )

/** What was to follow a new row that there is no more. */
export const rowNeverMade = (facts: { what: string }): SyncError =>
  new SyncError(
    'SYNC_PUSH_GONE',
    'park',
    `${begin(facts.what)} belongs to a new row that is discarded, so there is nothing to send it to. "changes discard" lets it go.`,
    { facts },
  )

export const parentDiscarded = (facts: { what: string; parent: string }): SyncError =>
  new SyncError(
    'SYNC_PUSH_PARENT_GONE',
    'park',
    `${begin(facts.what)} refers to ${facts.parent}, and ScopeStack's id of that row is not known: it was taken back or discarded ` +
      'here, or made more than 90 days ago. Make it refer to another record, or "changes discard" it too.',
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
    `${begin(facts.what)} was tried ${facts.attempts} times and ScopeStack failed each time: ${facts.last} When it is well again, ` +
      '"changes retry".',
    { facts: { ...facts, last: `ScopeStack failed ${facts.attempts} times: ${facts.last}` } },
  )

/** It answered 200, and the value is not there. */
export const valueIgnored = (facts: { what: string; columns: string }): SyncError =>
  new SyncError(
    IGNORED,
    'park',
    `ScopeStack took ${facts.what} and left this out without a word: ${facts.columns}. Look whether the value is of the right ` +
      'kind, and the user-defined field is one that exists; then edit that column again, or "changes discard" lets it go.',
    { facts },
  )

export const notHeld = (facts: { what: string; why: string }): SyncError =>
  new SyncError(
    'SYNC_PUSH_NOT_HELD',
    'park',
    `This database could not hold what came of ${facts.what}: ${facts.why}. It may have arrived: look in ScopeStack, and ` +
      '"changes discard" or "changes retry".',
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
export const begin = (what: string): string => what[0]!.toUpperCase() + what.slice(1)
