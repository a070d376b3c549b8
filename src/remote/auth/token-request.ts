/**
 * How a token is obtained, for each grant. Called under the fleet's claim (tokens.ts), and again by its retries.
 *
 *   client_credentials   request
 *   password             refresh, if an unspent refresh token exists ──refused or unclear──► sign in again
 *   authorization_code   refresh ──refused──► a person must log in
 *
 * A refresh token is marked as spent before it is sent, and replaced before the access token is published. So no two workers
 * ever send the same one, and a server that rotates them never sees one twice.
 */
import { credentialsRefused, loginRequired } from '../../errors/credentials.ts'
import { factOf, SyncError, undefinedWhen } from '../../errors/sync-error.ts'
import type { RefreshStore, SpentRefresh } from '../../token-store.ts'
import { requestToken, type GrantForm, type TokenEndpoint } from './grants.ts'
import { insist } from './insist.ts'
import type { Seal } from './seal.ts'
import type { IssuedToken } from './token-response.ts'

export type TokenSource = (signal: AbortSignal) => Promise<IssuedToken>

interface Deps {
  readonly endpoint: TokenEndpoint
  readonly refresh: RefreshStore
  readonly seal: Seal
}

export function createTokenSource({ endpoint, refresh, seal }: Deps): TokenSource {
  const { grant = 'client_credentials', username = '', password = '' } = endpoint.credentials
  const send = (form: GrantForm, signal: AbortSignal) => requestToken(endpoint, form, signal)

  async function bySignIn(signal: AbortSignal): Promise<IssuedToken> {
    const issued = await send({ grant_type: 'password', username, password }, signal)
    if (issued.refreshToken !== undefined) {
      const sealed = seal.seal(issued.refreshToken)
      await insist(() => refresh.begin(sealed), signal)
    }
    return issued
  }

  /** Undefined when the session is over. */
  async function exchange(spent: SpentRefresh, signal: AbortSignal): Promise<IssuedToken | undefined> {
    const held = seal.unseal(spent.sealed)
    if (held === null) return undefined
    try {
      const issued = await send({ grant_type: 'refresh_token', refresh_token: held }, signal)
      // None in the response: the server does not rotate, and the old one stays good.
      const sealed = seal.seal(issued.refreshToken ?? held)
      await insist(() => refresh.replace(spent.version, sealed), signal)
      return issued
    } catch (error) {
      if (factOf(error, 'error') !== 'invalid_grant') throw error
      await insist(() => refresh.drop(spent.version), signal)
      return undefined
    }
  }

  return async (signal) => {
    if (grant === 'client_credentials') return send({ grant_type: grant }, signal)
    const spent = await refresh.spend()
    if (grant === 'password') {
      // It was sent once, and the outcome was never recorded: signing in again is safer than sending it twice.
      if (spent === null || spent.spentBefore) return bySignIn(signal)
      const issued = await exchange(spent, signal).catch(undefinedWhen(isUnclear))
      return issued ?? bySignIn(signal)
    }
    if (spent === null) throw loginRequired({ why: 'No user has logged in to ScopeStack for this database yet.' })
    // A spent one is sent all the same: the only other way is a person, and Doorkeeper accepts the old one until the new
    // access token is first used.
    const issued = await exchange(spent, signal)
    if (issued !== undefined) return issued
    throw loginRequired({ why: 'ScopeStack has ended the session of the last login (invalid_grant).' })
  }
}

/** Exchanges a code that a browser brought for the first token. @throws SyncError SYNC_CREDENTIALS_REFUSED, or one to retry. */
export async function redeemCode(
  endpoint: TokenEndpoint,
  given: { code: string; redirectUri: string; verifier: string },
  signal: AbortSignal,
): Promise<IssuedToken & { readonly refreshToken: string }> {
  const { code, redirectUri, verifier } = given
  const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier } as const
  const issued = await requestToken(endpoint, form, signal)
  const { refreshToken } = issued
  if (refreshToken !== undefined) return { ...issued, refreshToken }
  throw credentialsRefused({
    url: `${endpoint.credentials.authUrl}/oauth/token`,
    error: 'no refresh_token in the response',
    description: 'the application is not allowed to stay signed in',
  })
}

/** No complete response, or one that neither grants nor refuses. */
const isUnclear = (error: unknown): boolean => error instanceof SyncError && error.remedy === 'retry'
