/** Postgres during a running `start`: it drops its connections, stops responding for a while, is replaced by another server. */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { startPostgresPair } from '../../support/postgres/postgres-pair.ts'
import { onTestFinished } from '../../support/run/test-context.ts'
import { until } from '../../support/until.ts'
import { expectNothingLost, goesOn, LONG, OFTEN, relayTo } from '../support/outage.ts'
import { addressOf, edits, KINDS, openUnattended, type QueueKind, type Unattended } from '../support/unattended.ts'

/** All connections of a process of `start` go through these. */
async function relaysOf(setting: Unattended, kind: QueueKind) {
  const relays = [await relayTo(setting.databaseUrl)]
  const env: Record<string, string> = { ...OFTEN, DATABASE_URL: relays[0]!.url }
  if (kind === 'redis') {
    relays.push(await relayTo(setting.queue.env['REDIS_URL']!))
    env['REDIS_URL'] = relays[1]!.url
  }
  return { relays, env }
}

describe.concurrent.each(KINDS)('with the queue in %s', (kind) => {
  test.concurrent('lost connections are opened again, and nothing is lost or duplicated', async () => {
    await using setting = await openUnattended(kind)
    const { relays, env } = await relaysOf(setting, kind)
    const process = setting.start(env)
    const url = await addressOf(process)
    await goesOn(setting)
    for (const relay of relays) relay.freeze('old')
    const edit = await edits(setting)
    await goesOn(setting)
    await edit.arrive()
    await until(async () => (await fetch(`${url}/readyz`)).ok, 'it to be ready')
    process.kill('SIGTERM')
    expect(await process.run).toMatchObject({ code: 0, signal: null })
    await expectNothingLost(setting)
  })

  test.concurrent.each(LONG)(
    'servers that do not respond for two minutes cost two minutes',
    { timeout: 600_000 },
    async () => {
      await using setting = await openUnattended(kind)
      const { relays, env } = await relaysOf(setting, kind)
      const process = setting.start(env)
      const url = await addressOf(process)
      await goesOn(setting)
      for (const relay of relays) relay.freeze()
      const edit = await edits(setting)
      await sleep(120_000)
      expect((await fetch(`${url}/readyz`)).status).toBe(503)
      for (const relay of relays) relay.thaw()
      const began = performance.now()
      await goesOn(setting)
      await edit.arrive()
      expect(performance.now() - began).toBeLessThan(30_000)
      process.kill('SIGTERM')
      expect(await process.run).toMatchObject({ code: 0 })
      await expectNothingLost(setting)
    },
  )

  test.concurrent.each(kind === 'postgres' ? ['once'] : LONG)(
    'a primary that gives way to its standby, and stays open, is left for it',
    async () => {
      const pair = await startPostgresPair()
      onTestFinished(() => pair[Symbol.asyncDispose]())
      await using setting = await openUnattended(kind)
      const relay = await relayTo(pair.primary.url)
      const [old, next] = [
        { sql: pair.primary.sql, sim: setting.sim },
        { sql: pair.standby.sql, sim: setting.sim },
      ]
      const process = setting.start({ ...OFTEN, DATABASE_URL: relay.url })
      const url = await addressOf(process)
      await goesOn(old)
      const edit = await edits(old)
      await pair.primary.makeReadOnly()
      await until(async () => (await fetch(`${url}/readyz`)).status === 503, 'it to be not ready')
      await pair.promote()
      relay.point(pair.standby.url)
      await goesOn(next)
      await edit.arriveAt(next)
      await until(async () => (await fetch(`${url}/readyz`)).ok, 'it to be ready')
      process.kill('SIGTERM')
      expect(await process.run).toMatchObject({ code: 0, signal: null })
      await expectNothingLost(next)
    },
  )
})

test.concurrent('SIGTERM does not wait for a Postgres that does not respond', async () => {
  await using setting = await openUnattended('postgres')
  const { relays, env } = await relaysOf(setting, 'postgres')
  const process = setting.start({ ...env, SYNC_GRACE: '30' })
  await goesOn(setting)
  for (const relay of relays) relay.freeze()
  process.kill('SIGTERM')
  // With exit code 1 when its grace is over.
  expect(await process.run).toMatchObject({ code: 0, signal: null })
})

test.concurrent.each(LONG)(
  'what leads to another server is left, though its server is still up and can be written to',
  async () => {
    const pair = await startPostgresPair()
    onTestFinished(() => pair[Symbol.asyncDispose]())
    await using setting = await openUnattended('redis')
    const relay = await relayTo(pair.primary.url)
    const process = setting.start({ ...OFTEN, DATABASE_URL: relay.url })
    await addressOf(process)
    // Long enough for the check of the server behind the address.
    for (const _ of [1, 2, 3]) await goesOn(pair.primary)
    await pair.promote()
    relay.point(pair.standby.url)
    relay.mark()
    await until(() => relay.count().marked === 0, 'the old connections to be dropped')
    await goesOn(pair.standby)
    process.kill('SIGTERM')
    expect(await process.run).toMatchObject({ code: 0, signal: null })
  },
)
