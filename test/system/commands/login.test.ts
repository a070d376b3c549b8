import { connect } from 'node:net'
import { text as wholeOf } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { serve } from '../../support/network/http.ts'
import { DRIVEN_BY, openPerson } from '../../support/process/browser.ts'
import { createRedis } from '../../support/redis/redis.ts'
import { watchTokens, type Form } from '../../support/scopestack/token-watch.ts'
import { bindAccount, readRefreshTokens } from '../../support/tables/fleet.ts'
import { until } from '../../support/until.ts'
import { open, type Setting } from '../support/setting.ts'

const GRANT = { SCOPESTACK_GRANT: 'authorization_code' }

/** The command, while it waits for the browser. */
async function begin(setting: Setting, more: Record<string, string> = {}, flags = '') {
  let said = ''
  const ended = setting.run(`login --no-browser${flags}`, { ...GRANT, ...more }, { onStdout: (text) => (said = text) })
  const url = await until(() => /^ {2}(http\S+)$/m.exec(said)?.[1], 'the address being printed')
  return { url, ended, asked: new URL(url).searchParams, said: () => said }
}

describe(`login, in ${DRIVEN_BY}`, () => {
  test('opens a session that every later run uses, with Redis or without', async () => {
    await using setting = await open()
    await using redis = await createRedis()
    await using person = await openPerson()
    const { sim, sql } = setting
    const { url, ended } = await begin(setting, { REDIS_URL: redis.url })
    await person.open(url)
    const { username, password } = sim.credentials
    const shown = await person.submit({ username, password }, 'Authorize')
    expect(shown.title).toBe('You are logged in')
    expect(shown.text).toContain('account demo')
    const { code, stdout, stderr } = await ended
    expect(code, stdout + stderr).toBe(0)
    expect(stdout).toMatch(/Logged in as .*, account demo\./)

    expect(await readRefreshTokens(sql, []), 'the session is in Postgres').toHaveLength(1)
    expect((await setting.run('pull tags', { ...GRANT, REDIS_URL: redis.url })).code).toBe(0)
    expect(sim.stats().tokenRequests, 'the token that came with the login serves').toBe(1)
    await redis.redis.flushdb()
    for (const env of [{ REDIS_URL: redis.url }, {}]) {
      sim.revokeTokens()
      const later = await setting.run('pull tags', { ...GRANT, ...env })
      expect(later.code, later.stderr).toBe(0)
    }
  })

  test('that is denied is reported in the browser and on the terminal', async () => {
    await using setting = await open()
    await using person = await openPerson()
    const { url, ended } = await begin(setting)
    await person.open(url)
    expect(await person.submit({}, 'Deny')).toMatchObject({
      title: 'Not logged in',
      text: expect.stringContaining('Access was denied in the browser.'),
    })
    const { code, stderr } = await ended
    expect(code).toBe(77)
    expect(stderr).toBe(
      'The login did not succeed: access was denied in the browser. Run "login" again and finish it in the browser. (SYNC_LOGIN_FAILED)\n',
    )
  })
})

test('login sends exactly the parameters of the guide, with PKCE and its verifier', async () => {
  await using setting = await open()
  const forms: Form[] = []
  await using watched = await watchTokens(setting.sim.url, (form) => void forms.push(form))
  const { url, ended, asked } = await begin(setting, { SCOPESTACK_AUTH_URL: watched.url })
  expect(url.startsWith(`${watched.url}/oauth/authorize?`)).toBe(true)
  expect(Object.fromEntries(asked)).toEqual({
    client_id: 'simulator',
    redirect_uri: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/callback$/),
    response_type: 'code',
    scope: 'read write',
    state: expect.stringMatching(/^[\w-]{32}$/),
    code_challenge: expect.stringMatching(/^[\w-]{43}$/),
    code_challenge_method: 'S256',
  })
  await consent(setting, asked)
  expect((await ended).code).toBe(0)
  expect(forms).toEqual([
    {
      grant_type: 'authorization_code',
      client_id: 'simulator',
      client_secret: 'simulator-secret',
      code: expect.any(String),
      redirect_uri: asked.get('redirect_uri'),
      code_verifier: expect.stringMatching(/^[\w-]{64}$/),
    },
  ])
})

test('a redirect with another state is refused, and the login continues to wait', async () => {
  await using setting = await open()
  const { ended, asked, said } = await begin(setting)
  const callback = asked.get('redirect_uri')!
  for (const query of ['?code=forged&state=another', '?code=forged', '?error=access_denied&state=another']) {
    const answer = await fetch(callback + query)
    expect(answer.status).toBe(400)
    expect(await answer.text()).toContain('does not belong to the login that waits here')
  }
  expect((await fetch(new URL('/favicon.ico', callback))).status).toBe(404)
  expect((await fetch(callback, { method: 'POST' })).status).toBe(404)
  for (const line of ['GET http://[', 'GET //', 'OPTIONS *', '\u0000']) {
    const socket = connect(Number(new URL(callback).port), '127.0.0.1')
    socket.end(`${line} HTTP/1.1\r\nHost: x\r\n\r\n`)
    expect(await wholeOf(socket), line).toMatch(/^(HTTP\/1\.1 4|$)/)
  }
  await until(() => said().includes('Refused: a response'), 'that being said')
  const page = await consent(setting, asked)
  expect(page).toContain('You are logged in')
  expect((await ended).code).toBe(0)
})

