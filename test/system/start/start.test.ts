import { describe, expect, test } from 'vitest'
import { lockWait } from '../../support/postgres/lock-waits.ts'
import { expireLeases, insertLease, readLeases, releaseLeases } from '../../support/tables/fleet.ts'
import { readRunOutcomes, readTicks } from '../../support/tables/runs.ts'
import { until } from '../../support/until.ts'
import {
  clientIds,
  ended,
  KINDS,
  openLongList,
  openUnattended,
  PAGES,
  COUNTED,
  pagesServed,
  runsOf,
  served,
  type Unattended,
} from '../support/unattended.ts'
import { writtenPages } from '../support/written-pages.ts'

async function expectWhole(setting: Unattended): Promise<void> {
  const { mirrored, remote } = await clientIds(setting)
  expect(mirrored).toEqual(remote)
  expect(await readRunOutcomes(setting.sql, ['outcome', 'seen', 'pages'])).toMatchObject([
    { outcome: 'ok', seen: remote.length },
  ])
  expect(await runsOf(setting)).toMatchObject([{ outcome: 'ok' }])
}

/** Seconds from each tick to the next. */
async function stepsOf({ sql }: Unattended): Promise<number[]> {
  const seconds = (await readTicks(sql, ['at'])).map(({ at }) => at.getTime() / 1000)
  return seconds.slice(1).map((second, index) => second - seconds[index]!)
}

