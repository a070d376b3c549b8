/** What is raised beside failed runs, and that each way of sending takes each alert once. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { alertSettings } from '../../../src/config/alerting.ts'
import { startAlerts } from '../../../src/jobs/alerts/alert-loop.ts'
import { sendAlerts, webhookChannel } from '../../../src/jobs/alerts/deliver.ts'
import { lateEdits } from '../../../src/jobs/alerts/edit-alerts.ts'
import { mailChannel } from '../../../src/jobs/alerts/mail.ts'
import { recordRunAlert } from '../../../src/jobs/alerts/run-alerts.ts'
import { watchStandby } from '../../../src/jobs/alerts/standby.ts'
import { raiseFindings } from '../../../src/jobs/alerts/standing.ts'
import { createOutages } from '../../../src/jobs/outage-log.ts'
import { createLogger } from '../../../src/logger.ts'
import { createHttp } from '../../../src/remote/http/http.ts'
import { openDatabase, type Database } from '../../../src/store/connection/database.ts'
import { openPresence } from '../../../src/store/fleet/presence.ts'
import { recordHeartbeat } from '../../../src/store/fleet/processes.ts'
import { readPulse } from '../../../src/store/outbox/pulse.ts'
import { NOTHING_READ, recordOutcome, type Outcome } from '../../../src/store/runs/runs.ts'
import type { ClosedRun } from '../../../src/store/runs/scheduled-runs.ts'
import { FOR_LOCALHOST } from '../../support/network/certificate.ts'
import { startMailServer } from '../../support/network/smtp.ts'
import { startWebhook } from '../../support/network/webhook.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { onTestFinished } from '../../support/run/test-context.ts'
import {
  emptyRuns,
  ensureInstallation,
  finishOutcomesAgo,
  insertEndedRun,
  makeAlertsDue,
  readAlerts,
} from '../../support/tables/runs.ts'
import { until } from '../../support/until.ts'

const log = createLogger({ level: 'silent', terminal: false })
const { signal } = new AbortController()
const SECRET = 'a secret of the receiver'
const http = createHttp({ connections: 1 })

let database: TestDatabase
let sql: Database

beforeAll(async () => {
  database = await createDatabase()
  sql = openDatabase(database.url, { connections: 2 })
})

beforeEach(async () => {
  await ensureInstallation(sql)
  await emptyRuns(sql)
})

afterAll(async () => {
  await http.close()
  await sql?.end({ timeout: 1 })
  await database?.[Symbol.asyncDispose]()
})

const raised = async (subject: string) => (await readAlerts(sql, ['kind'], { subject })).map(({ kind }) => kind)

describe('a run that changes far more rows than usual', () => {
  /** Runs one after the other; each inserts so many rows of clients. */
  const runs = (kind: string, ...inserted: number[]) => runsWith(kind, inserted, 'ok')

  /** With tags beside them, which end so. */
  async function runsWith(kind: string, inserted: readonly number[], tags: Outcome): Promise<void> {
    for (const count of inserted) {
      const id = await insertEndedRun(sql, kind)
      const run = {
        ...NOTHING_READ,
        resource: 'clients',
        outcome: 'ok',
        inserted: count,
        code: null,
        message: null,
      } as const
      await recordOutcome(sql, id, { ...run, tookMs: 0 })
      const at = new Date()
      const closed: ClosedRun = {
        id,
        kind,
        outcome: tags,
        error: null,
        startedAt: at,
        finishedAt: at,
        resources: [run, { ...run, resource: 'tags', outcome: tags }],
      }
      await sql.begin((tx) => recordRunAlert(tx, closed, log))
    }
  }

  it('is reported past five times the second highest of its earlier runs, and once', async () => {
    await runs('full', 9_000, 30, 20, 30, 150)
    expect(await raised('rows full')).toEqual([])
    await runs('full', 751)
    expect(await raised('rows full')).toEqual(['failure'])
    const [alert] = await readAlerts(sql, ['body'])
    expect(alert!.body).toMatchObject({
      event: 'unusual',
      resources: [{ resource: 'clients', action: 'inserted', count: 751, usual: 150, runs: 5 }],
    })
    await runs('full', 4_000)
    expect(await raised('rows full')).toEqual(['failure'])
    await runs('full', 10, 10)
    expect(await raised('rows full')).toEqual(['failure', 'recovery'])
  })

  it('is over, and reported again, though another resource is incomplete run after run', async () => {
    await runsWith('incremental', [0, 0, 0, 0, 500], 'incomplete')
    expect(await raised('rows incremental')).toEqual(['failure'])
    await runsWith('incremental', [10, 3_000], 'incomplete')
    expect(await raised('rows incremental')).toEqual(['failure', 'recovery', 'failure'])
  })

  it('is not reported with less than 100 rows, with less than four earlier runs, nor by runs of another kind or long ago', async () => {
    await runs('full', 0, 0, 0, 0, 99)
    await runs('incremental', 0, 0, 0, 500)
    expect(await raised('rows full')).toEqual([])
    expect(await raised('rows incremental')).toEqual([])
    await finishOutcomesAgo(sql, '31 days')
    await runs('full', 500)
    expect(await raised('rows full')).toEqual([])
  })
})

