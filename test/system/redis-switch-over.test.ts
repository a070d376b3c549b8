/** Redis behind a running `start`: it changes its role, forgets its connections, or answers nobody for a while. */
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { startOwnRedis } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { startWireRelay } from '../support/wire-relay.ts'
import { addressOf, edits, openUnattended, runsOf, type Unattended } from './unattended.ts'

/** A run each second, so that one of them is always near. */
const OFTEN = { SYNC_SCHEDULE: '* * * * * *' }

async function ownRedis() {
  const server = await startOwnRedis()
  onTestFinished(() => server.stop())
  const redis = new Redis(server.url)
  onTestFinished(() => redis.disconnect())
  return { server, redis }
}

async function relayTo(url: string) {
  const relay = await startWireRelay(url)
  onTestFinished(() => relay[Symbol.asyncDispose]())
  return relay
}

const endedSince = async (setting: Unattended, id: number): Promise<boolean> =>
  (await runsOf(setting)).some((run) => run.id > id && run.finished_at !== null)

/** Runs that begin from now on end. */
async function goesOn(setting: Unattended): Promise<void> {
  const newest = Math.max(0, ...(await runsOf(setting)).map(({ id }) => id))
  await until(() => endedSince(setting, newest), 'a run to begin and end')
}

async function expectNothingLost(setting: Unattended): Promise<void> {
  const runs = await runsOf(setting)
  expect(runs.filter(({ finished_at, outcome }) => finished_at !== null && outcome !== 'ok')).toEqual([])
}

test('a primary that becomes a replica is left for the one that the address leads to', async () => {
  await using setting = await openUnattended('postgres')
  const [old, next] = [await ownRedis(), await ownRedis()]
  const relay = await relayTo(old.server.url)
  await next.redis.replicaof('127.0.0.1', old.server.port)
  const process = setting.start({ ...OFTEN, REDIS_URL: relay.url })
  const url = await addressOf(process)
  await goesOn(setting)

  await until(async () => (await next.redis.info('replication')).includes('master_link_status:up'), 'the copy')
  // The address still leads to it.
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

test('connections to Redis that were forgotten on the way are made anew', async () => {
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

test('SIGTERM does not wait for a Redis that answers nobody', async () => {
  await using setting = await openUnattended('redis')
  const relay = await relayTo(setting.queue.env['REDIS_URL']!)
  const process = setting.start({ ...OFTEN, REDIS_URL: relay.url, SYNC_GRACE: '110' })
  await goesOn(setting)
  relay.freeze()
  const began = performance.now()
  process.kill('SIGTERM')
  expect(await process.run).toMatchObject({ code: 0, signal: null })
  expect(performance.now() - began).toBeLessThan(100_000)
})

test.runIf(process.env['FAULTS'] === 'long')(
  'a Redis that answers nobody for two minutes costs two minutes',
  { timeout: 400_000 },
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
