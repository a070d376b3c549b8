/** Answers that are not ScopeStack's own. */
import { SyncError } from './sync-error.ts'

export const notScopeStack = (facts: { url: string; status: number; start: string }): SyncError =>
  new SyncError(
    'SYNC_REMOTE_FAILED',
    'retry',
    `${facts.url} answered ${facts.status} with something that is not ScopeStack's: it begins ${JSON.stringify(facts.start)}. ` +
      'A proxy or firewall between here and ScopeStack seems to answer in its place: have it let these requests through.',
    { facts },
  )

/** @param facts.to where it points to: its query is left out, it may hold what is secret. */
export const redirected = (facts: { url: string; status: number; to: string }): SyncError => {
  const target = URL.parse(facts.to, facts.url)
  const to = target === null ? facts.to.slice(0, 100) : target.origin + target.pathname.slice(0, 200)
  return new SyncError(
    'SYNC_REMOTE_FAILED',
    'retry',
    `${facts.url} answered ${facts.status} and points to ${to}, which is not followed: the token is for ScopeStack alone. ` +
      'Check SCOPESTACK_API_URL, and whether a proxy or a login page answers in the place of ScopeStack.',
    { facts: { ...facts, to } },
  )
}
