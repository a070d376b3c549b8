import { expect, test } from 'vitest'
import { lockWait } from '../../support/postgres/lock-waits.ts'
import { readRuns } from '../../support/tables/runs.ts'
import { until } from '../../support/until.ts'
import { fillClients, open, type Setting } from '../support/setting.ts'
import { writtenPages } from '../support/written-pages.ts'

const PAGES = 140
const PAGE_SIZE = 10
const RECORDS = PAGES * PAGE_SIZE
const CONCURRENCY = 4
/** Two more than the requests in flight, so that they never wait for each other. */
const CHAINS = CONCURRENCY + 2
/** Pages of each chain that a kill loses: two that are being written, and two that are requested meanwhile. */
const LOST = 4 * CHAINS
const ENV = { SYNC_PAGE_SIZE: String(PAGE_SIZE), SYNC_CONCURRENCY: String(CONCURRENCY) }

async function openLongList(): Promise<Setting> {
  // Each page takes long enough to be counted before the next ones arrive.
  const setting = await open({ latency: 5 })
  fillClients(setting.sim, RECORDS)
  return setting
}

const pagesServed = ({ sim }: Setting): number[] => sim.stats().pages['clients'] ?? []
/** A first read counts the records that its filters may hide: without filters, with the empty value, and with one value. */
const COUNTED = 1
const COUNTS = [COUNTED, COUNTED, COUNTED]

const served = (setting: Setting, count: number) =>
  until(() => pagesServed(setting).length >= count, `${count} pages being served`)

const rowsOf = async ({ sql }: Setting): Promise<number> =>
  (await sql<{ rows: number }[]>`select count(*)::int as rows from scopestack.clients`)[0]!.rows

async function expectWhole({ sql, sim }: Setting): Promise<void> {
  const ids = await sql<{ id: string }[]>`select id from scopestack.clients`
  expect(ids.map(({ id }) => id).sort()).toEqual(
    sim.records
      .list('clients')
      .map(({ id }) => id)
      .sort(),
  )
}

test.concurrent('a pull that is killed at any page resumes from its checkpoint', async () => {
  await using setting = await openLongList()
  const { sim, run } = setting
  let written = new Set<number>()

  for (const count of [1, 30, 45]) {
    sim.resetStats()
    const killed = run('pull clients', ENV)
    await served(setting, count)
    killed.kill('SIGKILL')
    expect((await killed).signal).toBe('SIGKILL')

    const asked = pagesServed(setting)
    expect(asked.filter((page) => written.has(page))).toEqual([])
    const now = await writtenPages(setting)
    expect(now.isSupersetOf(written)).toBe(true)
    expect(await rowsOf(setting)).toBe(now.size * PAGE_SIZE)
    // The requested pages that are lost, and the page that gives the length of the list.
    expect(asked.length - (now.size - written.size)).toBeLessThanOrEqual(LOST + 1)
    written = now
  }
  expect(written.size).toBeGreaterThan(20)

  sim.resetStats()
  const last = await run('pull clients', ENV)
  expect(last.code, last.stderr).toBe(0)
  const behind = (written.size * PAGE_SIZE).toLocaleString('en-US')
  expect(last.stdout).toContain(`goes on behind the ${behind} that were read before the interruption`)
  // Where chains meet, one requests a page that another has written, and gets 304.
  const left = Array.from({ length: PAGES }, (_, index) => index + 1).filter((page) => !written.has(page))
  expect(pagesServed(setting).toSorted((a, b) => a - b)).toEqual([...COUNTS, ...left])
  expect(sim.stats().statuses['304']).toBeLessThan(CHAINS)
  await expectWhole(setting)
  expect((await writtenPages(setting)).size).toBe(0)
})

test.concurrent('--full requests every page nevertheless', async () => {
  await using setting = await openLongList()
  const { sim, run } = setting
  const killed = run('pull clients', ENV)
  await served(setting, 35)
  killed.kill('SIGKILL')
  await killed

  sim.resetStats()
  const { code, stdout } = await run('pull clients --full', ENV)
  expect(code).toBe(0)
  expect(stdout).not.toContain('goes on behind')
  // Again the page that gives the length of the list, and those where chains meet.
  expect(sim.stats().requests['GET /{account}/v1/clients']).toBe(PAGES + 1 + CHAINS - 1 + COUNTS.length)
  await expectWhole(setting)
})

test.concurrent.each(['SIGTERM', 'SIGINT'] as const)(
  'on %s the page is committed and the run says how to go on',
  async (name) => {
    await using setting = await openLongList()
    const { sim, sql, run } = setting
    const asked = run('pull clients', ENV)
    await served(setting, 35)
    asked.kill(name)
    const { code, stderr } = await asked
    expect(code).toBe(1)
    expect(stderr).toBe(
      'Stopped on request. Run the same command again: it continues from the checkpoint. (SYNC_STOPPED)\n',
    )
    const written = await writtenPages(setting)
    expect(written.size).toBeGreaterThan(0)
    // The cursor covers exactly the rows that are written.
    const rows = written.size * PAGE_SIZE
    expect(await rowsOf(setting)).toBe(rows)
    expect(await readRuns(sql, ['outcome', 'error'])).toMatchObject([
      { outcome: 'failed', error: expect.stringContaining('Stopped on request') as string },
    ])

    sim.resetStats()
    const next = await run('pull clients', ENV)
    expect(next.code, next.stderr).toBe(0)
    expect(next.stdout).toContain(`goes on behind the ${rows} that were read before the interruption`)
    expect(pagesServed(setting).filter((page) => page > COUNTED && written.has(page))).toEqual([])
    await expectWhole(setting)
  },
)

test.concurrent('a second signal ends a pull without waiting', async () => {
  await using setting = await openLongList()
  const { sql, run } = setting
  // The table is locked, so that after the first signal alone the program would wait for the page to be committed.
  await sql.begin(async (tx) => {
    await tx`lock table scopestack.clients in access exclusive mode`
    const pull = run('pull clients', ENV)
    await lockWait(sql, 'scopestack.clients')
    pull.kill('SIGTERM')
    // Within half a second it counts as the same request.
    const state = { over: false }
    const ending = pull.finally(() => (state.over = true))
    await until(() => {
      pull.kill('SIGINT')
      return state.over
    }, 'a later signal to end it')
    expect(await ending).toMatchObject({ code: 1, signal: null })
  })
  const next = await run('pull clients', ENV)
  expect(next.code, next.stderr).toBe(0)
  await expectWhole(setting)
})
