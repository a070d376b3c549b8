import { expect, test } from 'vitest'
import { startMailServer } from '../../support/network/smtp.ts'
import { startWebhook, type Webhook } from '../../support/network/webhook.ts'
import { readAlerts, readRuns } from '../../support/tables/runs.ts'
import { until } from '../../support/until.ts'
import { ended, openUnattended } from '../support/unattended.ts'

const EVERY_SECOND = { SYNC_SCHEDULE: '* * * * * *', SYNC_RESOURCES: 'clients,tags' }

const received = ({ received: bodies }: Webhook, count: number) =>
  until(() => (bodies.length >= count ? bodies : undefined), `${count} alerts`)

test.concurrent('a repeated failure is alerted once, and then the recovery', async () => {
  await using setting = await openUnattended('postgres')
  await using webhook = await startWebhook()
  await using mails = await startMailServer()
  const { sim, start } = setting
  const refused = sim.addFault({ kind: '404', match: { type: 'tags' }, count: 'always' })
  const process = start({
    ...EVERY_SECOND,
    ALERT_WEBHOOK_URL: webhook.url,
    ALERT_WEBHOOK_SECRET: 'the secret of the receiver',
    ALERT_SMTP_URL: mails.url,
    ALERT_EMAIL_TO: 'operator@example.org',
  })
  const failure = await until(() => webhook.received.find(({ event }) => event === 'failure'), 'the failure')
  expect(failure).toMatchObject({
    event: 'failure',
    run: 1,
    kind: 'full',
    outcome: 'failed',
    text: expect.stringMatching(
      /^scopestack-sync: run 1 \(full\) ended as failed\.\n• tags failed: .*\(404\)/,
    ) as string,
    resources: [{ resource: 'tags', outcome: 'failed', code: 'SYNC_LIST_NOT_FOUND' }],
  })
  await ended(setting, 3)
  sim.removeFault(refused.id)
  await until(() => webhook.received.some(({ event }) => event === 'recovery'), 'the recovery')
  const bodies = webhook.received
  expect(bodies.filter(({ event }) => event === 'failure')).toHaveLength(1)
  expect(bodies.find(({ event }) => event === 'recovery')).toMatchObject({
    event: 'recovery',
    text: expect.stringContaining('is ok again') as string,
  })
  process.kill('SIGTERM')
  const { stderr } = await process.run
  expect(webhook.requests[0]!.headers['webhook-signature']).toMatch(/^v1,.{44}$/)
  const subjects = mails.received.map(({ headers }) => /^Subject: (.*)/m.exec(headers)![1])
  expect(subjects).toContain('scopestack-sync: run 1 (full) ended as failed.')
  expect(subjects.at(-1)).toMatch(/is ok again/)
  for (const secret of ['secret-path', 'the secret of the receiver', 'mail password', 'mail%20password'])
    expect(stderr).not.toContain(secret)
})

test.concurrent('a webhook that is down does not keep runs from ending, and gets the alerts when it is back', async () => {
  await using setting = await openUnattended('postgres')
  await using webhook = await startWebhook()
  const { sim, start } = setting
  sim.addFault({ kind: '403', match: { type: 'tags' }, count: 'always' })
  webhook.status = 500
  start({ ...EVERY_SECOND, ALERT_WEBHOOK_URL: webhook.url })
  await until(
    () => webhook.received.filter(({ event }) => event === 'failure').length > 1,
    'the failure to be tried again',
  )
  const runs = await ended(setting, 3)
  expect(runs[0]).toMatchObject({ outcome: 'forbidden' })
  webhook.status = 200
  await until(
    async () => (await readAlerts(setting.sql, [], { subject: 'full', isDelivered: true })).length > 0,
    'the alert to be taken',
  )
  const failures = webhook.received.filter(({ event }) => event === 'failure')
  expect(new Set(failures.map(({ run }) => run)).size).toBe(1)
})

test.concurrent('missing runs are alerted once, by a remaining process, and then their return', async () => {
  await using setting = await openUnattended('postgres')
  await using webhook = await startWebhook()
  const { sql, start } = setting
  const env = { ...EVERY_SECOND, ALERT_WEBHOOK_URL: webhook.url }
  // The scheduler is missing, and two workers notice it.
  start(env, 'worker')
  start(env, 'worker')
  const [silence] = await received(webhook, 1)
  expect(silence).toMatchObject({
    event: 'silence',
    text: expect.stringMatching(/no full run has ended well for two intervals; there never was one/) as string,
  })
  start(env, 'scheduler')
  await received(webhook, 2)
  expect(webhook.received.slice(0, 2)).toMatchObject([{ event: 'silence' }, { event: 'recovery' }])
  expect(await readRuns(sql, [], { outcome: 'ok' })).not.toHaveLength(0)
})

test.concurrent('a refused local edit is alerted, and then that it was sent after its correction', async () => {
  await using setting = await openUnattended('postgres')
  await using webhook = await startWebhook()
  const { sim, sql } = setting
  setting.start({ SYNC_SCHEDULE: '0 0 1 1 *', ALERT_WEBHOOK_URL: webhook.url })
  await ended(setting)
  const [one, two] = sim.records.list('clients')
  await sql`update scopestack.clients set name = ${String(two!.attributes['name'])} where id = ${one!.id}`
  const parked = await until(() => webhook.received.find(({ event }) => event === 'parked'), 'the alert')
  expect(parked).toMatchObject({ count: 1, changes: [{ resource: 'clients', record: one!.id }] })
  await sql`update scopestack.clients set name = 'Refused' where id = ${one!.id}`
  const over = await until(() => webhook.received.find(({ event }) => event === 'recovery'), 'its end')
  expect(over).toMatchObject({ text: 'scopestack-sync: no local edit is parked any more.' })
})
