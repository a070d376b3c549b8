import { expect, test } from 'vitest'
import { readTokens } from '../../support/tables/fleet.ts'
import { until } from '../../support/until.ts'
import { everyTable } from '../support/leaks.ts'
import { startProxy } from '../support/proxy.ts'
import { fillClients, open } from '../support/setting.ts'

test('no secret and no token reaches an output or a table', async () => {
  // Too long to occur by chance.
  const clientSecret = 'kept-secret-4711-0815'
  await using setting = await open({ clientSecret, latency: 5 })
  const { sim, sql, run, databaseUrl } = setting
  fillClients(sim, 300)
  const tokens: string[] = []
  await using proxy = await startProxy(sim.url, {
    after({ url }, body) {
      if (url === '/oauth/token') {
        const issued: unknown = (JSON.parse(body) as { access_token?: unknown }).access_token
        if (typeof issued === 'string') tokens.push(issued)
      }
      return body
    },
  })
  const env = {
    LOG_LEVEL: 'trace',
    SYNC_PAGE_SIZE: '10',
    SCOPESTACK_AUTH_URL: proxy.url,
    SCOPESTACK_API_URL: proxy.url,
  }
  sim.setSwitches({ forbidden: ['surveys'] })
  for (const [index, kind] of (['500', 'reset', 'truncate', 'html', '429'] as const).entries()) {
    sim.addFault({ kind, count: 2, match: { type: 'clients', page: 2 + index } })
  }
  const revoked = run('pull clients surveys tags projects', env)
  await until(() => (sim.stats().pages['clients']?.length ?? 0) > 5, 'the run being under way')
  sim.revokeTokens()
  const outputs = [await revoked]
  expect(outputs[0]!.code).toBe(2)
  for (const met of ['RATE_LIMITED', 'BODY_UNREADABLE', 'REMOTE_UNREACHABLE', 'REMOTE_FAILED', 'FORBIDDEN']) {
    expect(outputs[0]!.stdout + outputs[0]!.stderr).toContain(`SYNC_${met}`)
  }

  sim.addFault({ kind: '401', count: 'always', match: { path: '/demo/v1/' } })
  outputs.push(await run('pull', env))
  expect(outputs[1]!.code).toBe(77)
  sim.removeFault()
  const wrongSecret = 'mistyped-secret-1234'
  outputs.push(await run('pull', { ...env, SCOPESTACK_CLIENT_SECRET: wrongSecret }))
  expect(outputs[2]!.code).toBe(77)
  const wrongPassword = new URL(databaseUrl)
  wrongPassword.password = 'mistyped-password-1234'
  wrongPassword.username = 'no_such_user'
  outputs.push(await run('pull', { ...env, DATABASE_URL: wrongPassword.href }))
  expect(outputs[3]!.code).toBe(1)
  // And one that succeeds, so that the database holds a valid token.
  outputs.push(await run('pull tags', env), await run('status', env), await run('status --json', env))
  expect((await readTokens(sql, ['sealed'])).filter(({ sealed }) => sealed !== null)).toHaveLength(1)

  expect(tokens.length).toBeGreaterThanOrEqual(3)
  const held = await everyTable(sql)
  const places = [...outputs.map(({ stdout, stderr }) => stdout + stderr), ...held.map(([, text]) => text)]
  // The search works: it finds the account's slug.
  expect(places.filter((text) => text.includes('demo')).length).toBeGreaterThan(1)
  for (const secret of [clientSecret, wrongSecret, 'mistyped-password-1234', ...tokens]) {
    for (const form of [secret, Buffer.from(secret).toString('base64'), encodeURIComponent(secret)]) {
      for (const text of places)
        expect(text.includes(form), `${form.slice(0, 12)}… in ${text.slice(0, 80)}`).toBe(false)
    }
  }
})
