/** What stands between this host and ScopeStack, where HTTPS_PROXY names it. Its user and password are in none of this. */
import { reason, SyncError } from './sync-error.ts'

export const proxyUnreachable = (facts: { proxy: string; host: string }, cause: unknown): SyncError =>
  new SyncError(
    'SYNC_PROXY_UNREACHABLE',
    'retry',
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
  return new SyncError(
    'SYNC_PROXY_REFUSED',
    // Gateways fail and come back; what it forbids it will forbid again.
    status >= 500 || status === 429 ? 'retry' : 'stop',
    `The proxy ${proxy} answered ${status} when it was asked for ${host}. ${remedy}`,
    { facts: { ...facts, taken: false }, cause },
  )
}
