/** Control characters from ScopeStack or an SQL client are made visible on screen and in the log, and have no effect. */
import { expect, test } from 'vitest'
import { startWebhook } from '../../support/network/webhook.ts'
import { bindAccount } from '../../support/tables/fleet.ts'
import { failOutcomes } from '../../support/tables/runs.ts'
import { until } from '../../support/until.ts'
import { startProxy } from '../support/proxy.ts'
import { jsonLines, open, type Setting } from '../support/setting.ts'

const range = (from: number, to: number): string =>
  String.fromCodePoint(...Array.from({ length: to - from + 1 }, (_, index) => from + index))

const CONTROLS = range(0x01, 0x1f) + range(0x7f, 0x9f)
const UNSEEN =
  '\u00ad\u034f\u061c\u115f\u180e\u3164\ufe0f\uffa0\u{e0001}\u{e0100}' +
  range(0x200b, 0x200f) +
  range(0x2028, 0x202e) +
  range(0x2060, 0x2064) +
  range(0x2066, 0x206f) +
  range(0xfff9, 0xfffb) +
  range(0xe0020, 0xe007f) +
  '\ufeff\ufffe\uffff'
/** A terminal's title, link and clipboard sequences; a line that imitates the program's own; and all other control characters. */
const EVIL = `\u001b]0;evil\u0007\u001b]8;;https://evil.test\u001b\\\u001b]52;c;ZXZpbA==\u0007\u009b31m\r\n✓ FORGED\u0085FORGED\u2028FORGED ${CONTROLS}${UNSEEN}`
/** Characters that neither a text nor a jsonb of Postgres can hold. */
const UNKEEPABLE = `${EVIL}\u0000\ud800`

/** Only the program writes line ends. */
const FORBIDDEN = new Set(`${CONTROLS}${UNSEEN}\u0000`.replace('\n', ''))

function expectClean(what: string, ...texts: readonly string[]): void {
  for (const text of texts) {
    const at = Array.from(text).findIndex((character) => FORBIDDEN.has(character))
    const around = JSON.stringify(
      Array.from(text)
        .slice(Math.max(0, at - 60), at + 20)
        .join(''),
    )
    expect(at, `${what}: ${around}`).toBe(-1)
    expect(text, what).not.toMatch(/^✓ FORGED/m)
  }
}

interface Listed {
  data?: { attributes?: Record<string, unknown> }[]
  errors?: Record<string, unknown>[]
}

/** The account sends all of these in members, values and error bodies. */
const openEvil = async (setting: Setting) =>
  await startProxy(setting.sim.url, {
    after({ url = '', method }, body) {
      if (url.startsWith('/oauth')) return body
      if (!/\/v1\/(clients|tags|contacts)/.test(url) && method === 'GET') return body
      const document = JSON.parse(body) as Listed
      for (const error of document.errors ?? [])
        for (const name of ['title', 'detail', 'code']) error[name] = `${String(error[name])} ${UNKEEPABLE}`
      if (Array.isArray(document.data))
        for (const { attributes = {} } of document.data) {
          attributes[`evil ${UNKEEPABLE}`] = EVIL
          attributes['evil-sample'] = UNKEEPABLE
        }
      return JSON.stringify(document)
    },
  })

/** Runs commands, and checks every character of their output. */
const typing =
  (setting: Setting, env: Record<string, string>) =>
  async (command: string, more: Record<string, string> = {}) => {
    const ended = await setting.run(command, { ...env, ...more })
    expectClean(command, ended.stdout, ended.stderr)
    return ended
  }

