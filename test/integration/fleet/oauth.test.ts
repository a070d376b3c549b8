import { expect, test } from 'vitest'
import { beginAuthorization } from '../../../src/remote/auth/authorize.ts'
import type { Credentials, Grant } from '../../../src/remote/auth/seal.ts'
import { redeemCode } from '../../../src/remote/auth/token-request.ts'
import { createHttp } from '../../../src/remote/http/http.ts'
import { createDatabase } from '../../support/postgres/database.ts'
import { runCli } from '../../support/process/cli.ts'
import { startOAuthServer, type OAuthServer } from '../../support/scopestack/oauth-server.ts'
import { openSession, type Session } from '../../support/scopestack/session.ts'
import { until } from '../../support/until.ts'

const never = new AbortController().signal
const as = ({ credentials }: OAuthServer, grant: Grant): Credentials => ({ ...credentials, grant })

const isAccepted = async (server: OAuthServer, accessToken: string): Promise<boolean> =>
  (await fetch(`${server.url}/v1/me`, { headers: { authorization: `Bearer ${accessToken}` } })).status === 200

async function renew(session: Session): Promise<string> {
  await session.tokens.reject((await session.tokens.get(never)).generation)
  return (await session.tokens.get(never)).accessToken
}

test('a foreign authorization server gives a token for client credentials', async () => {
  await using server = await startOAuthServer()
  await using database = await createDatabase()
  await using session = openSession(as(server, 'client_credentials'), database.url)
  expect(await isAccepted(server, (await session.tokens.get(never)).accessToken)).toBe(true)
  server.revokeAccess()
  expect(await isAccepted(server, await renew(session))).toBe(true)
  expect(server.granted).toEqual(['client_credentials', 'client_credentials'])
})

test('it refuses a wrong secret, which is reported as refused credentials', async () => {
  await using server = await startOAuthServer()
  await using database = await createDatabase()
  const wrong = { ...as(server, 'client_credentials'), clientSecret: 'wrong' }
  await using session = openSession(wrong, database.url)
  await expect(session.tokens.get(never)).rejects.toMatchObject({
    code: 'SYNC_CREDENTIALS_REFUSED',
    facts: { error: 'invalid_client' },
  })
})

test('it signs a user in, and each of its refresh tokens is used once', async () => {
  await using server = await startOAuthServer()
  await using database = await createDatabase()
  await using session = openSession(as(server, 'password'), database.url)
  for (let round = 0; round < 4; round++) expect(await isAccepted(server, await renew(session))).toBe(true)
  expect(server.granted).toEqual(['password', ...Array<string>(4).fill('refresh_token')])
})

test('it ends a session that was refreshed elsewhere, and the user is signed in again', async () => {
  await using server = await startOAuthServer()
  await using database = await createDatabase()
  await using session = openSession(as(server, 'password'), database.url)
  await session.tokens.get(never)
  await session.refresh.begin(session.seal('spent-elsewhere'))
  expect(await isAccepted(server, await renew(session))).toBe(true)
  expect(server.granted).toEqual(['password', 'password'])
})

test('a person logs in through its pages, with PKCE, and the workers go on from there', async () => {
  await using server = await startOAuthServer()
  await using database = await createDatabase()
  const { clientId, clientSecret } = server.credentials
  let output = ''
  const login = runCli(['login', '--no-browser'], {
    onStdout: (soFar) => (output = soFar),
    env: {
      SCOPESTACK_GRANT: 'authorization_code',
      SCOPESTACK_CLIENT_ID: clientId,
      SCOPESTACK_CLIENT_SECRET: clientSecret,
      SCOPESTACK_AUTH_URL: server.url,
      SCOPESTACK_API_URL: server.url,
      DATABASE_URL: database.url,
    },
  })
  const url = await until(() => /^ {2}(http\S+)$/m.exec(output)?.[1], 'the address being printed')
  expect(await (await fetch(url)).text()).toContain('Logged in as A Person, account foreign.')
  const { code, stderr } = await login
  expect(code, stderr).toBe(0)

  await using session = openSession(as(server, 'authorization_code'), database.url)
  expect(await isAccepted(server, (await session.tokens.get(never)).accessToken)).toBe(true)
  expect(await isAccepted(server, await renew(session))).toBe(true)
  expect(await isAccepted(server, await renew(session))).toBe(true)
  expect(server.granted).toEqual(['authorization_code', 'refresh_token', 'refresh_token'])
})

test('it refuses a code without its proof', async () => {
  await using server = await startOAuthServer()
  const redirectUri = 'http://127.0.0.1:1/callback'
  const { url } = beginAuthorization(server.credentials, redirectUri)
  const location = (await fetch(url, { redirect: 'manual' })).headers.get('location')!
  const code = new URL(location).searchParams.get('code')!
  const http = createHttp({ connections: 1 })
  const endpoint = { http, credentials: server.credentials, userAgent: 'test' }
  const another = beginAuthorization(server.credentials, redirectUri).verifier
  await expect(redeemCode(endpoint, { code, redirectUri, verifier: another }, never)).rejects.toMatchObject({
    facts: { error: 'invalid_grant' },
  })
  await http.close()
})
