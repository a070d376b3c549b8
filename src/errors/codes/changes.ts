/** Of local edits on their way to ScopeStack: why a change is parked, or waits. */
import type { Entry } from './entry.ts'

export const CHANGES = {
  SYNC_PUSH_CONFLICT: {
    scope: 'record',
    remedy: 'park',
    meaning: 'The same field was changed here and in ScopeStack. Nothing was overwritten.',
    action: '`changes show`, then `changes resolve --keep local` or `--keep remote`.',
  },
  SYNC_PUSH_INVALID: {
    scope: 'record',
    remedy: 'park',
    meaning: 'ScopeStack refused the values (422).',
    action: 'Edit the row again, or `changes discard`.',
  },
  SYNC_PUSH_REFUSED: {
    scope: 'record',
    remedy: 'park',
    meaning: 'ScopeStack refused the write, or the lookup before it (another 4xx).',
    action: 'Edit the row again, `changes retry` or `changes discard`, as the message says.',
  },
  SYNC_PUSH_FORBIDDEN: {
    scope: 'record',
    remedy: 'park',
    meaning: "The service account's role may not write this resource (403).",
    action: 'Give the role the right (Settings → Roles), then `changes retry`.',
  },
  SYNC_PUSH_UNSUPPORTED: {
    scope: 'record',
    remedy: 'park',
    meaning: "ScopeStack's API does not offer this write to the account.",
    action: 'Do it in ScopeStack, then `changes discard`.',
  },
  SYNC_PUSH_GONE: {
    scope: 'record',
    remedy: 'park',
    meaning: 'The record is no longer in ScopeStack, or the new row that the change belongs to was discarded.',
    action: '`changes discard`.',
  },
  SYNC_PUSH_PARENT_GONE: {
    scope: 'record',
    remedy: 'park',
    meaning: 'The change refers to a new row that never got an id of ScopeStack.',
    action: 'Make it refer to another record, or `changes discard`.',
  },
  SYNC_PUSH_UNKNOWN: {
    scope: 'record',
    remedy: 'park',
    meaning: 'A creation was sent and its response was lost, or its row cannot take the new id.',
    action: 'Look in ScopeStack: `changes discard` if the record is there, `changes retry` if it is not.',
  },
  SYNC_PUSH_UNPROVED: {
    scope: 'record',
    remedy: 'park',
    meaning: 'A write was sent, and neither its response nor a lookup shows whether it was applied.',
    action: 'Look in ScopeStack: `changes discard` if it was applied, `changes retry` if it was not.',
  },
  SYNC_PUSH_UNSEEN: {
    scope: 'record',
    remedy: 'park',
    meaning: 'A field can only be written as a whole, and the account may not see all of it.',
    action: 'Give the role the right to see it (Settings → Roles), then `changes retry`.',
  },
  SYNC_PUSH_IGNORED: {
    scope: 'record',
    remedy: 'park',
    meaning: 'ScopeStack accepted the change but did not apply some values.',
    action: 'Check the values and their kind, then edit those columns again, or `changes discard`.',
  },
  SYNC_PUSH_NOT_HELD: {
    scope: 'record',
    remedy: 'park',
    meaning: 'This database cannot store what ScopeStack responded to the change.',
    action: 'Look in ScopeStack, then `changes discard` or `changes retry`.',
  },
  SYNC_PUSH_FAILED: {
    scope: 'record',
    remedy: 'park',
    meaning: 'ScopeStack failed at the change several times.',
    action: '`changes retry` when ScopeStack is well again.',
  },
  SYNC_PUSH_NO_EFFECT: {
    scope: 'record',
    remedy: 'retry',
    meaning: 'ScopeStack responded to a write, and still holds the old values.',
    action: 'If this stays, look for a proxy or a login page between this host and ScopeStack.',
  },
  SYNC_PUSH_UNANSWERED: {
    scope: 'record',
    remedy: 'wait',
    meaning: 'A creation was sent and its response was lost; it is looked up again later.',
    action: 'Nothing.',
  },
  SYNC_PUSH_ROW_LOCKED: {
    scope: 'record',
    remedy: 'wait',
    meaning: 'Another transaction holds the row of the change.',
    action: 'End that transaction if this stays.',
  },
  SYNC_PUSH_ROW_REFUSED: {
    scope: 'record',
    remedy: 'wait',
    meaning:
      'The database rejects the row of the change: a trigger, a constraint or the shape of its table is in the way.',
    action: 'Fix that; the change is then settled by itself, and nothing is sent twice.',
  },
  SYNC_CLAIM_LOST: {
    scope: 'record',
    remedy: 'wait',
    meaning: 'The change was discarded, or passed to another worker, while it was being sent.',
    action: 'Nothing.',
  },
} as const satisfies Record<string, Entry>

/** Of a create that may be in ScopeStack. */
export const UNKNOWN = 'SYNC_PUSH_UNKNOWN' satisfies keyof typeof CHANGES
