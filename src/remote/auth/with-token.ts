/**
 * Sends requests with the fleet's token, and decides what a 401 or 403 says of it. It sees the response itself, before it is read:
 *
 *   401 from ScopeStack           the token is rejected and the request sent once more; a second 401 is SYNC_UNAUTHORIZED
 *   401 from an intermediary,     the token is renewed once for all requests, and the request sent again; with a token that
 *   403 that may be the token's   was renewed for this reason the response is returned (forbidden.ts has the rule for 403)
 *   either with Retry-After       a limit that passes: returned
 *   anything else                 returned
 *
 *   throws   SYNC_UNAUTHORIZED, and what no token can be obtained for (tokens.ts)
 */
import { unauthorized } from '../../errors/credentials.ts'
import type { HttpResponse } from '../http/http.ts'
import { isFromIntermediary, retryAfterMs } from '../http/response.ts'
import type { Layer } from '../http/send.ts'
import { causeOfForbidden } from './forbidden.ts'
import type { Tokens } from './tokens.ts'

export function withToken(tokens: Tokens): Layer {
  /** The newest generation that was requested because of a doubt. */
  let renewed = 0

  return (send) => async (request, signal) => {
    let rejected = false
    let resent = false
    for (;;) {
      const { accessToken, generation } = await tokens.get(signal)
      const headers = { ...request.headers, authorization: `Bearer ${accessToken}` }
      const response = await send({ ...request, headers, read: unread }, signal)
      switch (nextStep(response, { generation, renewed, rejected, resent })) {
        case 'return':
          return request.read(response)
        case 'give up':
          throw unauthorized({ url: request.url })
        case 'reject':
          rejected = true
          await tokens.reject(generation)
          break
        case 'renew':
          await tokens.reject(generation)
          renewed = Math.max(renewed, (await tokens.get(signal)).generation)
          break
        case 'resend':
          resent = true
      }
    }
  }
}

const unread = (response: HttpResponse): HttpResponse => response

interface Attempt {
  /** Of the token that the request was sent with. */
  readonly generation: number
  /** The newest generation that was requested because of a doubt; 0: none. */
  readonly renewed: number
  /** This request has rejected a token already. */
  readonly rejected: boolean
  /** It was sent again with a token that another request had renewed. */
  readonly resent: boolean
}

type Step = 'return' | 'reject' | 'renew' | 'resend' | 'give up'

export function nextStep(response: HttpResponse, attempt: Attempt): Step {
  const { status } = response
  if (status === 403) {
    return causeOfForbidden(response, isProved(attempt)) === 'token' ? withAnotherToken(attempt) : 'return'
  }
  if (status !== 401 || retryAfterMs(response) !== null) return 'return'
  // Something on the way asks for a login of its own, or shows ScopeStack's 401 as a page.
  if (isFromIntermediary(response)) return isProved(attempt) ? 'return' : withAnotherToken(attempt)
  return attempt.rejected ? 'give up' : 'reject'
}

/**
 * Each doubt renews a token once for all requests: one that was sent before with an older token is only sent again. That happens
 * once, since a store that lost its data begins its generations anew, and then none would be the renewed one.
 */
const isProved = ({ generation, renewed, resent }: Attempt): boolean =>
  generation === renewed || (generation < renewed && resent)

const withAnotherToken = ({ generation, renewed }: Attempt): Step => (generation > renewed ? 'renew' : 'resend')