test.concurrent('commands escape values of the account and of the database', async () => {
  await using setting = await open()
  await using proxy = await openEvil(setting)
  const { sim, sql } = setting
  const run = typing(setting, { SCOPESTACK_AUTH_URL: proxy.url, SCOPESTACK_API_URL: proxy.url, LOG_LEVEL: 'debug' })
  const [one, two] = sim.records.list('clients').map(({ id }) => id)
  sim.records.update('clients', one!, { attributes: { name: `One ${EVIL}`, domain: EVIL } })
  sim.records.update('clients', two!, { attributes: { name: `Two ${UNKEEPABLE}` } })
  expect((await run('pull clients tags')).stdout).toMatch(/^Run 1: /m)
  expect((await run('discover clients')).stdout).toContain('evil \\u001b]0;evil\\u0007')

  // Without triggers, so that it is a difference and not an edit; and values in the tables of runs, leases and the account.
  await sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`
    await tx`update scopestack.clients set domain = ${`x ${EVIL}`} where id = ${two!}`
  })
  expect((await run('verify clients')).stdout).toMatch(/domain: here .*x \\u001b/)
  await failOutcomes(sql, EVIL, 'tags')
  await bindAccount(sql, '9', `demo ${EVIL}`)
  expect((await run('status')).stdout).toContain('\\u001b]0;evil\\u0007')
  expect(JSON.parse((await run('status --json')).stdout)).toMatchObject({ account: { slug: `demo ${EVIL}` } })
  expect((await run('pull clients --json')).stderr).toContain('SYNC_WRONG_ACCOUNT')
})

test.concurrent('commands escape local edits, their authors, and error texts of ScopeStack', async () => {
  await using setting = await open()
  await using proxy = await openEvil(setting)
  const { sim, sql } = setting
  const run = typing(setting, { SCOPESTACK_AUTH_URL: proxy.url, SCOPESTACK_API_URL: proxy.url })
  const [one, , three] = sim.records.list('clients').map(({ id }) => id)
  sim.records.update('clients', one!, { attributes: { name: `One ${EVIL}` } })
  await run('pull clients vendors')
  const editor = `evil ${range(1, 31)}\u009b\u202e`
  const taken = String(sim.records.read('clients', three!)!.attributes['name'])
  await sql`create role ${sql(editor)}`
  try {
    await sql`select sync.grant_editor(${`"${editor}"`})`
    await sql.begin(async (tx) => {
      await tx`set local session authorization ${tx(editor)}`
      await tx`update scopestack.clients set name = ${EVIL} where id = ${one!}`
      await tx`update scopestack.vendors set name = ${EVIL} where id = (select min(id) from scopestack.vendors)`
      await tx`insert into scopestack.clients (name, domain) values (${taken}, ${EVIL})`
    })
  } finally {
    await sql`drop owned by ${sql(editor)}`
    await sql`drop role ${sql(editor)}`
  }
  expect((await run('push --plan')).stdout).toContain('→ \\u001b]0;evil\\u0007')
  sim.setSwitches({ refusedMembers: { clients: ['name', 'domain'] } })
  await run('push')
  const parked = jsonLines((await run('changes list --json --all')).stdout).all
  expect(parked.some(({ madeBy }) => madeBy === editor)).toBe(true)
  expect(parked.some(({ reason }) => String(reason).includes('evil'))).toBe(true)
  const shown = await run(`changes show ${parked.map(({ id }) => String(id)).join(' ')}`)
  expect(shown.stdout).toContain('by evil \\u0001')
})

test.concurrent('commands escape invalid arguments and settings', async () => {
  await using setting = await open()
  const run = typing(setting, {})
  const word = EVIL.replaceAll(' ', '_')
  const said = await Promise.all([
    run(word),
    run(`pull ${word}`),
    run(`pull --${word}`),
    run('status', { [`SYNC_${word}`]: '1', SYNC_RATE: EVIL, SCOPESTACK_CLIENT_SECRET_FILE: `/tmp/${EVIL}` }),
    run('pull', { SYNC_RESOURCES: EVIL, SYNC_CONFLICT: EVIL }),
    run('migrate', { DATABASE_URL: setting.databaseUrl.replace(/\/[^/]*$/, `/none${encodeURIComponent(EVIL)}`) }),
  ])
  expect(said.map(({ code }) => code)).toEqual([64, 64, 64, 78, expect.any(Number), 1])
  for (const { stderr } of said) expect(stderr).not.toContain('fault of scopestack-sync')
})

test.concurrent('the log of "start", its HTTP responses and its alerts are escaped', async () => {
  await using setting = await open()
  await using webhook = await startWebhook()
  const refusal = JSON.stringify({ errors: [{ title: EVIL, detail: UNKEEPABLE, code: EVIL, status: '400' }] })
  await using proxy = await startProxy(setting.sim.url, {
    before: ({ url = '' }) => (url.includes('/v1/tags') ? { status: 400, body: refusal } : undefined),
  })
  let log = ''
  const started = setting.run(
    'start',
    {
      SCOPESTACK_AUTH_URL: proxy.url,
      SCOPESTACK_API_URL: proxy.url,
      SYNC_RESOURCES: 'tags',
      SYNC_SCHEDULE: '0 0 1 1 *',
      HTTP_PORT: '0',
      LOG_LEVEL: 'debug',
      ALERT_WEBHOOK_URL: webhook.url,
    },
    { onStderr: (text) => (log = text) },
  )
  const address = await until(() => /"url":"([^"]+)"/.exec(log)?.[1], 'the address in the log')
  await until(() => webhook.received.length > 0, 'the alert being sent')
  expectClean('/readyz', await (await fetch(`${address}/readyz`)).text())
  const [first, ...others] = String(webhook.received[0]!['text']).split('\n')
  expectClean('the alert', first!, ...others)
  expect(others).toHaveLength(1)
  expect(others[0]).toMatch(/^• tags failed: .*FORGED/)
  started.kill()
  const ended = await started
  expect(ended.code, ended.stderr).toBe(0)
  expect(ended.stderr).toContain('FORGED')
  expectClean('the log', ended.stdout, ended.stderr)
})
