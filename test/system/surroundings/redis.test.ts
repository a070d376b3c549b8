import { expect, test } from 'vitest'
import { startOwnRedis } from '../../support/redis/redis-server.ts'
import { until } from '../../support/until.ts'
import { fillClients, open } from '../support/setting.ts'

test.concurrent('a Redis that goes away during a run does not stop it, and is reported', async () => {
  const redis = await startOwnRedis()
  await using setting = await open({ latency: 10 })
  const { sim, sql } = setting
  fillClients(sim, 500)
  const env = { REDIS_URL: redis.url, SYNC_RATE: '1000', SYNC_PAGE_SIZE: '10' }
  const pull = setting.run('pull clients', env)
  await until(() => (sim.stats().pages['clients']?.length ?? 0) > 5, 'the run being under way')
  await redis.stop()
  const { code, stdout, stderr } = await pull
  expect(code, stdout + stderr).toBe(0)
  expect(await sql`select from scopestack.clients`).toHaveLength(500)
  expect(stderr).toMatch(
    /"code":"SYNC_PACE_ALONE".*cannot be shared with the other workers .* with its own share, 1000 /,
  )
})

test.concurrent('a Redis that is not reachable is named, without its password', async () => {
  await using setting = await open()
  const redis = await startOwnRedis()
  await redis.stop()
  const url = redis.url.replace('//', '//:redis-password@')
  const { code, stderr } = await setting.run('pull tags', { REDIS_URL: url })
  expect(code).toBe(1)
  expect(stderr).toContain(`Redis at ${new URL(redis.url).host} cannot be reached: connect ECONNREFUSED`)
  expect(stderr).toContain('(SYNC_REDIS_UNREACHABLE)')
  expect(stderr).not.toContain('redis-password')
})
