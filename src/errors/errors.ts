/**
 * Every failure, grouped by what is done about it. The message is made from the facts and ends with what the reader can
 * do; `code` never changes once released, so that alerts and scripts can match on it.
 */
import { reason, SyncError } from './sync-error.ts'

// --- stop ---

export const configInvalid = (mistakes: readonly string[]): SyncError =>
  new SyncError('SYNC_CONFIG', 'stop', `The configuration has ${count(mistakes.length, 'mistake')}:`, {
    facts: { mistakes },
    more: mistakes.map((mistake) => `  - ${mistake}`),
  })

export const usage = (message: string, ...more: readonly string[]): SyncError =>
  new SyncError('SYNC_USAGE', 'stop', message, { more })

export const credentialsRefused = (facts: { url: string; error: string; description: string }): SyncError =>
  new SyncError(
    'SYNC_CREDENTIALS_REFUSED',
    'stop',
    `ScopeStack refused the credentials at ${facts.url}: ${facts.error}${facts.description ? ` (${facts.description})` : ''}. ` +
      (facts.error === 'invalid_grant'
        ? 'Check SCOPESTACK_USERNAME and SCOPESTACK_PASSWORD: they are those of a user who can sign in at ScopeStack with them alone.'
        : 'Check SCOPESTACK_CLIENT_ID and SCOPESTACK_CLIENT_SECRET: they are the pair shown once when the service account ' +
          'was given client credentials (Settings → Users); if in doubt, make a new pair there.'),
    { facts },
  )

export const unauthorized = (facts: { url: string }): SyncError =>
  new SyncError(
    'SYNC_UNAUTHORIZED',
    'stop',
    `ScopeStack answered 401 to ${facts.url} with a token it had issued a moment before. The service account may have ` +
      'been deactivated: look it up under Settings → Users, then run again.',
    { facts },
  )

export const forbidden = (facts: { url: string; resource?: string | undefined }): SyncError =>
  new SyncError(
    'SYNC_FORBIDDEN',
    'stop',
    `ScopeStack answered 403 to ${facts.url}: the service account's role may not see ${facts.resource ?? 'this'}. ` +
      'Give the role the "view" privilege for that area (Settings → Roles), or leave the resource out with SYNC_RESOURCES.',
    { facts },
  )

export const wrongAccount = (facts: { bound: string; found: string }): SyncError =>
  new SyncError(
    'SYNC_WRONG_ACCOUNT',
    'stop',
    `This database mirrors account ${facts.bound}, but the credentials belong to account ${facts.found}. Nothing was ` +
      'written. Use the credentials of the first account, or another DATABASE_URL for the second.',
    { facts },
  )

export const accountNotFound = (facts: { url: string; slug: string }): SyncError =>
  new SyncError(
    'SYNC_ACCOUNT_NOT_FOUND',
    'stop',
    `ScopeStack knows no account "${facts.slug}" (404 at ${facts.url}), though /v1/me named it. Check ` +
      'SCOPESTACK_API_URL: it is the address without a path, https://api.scopestack.io for everybody.',
    { facts },
  )

export const listNotFound = (facts: { url: string; resource: string }): SyncError =>
  new SyncError(
    'SYNC_LIST_NOT_FOUND',
    'stop',
    `ScopeStack has no list at ${facts.url} (404). The mirrored rows of ${facts.resource} stay as they are. If this ` +
      'account does not have that area, leave it out with SYNC_RESOURCES.',
    { facts },
  )

export const requestRefused = (facts: { url: string; status: number; detail: string }): SyncError =>
  new SyncError(
    'SYNC_REQUEST_REFUSED',
    'stop',
    `ScopeStack answered ${facts.status} to ${facts.url}${facts.detail ? `: ${facts.detail}` : ''}. ` +
      'Repeating it would not help; report it with this line if it stays.',
    { facts },
  )

export const pageRepeated = (facts: { url: string; page: number }): SyncError =>
  new SyncError(
    'SYNC_PAGE_REPEATED',
    'stop',
    `Page ${facts.page} of ${facts.url} is the page before it again, so the list cannot be read to its end. The ` +
      'server seems to ignore page[number]; nothing was deleted. Report it with this line.',
    { facts },
  )

const codeOf = (cause: unknown): unknown => (cause instanceof Error && 'code' in cause ? cause.code : undefined)

export const databaseUnreachable = (facts: { where: string }, cause: unknown): SyncError =>
  new SyncError(
    'SYNC_DATABASE_UNREACHABLE',
    'stop',
    codeOf(cause) === '53300'
      ? `Postgres at ${facts.where} has no connection left: ${reason(cause)}. Nothing is lost: end other sessions, or raise ` +
          'the limit it names (docs/deployment.md, "Connections").'
      : `Postgres at ${facts.where} cannot be reached: ${reason(cause)}. Check that it runs and that DATABASE_URL names it; ` +
          'leave DATABASE_URL empty to use an embedded Postgres.',
    { facts, cause },
  )

export const databaseRefused = (facts: { where: string }, cause: unknown): SyncError =>
  new SyncError(
    'SYNC_DATABASE_REFUSED',
    'stop',
    `Postgres at ${facts.where} refused: ${reason(cause)}. Check user, password, database and rights in DATABASE_URL; ` +
      'to migrate, the role must be allowed to create schemas in the database, and own scopestack and sync.',
    { facts, cause },
  )

