import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { endCoolDown, holdLeasesWithoutSession, readTokens, releaseLeases } from '../../support/tables/fleet.ts'
import { insertTick, readRunOutcomes, readTicks } from '../../support/tables/runs.ts'
import { until } from '../../support/until.ts'
import {
  clientIds,
  ended,
  KINDS,
  openLongList,
  openUnattended,
  runsOf,
  served,
  type Started,
  type Unattended,
} from '../support/unattended.ts'

const DAY = 86_400
const PRELOAD = fileURLToPath(new URL('../../support/process/shifted-clock.ts', import.meta.url))

/** The environment of a host whose clock is wrong by so many seconds. */
const off = (seconds: number, more: Record<string, string> = {}): Record<string, string> => ({
  NODE_OPTIONS: `--import=${PRELOAD}`,
  SHIFT_SECONDS: String(seconds),
  ...more,
})

const clockLines = (process: Started) => process.log().filter(({ clock }) => clock !== undefined)

const isStarted = (process: Started) =>
  until(() => process.log().some(({ msg }) => msg === 'started'), 'it to be started')

/** Edits a client's domain by SQL, and returns it as ScopeStack has it then. */
async function arrives({ sim, sql }: Unattended, domain: string): Promise<void> {
  const [{ id } = { id: '' }] = await sql<{ id: string }[]>`select id from scopestack.clients order by id limit 1`
  await sql`update scopestack.clients set domain = ${domain} where id = ${id}`
  await until(() => sim.records.read('clients', id)?.attributes['domain'] === domain, `${domain} in ScopeStack`)
}

describe.concurrent.each(KINDS)('on %s', (kind) => {
  test.concurrent('hosts with clocks a day ahead and a day behind decide nothing by them, and report it', async () => {
    await using setting = await openUnattended(kind)
    const { sim, sql, start } = setting
    // The first process that requests a token leaves a cool-down.
    sim.addFault({ kind: '503', match: { path: '/oauth/token' }, count: 7 })
    const every = { SYNC_SCHEDULE: '* * * * * *' }
    const ahead = start({ ...off(DAY), ...every })
    await until(() => ahead.log().some(({ code }) => code === 'SYNC_TOKEN_FAILED'), 'a token request that failed')
    const cooling = (await readTokens(sql, ['coolDown'])).flatMap(({ coolDown }) => coolDown ?? [])
    if (kind === 'postgres') expect(Math.max(...cooling)).toBeLessThanOrEqual(30)
    await endCoolDown(sql)
    if (kind === 'redis') await setting.queue.wipe()

    const behind = start({ ...off(-DAY), ...every })
    const right = start(every)
    await ended(setting, 2)
    await arrives(setting, 'edited.example')
    await ended(setting, 4)

    const ticks = await readTicks(sql, ['at', 'isInTime'])
    expect(new Set(ticks.map(({ at }) => at.getTime())).size).toBe(ticks.length)
    // None before its time, and none that is due only by a clock a day behind.
    expect(ticks.filter(({ isInTime }) => !isInTime)).toEqual([])
    const runs = await runsOf(setting)
    expect(runs.filter(({ finishedAt }) => finishedAt !== null).every(({ outcome }) => outcome === 'ok')).toBe(true)
    for (const { startedAt, finishedAt } of await readRunOutcomes(sql, ['startedAt', 'finishedAt'])) {
      expect(startedAt <= finishedAt).toBe(true)
    }
    expect(sim.stats().tokenRequests).toBeLessThanOrEqual(2 + 7)

    for (const [process, said] of [
      [ahead, /^This host's clock is 24 hours ahead of the database's\. Nothing is decided by it;/],
      [behind, /^This host's clock is 24 hours behind the database's\. Nothing is decided by it;/],
    ] as const) {
      await isStarted(process)
      expect(clockLines(process)).toMatchObject([
        { level: 40, clock: 'host', msg: expect.stringMatching(said) as string },
      ])
      const url = process.log().find((line) => line['url'] !== undefined)!['url'] as string
      const ready = await fetch(`${url}/readyz`)
      expect(ready.status).toBe(200)
      expect(await ready.json()).toMatchObject({ status: 'ok', clock: expect.stringMatching(said) as string })
    }
    expect(clockLines(right)).toEqual([])
  })

  test.concurrent('a job that a killed host a day ahead had started or postponed is continued by a host with the right time', async () => {
    await using setting = await openLongList(kind)
    const { sql, queue, start } = setting
    const first = start(off(DAY))
    await served(setting, 20)
    first.kill('SIGKILL')
    await first.run
    const second = start(off(DAY))
    // Another run holds the resource: the job is postponed, again and again.
    await holdLeasesWithoutSession(sql)
    await until(async () => (await queue.job('run-1-clients'))!.started > 2, 'the job to be taken over and postponed')
    second.kill('SIGKILL')
    await second.run
    await releaseLeases(sql)
    start()
    await ended(setting)
    const { mirrored, remote } = await clientIds(setting)
    expect(mirrored).toEqual(remote)
    expect(await runsOf(setting)).toMatchObject([{ outcome: 'ok' }])
  })
})

test.concurrent('a future tick recorded by a host with a wrong clock does not keep other hosts from creating runs', async () => {
  await using setting = await openUnattended('postgres')
  const { sql, start } = setting
  await insertTick(sql, '1 day', 'by a host a day ahead')
  start({ SYNC_SCHEDULE: '* * * * *' })
  await ended(setting)
  expect(await readTicks(sql, [], { isInFuture: true })).toHaveLength(0)
})

test.concurrent('a clock that is changed during runs is reported, and again when it is right', async () => {
  await using setting = await openUnattended('postgres')
  const { sql, start } = setting
  const process = start({ ...off(-DAY, { SHIFT_AT_FIRST: 'no' }), SYNC_SCHEDULE: '* * * * * *' })
  await ended(setting, 2)
  expect(clockLines(process)).toEqual([])
  process.kill('SIGUSR2')
  await until(() => clockLines(process).length === 1, 'its clock being said to be behind')
  const before = (await runsOf(setting)).length
  await ended(setting, before + 2)
  await arrives(setting, 'meanwhile.example')
  expect(await readTicks(sql, [], { isInTime: false })).toHaveLength(0)
})
