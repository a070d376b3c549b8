/** Why there is no token, or not the right one: credentials, logins, the account. */
import { factOf, hasCode, type SyncError, syncError } from './sync-error.ts'

export const credentialsRefused = (facts: { url: string; error: string; description: string }): SyncError =>
  syncError(
    'SYNC_CREDENTIALS_REFUSED',
    `ScopeStack refused the credentials at ${facts.url}: ${facts.error}${facts.description ? ` (${facts.description})` : ''}. ` +
      (facts.error === 'invalid_grant'
        ? 'Check SCOPESTACK_USERNAME and SCOPESTACK_PASSWORD: the user must be able to sign in to ScopeStack with these two alone.'
        : 'Check SCOPESTACK_CLIENT_ID and SCOPESTACK_CLIENT_SECRET: they are the pair shown once when the service account ' +
          'was given client credentials (Settings → Users); if in doubt, make a new pair there.'),
    { facts },
  )

export const unauthorized = (facts: { url: string }): SyncError =>
  syncError(
    'SYNC_UNAUTHORIZED',
    `ScopeStack responded with 401 to ${facts.url} with a token that it had just issued. The service account may have ` +
      'been deactivated: look it up under Settings → Users, then run again.',
    { facts },
  )

export const loginRequired = (facts: { why: string }): SyncError =>
  syncError(
    'SYNC_LOGIN_REQUIRED',
    `${facts.why} Run the command "login" once, on a machine with a browser and with the same settings; every worker of ` +
      'this database then continues by itself.',
    { facts },
  )

export const loginFailed = (facts: { why: string; next: string }, cause?: unknown): SyncError =>
  syncError('SYNC_LOGIN_FAILED', `The login did not succeed: ${facts.why}. ${facts.next}`, { facts, cause })

export const tokenFailed = (facts: { url: string; status: number; error: string }): SyncError =>
  syncError(
    'SYNC_TOKEN_FAILED',
    `${facts.url} responded with ${facts.status} to a token request: ${facts.error}. ` +
      'Check SCOPESTACK_AUTH_URL if this stays.',
    { facts },
  )

/**
 * All attempts at the token failed: the request that needed it must not start them again. `seconds` of the cause are kept,
 * since jobs and pushes wait that long.
 */
export function noToken(cause: SyncError): SyncError {
  const known = hasCode(cause, 'SYNC_TOKEN_FAILED') ? cause.facts : {}
  const seconds = factOf(cause, 'seconds')
  return syncError('SYNC_TOKEN_FAILED', `No token could be obtained. ${cause.sentence}`, {
    facts: seconds === undefined ? known : { ...known, seconds },
    remedy: 'wait',
    cause,
  })
}

/**
 * `wait` and not `retry`: the server responded, and would respond the same a second later. After the cool-down it is
 * asked once more, so that a repaired server is noticed without an operator.
 */
export const tokenUnusable = (facts: { url: string; problem: string }): SyncError =>
  syncError(
    'SYNC_TOKEN_FAILED',
    `${facts.url} issued a token that cannot be used: ${facts.problem}. Check that SCOPESTACK_AUTH_URL names ScopeStack; if ` +
      'it does, a proxy alters the response, or ScopeStack support needs this line.',
    { facts, remedy: 'wait' },
  )

export const tokenCooldown = (facts: { seconds: number; reason: string }): SyncError =>
  syncError(
    'SYNC_TOKEN_COOLDOWN',
    `The last token request failed, and the next one is sent in ${facts.seconds} s at the earliest: run again then. ` +
      `Reason: ${facts.reason}`,
    { facts },
  )

export const wrongAccount = (facts: { bound: string; found: string }): SyncError =>
  syncError(
    'SYNC_WRONG_ACCOUNT',
    `This database mirrors account ${facts.bound}, but the credentials belong to account ${facts.found}. Nothing was ` +
      'written. Use the credentials of the first account, or another DATABASE_URL for the second.',
    { facts },
  )

export const accountNotFound = (facts: { url: string; slug: string }): SyncError =>
  syncError(
    'SYNC_ACCOUNT_NOT_FOUND',
    `ScopeStack knows no account "${facts.slug}" (404 at ${facts.url}), though /v1/me named it. Check ` +
      'SCOPESTACK_API_URL: it is the address without a path, https://api.scopestack.io for all accounts.',
    { facts },
  )