export const databaseFull = (facts: { where: string }, cause: unknown): SyncError =>
  new SyncError(
    'SYNC_DATABASE_FULL',
    'stop',
    `Postgres at ${facts.where} is out of disk space: ${reason(cause)}. Nothing was lost: make room, then run the same ` +
      'command again and it goes on where it stopped.',
    { facts, cause },
  )

export const notMigrated = (): SyncError =>
  new SyncError(
    'SYNC_DATABASE_REFUSED',
    'stop',
    'The database has no scopestack-sync tables yet. Run the command "migrate" (or "pull", which does it first).',
  )

export const leaseLost = (facts: { resource: string; term: number }): SyncError =>
  new SyncError(
    'SYNC_LEASE_LOST',
    'stop',
    `The right to write ${facts.resource} passed to another run while this one was held up, so it wrote nothing more. ` +
      'The other run goes on where this one stopped; nothing needs to be done.',
    { facts },
  )

export const stopped = (): SyncError =>
  new SyncError('SYNC_STOPPED', 'stop', 'Stopped on request. Run the same command again: it goes on where it stopped.')

export const demoStopped = (): SyncError =>
  new SyncError('SYNC_STOPPED', 'stop', 'Stopped on request. Nothing of the demo is kept.')

export const nothingPulled = (): SyncError =>
  new SyncError('SYNC_NOTHING_PULLED', 'stop', 'Nothing of it was pulled into this database yet. Run "pull" first.')

export const verifyStopped = (): SyncError =>
  new SyncError('SYNC_STOPPED', 'stop', 'Stopped on request. What was repaired stays so; the next verify begins anew.')

// --- retry ---

export const remoteUnreachable = (facts: { url: string }, cause: unknown): SyncError =>
  new SyncError(
    'SYNC_REMOTE_UNREACHABLE',
    'retry',
    `${facts.url} cannot be reached: ${reason(cause)}. Check the network, a proxy or firewall, and the address.`,
    { facts, cause },
  )

export const remoteTimeout = (facts: { url: string; phase: string; seconds: number }, cause: unknown): SyncError =>
  new SyncError(
    'SYNC_REMOTE_TIMEOUT',
    'retry',
    `${facts.url} did not answer within ${facts.seconds} s (${facts.phase}). If this stays, lower SYNC_PAGE_SIZE.`,
    { facts, cause },
  )

/** @param facts.taken false: whoever answered says that the request was not begun. */
export const remoteFailed = (facts: {
  url: string
  status: number
  requestId: string | undefined
  taken?: boolean
}): SyncError =>
  new SyncError(
    'SYNC_REMOTE_FAILED',
    'retry',
    `ScopeStack answered ${facts.status} to ${facts.url}${facts.requestId ? ` (request ${facts.requestId})` : ''}. ` +
      'If this stays, report it to ScopeStack support.',
    { facts },
  )

/**
 * `tooLarge`: the body is over the limit of bytes, or of values: a smaller page may pass, the same one will not.
 * `encoding`: the bytes are no UTF-8, or compressed in a way that is not known. The client repeats neither.
 */
export const bodyUnreadable = (
  facts: { url: string; problem: string; start?: string; tooLarge?: true; encoding?: true },
  cause?: unknown,
): SyncError =>
  new SyncError(
    'SYNC_BODY_UNREADABLE',
    'retry',
    `The answer to ${facts.url} is not usable: ${facts.problem}${facts.start ? `, it begins ${JSON.stringify(facts.start)}` : ''}. ` +
      'If this stays, something between here and ScopeStack (a proxy, a login page) answers in its place.',
    { facts, cause },
  )

export const tokenFailed = (facts: { url: string; status: number; error: string }): SyncError =>
  new SyncError(
    'SYNC_TOKEN_FAILED',
    'retry',
    `${facts.url} answered ${facts.status} to a token request: ${facts.error}. ` +
      'Check SCOPESTACK_AUTH_URL if this stays.',
    { facts },
  )

// --- wait ---

/** The attempts at it are spent; whoever needed the token must not begin them again. */
export const noToken = (cause: SyncError): SyncError =>
  new SyncError('SYNC_TOKEN_FAILED', 'wait', `No token could be had. ${cause.message}`, { facts: cause.facts, cause })

export const rateLimited = (facts: { url: string; seconds: number; status?: number }): SyncError =>
  new SyncError(
    'SYNC_RATE_LIMITED',
    'wait',
    `ScopeStack asks to wait ${facts.seconds > 0 ? `${facts.seconds} s ` : ''}before the next request (${facts.status ?? 429} at ${facts.url}). Run again after ` +
      'that; it goes on where it stopped. If it happens often, lower SYNC_RATE.',
    { facts },
  )

export const tokenCooldown = (facts: { seconds: number; reason: string }): SyncError =>
  new SyncError(
    'SYNC_TOKEN_COOLDOWN',
    'wait',
    `The last token request failed, and the next one is sent in ${facts.seconds} s at the earliest: run again then. ` +
      `The reason was: ${facts.reason}`,
    { facts },
  )

export const busy = (facts: { resource: string; holder: string; since: string }): SyncError =>
  new SyncError(
    'SYNC_BUSY',
    'wait',
    `${facts.resource} is being worked on by ${facts.holder} since ${facts.since}. Wait for it, or stop it first.`,
    { facts },
  )

const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`
