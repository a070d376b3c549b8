/** Why a local edit is not settled yet, though no person has to decide anything. */
import { type SyncError, syncError } from './sync-error.ts'
import { capitalized } from './wording.ts'

/** Not parked: ScopeStack may still be working on it. */
export const responseLost = (facts: { what: string; why: string; answer?: string }): SyncError =>
  syncError(
    'SYNC_PUSH_UNANSWERED',
    `${capitalized(facts.what)} was sent, and ${facts.answer ?? 'its response was lost'}. ${facts.why} It is tried again later; nothing needs to be done.`,
    { facts },
  )

/** Neither the response nor a lookup shows the new values. It is repeated, since a lookup comes before each write. */
export const withoutEffect = (facts: { what: string; why: string }): SyncError =>
  syncError(
    'SYNC_PUSH_NO_EFFECT',
    `${capitalized(facts.what)} was sent, ${facts.why}, and ScopeStack still holds the old values. It is tried again later; if this ` +
      'stays, check whether something between this host and ScopeStack (a proxy, a login page) responds in its place.',
    { facts: { ...facts, last: `${facts.why}, and ScopeStack still holds the old values.` } },
  )

/** Not parked: another open transaction is in its way. */
export const rowLocked = (facts: { what: string }): SyncError =>
  syncError(
    'SYNC_PUSH_ROW_LOCKED',
    `${capitalized(facts.what)} is not settled: another transaction holds its row. It is tried again later; end that transaction ` +
      'if this stays.',
    { facts },
  )

/** Its response is stored, or its row cannot be read: a trigger, a constraint or the shape of its table is in the way. */
export const rowRejected = (facts: { what: string; said: string }, cause: unknown): SyncError =>
  syncError(
    'SYNC_PUSH_ROW_REFUSED',
    `${capitalized(facts.what)} waits to be settled, since the database rejects its row: ${facts.said} Fix that, for instance by "on ` +
      'update cascade" of a foreign key, and it settles by itself; nothing is sent twice.',
    { facts: { ...facts, seconds: 30 }, cause },
  )

/** The outbox does not have it any more as this worker read it, so that nothing is sent or settled. */
export const claimLost = (facts: { change: number; term: number }): SyncError =>
  syncError(
    'SYNC_CLAIM_LOST',
    `Change ${facts.change} was discarded, or passed to another worker, while it was being sent, so this worker settled nothing. ` +
      'Nothing needs to be done.',
    { facts },
  )
