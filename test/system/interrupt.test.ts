import { expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { fillClients, open, type Setting } from './setting.ts'

const PAGES = 200
const PAGE_SIZE = 10
const RECORDS = PAGES * PAGE_SIZE
const CONCURRENCY = 4
/** Asked for and not yet handed on. As many again may be in the middle of being written. */
const WINDOW = 2 * CONCURRENCY
const ENV = { SYNC_PAGE_SIZE: String(PAGE_SIZE), SYNC_CONCURRENCY: String(CONCURRENCY) }

async function openLongList(): Promise<Setting> {
  // Each page takes long enough to be counted before the next ones are there.
  const setting = await open({ latency: 5 })
  fillClients(setting.sim, RECORDS)
  return setting
}

const pagesServed = ({ sim }: Setting): number[] => sim.stats().pages['clients'] ?? []
const served = (setting: Setting, count: number) =>
  until(() => pagesServed(setting).length >= count, `${count} pages being served`)

async function nextPage({ sql }: Setting): Promise<number | null> {
  const [row] = await sql<{ page: number | null }[]>`
    select next_page as page from sync.cursors where resource = 'clients'`
  return row?.page ?? null
}

async function expectWhole({ sql, sim }: Setting): Promise<void> {
  const ids = await sql<{ id: string }[]>`select id from scopestack.clients`
  expect(ids.map(({ id }) => id).sort()).toEqual(
    sim.records
      .list('clients')
      .map(({ id }) => id)
      .sort(),
  )
}

test('killed at any page, a pull goes on behind what it had written', async () => {
  await using setting = await openLongList()
  const { sim, run } = setting
  let written = 1

  for (const count of [1, 40, 80]) {
    sim.resetStats()
    const killed = run('pull clients', ENV)
    await served(setting, count)
    killed.kill('SIGKILL')
    expect((await killed).signal).toBe('SIGKILL')

    const asked = pagesServed(setting)
    expect(Math.min(...asked)).toBe(written)
    const page = (await nextPage(setting)) ?? 1
    expect(page).toBeGreaterThanOrEqual(written)
    // What was asked for and is lost: the pages in flight, and those that were being written.
    expect(Math.max(...asked) - page, `at page ${page}`).toBeLessThan(2 * WINDOW)
    written = page
  }

  sim.resetStats()
  const last = await run('pull clients', ENV)
  expect(last.code, last.stderr).toBe(0)
  expect(last.stdout).toContain(`goes on at page ${written}`)
  const asked = pagesServed(setting)
  expect([...asked].sort((a, b) => a - b)).toEqual(Array.from({ length: PAGES - written + 1 }, (_, i) => written + i))
  await expectWhole(setting)
  expect(await nextPage(setting)).toBeNull()
})

test('--full begins at the first page all the same', async () => {
  await using setting = await openLongList()
  const { sim, run } = setting
  const killed = run('pull clients', ENV)
  await served(setting, 50)
  killed.kill('SIGKILL')
  await killed

  sim.resetStats()
  const { code, stdout } = await run('pull clients --full', ENV)
  expect(code).toBe(0)
  expect(stdout).not.toContain('goes on at page')
  expect(pagesServed(setting)).toHaveLength(PAGES)
  await expectWhole(setting)
})

test.each(['SIGTERM', 'SIGINT'] as const)('on %s the page is committed and the run says how to go on', async (name) => {
  await using setting = await openLongList()
  const { sim, sql, run } = setting
  const asked = run('pull clients', ENV)
  await served(setting, 50)
  asked.kill(name)
  const { code, stderr } = await asked
  expect(code).toBe(1)
  expect(stderr).toBe('Stopped on request. Run the same command again: it goes on where it stopped.\n(SYNC_STOPPED)\n')
  const page = (await nextPage(setting))!
  expect(page).toBeGreaterThan(1)
  // The cursor speaks of exactly the rows that are there.
  expect(await sql`select count(*)::int as rows from scopestack.clients`).toEqual([{ rows: (page - 1) * PAGE_SIZE }])
  expect(await sql`select outcome, error from sync.runs`).toMatchObject([
    { outcome: 'failed', error: expect.stringContaining('Stopped on request') as string },
  ])

  sim.resetStats()
  const next = await run('pull clients', ENV)
  expect(next.code, next.stderr).toBe(0)
  expect(next.stdout).toContain(`${(page - 1) * PAGE_SIZE} were read before the interruption; goes on at page ${page}`)
  expect(Math.min(...pagesServed(setting))).toBe(page)
  await expectWhole(setting)
})

test('whoever asks twice does not wait', async () => {
  await using setting = await openLongList()
  const { sql, run } = setting
  // Nobody can write to the table, so that the first signal alone would wait for the page to be committed.
  await sql.begin(async (tx) => {
    await tx`lock table scopestack.clients in access exclusive mode`
    const pull = run('pull clients', ENV)
    await until(
      () =>
        sql`select from pg_locks where not granted and relation = 'scopestack.clients'::regclass`.then(
          ({ count }) => count > 0,
        ),
      'a page that waits to be written',
    )
    pull.kill('SIGTERM')
    pull.kill('SIGINT')
    expect(await pull).toMatchObject({ code: 1, signal: null })
  })
  const next = await run('pull clients', ENV)
  expect(next.code, next.stderr).toBe(0)
  await expectWhole(setting)
})
