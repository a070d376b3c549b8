/** The address a person opens to let this program act for them (integration guide §3, RFC 7636). */
import { createHash, randomBytes } from 'node:crypto'
import type { Credentials } from './seal.ts'

export interface Authorization {
  readonly url: string
  /** Comes back with the browser; another one belongs to another request. */
  readonly state: string
  /** Proves that the code is redeemed by the program that requested it (PKCE). */
  readonly verifier: string
}

export function beginAuthorization(
  { authUrl, clientId }: Pick<Credentials, 'authUrl' | 'clientId'>,
  redirectUri: string,
  random: (bytes: number) => Buffer = randomBytes,
): Authorization {
  const state = random(24).toString('base64url')
  const verifier = random(48).toString('base64url')
  const url = new URL('/oauth/authorize', authUrl)
  url.search = new URLSearchParams({
    client_id: clientId,
    redirect_uri: redirectUri,
    response_type: 'code',
    // ScopeStack's own guide for Postman requests these; local edits are sent with the same session.
    scope: 'read write',
    state,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  }).toString()
  return { url: url.href, state, verifier }
}
