/** What can happen to a request to ScopeStack, and why it has to wait. */
import { causeText, type SyncError, syncError } from './sync-error.ts'

export const remoteUnreachable = (facts: { url: string }, cause: unknown): SyncError =>
  syncError(
    'SYNC_REMOTE_UNREACHABLE',
    `${facts.url} cannot be reached: ${causeText(cause)}. ${OF_CERTIFICATES.test(codeIn(cause)) ? CHECK_CERTIFICATE : CHECK_NETWORK}`,
    { facts, cause },
  )

const CHECK_NETWORK = 'Check the network, a proxy or firewall, and the address.'
const CHECK_CERTIFICATE =
  'The certificate is not trusted: check the address, whether a proxy that reads along answers (NODE_EXTRA_CA_CERTS names a file ' +
  'with its authority), and, of one that is expired or not valid yet, the clock of this host.'

/** As OpenSSL and Node name what is wrong with one. */
const OF_CERTIFICATES = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET|HOSTNAME_MISMATCH/

/** Of the error, or of one that it wraps. */
function codeIn(error: unknown): string {
  const { code, cause } = Object(error) as { code?: unknown; cause?: unknown }
  return typeof code === 'string' && OF_CERTIFICATES.test(code) ? code : cause === undefined ? '' : codeIn(cause)
}

export const remoteTimeout = (facts: { url: string; phase: string; seconds: number }, cause: unknown): SyncError =>
  syncError(
    'SYNC_REMOTE_TIMEOUT',
    `${facts.url} did not respond within ${facts.seconds} s (${facts.phase}). ${whenSilent(facts)}`,
    { facts, cause },
  )

/** Only a page of several records becomes smaller; a token, an account or a single record cannot, and an alert is no request to ScopeStack. */
function whenSilent({ url, phase }: { url: string; phase: string }): string {
  if (phase === 'connecting') return CHECK_NETWORK
  return Number(URL.parse(url)?.searchParams.get('page[size]')) > 1
    ? 'If this stays, lower SYNC_PAGE_SIZE.'
    : 'If this stays, check the address, and a proxy or firewall on the way.'
}

/** @param facts.taken false: the response says that the request was not begun. */
export const remoteFailed = (facts: {
  url: string
  status: number
  requestId: string | undefined
  taken?: boolean
}): SyncError =>
  syncError(
    'SYNC_REMOTE_FAILED',
    `ScopeStack responded with ${facts.status} to ${facts.url}${facts.requestId ? ` (request ${facts.requestId})` : ''}. ` +
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
  syncError(
    'SYNC_BODY_UNREADABLE',
    `The response to ${facts.url} is not usable: ${facts.problem}${facts.start ? `, it begins ${JSON.stringify(facts.start)}` : ''}. ` +
      'If this stays, something between this host and ScopeStack (a proxy, a login page) responds in its place.',
    { facts, cause },
  )

export const notScopeStack = (facts: { url: string; status: number; start: string }): SyncError =>
  syncError(
    'SYNC_REMOTE_FAILED',
    `${facts.url} responded with ${facts.status} and something that is not ScopeStack's: it begins ${JSON.stringify(facts.start)}. ` +
      'A proxy or firewall between this host and ScopeStack seems to respond in its place: let it pass these requests.',
    { facts },
  )

/** @param facts.to where it points to: its query is left out, it may hold what is secret. */
export const redirected = (facts: { url: string; status: number; to: string }): SyncError => {
  const target = URL.parse(facts.to, facts.url)
  const to = target === null ? facts.to.slice(0, 100) : target.origin + target.pathname.slice(0, 200)
  return syncError(
    'SYNC_REMOTE_FAILED',
    `${facts.url} responded with ${facts.status} and redirects to ${to}, which is not followed: the token is for ScopeStack alone. ` +
      `Check ${facts.url.endsWith('/oauth/token') ? 'SCOPESTACK_AUTH_URL' : 'SCOPESTACK_API_URL'}, and whether a proxy or a login page responds in its place.`,
    { facts: { ...facts, to } },
  )
}

/** Not the record that was asked for: nothing of it is believed. */
export const otherRecord = (facts: { url: string; problem: string }): SyncError =>
  syncError(
    'SYNC_ANSWER_FOREIGN',
    `The response to ${facts.url} is not of the requested record: ${facts.problem}. Nothing of it was written. If this ` +
      'stays, something between this host and ScopeStack (a cache, a proxy) mixes up responses.',
    { facts },
  )

export const rateLimited = (facts: { url: string; seconds: number; status?: number }): SyncError =>
  syncError(
    'SYNC_RATE_LIMITED',
    `ScopeStack asks to wait ${facts.seconds > 0 ? `${facts.seconds} s ` : ''}before the next request (${facts.status ?? 429} at ${facts.url}). Run again after ` +
      'that; it continues from the checkpoint. If it happens often, lower SYNC_RATE.',
    { facts },
  )

/** A notice rather than a failure: the request is sent when its turn comes. */
export const waitingForRateLimit = (facts: { seconds: number; rate: number; isHeld: boolean }): SyncError =>
  syncError(
    'SYNC_PACE_WAITS',
    facts.isHeld
      ? `Requests wait for ${facts.seconds} s: ScopeStack asked another worker to wait (429, or Retry-After). They continue by themselves.`
      : `The next request waits ${facts.seconds} s for the rate limit: all workers with this SYNC_RATE together send ${facts.rate} ` +
          'requests/s. Raise SYNC_RATE, the same for all of them, if that is too slow.',
    { facts },
  )

/** A notice rather than a failure: the requests go on. */
export const rateLimitStoreUnreachable = (facts: { rate: number; seconds: number }, cause: unknown): SyncError =>
  syncError(
    'SYNC_PACE_ALONE',
    `The rate limit cannot be shared with the other workers for now: ${causeText(cause)} This worker continues with its own share, ` +
      `${facts.rate} requests/s, and tries to share again in ${facts.seconds} s.`,
    { facts, cause },
  )

export const proxyUnreachable = (facts: { proxy: string; host: string }, cause: unknown): SyncError =>
  syncError(
    'SYNC_PROXY_UNREACHABLE',
    `The proxy ${facts.proxy}, the way to ${facts.host}, cannot be reached: ${causeText(cause)}. Check HTTPS_PROXY; list ` +
      'hosts that need no proxy in NO_PROXY.',
    // Nothing was sent through it.
    { facts: { ...facts, taken: false }, cause },
  )

/** @param facts.status its response to CONNECT. */
export const proxyRefused = (facts: { proxy: string; host: string; status: number }, cause: unknown): SyncError => {
  const { proxy, host, status } = facts
  const remedy =
    status === 407
      ? 'It needs a user and a password: put them into HTTPS_PROXY, as in http://user:password@host:port, with special characters percent-encoded.'
      : `Ask its administrator to let this host reach ${host}, or name ${host} in NO_PROXY if no proxy is needed for it.`
  return syncError(
    'SYNC_PROXY_REFUSED',
    `The proxy ${proxy} responded with ${status} to a connection to ${host}. ${remedy}`,
    // Gateways fail and come back; what it forbids it will forbid again.
    { facts: { ...facts, taken: false }, remedy: status >= 500 || status === 429 ? 'retry' : 'stop', cause },
  )
}
