/** What can happen to a request to ScopeStack, and why it has to wait. */
import { reason, type SyncError, syncError } from './sync-error.ts'

export const remoteUnreachable = (facts: { url: string }, cause: unknown): SyncError =>
  syncError(
    'SYNC_REMOTE_UNREACHABLE',
    `${facts.url} cannot be reached: ${reason(cause)}. Check the network, a proxy or firewall, and the address.`,
    { facts, cause },
  )

export const remoteTimeout = (facts: { url: string; phase: string; seconds: number }, cause: unknown): SyncError =>
  syncError(
    'SYNC_REMOTE_TIMEOUT',
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
  syncError(
    'SYNC_REMOTE_FAILED',
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
  syncError(
    'SYNC_BODY_UNREADABLE',
    `The answer to ${facts.url} is not usable: ${facts.problem}${facts.start ? `, it begins ${JSON.stringify(facts.start)}` : ''}. ` +
      'If this stays, something between here and ScopeStack (a proxy, a login page) answers in its place.',
    { facts, cause },
  )

export const notScopeStack = (facts: { url: string; status: number; start: string }): SyncError =>
  syncError(
    'SYNC_REMOTE_FAILED',
    `${facts.url} answered ${facts.status} with something that is not ScopeStack's: it begins ${JSON.stringify(facts.start)}. ` +
      'A proxy or firewall between here and ScopeStack seems to answer in its place: have it let these requests through.',
    { facts },
  )

/** @param facts.to where it points to: its query is left out, it may hold what is secret. */
export const redirected = (facts: { url: string; status: number; to: string }): SyncError => {
  const target = URL.parse(facts.to, facts.url)
  const to = target === null ? facts.to.slice(0, 100) : target.origin + target.pathname.slice(0, 200)
  return syncError(
    'SYNC_REMOTE_FAILED',
    `${facts.url} answered ${facts.status} and points to ${to}, which is not followed: the token is for ScopeStack alone. ` +
      'Check SCOPESTACK_API_URL, and whether a proxy or a login page answers in the place of ScopeStack.',
    { facts: { ...facts, to } },
  )
}

/** Not the record that was asked for: nothing of it is believed. */
export const otherRecord = (facts: { url: string; problem: string }): SyncError =>
  syncError(
    'SYNC_ANSWER_FOREIGN',
    `The answer to ${facts.url} is not of the record that was asked for: ${facts.problem}. Nothing was written of it. If this ` +
      'stays, something between here and ScopeStack (a cache, a proxy) mixes answers up.',
    { facts },
  )

export const rateLimited = (facts: { url: string; seconds: number; status?: number }): SyncError =>
  syncError(
    'SYNC_RATE_LIMITED',
    `ScopeStack asks to wait ${facts.seconds > 0 ? `${facts.seconds} s ` : ''}before the next request (${facts.status ?? 429} at ${facts.url}). Run again after ` +
      'that; it goes on where it stopped. If it happens often, lower SYNC_RATE.',
    { facts },
  )

/** A notice rather than a failure: the request is sent when its turn comes. */
export const waitingForRateLimit = (facts: { seconds: number; rate: number; isHeld: boolean }): SyncError =>
  syncError(
    'SYNC_PACE_WAITS',
    facts.isHeld
      ? `Requests wait for ${facts.seconds} s: ScopeStack asked another worker to (429, or Retry-After). They go on by themselves.`
      : `The next request waits ${facts.seconds} s for its turn: all workers with this SYNC_RATE together send ${facts.rate} ` +
          'requests/s. Raise SYNC_RATE, the same for all of them, if that is too slow.',
    { facts },
  )

/** A notice rather than a failure: the requests go on. */
export const rateLimitStoreUnreachable = (facts: { rate: number; seconds: number }, cause: unknown): SyncError =>
  syncError(
    'SYNC_PACE_ALONE',
    `The pace cannot be shared with the other workers for now: ${reason(cause)} This one goes on with its own share, ` +
      `${facts.rate} requests/s, and tries to share again in ${facts.seconds} s.`,
    { facts, cause },
  )

export const proxyUnreachable = (facts: { proxy: string; host: string }, cause: unknown): SyncError =>
  syncError(
    'SYNC_PROXY_UNREACHABLE',
    `The proxy ${facts.proxy}, by which ${facts.host} is asked, cannot be reached: ${reason(cause)}. Check HTTPS_PROXY; what ` +
      'is to be asked without it stands in NO_PROXY.',
    // Nothing was sent through it.
    { facts: { ...facts, taken: false }, cause },
  )

/** @param facts.status its answer to CONNECT. */
export const proxyRefused = (facts: { proxy: string; host: string; status: number }, cause: unknown): SyncError => {
  const { proxy, host, status } = facts
  const remedy =
    status === 407
      ? 'It wants a user and a password: put them into HTTPS_PROXY, as in http://user:password@host:port, with what is special in them percent-encoded.'
      : `Ask whoever runs it to let this host reach ${host}, or name ${host} in NO_PROXY where it can be reached without.`
  return syncError(
    'SYNC_PROXY_REFUSED',
    `The proxy ${proxy} answered ${status} when it was asked for ${host}. ${remedy}`,
    // Gateways fail and come back; what it forbids it will forbid again.
    { facts: { ...facts, taken: false }, remedy: status >= 500 || status === 429 ? 'retry' : 'stop', cause },
  )
}
