/** What the log of `start` says, and where it sends the reader; and the headers that its traces are sent with. */
import { expect, test } from 'vitest'
import { startCollector } from '../../support/network/otlp.ts'
import { startWebhook } from '../../support/network/webhook.ts'
import { until } from '../../support/until.ts'
import { addressOf, ended, openUnattended } from '../support/unattended.ts'

test.concurrent('lines about runs, resources, edits and alerts name their page, also of a run that a person began', async () => {
  await using setting = await openUnattended('postgres')
  await using webhook = await startWebhook()
  await using collector = await startCollector()
  const { sim, sql } = setting
  sim.addFault({ kind: '404', match: { type: 'tags' }, count: 'always' })
  const process = setting.start({
    SYNC_RESOURCES: 'clients,tags',
    ALERT_WEBHOOK_URL: webhook.url,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-key=a%20key%3D1,x-team=operators',
  })
  const url = await addressOf(process)
  const line = (facts: Record<string, unknown>) =>
    until(
      () => process.log().find((one) => Object.entries(facts).every(([name, value]) => one[name] === value)),
      `the line ${JSON.stringify(facts)}`,
    )
  await ended(setting)
  const ofRun = { run: 1, page: `${url}/runs/1` }
  expect(await line({ msg: 'run begins' })).toMatchObject({ ...ofRun, kind: 'full', resources: 2 })
  expect(await line({ msg: 'run ends' })).toMatchObject({ ...ofRun, outcome: 'failed', notOk: 1 })
  expect(await line({ resource: 'clients', msg: 'resource ends' })).toMatchObject({
    level: 30,
    run: 1,
    outcome: 'ok',
    inserted: sim.records.list('clients').length,
    page: `${url}/resources/clients`,
  })
  expect(await line({ resource: 'tags' })).toMatchObject({
    level: 40,
    run: 1,
    outcome: 'failed',
    code: 'SYNC_LIST_NOT_FOUND',
    page: `${url}/resources/tags`,
  })
  expect(await line({ event: 'failure', msg: 'the alert was sent' })).toMatchObject(ofRun)

  const [, key] = /name="key" value="([^"]*)"/.exec(await (await fetch(`${url}/schedule`)).text())!
  const body = new URLSearchParams({ key: key!, do: 'run:full' })
  expect((await fetch(`${url}/schedule`, { method: 'POST', body })).status).toBe(200)
  const ofSecond = { run: 2, page: `${url}/runs/2` }
  expect(await line({ run: 2, msg: 'run begins' })).toMatchObject({ ...ofSecond, kind: 'full' })
  expect(await line({ action: 'run' })).toMatchObject({ ...ofSecond, from: '127.0.0.1' })
  await ended(setting, 2)
  await line({ run: 2, msg: 'run ends' })
  // Nothing new was found of the clients, which is left to the debug level.
  expect(process.log().filter(({ run, resource }) => run === 2 && resource === 'clients')).toEqual([])

  const [one, two] = sim.records.list('clients')
  await sql`update scopestack.clients set name = ${String(two!.attributes['name'])} where id = ${one!.id}`
  expect(await line({ change: 1, level: 40 })).toMatchObject({ record: one!.id, page: `${url}/changes` })
  process.kill('SIGTERM')
  await process.run

  const runs = collector.spans.filter(({ name }) => name === 'run').map(({ attributes }) => attributes)
  expect(runs).toEqual([1, 2].map((run) => ({ 'scopestack.run': run, 'scopestack.kind': 'full' })))
  const [span] = collector.spans.filter(({ name, attributes }) => name === 'run' && attributes['scopestack.run'] === 2)
  const below = collector.spans.filter(({ name, traceId }) => name === 'resource' && traceId === span!.traceId)
  expect(below.length).toBeGreaterThan(1)
  for (const sent of collector.bodies) expect(sent).toMatch(/"x-key":"a key=1","x-team":"operators"/)
})
