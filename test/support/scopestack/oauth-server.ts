import { text } from 'node:stream/consumers'
import OAuth2Server from '@node-oauth/oauth2-server'
import type { Credentials } from '../../../src/remote/auth/seal.ts'
import { serve, type TestServer } from '../network/http.ts'

export interface OAuthServer extends TestServer {
  readonly credentials: Credentials
  /** The requests that its token address received, by their grant. */
  readonly granted: string[]
  revokeAccess(): void
}

/**
 * An independent authorization server (@node-oauth/oauth2-server): strict about parameters, clients, PKCE and
 * redirect addresses, and with rotating refresh tokens that work once. Behind it is an API with one address, `/v1/me`.
 */
export async function startOAuthServer(): Promise<OAuthServer> {
  const client = {
    id: 'foreign-client',
    grants: ['client_credentials', 'password', 'refresh_token', 'authorization_code'],
  }
  const user = { id: 7 }
  const credentials = {
    clientId: client.id,
    clientSecret: 'foreign-secret',
    username: 'person@example.org',
    password: 'foreign-password',
  }
  const access = new Map<string, OAuth2Server.Token>()
  const refresh = new Map<string, OAuth2Server.Token>()
  const codes = new Map<string, OAuth2Server.AuthorizationCode>()
  const granted: string[] = []
  // getClient is called without a secret by the authorization page, and with one by the token address.
  const model: OAuth2Server.AuthorizationCodeModel &
    OAuth2Server.PasswordModel &
    OAuth2Server.RefreshTokenModel &
    OAuth2Server.ClientCredentialsModel = {
    getClient: async (id, secret: string | null) =>
      id === client.id && (secret === null || secret === credentials.clientSecret)
        ? { ...client, redirectUris: ['http://127.0.0.1/callback'] }
        : null,
    getUser: async (name, password) => name === credentials.username && password === credentials.password && user,
    getUserFromClient: async () => user,
    validateScope: async (_user, _client, scope) => scope ?? ['read', 'write'],
    // Loopback addresses are compared without their port (RFC 8252 §7.3).
    validateRedirectUri: async (uri) => /^http:\/\/127\.0\.0\.1:\d+\/callback$/.test(uri),
    async saveToken(token, forClient, forUser) {
      const saved = { ...token, client: forClient, user: forUser }
      access.set(saved.accessToken, saved)
      if (saved.refreshToken !== undefined) refresh.set(saved.refreshToken, saved)
      return saved
    },
    getAccessToken: async (token) => access.get(token),
    getRefreshToken: async (token) => refresh.get(token) as OAuth2Server.RefreshToken | undefined,
    revokeToken: async ({ refreshToken }) => refresh.delete(refreshToken),
    async saveAuthorizationCode(code, forClient, forUser) {
      const saved = { ...code, client: forClient, user: forUser }
      codes.set(saved.authorizationCode, saved)
      return saved
    },
    getAuthorizationCode: async (code) => codes.get(code),
    revokeAuthorizationCode: async ({ authorizationCode }) => codes.delete(authorizationCode),
  }
  const oauth = new OAuth2Server({ model })

  const server = await serve((incoming, outgoing) => {
    const answer = async (): Promise<void> => {
      const { pathname, searchParams } = new URL(incoming.url ?? '/', 'http://localhost')
      const body = Object.fromEntries(new URLSearchParams(await text(incoming)))
      const request = new OAuth2Server.Request({
        headers: incoming.headers as Record<string, string>,
        method: incoming.method ?? 'GET',
        query: Object.fromEntries(searchParams),
        body,
      })
      const response = new OAuth2Server.Response({})
      const act = async (): Promise<unknown> => {
        if (pathname === '/oauth/token') {
          await oauth.token(request, response)
          granted.push(body['grant_type']!)
          return response.body
        }
        // Every user is signed in already, and agrees.
        if (pathname === '/oauth/authorize') {
          return await oauth.authorize(request, response, { authenticateHandler: { handle: () => user } })
        }
        await oauth.authenticate(request, response)
        return ME
      }
      const given = await act().catch((error: Error) => {
        response.status = (error as { code?: number }).code ?? 500
        return { error: error.name, error_description: error.message }
      })
      outgoing.writeHead(response.status ?? 200, { ...response.headers, 'content-type': 'application/json' })
      outgoing.end(JSON.stringify(given))
    }
    void answer()
  })
  return Object.assign(server, {
    credentials: { authUrl: server.url, ...credentials },
    granted,
    revokeAccess: () => access.clear(),
  })
}

const ME = {
  data: { id: '1', type: 'mes', attributes: { name: 'A Person', 'account-id': 7, 'account-slug': 'foreign' } },
}