describe.concurrent.each(KINDS)('on %s', (kind) => {
  test.concurrent('three processes make one run of each tick, and none overlaps another', async () => {
    await using setting = await openUnattended(kind)
    const { sql, start } = setting
    const env = { SYNC_SCHEDULE: '* * * * * *' }
    const processes = [start(env), start(env), start(env)]
    await ended(setting, 4)
    // Of ticks that were missed only the newest is made up for: a machine that is late leaves some out, but not for long.
    await until(async () => /1,1,1/.test(String(await stepsOf(setting))), 'four ticks without one left out')
    for (const { kill } of processes) kill('SIGTERM')
    for (const { run } of processes) expect(await run).toMatchObject({ code: 0, signal: null })

    const ticks = await readTicks(sql, ['at', 'run', 'note'])
    expect((await stepsOf(setting)).filter((step) => step < 1)).toEqual([])
    const runs = await runsOf(setting)
    expect(ticks.flatMap((tick) => tick.run ?? []).map(Number)).toEqual(runs.map(({ id }) => id))
    for (const { note, run } of ticks) expect(note === null).toBe(run !== null)
    for (const [index, run] of runs.slice(1).entries()) {
      expect(run.startedAt.getTime()).toBeGreaterThanOrEqual(runs[index]!.finishedAt!.getTime())
    }
    // Whether handed over or not, every run that ended did so once and ok.
    expect(runs.filter(({ finishedAt }) => finishedAt !== null).every(({ outcome }) => outcome === 'ok')).toBe(true)
    const begun = processes.flatMap(({ log }) => log().filter(({ msg }) => msg === 'run begins'))
    expect(begun.map(({ run }) => Number(run)).sort((a, b) => a - b)).toEqual(runs.map(({ id }) => id))
  })

  test.concurrent('a worker that gets SIGTERM hands its job back, one that is killed leaves it, and another finishes: no page is read twice', async () => {
    await using setting = await openLongList(kind)
    const { sim, sql, queue, start } = setting
    // So long that a machine under load renews the lock of its job in time: the job is handed back, not taken over.
    const first = start({ SYNC_TAKEOVER: '60' })
    await served(setting, 12)
    first.kill('SIGTERM')
    expect(await first.run).toMatchObject({ code: 0, signal: null })
    // The page is committed, and no attempt is spent.
    const written = await writtenPages(setting)
    expect(written.size).toBeGreaterThan(0)
    expect(await sql`select from scopestack.clients`).toHaveLength(written.size * 10)
    expect(await queue.job('run-1-clients')).toMatchObject({ attempts: 0, stalled: 0 })
    expect(await runsOf(setting)).toMatchObject([{ finishedAt: null }])

    const again = (pages: ReadonlySet<number>) =>
      pagesServed(setting).filter((page) => page > COUNTED && pages.has(page))
    sim.resetStats()
    const second = start()
    await until(async () => (await writtenPages(setting)).size > written.size + 2, 'more pages to be committed')
    second.kill('SIGKILL')
    const more = await second.run.then(() => writtenPages(setting))
    expect(again(written)).toEqual([])

    sim.resetStats()
    start()
    await ended(setting)
    await expectWhole(setting)
    expect(again(more)).toEqual([])
    // The attempt that succeeded.
    expect(await queue.job('run-1-clients')).toMatchObject({ attempts: 1, stalled: 1 })
  })

  test.concurrent('a run whose queue is wiped and whose connections to Postgres are cut ends ok, and nothing is missing', async () => {
    await using setting = await openLongList(kind)
    const { sql, queue, start } = setting
    const first = start()
    const cut = () => sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and application_name like 'scopestack-sync%'`
    for (const [pages, fault] of [
      [12, cut],
      [24, () => queue.wipe()],
      [36, cut],
    ] as const) {
      await served(setting, pages)
      await fault()
    }
    await ended(setting)
    await expectWhole(setting)
    first.kill('SIGTERM')
    expect(await first.run).toMatchObject({ code: 0 })
  })

  test.concurrent('after the queue is wiped and the worker killed, another process creates the jobs again', async () => {
    await using setting = await openLongList(kind)
    const first = setting.start()
    await served(setting, 20)
    first.kill('SIGKILL')
    await first.run
    await setting.queue.wipe()
    setting.start()
    await ended(setting)
    await expectWhole(setting)
    expect(pagesServed(setting).length).toBeLessThan(2 * PAGES)
  })

  test.concurrent('a worker that resumes after its lease has expired writes nothing', async () => {
    await using setting = await openLongList(kind)
    const { sql, start } = setting
    const first = start()
    await served(setting, 20)
    // Not with an open transaction: other workers would have to wait for it.
    await until(async () => {
      first.kill('SIGSTOP')
      const open = await sql`
        select from pg_stat_activity
        where datname = current_database() and application_name like 'scopestack-sync%' and state <> 'idle'`
      if (open.count > 0) first.kill('SIGCONT')
      return open.count === 0
    }, 'a moment between two transactions')
    await expireLeases(sql)
    const second = start()
    await ended(setting)
    await expectWhole(setting)
    const before = await sql`select id, ctid::text, xmin::text from scopestack.clients order by id`
    const outcome = await readRunOutcomes(sql, ['whole'])
    first.kill('SIGCONT')
    first.kill('SIGTERM')
    expect(await first.run).toMatchObject({ code: 0, signal: null })
    expect(await sql`select id, ctid::text, xmin::text from scopestack.clients order by id`).toEqual(before)
    expect(await readRunOutcomes(sql, ['whole'])).toEqual(outcome)
    expect(await readLeases(sql, ['term'], { resource: 'clients' })).toEqual([{ term: 2 }])
    second.kill('SIGTERM')
    await second.run
  })

  test.concurrent('a job waits for a resource that another run holds, and spends no attempt', async () => {
    await using setting = await openUnattended(kind)
    const { sql, queue, start } = setting
    await insertLease(sql, 'clients', 7, 'infinity')
    start()
    const job = await until(async () => {
      const found = await queue.job('run-1-clients')
      return (found?.started ?? 0) > 1 && found
    }, 'the job to be tried a second time')
    expect(job).toMatchObject({ attempts: 0, stalled: 0 })
    await releaseLeases(sql)
    await ended(setting)
    await expectWhole(setting)
    expect(await queue.job('run-1-clients')).toMatchObject({ attempts: 1, stalled: 0 })
  })
})

test.concurrent('a second signal ends the process at once', async () => {
  await using setting = await openLongList('postgres')
  const { sql, start } = setting
  await sql.begin(async (tx) => {
    await tx`lock table scopestack.clients in access exclusive mode`
    const first = start()
    await lockWait(sql, 'scopestack.clients')
    first.kill('SIGTERM')
    await until(() => first.log().some(({ msg }) => String(msg).startsWith('stopping')), 'it to be stopping')
    // Within half a second it counts as the same request.
    const state = { over: false }
    const ending = first.run.finally(() => (state.over = true))
    await until(() => {
      first.kill('SIGTERM')
      return state.over
    }, 'a later signal to end it')
    expect(await ending).toMatchObject({ code: 1, signal: null })
  })
})

test.concurrent('jobs that do not end within the grace are left to other workers', async () => {
  await using setting = await openLongList('postgres')
  const { sql, start } = setting
  await sql.begin(async (tx) => {
    await tx`lock table scopestack.clients in access exclusive mode`
    const first = start({ SYNC_GRACE: '1' })
    await lockWait(sql, 'scopestack.clients')
    first.kill('SIGTERM')
    expect(await first.run).toMatchObject({ code: 1, signal: null })
    expect(first.log().at(-1)).toMatchObject({ msg: expect.stringContaining('SYNC_GRACE is over') as string })
  })
  start()
  await ended(setting)
  await expectWhole(setting)
})
