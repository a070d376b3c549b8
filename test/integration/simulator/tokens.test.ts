import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mediaType, open, tokenRequest, type Account, type Json } from './account.ts'

let account: Account
let url: string
const client = { client_id: 'simulator', client_secret: 'simulator-secret' }
const person = { username: 'sync@simulator.test', password: 'simulator-password' }

beforeAll(async () => {
  account = await open({ projects: 3 })
  url = account.sim.url
})
afterAll(() => account.sim.close())

async function ask(form: Record<string, string>): Promise<{ status: number; body: Json; response: Response }> {
  const response = await tokenRequest(url, form)
  return { status: response.status, body: (await response.json()) as Json, response }
}
const works = async (token: unknown): Promise<number> =>
  (await fetch(`${url}/v1/me`, { headers: { Authorization: `Bearer ${String(token)}`, Accept: mediaType } })).status

describe('grants', () => {
  test('client_credentials gets a token for a day, and no refresh token', async () => {
    const { status, body } = await ask({ grant_type: 'client_credentials', ...client })
    expect(status).toBe(200)
    expect(Object.keys(body).toSorted()).toEqual(['access_token', 'created_at', 'expires_in', 'scope', 'token_type'])
    expect(body).toMatchObject({ expires_in: 86400, token_type: 'Bearer' })
    const claims = JSON.parse(
      Buffer.from(String(body['access_token']).split('.')[1] ?? '', 'base64url').toString(),
    ) as { exp: number }
    expect(String(body['access_token'])).toMatch(/^eyJ/)
    expect(claims.exp).toBe(Number(body['created_at']) + 86400)
    expect(await works(body['access_token'])).toBe(200)
  })

  test('password gets a token for two hours, with a refresh token that works once', async () => {
    const { body } = await ask({ grant_type: 'password', ...client, ...person })
    expect(body).toMatchObject({ expires_in: 7200 })
    const refresh = { grant_type: 'refresh_token', ...client, refresh_token: String(body['refresh_token']) }
    const second = await ask(refresh)
    expect(second.status).toBe(200)
    expect(second.body['refresh_token']).not.toBe(body['refresh_token'])
    expect(await works(second.body['access_token'])).toBe(200)
    expect(await ask(refresh)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    expect(await ask({ ...refresh, refresh_token: String(second.body['refresh_token']) })).toMatchObject({
      status: 200,
    })
  })

  test('authorization_code: a browser signs in, and the code needs its PKCE verifier', async () => {
    const verifier = 'v'.repeat(50)
    const asked = {
      client_id: 'simulator',
      redirect_uri: 'http://127.0.0.1:9/callback',
      response_type: 'code',
      state: 's&1',
      scope: 'read write',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    }
    const form = await fetch(`${url}/oauth/authorize?${new URLSearchParams(asked).toString()}`)
    const page = await form.text()
    expect(form.headers.get('content-type')).toContain('text/html')
    const hidden = Object.fromEntries(
      [...page.matchAll(/type="hidden" name="([^"]+)" value="([^"]*)"/g)].map((m) => [
        m[1] ?? '',
        (m[2] ?? '').replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code))),
      ]),
    )
    expect(hidden).toEqual(asked)
    const post = (more: Record<string, string>): Promise<Response> =>
      fetch(`${url}/oauth/authorize`, {
        method: 'POST',
        body: new URLSearchParams({ ...hidden, decision: 'allow', ...more }),
        redirect: 'manual',
      })
    expect((await post({ ...person, password: 'wrong' })).status).toBe(401)
    const denied = new URL((await post({ ...person, decision: 'deny' })).headers.get('location') ?? '')
    expect(denied.searchParams.get('error')).toBe('access_denied')
    const back = await post(person)
    expect(back.status).toBe(302)
    const to = new URL(back.headers.get('location') ?? '')
    expect(to.origin + to.pathname).toBe(asked.redirect_uri)
    expect(to.searchParams.get('state')).toBe('s&1')
    const trade = {
      grant_type: 'authorization_code',
      ...client,
      code: to.searchParams.get('code') ?? '',
      redirect_uri: asked.redirect_uri,
    }
    expect(await ask({ ...trade, code_verifier: verifier })).toMatchObject({ status: 200, body: { expires_in: 7200 } })
    expect(await ask({ ...trade, code_verifier: verifier })).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    })
    const again = new URL((await post(person)).headers.get('location') ?? '')
    expect(await ask({ ...trade, code: again.searchParams.get('code') ?? '', code_verifier: 'another' })).toMatchObject(
      { status: 400, body: { error: 'invalid_grant' } },
    )
  })

  test.each([
    ['invalid_client', 401, { grant_type: 'client_credentials', ...client, client_secret: 'x' }],
    ['invalid_client', 401, { grant_type: 'password', client_id: 'other', ...person }],
    ['invalid_request', 400, { ...client }],
    ['invalid_request', 400, { grant_type: 'refresh_token', ...client }],
    ['unsupported_grant_type', 400, { grant_type: 'magic', ...client }],
    ['invalid_scope', 400, { grant_type: 'client_credentials', ...client, scope: 'everything' }],
    ['invalid_grant', 400, { grant_type: 'password', ...client, ...person, password: 'x' }],
    ['invalid_grant', 400, { grant_type: 'password', ...client, ...person, redirect_uri: 'http://x.test' }],
    ['invalid_grant', 400, { grant_type: 'refresh_token', ...client, refresh_token: 'x' }],
  ])('%s is %i', async (error, status, form) => {
    const got = await ask(form)
    expect(got).toMatchObject({ status, body: { error } })
    expect(typeof got.body['error_description']).toBe('string')
    expect(got.response.headers.has('www-authenticate')).toBe(status === 401)
  })

  test('GET gets 404; JSON and Basic are accepted in the library profile only', async () => {
    expect((await fetch(`${url}/oauth/token`)).status).toBe(404)
    const json = {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Authorization: `Basic ${Buffer.from('simulator:simulator-secret').toString('base64')}`,
      },
      body: JSON.stringify({ grant_type: 'client_credentials' }),
    }
    expect((await fetch(`${url}/oauth/token`, json)).status).toBe(400)
    const library = await open({ projects: 0, profile: 'library' })
    expect((await fetch(`${library.sim.url}/oauth/token`, json)).status).toBe(200)
    await library.sim.close()
  })

  test('revoked, expired and unknown tokens are refused', async () => {
    const { body } = await ask({ grant_type: 'password', ...client, ...person })
    expect(account.sim.revokeTokens({ grant: 'password' })).toBeGreaterThan(0)
    expect(await works(body['access_token'])).toBe(401)
    expect(await works(account.token)).toBe(200)
    let time = Date.now()
    const clocked = await open({ projects: 0, tokenLifetime: 10, now: () => time })
    expect((await clocked.call('tags')).status).toBe(200)
    time += 10_001
    expect((await clocked.call('tags')).status).toBe(401)
    await clocked.sim.close()
  })
})

test('/v1/me describes the user and the account', async () => {
  const response = await fetch(`${url}/v1/me`, {
    headers: { Authorization: `Bearer ${account.token}`, Accept: mediaType },
  })
  const { data } = (await response.json()) as { data: { type: string; id: string; attributes: Json; links: Json } }
  expect(data.type).toBe('mes')
  expect(data.id).toMatch(/^\d+$/)
  expect(data.attributes).toMatchObject({ 'account-slug': 'demo', 'account-id': 1001, 'site-admin': false, phone: '' })
  expect(data.links['self']).toMatch(/\/v1\/mes$/)
  const bare = await fetch(`${url}/v1/me`, { headers: { Accept: mediaType } })
  expect(bare.status).toBe(401)
  expect(await bare.json()).toEqual({ errors: [{ status: '401', title: 'Unauthorized' }] })
})
