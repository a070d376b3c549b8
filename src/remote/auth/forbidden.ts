/**
 * The rule for 403. It is the status of a role that lacks a privilege, but the guide (§7) asks to renew the token on it as well
 * (API notes §1), and proxies, firewalls and limiters send it, too:
 *
 *   Retry-After   body                 token     the 403 is of        and then
 *   yes           any                  any       a limit              it passes: withRetry waits, SYNC_RATE_LIMITED
 *   no            an intermediary's    any       an intermediary      it proves nothing: withRetry repeats, SYNC_REMOTE_FAILED
 *   no            ScopeStack's         doubted   perhaps the token    withToken sends the request again, with another one
 *   no            ScopeStack's         proved    the role             a read: SYNC_FORBIDDEN, the resource's outcome `forbidden`;
 *                                                                     a write: the change is parked, SYNC_PUSH_FORBIDDEN
 *
 * Of the token address there is no token to doubt: its 403 is of a limit, of an intermediary, or a refusal of the credentials
 * (token-response.ts).
 */
import type { HttpResponse } from '../http/http.ts'
import { isFromIntermediary, retryAfterMs } from '../http/response.ts'

/** @param tokenIsProved the request was sent with a token that was renewed because of a 403 (with-token.ts). */
export function causeOfForbidden(
  response: HttpResponse,
  tokenIsProved: boolean,
): 'limit' | 'intermediary' | 'token' | 'role' {
  if (retryAfterMs(response) !== null) return 'limit'
  if (isFromIntermediary(response)) return 'intermediary'
  return tokenIsProved ? 'role' : 'token'
}
