/** Redis during a running `start`: it changes its role, drops its connections, or stops responding for a while. */
import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { startOwnRedis } from '../../support/redis/redis-server.ts'
import { onTestFinished } from '../../support/run/test-context.ts'
import { until } from '../../support/until.ts'
import { expectNothingLost, goesOn, LONG, OFTEN, relayTo } from '../support/outage.ts'
import { addressOf, edits, openUnattended } from '../support/unattended.ts'

async function ownRedis() {
  const server = await startOwnRedis()
  onTestFinished(() => server.stop())
  const redis = new Redis(server.url)
  onTestFinished(() => redis.disconnect())
  return { server, redis }
}

test.concurrent('after a primary becomes a replica, start uses the primary that the address leads to', async () => {
  await using setting = await openUnattended('postgres')
  const [old, next] = [await ownRedis(), await ownRedis()]
  const relay = await relayTo(old.server.url)
  await next.redis.replicaof('127.0.0.1', old.server.port)
  const process = setting.start({ ...OFTEN, REDIS_URL: relay.url })
  const url = await addressOf(process)
  await goesOn(setting)

  await until(async () => (await next.redis.info('replication')).includes('master_link_status:up'), 'the copy')
  // The address still leads to the replica.
  await next.redis.replicaof('NO', 'ONE')
  await old.redis.replicaof('127.0.0.1', next.server.port)
  await until(async () => {
    const answer = await fetch(`${url}/readyz`)
    return answer.status === 503 && /READONLY/.test(((await answer.json()) as { queue: string }).queue)
  }, 'it to be not ready')
  relay.point(next.server.url)
  const edit = await edits(setting)
  await goesOn(setting)
  await edit.arrive()
  await until(async () => (await fetch(`${url}/readyz`)).ok, 'it to be ready')
  process.kill('SIGTERM')
  expect(await process.run).toMatchObject({ code: 0 })
  await expectNothingLost(setting)
})

test.concurrent('lost connections to Redis are opened again', async () => {
  await using setting = await openUnattended('redis')
  const relay = await relayTo(setting.queue.env['REDIS_URL']!)
  const process = setting.start({ ...OFTEN, REDIS_URL: relay.url })
  await goesOn(setting)
  relay.freeze('old')
  const edit = await edits(setting)
  await goesOn(setting)
  await edit.arrive()
  process.kill('SIGTERM')
  expect(await process.run).toMatchObject({ code: 0 })
  await expectNothingLost(setting)
})

test.concurrent.each(LONG)('SIGTERM does not wait for a Redis that does not respond', async () => {
  await using setting = await openUnattended('redis')
  const relay = await relayTo(setting.queue.env['REDIS_URL']!)
  const process = setting.start({ ...OFTEN, REDIS_URL: relay.url, SYNC_GRACE: '110' })
  await goesOn(setting)
  relay.freeze()
  process.kill('SIGTERM')
  // With exit code 1 when its grace is over.
  expect(await process.run).toMatchObject({ code: 0, signal: null })
})

test.concurrent.each(LONG)(
  'a Redis that does not respond for two minutes costs two minutes',
  { timeout: 600_000 },
  async () => {
    await using setting = await openUnattended('redis')
    const relay = await relayTo(setting.queue.env['REDIS_URL']!)
    const process = setting.start({ ...OFTEN, REDIS_URL: relay.url })
    const url = await addressOf(process)
    await goesOn(setting)
    relay.freeze()
    const edit = await edits(setting)
    await new Promise((resolve) => setTimeout(resolve, 120_000))
    expect((await fetch(`${url}/readyz`)).status).toBe(503)
    relay.thaw()
    const began = performance.now()
    await goesOn(setting)
    await edit.arrive()
    expect(performance.now() - began).toBeLessThan(30_000)
    process.kill('SIGTERM')
    expect(await process.run).toMatchObject({ code: 0 })
    await expectNothingLost(setting)
  },
)
