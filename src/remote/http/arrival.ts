/** Whether a write whose request failed can have reached ScopeStack. What cannot be ruled out may have happened. */
import { factOf, hasCode, type SyncError } from '../../errors/sync-error.ts'
import { isRateLimited } from './retry.ts'

/** By its status, the server did not begin with it. */
export const wasNotBegun = (error: SyncError): boolean =>
  factOf(error, 'taken') === false || (isRateLimited(error) && (error.facts.status ?? 429) === 429)

/** No connection was made, so nothing arrived; or the server did not begin with it. */
export function wasNeverSent(error: SyncError): boolean {
  if (wasNotBegun(error)) return true
  if (isRateLimited(error)) return false
  if (hasCode(error, 'SYNC_REMOTE_TIMEOUT')) return error.facts.phase === 'connecting'
  if (!hasCode(error, 'SYNC_REMOTE_UNREACHABLE')) return error.remedy !== 'retry'
  const { cause } = error
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause
  return first instanceof Error && 'code' in first && NOT_CONNECTED.test(String(first.code))
}

const NOT_CONNECTED = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/
