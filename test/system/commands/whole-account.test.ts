/** Commands that read the whole account: each ends with the mirror of one first pull, which the tests share. */
import { afterAll, expect, test } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { createEmptyDatabase } from '../../support/postgres/database.ts'
import { readMemberColumns } from '../../support/tables/columns.ts'
import { readDrift } from '../../support/tables/progress.ts'
import { contents, jsonLines, open, versions } from '../support/setting.ts'

/** Its second run adds no column. */
const REPORTING = { SYNC_NEW_FIELDS: 'report' }

async function pullFirst() {
  const setting = await open({}, createEmptyDatabase())
  const { code, stderr } = await setting.run('pull')
  return { ...setting, code, stderr, mirror: await contents(setting.sql) }
}

let shared: ReturnType<typeof pullFirst> | undefined
const firstPull = () => (shared ??= pullFirst())
afterAll(async () => {
  const setting = await shared
  await setting?.[Symbol.asyncDispose]()
})

test.concurrent('a first pull loads every record, and a second one changes no row', async () => {
  const { sim, sql, run, mirror, ...first } = await firstPull()
  expect(first.code, first.stderr).toBe(0)
  const atRemote = sim.stats().records
  const counts = Object.fromEntries(mirror.map(({ table, rows }) => [table.replaceAll('_', '-'), rows]))
  for (const type of ['clients', 'projects', 'project-services', 'project-subservices', 'services', 'users', 'tags']) {
    expect(counts[type], type).toBe(atRemote[type])
  }
  const before = await versions(sql)

  const second = await run('pull', REPORTING)
  expect(second.code, second.stderr).toBe(0)
  expect(second.stdout).toMatch(/Run 2: \d+ ok · [\d,]+ records: 0 new, 0 changed, [\d,]+ unchanged/)
  const byDefault = [...catalog.values()].filter((resource) => resource.byDefault)
  expect(second.stdout).toContain(`Run 2: ${byDefault.length} ok · `)
  expect(await versions(sql)).toEqual(before)

  // What no release describes becomes columns, which is no change of a row; and the run after it writes nothing.
  const third = await run('pull')
  expect(third.code, third.stderr).toBe(0)
  expect(third.stdout).toMatch(/Run 3: \d+ ok · [\d,]+ records: 0 new, 0 changed, [\d,]+ unchanged/)
  const columns = await readMemberColumns(sql, ['resource', 'member', 'state', 'reason'])
  const bare = [...catalog.values()].filter(({ columns: own }) => own.every(({ from }) => from !== 'attribute'))
  expect(bare.length).toBeGreaterThan(20)
  const filled = bare.filter(({ table }) => mirror.some((one) => one.table === table && one.rows > 0))
  for (const { type } of filled) {
    expect(
      columns.filter(({ resource, state }) => resource === type && state === 'added'),
      type,
    ).not.toEqual([])
  }
  expect(columns.filter(({ state }) => state !== 'added')).toEqual([])
  const after = await versions(sql)
  const fourth = await run('pull')
  expect(fourth.stdout).toMatch(/Run 4: \d+ ok · [\d,]+ records: 0 new, 0 changed, [\d,]+ unchanged/)
  expect(await versions(sql)).toEqual(after)
  const verified = await run('verify')
  expect(verified.code, verified.stdout + verified.stderr).toBe(0)
  const listed = await run('columns list --json')
  expect(jsonLines(listed.stdout).all).toHaveLength(columns.length)
})

test.concurrent('the help-pages and the library profile give the same mirror', async () => {
  await using library = await open({ profile: 'library' })
  // Its largest page is 100: a request for 250 gets 400 without a body.
  const { code, stdout, stderr } = await library.run('pull', { SYNC_PAGE_SIZE: '250' })
  expect(code, stdout + stderr).toBe(0)
  expect(await contents(library.sql)).toEqual((await firstPull()).mirror)
  expect(await readDrift(library.sql, ['member'], { resource: 'clients', kind: 'refused' })).toMatchObject([
    { member: 'page[size]=250' },
  ])

  // The list facts are stored: nothing is refused a second time. Only the request for changes is new then.
  for (const refused of [1, undefined]) {
    library.sim.resetStats()
    const again = await library.run('pull clients projects', { SYNC_PAGE_SIZE: '250' })
    expect(again.stdout).toContain('0 new, 0 changed')
    expect(library.sim.stats().statuses['400']).toBe(refused)
  }
})

test.concurrent('two first pulls of everything at once end with the whole account', async () => {
  await using both = await open()
  for (const { code, stderr } of await Promise.all([both.run('pull', REPORTING), both.run('pull', REPORTING)])) {
    expect([0, 2], stderr).toContain(code)
  }
  expect(await contents(both.sql)).toEqual((await firstPull()).mirror)
})

test.concurrent('a first backfill of everything equals a first pull', async () => {
  await using filled = await open()
  const { code, stdout, stderr } = await filled.run('backfill')
  expect(code, stderr).toBe(0)
  expect(stdout).toMatch(/^Backfill of \d+ resources\.\n[\d,]+ records in \d+ lists: about \d+ requests\.\n/)
  expect(await contents(filled.sql)).toEqual((await firstPull()).mirror)
})