it('a local edit that waits for too long is reported once, and its end', async () => {
  const now = new Date()
  const waiting = { id: 3, resource: 'clients', recordId: '9', madeAt: new Date(now.getTime() - 61 * 60_000) }
  for (const oldest of [null, waiting, waiting, { ...waiting, id: 4 }, null, null])
    await raiseFindings(sql, [lateEdits(oldest, 60, now)])
  expect(await raised('late edits')).toEqual(['failure', 'recovery'])
  expect(lateEdits(waiting, 0, now)).toMatchObject({ kind: 'recovery' })
  expect(lateEdits(waiting, 62, now)).toMatchObject({ kind: 'recovery' })
})

it('each way of sending takes each alert once, whatever the other one does; the check of docs/alerts.md takes its signature', async () => {
  await using webhook = await startWebhook()
  await using mails = await startMailServer()
  const settings = alertSettings({
    ALERT_WEBHOOK_URL: webhook.url,
    ALERT_WEBHOOK_SECRET: SECRET,
    ALERT_SMTP_URL: mails.url,
    ALERT_EMAIL_TO: ['a@example.org', 'b@example.org'],
    ALERT_EMAIL_FROM: undefined,
    ALERT_EDIT_MINUTES: 60,
  })
  const channels = [
    webhookChannel({ webhookUrl: webhook.url, webhookSecret: SECRET }, http),
    mailChannel(settings.mail!),
  ]
  const send = () => sendAlerts({ sql, channels, installation: 'here', log }, signal)
  await raiseFindings(sql, [
    { subject: 'x', kind: 'failure', fingerprint: '1', body: { text: 'First line é\nSecond line', event: 'failure' } },
  ])
  mails.refuses = true
  await send()
  mails.refuses = false
  webhook.status = 500
  const [failed] = await readAlerts(sql, ['lastError'])
  await makeAlertsDue(sql)
  expect(failed!.lastError).toMatch(/^email: .*No space left/)
  await send()
  await send()
  expect(webhook.requests).toHaveLength(1)
  expect(mails.received).toHaveLength(1)
  expect(mails.received[0]).toMatchObject({ from: 'a@example.org', to: ['a@example.org', 'b@example.org'] })
  expect(mails.received[0]!.headers).toMatch(/^Subject: =\?UTF-8\?Q\?First_line/im)
  expect(mails.received[0]!.headers).toMatch(/^Message-ID: <here-\d+@scopestack-sync>/im)
  expect(await readAlerts(sql, [], { isDelivered: false })).toHaveLength(0)

  const [, code] = /```js\n(.*?)```/s.exec(readFileSync(join(import.meta.dirname, '../../../docs/alerts.md'), 'utf8'))!
  const { isOurs } = (await import(`data:text/javascript,${encodeURIComponent(code!)}`)) as {
    isOurs: (headers: object, body: string, secret: string, now?: number) => boolean
  }
  const [{ headers, body }] = webhook.requests as [(typeof webhook.requests)[number]]
  expect(isOurs(headers, body, SECRET)).toBe(true)
  expect(isOurs(headers, `${body} `, SECRET)).toBe(false)
  expect(isOurs(headers, body, 'another secret')).toBe(false)
  expect(isOurs({ ...headers, 'webhook-id': 'other' }, body, SECRET)).toBe(false)
  expect(isOurs(headers, body, SECRET, Date.now() + 301_000)).toBe(false)
})

