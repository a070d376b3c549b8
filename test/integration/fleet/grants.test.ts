import { describe, expect, test } from 'vitest'
import type { Credentials } from '../../../src/remote/auth/seal.ts'
import { startSimulator } from '../../../src/simulator/server.ts'
import { createDatabase } from '../../support/postgres/database.ts'
import { openSession, type Session } from '../../support/scopestack/session.ts'
import { watchTokens, type Form } from '../../support/scopestack/token-watch.ts'
import { readRefreshTokens } from '../../support/tables/fleet.ts'

const never = new AbortController().signal

/** A simulator that notes what was sent to its token address, and a person's credentials for it. */
async function setting() {
  const sim = await startSimulator({ projects: 1 })
  const database = await createDatabase()
  const sent: Form[] = []
  let instead: ((form: Form) => { status: number; body: string } | undefined) | undefined
  const proxy = await watchTokens(sim.url, (form) => {
    sent.push(form)
    return instead?.(form)
  })
  const { clientId, clientSecret, username, password } = sim.credentials
  const user: Credentials = { authUrl: proxy.url, clientId, clientSecret, grant: 'password', username, password }
  const opened: Session[] = []
  return {
    sim,
    sent,
    user,
    grants: () => sent.map((form) => form['grant_type']),
    refreshed: () => sent.flatMap((form) => form['refresh_token'] ?? []),
    respondWith: (with_: typeof instead) => void (instead = with_),
    open(credentials: Credentials = user) {
      const session = openSession(credentials, database.url)
      opened.push(session)
      return session
    },
    accepted: async (accessToken: string) =>
      (
        await fetch(`${sim.url}/v1/me`, {
          headers: { authorization: `Bearer ${accessToken}`, accept: 'application/vnd.api+json' },
        })
      ).status === 200,
    async [Symbol.asyncDispose]() {
      for (const session of opened) await session[Symbol.asyncDispose]()
      await proxy[Symbol.asyncDispose]()
      await sim.close()
      await database[Symbol.asyncDispose]()
    },
  }
}

/** The next generation, as after a 401. */
async function renew({ tokens }: Session): Promise<string> {
  await tokens.reject((await tokens.get(never)).generation)
  return (await tokens.get(never)).accessToken
}

describe('the grant password', () => {
  test('sends exactly the parameters of the guide, to sign in and to refresh', async () => {
    await using set = await setting()
    const { clientId: client_id, clientSecret: client_secret, username, password } = set.user
    await renew(set.open())
    expect(set.sent).toEqual([
      { grant_type: 'password', client_id, client_secret, username, password },
      { grant_type: 'refresh_token', client_id, client_secret, refresh_token: expect.stringMatching(/^\S{20,}$/) },
    ])
  })

  test('uses each refresh token once, in their order, across processes', async () => {
    await using set = await setting()
    // Each reads what the one before it has left.
    for (let round = 0; round < 9; round++) expect(await set.accepted(await renew(set.open()))).toBe(true)
    expect(set.grants()).toEqual(['password', ...Array<string>(9).fill('refresh_token')])
    expect(new Set(set.refreshed()).size).toBe(9)
  })

  test('keeps the refresh token when the response has no new one', async () => {
    await using set = await setting()
    const session = set.open()
    await session.tokens.get(never)
    // As a server without rotation.
    const [held] = await readRefreshTokens(session.sql, ['sealed'])
    set.respondWith((form) =>
      form['grant_type'] === 'refresh_token'
        ? { status: 200, body: '{"access_token":"unrotated","expires_in":7200,"token_type":"Bearer"}' }
        : undefined,
    )
    expect(await renew(session)).toBe('unrotated')
    expect(await renew(session)).toBe('unrotated')
    expect(set.grants()).toEqual(['password', 'refresh_token', 'refresh_token'])
    expect(new Set(set.refreshed()).size).toBe(1)
    expect(await readRefreshTokens(session.sql, [], held), 'sealed anew').toEqual([])
  })

  test('signs in again when the refresh is refused', async () => {
    await using set = await setting()
    const session = set.open()
    await session.tokens.get(never)
    set.sim.revokeTokens({ refreshTokens: true })
    expect(await set.accepted(await renew(session))).toBe(true)
    expect(set.grants()).toEqual(['password', 'refresh_token', 'password'])
    await renew(session)
    expect(set.grants().at(-1), 'and has a session again').toBe('refresh_token')
  })

  test.each([
    ['a failure', { status: 503, body: '' }],
    ['a response that cannot be read', { status: 200, body: '<html>' }],
  ])('signs in again rather than sending a refresh token twice after %s', async (_, response) => {
    await using set = await setting()
    const session = set.open()
    await session.tokens.get(never)
    set.respondWith((form) => (form['grant_type'] === 'refresh_token' ? response : undefined))
    expect(await set.accepted(await renew(session))).toBe(true)
    expect(set.grants()).toEqual(['password', 'refresh_token', 'password'])
  })

  test('signs in again when a process died after the refresh, before it stored the response', async () => {
    await using set = await setting()
    await set.open().tokens.get(never)
    expect(await set.open().refresh.spend()).toMatchObject({ spentBefore: false })
    await renew(set.open())
    expect(set.grants()).toEqual(['password', 'password'])
  })

  test('reports a wrong password with one request of the fleet, and tries a corrected one at once', async () => {
    await using set = await setting()
    const wrong = { ...set.user, password: 'mistyped' }
    for (const session of [set.open(wrong), set.open(wrong)]) {
      await expect(session.tokens.get(never)).rejects.toMatchObject({
        code: 'SYNC_CREDENTIALS_REFUSED',
        message: expect.stringMatching(/invalid_grant.* Check SCOPESTACK_USERNAME and SCOPESTACK_PASSWORD/),
      })
    }
    expect(set.sent).toHaveLength(1)
    await expect(set.open().tokens.get(never)).resolves.toMatchObject({ accessToken: expect.any(String) })
  })

  test('keeps no token of one user for another', async () => {
    await using set = await setting()
    await set.open().tokens.get(never)
    const other = { ...set.user, username: 'another@user.test' }
    await expect(set.open(other).tokens.get(never)).rejects.toMatchObject({ code: 'SYNC_CREDENTIALS_REFUSED' })
    const service: Credentials = { ...set.user, grant: 'client_credentials' }
    await set.open(service).tokens.get(never)
    expect(set.grants()).toEqual(['password', 'password', 'client_credentials'])
  })
})

