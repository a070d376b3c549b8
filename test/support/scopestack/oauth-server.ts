/**
 * An independent authorization server (@node-oauth/oauth2-server): strict about parameters, clients, PKCE and redirect addresses, and
 * with rotating refresh tokens that work once. Behind it is an API with one address, `/v1/me`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
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

type Model = OAuth2Server.AuthorizationCodeModel &
  OAuth2Server.PasswordModel &
  OAuth2Server.RefreshTokenModel &
  OAuth2Server.ClientCredentialsModel

const CLIENT = {
  id: 'foreign-client',
  grants: ['client_credentials', 'password', 'refresh_token', 'authorization_code'],
}
const USER = { id: 7 }
const CREDENTIALS = {
  clientId: CLIENT.id,
  clientSecret: 'foreign-secret',
  username: 'person@example.org',
  password: 'foreign-password',
}
const ME = {
  data: { id: '1', type: 'mes', attributes: { name: 'A Person', 'account-id': 7, 'account-slug': 'foreign' } },
}

export async function startOAuthServer(): Promise<OAuthServer> {
  const access = new Map<string, OAuth2Server.Token>()
  const granted: string[] = []
  const oauth = new OAuth2Server({ model: createModel(access) })
  const server = await serve((incoming, outgoing) => {
    void respond(oauth, granted, incoming, outgoing)
  })
  return Object.assign(server, {
    credentials: { authUrl: server.url, ...CREDENTIALS },
    granted,
    revokeAccess: () => access.clear(),
  })
}

function createModel(access: Map<string, OAuth2Server.Token>): Model {
  const refresh = new Map<string, OAuth2Server.Token>()
  const codes = new Map<string, OAuth2Server.AuthorizationCode>()
  return {
    // It is called without a secret by the authorization page, and with one by the token address.
    getClient: async (id, secret: string | null) =>
      id === CLIENT.id && (secret === null || secret === CREDENTIALS.clientSecret)
        ? { ...CLIENT, redirectUris: ['http://127.0.0.1/callback'] }
        : null,
    getUser: async (name, password) => name === CREDENTIALS.username && password === CREDENTIALS.password && USER,
    getUserFromClient: async () => USER,
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
}

async function respond(
  oauth: OAuth2Server,
  granted: string[],
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const { pathname, searchParams } = new URL(incoming.url ?? '/', 'http://localhost')
  const form = Object.fromEntries(new URLSearchParams(await text(incoming)))
  const request = new OAuth2Server.Request({
    headers: incoming.headers as Record<string, string>,
    method: incoming.method ?? 'GET',
    query: Object.fromEntries(searchParams),
    body: form,
  })
  const response = new OAuth2Server.Response({})
  const act = async (): Promise<unknown> => {
    if (pathname === '/oauth/token') {
      await oauth.token(request, response)
      granted.push(form['grant_type']!)
      return response.body
    }
    // Every user is signed in already, and agrees.
    if (pathname === '/oauth/authorize') {
      return await oauth.authorize(request, response, { authenticateHandler: { handle: () => USER } })
    }
    await oauth.authenticate(request, response)
    return ME
  }
  const body = await act().catch((error: Error) => {
    response.status = (error as { code?: number }).code ?? 500
    return { error: error.name, error_description: error.message }
  })
  outgoing.writeHead(response.status ?? 200, { ...response.headers, 'content-type': 'application/json' })
  outgoing.end(JSON.stringify(body))
}