it('no password is sent to a mail server without TLS, and none is shown of what a server quotes', async () => {
  await using mails = await startMailServer()
  const mail = {
    host: '127.0.0.1',
    port: mails.port,
    secure: false,
    auth: { user: 'u', pass: 'wrong password' },
    to: ['a@example.org'],
    from: 'a@example.org',
  }
  const alert = { id: '1', body: { text: 'x' } }
  expect(await mailChannel({ ...mail, isLocal: false }).send(alert, signal)).toMatch(/STARTTLS/i)
  expect(mails.logins).toEqual([])
  expect(await mailChannel({ ...mail, isLocal: true }).send(alert, signal)).toMatch(/Not with \[secret\]/)
  const none = { ...mail, auth: { user: 'u', pass: '' }, isLocal: true }
  expect(await mailChannel(none).send(alert, signal)).not.toContain('[secret]')
})

it('STARTTLS needs a certificate that is trusted and of that name, and then the mail is sent with the password', async () => {
  await using mails = await startMailServer({ starttls: true })
  const { username, password } = new URL(mails.url)
  const mail = {
    host: 'localhost',
    port: mails.port,
    secure: false,
    auth: { user: username, pass: decodeURIComponent(password) },
    isLocal: false,
    to: ['a@example.org'],
    from: 'a@example.org',
  }
  const alert = { id: '1', body: { text: 'What happened' } }
  expect(await mailChannel(mail).send(alert, signal)).toMatch(
    /^the mail server's certificate is not accepted: self-signed certificate/,
  )
  const usual = getCACertificates('default')
  setDefaultCACertificates([...usual, FOR_LOCALHOST.cert])
  onTestFinished(() => setDefaultCACertificates(usual))
  const misnamed = await mailChannel({ ...mail, host: '127.0.0.1' }).send(alert, signal)
  expect(misnamed).toMatch(/^the mail server's certificate is not accepted: .*127\.0\.0\.1.*not.*cert/i)
  expect(mails.logins).toEqual([])
  expect(mails.received).toEqual([])
  expect(await mailChannel(mail).send(alert, signal)).toBeNull()
  expect(mails.received).toMatchObject([
    { to: ['a@example.org'], text: expect.stringContaining('What happened') as string },
  ])
  expect(mails.logins).toEqual(['sender the mail password'])
})

it('alerts are sent while the token, which may be in Redis, cannot be read', async () => {
  await using webhook = await startWebhook()
  await raiseFindings(sql, [{ subject: 'x', kind: 'failure', fingerprint: '1', body: { text: 'x', event: 'failure' } }])
  const presence = openPresence(sql)
  const alerts = startAlerts({
    sql,
    presence,
    log,
    outages: createOutages(log),
    schedules: [],
    alerts: { webhookUrl: webhook.url, webhookSecret: undefined, mail: undefined, editMinutes: 60 },
    proxy: undefined,
    pushes: true,
    processId: 'x',
  })
  alerts.watch(() => Promise.reject(new Error('Redis is away')))
  await until(() => webhook.received.length === 1, 'the alert')
  await alerts.drain()
  await presence.close()
})

it('a database that can only be read is reported by one process, and its end once it takes writes', async () => {
  await using webhook = await startWebhook()
  const channels = [webhookChannel({ webhookUrl: webhook.url, webhookSecret: undefined }, http)]
  const readable = openDatabase(
    `${database.url}${database.url.includes('?') ? '&' : '?'}options=${encodeURIComponent('-c default_transaction_read_only=on')}`,
    { connections: 1 },
  )
  for (const id of ['first', 'second'])
    await recordHeartbeat(sql, { id, holder: id, version: '1', parts: [], connections: 1 })
  let current = readable
  const switched = new Proxy(readable, {
    apply: (_, __, given: Parameters<Database>) => current(...given),
    get: (_, name) => Reflect.get(current, name) as unknown,
  })
  const watches = ['first', 'second'].map((id) => ({
    id,
    watch: watchStandby({ sql: switched, channels, installation: 'here', settledMs: 0 }),
  }))
  const look = () =>
    Promise.all(
      watches.map(async ({ id, watch }) => {
        const pulse = await readPulse(switched, id)
        await watch.look(pulse, signal)
        return pulse.isReadOnly
      }),
    )
  expect(await look()).toEqual([true, true])
  expect(await look()).toEqual([true, true])
  expect(webhook.received).toMatchObject([
    { event: 'standby', text: expect.stringContaining('can only be read') as string },
  ])
  current = sql
  expect(await look()).toEqual([false, false])
  expect(await raised('standby')).toEqual(['failure', 'recovery'])
  await sendAlerts({ sql, channels, installation: 'here', log }, signal)
  expect(webhook.received.slice(1)).toMatchObject([{ event: 'recovery', kind: 'standby' }])
  await readable.end({ timeout: 1 })
})