test('a token that no header carries is requested once by the fleet, and later callers fail with the same reason', async () => {
  await using set = await setting()
  const service: Credentials = { ...set.user, grant: 'client_credentials' }
  const body = '{"access_token":"half\\n\\u0000half","token_type":"bearer","expires_in":0}'
  set.respondWith(() => ({ status: 201, body }))
  const unusable = { code: 'SYNC_TOKEN_FAILED', remedy: 'wait', message: expect.stringContaining('U+000A') }
  await expect(set.open(service).tokens.get(never)).rejects.toMatchObject(unusable)
  await expect(set.open(service).tokens.get(never)).rejects.toMatchObject({
    code: 'SYNC_TOKEN_COOLDOWN',
    message: expect.stringContaining('U+000A'),
  })
  expect(set.sent).toHaveLength(1)
})

test('the text of a refusal is storable, whatever it contains', async () => {
  await using set = await setting()
  const service: Credentials = { ...set.user, grant: 'client_credentials' }
  set.respondWith(() => ({ status: 400, body: '{"error":"invalid_client\\u0000","error_description":{"a":1}}' }))
  for (let time = 0; time < 2; time++) {
    await expect(set.open(service).tokens.get(never)).rejects.toMatchObject({
      message: expect.stringContaining('invalid_client'),
    })
  }
})

describe('the grant authorization_code', () => {
  const person = (user: Credentials): Credentials => ({ ...user, grant: 'authorization_code' })

  /** As a login leaves it. */
  async function loggedIn(set: Awaited<ReturnType<typeof setting>>): Promise<Session> {
    const { clientId, clientSecret, username = '', password = '' } = set.user
    const form = { grant_type: 'password', client_id: clientId, client_secret: clientSecret, username, password }
    const response = await fetch(`${set.sim.url}/oauth/token`, { method: 'POST', body: new URLSearchParams(form) })
    const { refresh_token } = (await response.json()) as { refresh_token: string }
    const session = set.open(person(set.user))
    await session.refresh.begin(session.seal(refresh_token))
    return session
  }

  test('fails with SYNC_LOGIN_REQUIRED before the first login, and sends nothing', async () => {
    await using set = await setting()
    for (let time = 0; time < 2; time++) {
      await expect(set.open(person(set.user)).tokens.get(never)).rejects.toMatchObject({
        code: 'SYNC_LOGIN_REQUIRED',
        remedy: 'stop',
        message: expect.stringContaining('Run the command "login" once'),
      })
    }
    expect(set.sent).toEqual([])
  })

  test('refreshes with the token of the login, which rotates each time', async () => {
    await using set = await setting()
    const session = await loggedIn(set)
    for (let round = 0; round < 5; round++) expect(await set.accepted(await renew(session))).toBe(true)
    expect(new Set(set.refreshed()).size).toBe(6)
    expect(new Set(set.grants())).toEqual(new Set(['refresh_token']))
  })

  test('fails with SYNC_LOGIN_REQUIRED when the session has ended, and sends no further requests', async () => {
    await using set = await setting()
    const session = await loggedIn(set)
    set.sim.revokeTokens({ refreshTokens: true })
    for (let time = 0; time < 3; time++) {
      await expect(session.tokens.get(never)).rejects.toMatchObject({ code: 'SYNC_LOGIN_REQUIRED' })
    }
    expect(set.grants()).toEqual(['refresh_token'])
  })

  test('sends a spent refresh token again after a failure, since the only other way is a login', async () => {
    await using set = await setting()
    const session = await loggedIn(set)
    let failures = 2
    set.respondWith(() => (failures-- > 0 ? { status: 502, body: '' } : undefined))
    expect(await set.accepted((await session.tokens.get(never)).accessToken)).toBe(true)
  })
})

describe('a refresh token at rest', () => {
  test('is unspent for one of several callers at once', async () => {
    await using set = await setting()
    const [one, two] = [set.open(), set.open()]
    await one.refresh.begin('sealed')
    const got = await Promise.all(Array.from({ length: 20 }, (_, n) => (n % 2 ? one : two).refresh.spend()))
    expect(got.filter((spent) => spent?.spentBefore === false)).toHaveLength(1)
  })

  test('is replaced by the process that spent it, unless another has replaced it already', async () => {
    await using set = await setting()
    const { refresh } = set.open()
    await refresh.begin('first')
    const late = (await refresh.spend())!
    await refresh.begin('second')
    expect(await refresh.replace(late.version, 'late')).toBe(false)
    await refresh.drop(late.version)
    expect(await refresh.spend()).toMatchObject({ sealed: 'second', spentBefore: false })
  })
})
