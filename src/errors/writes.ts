/** What is made of an answer that is not the one that was hoped for: of another record, or a refusal of the write itself. */
import { begin } from './push.ts'
import { SyncError } from './sync-error.ts'

/** Not the record that was asked for: nothing of it is believed. */
export const answeredOther = (facts: { url: string; problem: string }): SyncError =>
  new SyncError(
    'SYNC_ANSWER_FOREIGN',
    'retry',
    `The answer to ${facts.url} is not of the record that was asked for: ${facts.problem}. Nothing was written of it. If this ` +
      'stays, something between here and ScopeStack (a cache, a proxy) mixes answers up.',
    { facts },
  )

/** Code 105: a member that is known to be writable, and is not in this account, or with this role. */
export const notWritable = (facts: { what: string; isNew: boolean; columns: string; said: string }): SyncError =>
  new SyncError(
    'SYNC_PUSH_REFUSED',
    'park',
    `ScopeStack does not let ${facts.columns} be written, and took nothing of ${facts.what} (400: ${facts.said}). ` +
      (facts.isNew
        ? '"changes discard" lets it go; insert the row again without that column.'
        : 'Set that column back to what it was and the rest is sent, or "changes discard" lets all of it go.'),
    { facts },
  )

/** 404 or 405, and the record is there. */
export const writeNotOffered = (facts: { what: string; status: number; said: string }): SyncError =>
  new SyncError(
    'SYNC_PUSH_UNSUPPORTED',
    'park',
    `ScopeStack does not offer this account to write ${facts.what} (${facts.status}${facts.said === '' ? '' : `: ${facts.said}`}), ` +
      'though it shows what is there: its API has no such write, or the role of the service account lacks the right ' +
      '(Settings → Roles). Do it in ScopeStack and "changes discard" this, or "changes retry" when it is allowed.',
    { facts },
  )

/** It was answered, and neither by the answer nor by a look is it known to be there; repeated, since a look came before. */
export const withoutEffect = (facts: { what: string; why: string }): SyncError =>
  new SyncError(
    'SYNC_PUSH_NO_EFFECT',
    'retry',
    `${begin(facts.what)} was sent, ${facts.why}, and ScopeStack holds what it held before. It is tried again later; if this ` +
      'stays, look whether something between here and ScopeStack (a proxy, a login page) answers in its place.',
    { facts: { ...facts, last: `${facts.why}, and ScopeStack holds what it held before.` } },
  )

/** It may have arrived, and there is no way to find out. */
export const unproved = (facts: { what: string; why: string; look: string }): SyncError =>
  new SyncError(
    'SYNC_PUSH_UNPROVED',
    'park',
    `Nobody knows whether ${facts.what} arrived: ${facts.why}, and ${facts.look}. Look in ScopeStack: if it is there, "changes ` +
      'discard" lets it go; if it is not, "changes retry" sends it again.',
    { facts },
  )

/** Sent without what nobody sees, it would be taken away. */
export const wholeUnseen = (facts: { what: string; columns: string }): SyncError =>
  new SyncError(
    'SYNC_PUSH_UNSEEN',
    'park',
    `${begin(facts.what)} was not sent: ${facts.columns} can only be written as a whole, and ScopeStack does not show this account ` +
      'what it holds there. Give the role of the service account the right to see it (Settings → Roles), then "changes retry".',
    { facts },
  )
