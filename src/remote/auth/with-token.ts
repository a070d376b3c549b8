/**
 * Sends requests with the fleet's token, and decides what a 401 or 403 says of it:
 *
 *   401 from ScopeStack           the token is rejected and the request sent once more; a second 401 is SYNC_UNAUTHORIZED
 *   403, or 401 with a foreign    the token is renewed once and the request sent again; a 403 with a token that was renewed
 *   body                          for this reason is the role's, and is returned
 *   either with Retry-After       a limit that passes: returned
 */
import { unauthorized } from '../../errors/credentials.ts'
import type { Http, HttpRequest, HttpResponse } from '../http/http.ts'
import { isFromIntermediary, retryAfterMs } from '../http/response.ts'
import type { Tokens } from './tokens.ts'

export function withToken(http: Http, tokens: Tokens): Http {
  /** The generation that was requested because of a 403. */
  let renewed = 0

  return {
    async send(request, signal) {
      let rejected = false
      let resent = false
      for (;;) {
        const { accessToken, generation } = await tokens.get(signal)
        const response = await http.send(bearing(request, accessToken), signal)
        switch (nextStep(doubtOf(response), { generation, renewed, rejected, resent })) {
          case 'return':
            return response
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
    },
    close: () => http.close(),
  }
}

const bearing = (request: HttpRequest, accessToken: string): HttpRequest => ({
  ...request,
  headers: { ...request.headers, authorization: `Bearer ${accessToken}` },
})

type Doubt = 'refused' | 'perhaps' | undefined

/**
 * What a response says of the token: ScopeStack itself refused it; perhaps it did, where the role may be meant (403) or
 * something on the way asks for a login of its own (a 401 with a page); nothing.
 */
function doubtOf(response: HttpResponse): Doubt {
  const { status } = response
  if ((status !== 401 && status !== 403) || retryAfterMs(response) !== null) return undefined
  if (status === 401) return isFromIntermediary(response) ? 'perhaps' : 'refused'
  return isFromIntermediary(response) ? undefined : 'perhaps'
}

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

/**
 * The guide (§7) asks for one refresh on 403 as well, although it usually means that the role lacks a privilege (API notes
 * §1). So each doubt renews a token once for all requests: one that was sent before with an older token is only sent again.
 * That happens once, since a store that lost its data begins its generations anew, and then none would be the renewed one.
 */
export function nextStep(
  doubt: Doubt,
  { generation, renewed, rejected, resent }: Attempt,
): 'return' | 'reject' | 'renew' | 'resend' | 'give up' {
  if (doubt === undefined) return 'return'
  if (doubt === 'refused') return rejected ? 'give up' : 'reject'
  if (generation > renewed) return 'renew'
  return generation === renewed || resent ? 'return' : 'resend'
}
