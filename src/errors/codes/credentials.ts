/**
 * Of signing in: credentials, tokens, and the account that they open. Nothing else can work without these, so most of them end
 * the run.
 */
import type { Entry } from './entry.ts'

export const CREDENTIALS = {
  SYNC_CREDENTIALS_REFUSED: {
    scope: 'run',
    remedy: 'stop',
    exit: 'credentials',
    meaning: 'ScopeStack refused the client credentials, or the user and password.',
    action: 'Check the SCOPESTACK_ settings that the message names; if in doubt, make new client credentials.',
  },
  SYNC_UNAUTHORIZED: {
    scope: 'run',
    remedy: 'stop',
    exit: 'credentials',
    meaning: 'ScopeStack responded with 401 to a token that it had just issued.',
    action: 'Check in Settings → Users that the service account is active.',
  },
  SYNC_LOGIN_REQUIRED: {
    scope: 'run',
    remedy: 'stop',
    exit: 'credentials',
    meaning: 'The grant authorization_code has no session, or ScopeStack has ended it.',
    action: 'Run `login` once, on a machine with a browser.',
  },
  SYNC_LOGIN_FAILED: {
    scope: 'run',
    remedy: 'stop',
    exit: 'credentials',
    meaning: 'The login in the browser was denied, came too late or did not come back.',
    action: 'Follow the message, then run `login` again.',
  },
  SYNC_TOKEN_FAILED: {
    scope: 'run',
    remedy: ['retry', 'wait'],
    meaning: 'The token endpoint failed, or issued a token that cannot be used.',
    action: 'Check SCOPESTACK_AUTH_URL; if it is right, report the message to ScopeStack support.',
  },
  SYNC_TOKEN_COOLDOWN: {
    scope: 'run',
    remedy: 'wait',
    meaning: 'The last token request failed a moment ago, and the workers share a pause before the next one.',
    action: 'Read the reason in the message; run again when the pause is over.',
  },
  SYNC_WRONG_ACCOUNT: {
    scope: 'run',
    remedy: 'stop',
    meaning: 'The database mirrors another ScopeStack account than the one of the credentials.',
    action: 'Use the credentials of the mirrored account, or another DATABASE_URL.',
  },
  SYNC_ACCOUNT_NOT_FOUND: {
    scope: 'run',
    remedy: 'stop',
    meaning: 'The API does not know the account that /v1/me names.',
    action: 'Check SCOPESTACK_API_URL.',
  },
} as const satisfies Record<string, Entry>
