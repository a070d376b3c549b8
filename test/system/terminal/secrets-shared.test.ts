import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { serve } from '../../support/network/http.ts'
import { createRedis } from '../../support/redis/redis.ts'
import { readRefreshTokens } from '../../support/tables/fleet.ts'
import { until } from '../../support/until.ts'
import { everyTable } from '../support/leaks.ts'
import { open } from '../support/setting.ts'

test('no secret, password, code or token of any kind reaches an output, a table or a key of Redis', async () => {
  // Too long to occur by chance.
  const clientSecret = 'kept-client-secret-4711'
  const password = 'kept-user-password-0815'
  await using setting = await open({ clientSecret, password })
  await using redis = await createRedis()
  const { sim, sql, databaseUrl } = setting
  const secrets = new Set([clientSecret, password, 'mistyped-password-1234'])
  await using watched = await serve((request, response) => {
    const pass = async (): Promise<void> => {
      const body = await text(request)
      const { accept = '', authorization = '', 'content-type': type = '' } = request.headers
      const answer = await fetch(sim.url + request.url!, {
        method: request.method!,
        headers: { accept, authorization, 'content-type': type },
        ...(request.method === 'GET' ? {} : { body }),
      })
      const given = await answer.text()
      if (request.url === '/oauth/token') {
        for (const [name, value] of new URLSearchParams(body)) if (SECRET_FIELDS.test(name)) secrets.add(value)
        const issued = JSON.parse(given) as Record<string, unknown>
        for (const [name, value] of Object.entries(issued)) if (SECRET_FIELDS.test(name)) secrets.add(String(value))
      }
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(given)
    }
    pass().catch(() => response.destroy())
  })
  const user = { SCOPESTACK_GRANT: 'password', SCOPESTACK_USERNAME: sim.credentials.username }
  const env = {
    ...user,
    SCOPESTACK_PASSWORD: password,
    SCOPESTACK_AUTH_URL: watched.url,
    REDIS_URL: redis.url,
    LOG_LEVEL: 'trace',
    SYNC_RATE: '500',
  }
  const outputs = [await setting.run('pull tags', env)]
  for (const more of [{ REDIS_URL: '' }, {}, { SCOPESTACK_PASSWORD: 'mistyped-password-1234' }]) {
    sim.revokeTokens()
    outputs.push(await setting.run('pull tags', { ...env, ...more }))
  }
  sim.revokeTokens({ refreshTokens: true })
  outputs.push(await setting.run('pull tags', env))
  const person = { ...env, SCOPESTACK_GRANT: 'authorization_code' }
  outputs.push(await setting.run('pull tags', person))
  let said = ''
  const login = setting.run('login --no-browser', person, { onStdout: (soFar) => (said = soFar) })
  const url = await until(() => /^ {2}(http\S+)$/m.exec(said)?.[1], 'the address being printed')
  const { username } = sim.credentials
  const form = [...new URL(url).searchParams, ['username', username], ['password', password], ['decision', 'allow']]
  await fetch(`${sim.url}/oauth/authorize`, { method: 'POST', body: new URLSearchParams(form as [string, string][]) })
  outputs.push(await login, await setting.run('pull tags', person))
  const codes = outputs.map(({ code }) => code)
  expect(codes, outputs.map(({ stderr }) => stderr).join('\n')).toEqual([0, 0, 0, 77, 0, 77, 0, 0])
  // Client secret and two passwords; three logins with two tokens each, the refreshes between, a code and its PKCE verifier.
  expect(secrets.size).toBeGreaterThanOrEqual(13)

  const places = [
    ...outputs.map(({ stdout, stderr }) => stdout + stderr),
    ...(await everyTable(sql)).map(([, held]) => held),
  ]
  for (const key of await redis.redis.keys('*')) places.push(key, JSON.stringify(await redis.redis.hgetall(key)))
  expect(
    places.filter((place) => place.includes('scopestack-sync:')),
    'keys of Redis',
  ).toHaveLength(6)
  const kept = { sealed: expect.any(String) }
  expect(await readRefreshTokens(sql, ['sealed'])).toEqual([kept, kept])
  for (const secret of [...secrets, new URL(databaseUrl).password].filter((text_) => text_.length > 8)) {
    for (const shape of [
      secret,
      Buffer.from(secret).toString('base64').replace(/=+$/, ''),
      encodeURIComponent(secret),
    ]) {
      for (const place of places)
        expect(place.includes(shape), `${shape.slice(0, 9)}… in ${place.slice(0, 80)}`).toBe(false)
    }
  }
})

const SECRET_FIELDS = /^(access_token|refresh_token|client_secret|password|code|code_verifier)$/