test('error texts of the server are shown without markup and control characters', async () => {
  await using setting = await open()
  const { ended, asked } = await begin(setting)
  const query = new URLSearchParams({
    state: asked.get('state')!,
    error: 'server_error',
    error_description: '<script>alert(1)</script>\u001b[2J\u0007',
  })
  const page = await (await fetch(`${asked.get('redirect_uri')!}?${query.toString()}`)).text()
  expect(page).not.toContain('<script')
  const { code, stderr } = await ended
  expect(code).toBe(77)
  expect(stderr).toContain('ScopeStack answered server_error (<script>alert(1)</script>[2J).')
})

test('a refused code ends the login, in the browser and on the terminal', async () => {
  await using setting = await open()
  const { ended, asked } = await begin(setting)
  const query = new URLSearchParams({ state: asked.get('state')!, code: 'guessed' })
  const page = await fetch(`${asked.get('redirect_uri')!}?${query.toString()}`)
  expect(page.status).toBe(400)
  expect(await page.text()).toContain('Not logged in')
  const { code, stderr } = await ended
  expect(code).toBe(77)
  expect(stderr).toContain('ScopeStack refused the code that the browser brought (invalid_grant)')
  expect(await readRefreshTokens(setting.sql, [])).toEqual([])
})

test('a login that is not finished ends after its time', async () => {
  await using setting = await open()
  const { code, stderr } = await setting.run('login --no-browser --timeout 1', GRANT)
  expect(code).toBe(77)
  expect(stderr).toMatch(/the browser did not come back within 1 s\. Run "login" again/)
})

test('Ctrl-C ends the login', async () => {
  await using setting = await open()
  const { ended } = await begin(setting)
  ended.kill('SIGINT')
  expect((await ended).stderr).toContain('(SYNC_STOPPED)')
})

test('a port that is taken is reported before the login', async () => {
  await using setting = await open()
  await using taken = await serve((_, response) => response.end())
  const { code, stderr } = await setting.run(`login --no-browser --port ${new URL(taken.url).port}`, GRANT)
  expect(code).toBe(64)
  expect(stderr).toMatch(/Port \d+ of this machine is not free\. Choose another with --port/)
})

test('a login to another account is rejected, and nothing of it is stored', async () => {
  await using setting = await open()
  const { sql } = setting
  await setting.pull('tags')
  await bindAccount(sql, 'another', 'another')
  const { ended, asked } = await begin(setting)
  expect(await consent(setting, asked)).toContain('This database mirrors account another')
  expect(await ended).toMatchObject({ code: 1, stderr: expect.stringContaining('(SYNC_WRONG_ACCOUNT)') })
  expect(await readRefreshTokens(sql, [])).toEqual([])
})

test('login is only for the grant authorization_code', async () => {
  await using setting = await open()
  const { code, stderr } = await setting.run('login', { SCOPESTACK_GRANT: 'client_credentials' })
  expect(code).toBe(64)
  expect(stderr).toContain('"login" is for SCOPESTACK_GRANT=authorization_code')
})

test('a run without a login ends with 77 and says what to do', async () => {
  await using setting = await open()
  const { code, stderr } = await setting.run('pull', GRANT)
  expect(code).toBe(77)
  expect(stderr).toMatch(/No user has logged in .* Run the command "login" once/)
  expect(setting.sim.stats().tokenRequests).toBe(0)
})

test('the grant password works from token to pull', async () => {
  await using setting = await open()
  const { username, password } = setting.sim.credentials
  const env = { SCOPESTACK_GRANT: 'password', SCOPESTACK_USERNAME: username, SCOPESTACK_PASSWORD: password }
  const { code, stderr } = await setting.run('pull tags', env)
  expect(code, stderr).toBe(0)
  setting.sim.revokeTokens()
  expect((await setting.run('pull tags', env)).code).toBe(0)
  expect((await setting.run('pull tags', { ...env, SCOPESTACK_PASSWORD: 'mistyped' })).stderr).toContain(
    'Check SCOPESTACK_USERNAME and SCOPESTACK_PASSWORD',
  )
})

/** The page that the browser shows after "Authorize". */
async function consent({ sim }: Setting, asked: URLSearchParams): Promise<string> {
  const { username, password } = sim.credentials
  const body = new URLSearchParams([...asked, ['username', username], ['password', password], ['decision', 'allow']])
  return (await fetch(`${sim.url}/oauth/authorize`, { method: 'POST', body })).text()
}
