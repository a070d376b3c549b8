/** The token endpoint: what is sent for a grant, and what its answer means (integration guide §4–§7, RFC 6749 §5). */
import { bodyUnreadable, credentialsRefused, tokenFailed } from '../errors.ts'
import { throwIfLater } from './answer.ts'
import { isObject } from './document.ts'
import type { Http, HttpResponse } from './http.ts'
import type { Credentials } from './seal.ts'

export interface IssuedToken {
  readonly accessToken: string
  readonly lifetimeSeconds: number
  /** Only where a user stands behind it; in the answer to a refresh, only when the old one is replaced. */
  readonly refreshToken?: string | undefined
}

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
}

/** Exactly the parameters of the guide: an additional `redirect_uri` makes Doorkeeper answer `invalid_grant`. */
export async function requestToken(
  { http, credentials: { authUrl, clientId, clientSecret }, userAgent }: TokenEndpoint,
  { grant_type, ...rest }: GrantForm,
  signal: AbortSignal,
): Promise<IssuedToken> {
  const url = `${authUrl}/oauth/token`
  const form = { grant_type, client_id: clientId, client_secret: clientSecret, ...rest }
  const response = await http.send(
    {
      method: 'POST',
      url,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        accept: 'application/json',
        'user-agent': userAgent,
      },
      body: new URLSearchParams(form).toString(),
      wholeMs: WHOLE_MS,
    },
    signal,
  )
  return judgeTokenResponse(response, url)
}

/** Less than the claim under which it is asked for (tokens.ts). */
const WHOLE_MS = 70_000

/** Doorkeeper's default when `expires_in` is missing. */
const DEFAULT_LIFETIME_SECONDS = 7200

/** RFC 6749 §5.2 errors that a person has to mend; asking again with the same parameters cannot help. */
const REFUSALS: ReadonlySet<unknown> = new Set([
  'invalid_client',
  'unauthorized_client',
  'invalid_grant',
  'invalid_scope',
])

/** @throws SyncError SYNC_CREDENTIALS_REFUSED (stop), or one to retry. */
export function judgeTokenResponse(response: HttpResponse, url: string): IssuedToken {
  const { status, body } = response
  const answer = parse(body)
  if (status === 200) {
    const accessToken = answer?.['access_token']
    if (typeof accessToken !== 'string' || accessToken === '') {
      throw bodyUnreadable({ url, problem: 'it has no access_token' })
    }
    const lifetime = Number(answer?.['expires_in'] ?? DEFAULT_LIFETIME_SECONDS)
    const refreshToken = answer?.['refresh_token']
    return {
      accessToken,
      lifetimeSeconds: lifetime > 0 ? lifetime : DEFAULT_LIFETIME_SECONDS,
      refreshToken: typeof refreshToken === 'string' && refreshToken !== '' ? refreshToken : undefined,
    }
  }
  throwIfLater(response, url)
  const error = answer?.['error']
  // The bare library may answer 401 without a body that names the error (API notes §12).
  if (status === 401 || REFUSALS.has(error)) {
    const description = answer?.['error_description']
    throw credentialsRefused({
      url,
      error: typeof error === 'string' ? error : `status ${status}`,
      description: typeof description === 'string' ? description : '',
    })
  }
  throw tokenFailed({ url, status, error: typeof error === 'string' ? error : 'no reason given' })
}

function parse(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
