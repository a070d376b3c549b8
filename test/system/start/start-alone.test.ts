import { expect, test } from 'vitest'
import { startOwnRedis } from '../../support/redis/redis-server.ts'
import { readParked } from '../../support/tables/progress.ts'
import { readRunOutcomes, readRuns, readTicks, tickEarlier } from '../../support/tables/runs.ts'
import { until } from '../../support/until.ts'
import {
  addressOf,
  clientIds,
  ended,
  openLongList,
  openUnattended,
  runsOf,
  served,
  YEARLY,
} from '../support/unattended.ts'

test.concurrent('a missed tick is run once, and one that was not missed is not run again', async () => {
  await using setting = await openUnattended('postgres')
  const { sql, start } = setting
  const first = start()
  await ended(setting)
  first.kill('SIGTERM')
  expect(await first.run).toMatchObject({ code: 0 })

  const again = start()
  await until(() => again.log().some(({ msg }) => msg === 'started'), 'it to be started')
  await until(async () => (await fetch(`${await addressOf(again)}/readyz`)).ok, 'it to be ready')
  again.kill('SIGTERM')
  await again.run
  expect(await runsOf(setting)).toHaveLength(1)

  // As if the newest two had passed while nothing ran.
  await tickEarlier(sql, '2 years')
  start()
  await ended(setting, 2)
  expect(await runsOf(setting)).toMatchObject([{ outcome: 'ok' }, { outcome: 'ok' }])
  expect(await readTicks(sql, [])).toHaveLength(1 + 1)
})

test.concurrent('a tick during its own run is recorded and skipped', async () => {
  await using setting = await openLongList('postgres')
  const { sql, start } = setting
  const process = start({ SYNC_SCHEDULE: '* * * * * *', SYNC_CONCURRENCY: '1' })
  await until(() => process.log().some(({ msg }) => String(msg).startsWith('Skipped')), 'a tick to be skipped')
  const [run] = await ended(setting)
  const skipped = (await readTicks(sql, ['run', 'note'])).filter(({ note }) => note !== null)
  expect(skipped[0]).toMatchObject({ run: null, note: 'Skipped: the full run before it was still going.' })
  expect(run).toMatchObject({ outcome: 'ok' })
})

test.concurrent('403 for one area leaves the others ok, and names the missing privilege', async () => {
  await using setting = await openUnattended('postgres')
  const { sim, sql, start } = setting
  sim.addFault({ kind: '403', match: { type: 'tags' }, count: 'always' })
  // So long that a machine under load renews the locks of jobs in time: else the log says that it did not.
  const process = start({ SYNC_RESOURCES: 'clients,projects,tags', SYNC_TAKEOVER: '60' })
  await ended(setting)
  expect(await runsOf(setting)).toMatchObject([{ outcome: 'forbidden' }])
  expect(await readRunOutcomes(sql, ['resource', 'outcome', 'message'])).toMatchObject([
    { resource: 'clients', outcome: 'ok' },
    { resource: 'projects', outcome: 'ok' },
    { resource: 'tags', outcome: 'forbidden', message: expect.stringContaining('"view" privilege') as string },
  ])
  await until(() => process.log().some(({ msg }) => msg === 'run ends'), 'the end of the run in the log')
  expect(process.log().filter(({ level }) => Number(level) >= 40)).toMatchObject([
    { resource: 'tags', outcome: 'forbidden', code: 'SYNC_FORBIDDEN' },
    { msg: 'run ends', run: 1, outcome: 'forbidden', resources: 3, notOk: 1 },
  ])
})

test.concurrent('documents that depend on a list are read after it', async () => {
  await using setting = await openUnattended('postgres')
  const { sql, start } = setting
  start({ SYNC_RESOURCES: 'merge-data,projects', SYNC_PAGE_SIZE: '2' })
  await ended(setting)
  const of = async (resource: string) => (await readRunOutcomes(sql, ['startedAt', 'finishedAt'], { resource }))[0]!
  const [projects, documents] = [await of('projects'), await of('merge-data')]
  expect(projects.finishedAt.getTime()).toBeLessThanOrEqual(documents.startedAt.getTime())
  const parked = (await readParked(sql, [])).length
  expect((await sql`select from scopestack.merge_data`).count + parked).toBe(
    (await sql`select from scopestack.projects`).count,
  )
})

test.concurrent('credentials that are refused during a run end it, and its other resources are not tried', async () => {
  await using setting = await openLongList('postgres')
  const { sim, sql, start } = setting
  start({ SYNC_RESOURCES: 'clients,projects,tags' })
  await served(setting, 20)
  sim.addFault({ kind: '401', count: 'always', match: { path: '/demo/v1/' } })
  sim.revokeTokens()
  await ended(setting)
  expect(await readRuns(sql, ['outcome', 'error'])).toMatchObject([
    { outcome: 'failed', error: expect.stringContaining('responded with 401') as string },
  ])
})

