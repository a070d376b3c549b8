/** What can be wrong with the token itself that a token request brought. */
import { SyncError } from './sync-error.ts'

/**
 * `wait` and not `retry`: the server has answered, and would answer the same a second later. After the cool-down it is
 * asked once more, so that a mended server is noticed without anybody's help.
 */
export const tokenUnusable = (facts: { url: string; problem: string }): SyncError =>
  new SyncError(
    'SYNC_TOKEN_FAILED',
    'wait',
    `${facts.url} issued a token that cannot be used: ${facts.problem}. Check that SCOPESTACK_AUTH_URL names ScopeStack; if ` +
      'it does, something in between alters the answer, or this line is for ScopeStack support.',
    { facts },
  )
