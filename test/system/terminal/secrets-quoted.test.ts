/** A server, or a proxy in front of it, repeats secrets of requests: in every field and header, in many encodings, whole and in halves. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startWebhook } from '../../support/network/webhook.ts'
import { createRedis } from '../../support/redis/redis.ts'
import { until } from '../../support/until.ts'
import { everyTable, leaks } from '../support/leaks.ts'
import { open, type Setting } from '../support/setting.ts'

/** Every character that some format escapes. */
const CLIENT_SECRET = String.raw`kept/client+secret=with&odd?signs%"\<ä>-4711`
const PASSWORD = String.raw`kept user's/password+with=odd&signs%"\<ö>-0815`

type Place = readonly [name: string, text: string]

/** Each test starts several processes in sequence; starting takes most of the time, and is slow on a busy machine. */
const PATIENCE = 240_000

/** Runs commands in sequence, and collects their output. */
function keeper({ run }: Setting, env: Record<string, string>) {
  const places: Place[] = []
  return {
    places,
    run: async (command: string, more: Record<string, string> = {}): Promise<void> => {
      const { stdout, stderr } = await run(command, { LOG_LEVEL: 'trace', ...env, ...more })
      places.push([`${command} stdout`, stdout], [`${command} stderr`, stderr])
    },
  }
}

/** No part of a secret is in any of these places, although each received some. */
function expectNothingOf(secrets: readonly string[], places: readonly Place[], reported: readonly string[]): void {
  const search: Place = ['the search', `x${secrets[0]!}`]
  expect(leaks([...places, search], secrets)).toEqual([expect.stringMatching(/^the search/)])
  for (const name of reported) {
    const marked = places.some(([place, text]) => place.includes(name) && text.includes('[secret]'))
    expect(marked, name).toBe(true)
  }
}

test.concurrent(
  'secrets of a service account that a server repeats are stored and shown nowhere',
  { timeout: PATIENCE },
  async () => {
    await using setting = await open({ clientSecret: CLIENT_SECRET })
    const { sim, sql } = setting
    const { run, places } = keeper(setting, {})
    const folder = await mkdtemp(join(tmpdir(), 'scopestack-sync-secrets-'))
    sim.setSwitches({ echoSecrets: 'everything', forbidden: ['surveys'], readOnly: ['vendors'] })
    const [one, two] = sim.records.list('clients')
    sim.addFault({ kind: '500', count: 2, match: { type: 'clients' } })
    sim.addFault({ kind: 'html', count: 2, match: { type: 'tags' } })
    sim.addFault({ kind: '409', count: 'always', match: { type: 'phases' } })
    sim.addFault({ kind: '404', count: 'always', match: { type: 'resources' } })
    sim.addFault({ kind: '403', count: 'always', match: { type: 'services' } })
    await run('pull clients vendors projects surveys tags phases resources services')

    await sql`update scopestack.clients set name = ${String(two!.attributes['name'])} where id = ${one!.id}`
    await sql`update scopestack.clients set domain = 'mine.test' where id = ${two!.id}`
    await sql`update scopestack.vendors set city = 'Here' where id = (select min(id) from scopestack.vendors)`
    await sql`insert into scopestack.clients (name) values ('Fresh')`
    await run('push', { SYNC_CONFLICT: 'local-wins' })
    for (const command of ['changes list --json', 'verify clients']) await run(command)
    await run(`discover clients tags --write ${folder}`)

    for (const file of await readdir(folder)) places.push([file, await readFile(join(folder, file), 'utf8')])
    await rm(folder, { recursive: true })
    places.push(...(await everyTable(sql)))
    expect(sim.secrets().length).toBeGreaterThanOrEqual(2)
    expectNothingOf(sim.secrets(), places, [
      'scopestack.clients',
      'sync.drift',
      'sync.outbox',
      'sync.run_outcomes',
      'pull clients vendors',
      'push stdout',
      'changes list --json stdout',
      'discover',
    ])
  },
)

