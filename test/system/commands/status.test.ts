import { expect, test } from 'vitest'
import { createEmptyDatabase } from '../../support/postgres/database.ts'
import { until } from '../../support/until.ts'
import { fillClients, open } from '../support/setting.ts'

test.concurrent('status and migrate work from an empty database to a pulled account', async () => {
  await using setting = await open({}, createEmptyDatabase())
  const { sql, run } = setting
  const nothing = await run('status')
  expect(nothing).toMatchObject({ code: 1, stdout: '' })
  expect(nothing.stderr).toContain('no scopestack-sync tables yet. Run the command "migrate"')

  const migrations = await Promise.all([run('migrate'), run('migrate')])
  for (const { code, stdout, stderr } of [...migrations, await run('migrate')]) {
    expect(code, stderr).toBe(0)
    expect(stdout).toMatch(/^\S+:\d+\/\w+ has the schema of this version\.\n$/)
  }
  const [comments] = await sql<{ count: number }[]>`
    select count(*)::int from pg_description d join pg_class c on c.oid = d.objoid and d.objsubid = 0
    where c.relnamespace = 'scopestack'::regnamespace`
  expect(comments!.count).toBeGreaterThan(64)
  expect(await run('status')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('Nothing was pulled') as string,
  })

  await setting.pull('clients', 'tags')
  const { code, stdout } = await run('status', { SCOPESTACK_CLIENT_ID: undefined, SCOPESTACK_CLIENT_SECRET: undefined })
  expect(code).toBe(0)
  expect(stdout).toMatch(/^Account demo \(1001\)\n/)
  expect(stdout).toMatch(/^ {2}clients +ok +\d+ +just now +just now +every 24 h$/m)

  const json = JSON.parse((await run('status --json')).stdout) as { resources: object[] }
  expect(json).toMatchObject({ account: { id: '1001', slug: 'demo' }, parked: [] })
  expect(json.resources).toMatchObject([
    { resource: 'clients', lastOutcome: 'ok', interruptedAt: null },
    { resource: 'tags', lastOutcome: 'ok', interruptedAt: null },
  ])

  // As the release before left it.
  await sql`delete from sync.__drizzle_migrations where created_at = (select max(created_at) from sync.__drizzle_migrations)`
  const older = await run('changes list')
  expect(older).toMatchObject({ code: 1, stdout: '' })
  expect(older.stderr).toContain('those of an older version of scopestack-sync. Run the command "migrate"')
  const status = await run('status')
  expect(status.code).toBe(2)
  expect(status.stdout.replace(/\s+/g, ' ')).toContain('1 problem: The tables are those of an older version')
})

test.concurrent('resources that did not end ok are in status with their reason', async () => {
  await using setting = await open()
  const { sim, run } = setting
  sim.setSwitches({ forbidden: ['surveys'] })
  sim.records.update('tags', sim.records.list('tags')[0]!.id, { attributes: { name: 'n\u0000ul', colour: 'red' } })
  await run('pull surveys tags')
  const { code, stdout } = await run('status')
  expect(code).toBe(2)
  expect(stdout).toMatch(
    /^Account demo \(1001\)\n\n1 problem:\n {2}surveys forbidden: .*Give the role the "view" privilege/,
  )
  expect(stdout).toMatch(/^Not in the catalog, and kept in sync_extra: (.*, )?tags \d+\.$/m)
  expect(stdout).toContain('\nNo "start" runs.\n')
  const json = JSON.parse((await run('status --json')).stdout) as object
  expect(json).toMatchObject({ problems: [{ what: 'resource', name: 'surveys' }], processes: [] })
  expect((await run('status --all')).stdout).toContain(
    'tags: "colour" (string) is not in the catalog and kept in sync_extra.',
  )
})

test('after an interruption, status says after how many records the next pull resumes', async () => {
  await using setting = await open({ latency: 5 })
  const { sim, sql, run } = setting
  fillClients(sim, 500)
  const killed = run('pull clients', { SYNC_PAGE_SIZE: '10' })
  await until(() => (sim.stats().pages['clients']?.length ?? 0) > 25, '25 pages being served')
  killed.kill('SIGKILL')
  await killed
  const [{ rows } = { rows: 0 }] = await sql<{ rows: number }[]>`select count(*)::int as rows from scopestack.clients`
  expect(rows).toBeGreaterThan(0)

  const { code, stdout } = await run('status')
  expect(code).toBe(0)
  expect(stdout).toContain(
    `clients is being read, or was interrupted, behind ${rows} records; the next pull goes on there.`,
  )
  expect(stdout).toMatch(/^ {2}clients .*never complete/m)
  const json = JSON.parse((await run('status --json')).stdout) as object
  expect(json).toMatchObject({ resources: [{ resource: 'clients', interruptedAt: rows, dataAsOf: null }] })
})
