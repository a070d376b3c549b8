/** The token endpoint: the request of each grant (integration guide §4–§7). */
import type { Http } from '../http/http.ts'
import { createRedactor, redactedError, type Redactor } from '../redact/redact.ts'
import type { Credentials } from './seal.ts'
import { parseTokenResponse, type IssuedToken } from './token-response.ts'

/** What each grant sends beside the client's id and secret. */
export type GrantForm =
  | { readonly grant_type: 'client_credentials' }
  | { readonly grant_type: 'password'; readonly username: string; readonly password: string }
  | { readonly grant_type: 'refresh_token'; readonly refresh_token: string }
  | {
      readonly grant_type: 'authorization_code'
      readonly code: string
      readonly redirect_uri: string
      readonly code_verifier: string
    }

export interface TokenEndpoint {
  readonly http: Http
  readonly credentials: Credentials
  readonly userAgent: string
  /** Is given the secrets that are sent and issued, and takes them out of the response. */
  readonly redactor?: Redactor
}

/** Exactly the parameters of the guide: with an additional `redirect_uri` Doorkeeper responds `invalid_grant`. */
export async function requestToken(
  { http, credentials: { authUrl, clientId, clientSecret }, userAgent, redactor = createRedactor() }: TokenEndpoint,
  { grant_type, ...rest }: GrantForm,
  signal: AbortSignal,
): Promise<IssuedToken> {
  const url = `${authUrl}/oauth/token`
  const form = { grant_type, client_id: clientId, client_secret: clientSecret, ...rest }
  for (const [name, value] of Object.entries(form)) {
    if (SECRET.test(name)) redactor.addSecret(value, name === 'password' ? 'chosen' : 'issued')
  }
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    accept: 'application/json',
    'user-agent': userAgent,
  }
  const body = new URLSearchParams(form).toString()
  const request = { method: 'POST', url, headers, body, wholeMs: WHOLE_MS } as const
  const response = await http.send(request, signal).catch((error: unknown) => {
    throw redactedError(error, redactor)
  })
  const issued = parseTokenResponse(response, url, redactor)
  redactor.addSecret(issued.accessToken)
  if (issued.refreshToken !== undefined) redactor.addSecret(issued.refreshToken)
  return issued
}

/** Less than the claim under which it is sent (tokens.ts). */
const WHOLE_MS = 70_000

/** Of the parameters above. */
const SECRET = /^(client_secret|password|refresh_token|code|code_verifier)$/