test.concurrent('/healthz is alive at once, and /readyz names what is missing', async () => {
  await using setting = await openUnattended('postgres')
  const { sql, start } = setting
  const process = start()
  const url = await addressOf(process)
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  const ready = await until(async () => {
    const response = await fetch(`${url}/readyz`)
    return response.ok ? response : undefined
  }, 'it to be ready')
  expect(await ready.json()).toEqual({
    status: 'ok',
    clock: 'ok',
    database: 'ok',
    queue: 'ok',
    started: 'ok',
    scheduler: expect.stringMatching(/^last turn \d+ s ago$/) as string,
    worker: expect.stringMatching(/^(?:at 1 job, )?last poll \d+ s ago$/) as string,
    push: expect.stringMatching(/^last turn \d+ s ago$/) as string,
  })

  await sql`update sync.__drizzle_migrations set created_at = 1`
  const response = await fetch(`${url}/readyz`)
  expect(response.status).toBe(503)
  expect(await response.json()).toMatchObject({
    status: 'not ready',
    database: expect.stringContaining('older version') as string,
  })
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  expect((await fetch(`${url}/other`)).status).toBe(404)
  expect((await fetch(`${url}/healthz`, { method: 'POST' })).status).toBe(405)
})

test.concurrent('a scheduler and a worker in separate processes run the schedule', async () => {
  await using setting = await openUnattended('postgres')
  const { start } = setting
  const scheduler = start({ SCOPESTACK_CLIENT_SECRET: '' }, 'scheduler')
  await until(async () => (await runsOf(setting)).length === 1, 'the run to be opened')
  const open = await setting.run('status')
  expect(open.stdout).toMatch(/Run 1 \(full\) goes on since just now: 0 of 1 resources done\./)
  start({}, 'worker')
  await ended(setting)
  const { stdout } = await setting.run('status', { SYNC_SCHEDULE: '0 2 * * *', SYNC_TIMEZONE: 'America/New_York' })
  expect(stdout).toMatch(/Run 1 \(full\) ended just now: ok/)
  expect(stdout).toMatch(/Next full run: \d{4}-\d\d-\d\d 0[67]:00 UTC\./)
  scheduler.kill('SIGTERM')
  expect(await scheduler.run).toMatchObject({ code: 0 })
})

test.concurrent('all mistakes in the settings are named, and nothing is started', async () => {
  await using setting = await openUnattended('postgres')
  const { start, sim } = setting
  const schedules = await start({ SYNC_SCHEDULE: '0 25 * * *', SYNC_INCREMENTAL_SCHEDULE: '0 0 31 2 *' }).run
  expect(schedules.code).toBe(78)
  expect(schedules.stderr).toMatch(
    /SYNC_SCHEDULE is no cron pattern .*hour.*\n.*SYNC_INCREMENTAL_SCHEDULE .* never due/,
  )
  const settings = await start({
    SYNC_TIMEZONE: 'Mars/Phobos',
    SYNC_GRACE: '0',
    SYNC_TAKEOVER: 'soon',
    HTTP_PORT: '70000',
    REDIS_URL: 'localhost',
    ALERT_WEBHOOK_URL: 'http://example.org/secret',
  }).run
  expect(settings.code).toBe(78)
  for (const name of ['TIMEZONE', 'GRACE', 'TAKEOVER']) expect(settings.stderr).toContain(`SYNC_${name} must be`)
  for (const name of ['HTTP_PORT', 'REDIS_URL', 'ALERT_WEBHOOK_URL']) expect(settings.stderr).toContain(`${name} must`)
  expect(settings.stderr).not.toContain('secret')
  expect((await setting.run('start --only cook')).code).toBe(64)
  expect(sim.stats().tokenRequests).toBe(0)
  expect(await runsOf(setting)).toHaveLength(0)
})

test.concurrent('a port that is taken ends the start with a sentence', async () => {
  await using setting = await openUnattended('postgres')
  const port = new URL(setting.sim.url).port
  const { code, stderr } = await setting.start({ HTTP_PORT: port }).run
  expect(code).toBe(78)
  expect(stderr).toContain(`Port ${port} of 127.0.0.1 cannot be used`)
})

test.concurrent('a Redis that may evict jobs is rejected, with the remedy', async () => {
  await using setting = await openUnattended('postgres')
  const redis = await startOwnRedis({ args: ['--maxmemory-policy', 'allkeys-lru'] })
  try {
    const { code, stderr } = await setting.start({ REDIS_URL: redis.url }).run
    expect(code).toBe(1)
    expect(stderr).toMatch(/maxmemory-policy is allkeys-lru.* Set maxmemory-policy to noeviction/)
    expect(stderr).toContain('(SYNC_REDIS_UNFIT)')
  } finally {
    await redis.stop()
  }
})

test.concurrent('a run whose Redis is killed and comes back empty ends ok, and nothing is missing', async () => {
  await using setting = await openLongList('postgres')
  const first = await startOwnRedis()
  const process = setting.start({ REDIS_URL: first.url, SYNC_SCHEDULE: YEARLY })
  await served(setting, 20)
  await first.stop()
  const second = await startOwnRedis({ port: first.port })
  try {
    await ended(setting)
    const { mirrored, remote } = await clientIds(setting)
    expect(mirrored).toEqual(remote)
    expect(await runsOf(setting)).toMatchObject([{ outcome: 'ok' }])
    process.kill('SIGTERM')
    expect(await process.run).toMatchObject({ code: 0 })
  } finally {
    await second.stop()
  }
})