test.concurrent(
  'secrets that a server repeats are in no log and no alert of an unattended service',
  { timeout: PATIENCE },
  async () => {
    await using setting = await open({ clientSecret: CLIENT_SECRET })
    await using webhook = await startWebhook()
    const { sim, sql } = setting
    const { run, places } = keeper(setting, {})
    sim.setSwitches({ echoSecrets: 'everything' })
    const mistyped = 'mistyped-secret-1234-abcd'
    await run('pull tags', { SCOPESTACK_CLIENT_SECRET: mistyped })
    sim.addFault({ kind: '409', count: 'always', match: { type: 'tags' } })
    const service = setting.run('start', {
      LOG_LEVEL: 'trace',
      SYNC_SCHEDULE: '* * * * * *',
      SYNC_RESOURCES: 'tags,clients',
      HTTP_PORT: '0',
      ALERT_WEBHOOK_URL: webhook.url,
    })
    await until(() => webhook.received.some(({ event }) => event === 'failure'), 'the alert')
    service.kill('SIGTERM')
    const { stdout, stderr } = await service
    places.push(['start stdout', stdout], ['start stderr', stderr], ['webhook', JSON.stringify(webhook.received)])
    places.push(...(await everyTable(sql)))
    expectNothingOf([...sim.secrets(), mistyped], places, [
      'sync.alerts',
      'sync.run_outcomes',
      'webhook',
      'pull tags stderr',
      'start stderr',
    ])
  },
)

test.concurrent(
  'secrets of a person that a server repeats are stored and shown nowhere',
  { timeout: PATIENCE },
  async () => {
    await using setting = await open({ clientSecret: CLIENT_SECRET, password: PASSWORD })
    await using redis = await createRedis()
    const { sim, sql } = setting
    const { username } = sim.credentials
    const user = { SCOPESTACK_GRANT: 'password', SCOPESTACK_USERNAME: username, SCOPESTACK_PASSWORD: PASSWORD }
    const person = { SCOPESTACK_GRANT: 'authorization_code' }
    const { run, places } = keeper(setting, { REDIS_URL: redis.url })
    sim.setSwitches({ echoSecrets: 'everything', forbidden: ['surveys'] })
    await run('pull clients surveys', user)
    sim.revokeTokens()
    await run('pull clients', user)
    await run('pull clients', { ...user, SCOPESTACK_PASSWORD: 'mistyped-password-1234-abcd' })
    for (const decision of ['guess', 'allow']) {
      let said = ''
      const login = setting.run(
        'login --no-browser',
        { ...person, REDIS_URL: redis.url },
        { onStdout: (soFar) => (said = soFar) },
      )
      const url = await until(() => /^ {2}(http\S+)$/m.exec(said)?.[1], 'the address being printed')
      const asked = new URL(url).searchParams
      const form = [...asked, ['username', username], ['password', PASSWORD], ['decision', decision]]
      const page =
        decision === 'guess'
          ? await fetch(
              `${asked.get('redirect_uri')!}?${new URLSearchParams({ state: asked.get('state')!, code: 'guessed-code-1234-abcdef' }).toString()}`,
            )
          : await fetch(`${sim.url}/oauth/authorize`, {
              method: 'POST',
              body: new URLSearchParams(form as [string, string][]),
            })
      places.push([`page after ${decision}`, await page.text()])
      const { stdout, stderr } = await login
      places.push([`login, ${decision}, stdout`, stdout], [`login, ${decision}, stderr`, stderr])
    }
    await run('pull clients', person)

    places.push(...(await everyTable(sql)))
    for (const key of await redis.redis.keys('*')) {
      const type = await redis.redis.type(key)
      if (type === 'hash') places.push([key, JSON.stringify(await redis.redis.hgetall(key))])
      else if (type === 'string') places.push([key, (await redis.redis.get(key)) ?? ''])
    }
    const secrets = sim.secrets()
    expect(secrets.length).toBeGreaterThanOrEqual(10)
    expectNothingOf(secrets, places, [
      'scopestack.clients',
      'sync.known_pages',
      'login, allow',
      'page after allow',
      'pull clients stderr',
    ])
  },
)
