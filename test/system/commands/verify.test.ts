/** `verify` from the command line. */
import { expect, test } from 'vitest'
import { withoutCapture } from '../../support/postgres/without-capture.ts'
import { readCheckpoints } from '../../support/tables/progress.ts'
import { until } from '../../support/until.ts'
import { fillClients, jsonLines, open } from '../support/setting.ts'

test('of many differences some are shown and all are counted; after the repair, verify says equal', async () => {
  await using setting = await open()
  const { sim, sql, run } = setting
  fillClients(sim, 60)
  await setting.pull('clients', 'vendors')
  const equal = await run('verify clients vendors')
  expect(equal).toMatchObject({ code: 0, stderr: '' })
  expect(equal.stdout).toMatch(
    /^✓ clients +60 {2}equal\n✓ vendors +\d+ {2}equal\n\n\d+ records of 2 resources: every row equals its record\.\n$/,
  )

  await withoutCapture(
    sql,
    (tx) => tx`update scopestack.clients set name = 'by hand' where id in (select id from scopestack.clients limit 50)`,
  )
  const found = await run('verify clients vendors')
  expect(found.code).toBe(2)
  expect(found.stdout).toMatch(/^! clients +60 {2}50 different\n/)
  expect(found.stdout.match(/^ {4}different {2}\d+\n {8}name: here "by hand", there ".+$/gm)).toHaveLength(20)
  expect(found.stdout).toContain('    … and 30 more; --json shows all\n')
  expect(found.stdout).toMatch(/: 50 differ\.\n$/)

  const json = await run('verify clients vendors --json')
  expect(json.code).toBe(2)
  const { all, last } = jsonLines(json.stdout)
  expect(all.filter(({ type }) => type === 'difference')).toHaveLength(50)
  expect(all[0]).toMatchObject({
    resource: 'clients',
    what: 'different',
    columns: [{ name: 'name', mirror: 'by hand' }],
  })
  expect(all.filter(({ type }) => type === 'verified')).toMatchObject([
    { resource: 'clients', read: 60, different: 50, repaired: 0, edited: 0, doubt: null },
    { resource: 'vendors', different: 0 },
  ])
  expect(last).toEqual({ type: 'end', resources: 2, unread: 0 })

  await sql`insert into scopestack.vendors (name) values ('On its way')`
  const edited = await run('verify vendors')
  expect(edited.code).toBe(0)
  expect(edited.stdout).toMatch(/^✓ vendors +\d+ {2}equal; 1 row with local edits was not compared\n/)
  expect(edited.stdout).toMatch(/: every other row equals its record; 1 row with local edits was not compared\.\n$/)

  const repaired = await run('verify clients vendors --repair')
  expect(repaired.code).toBe(2)
  expect(repaired.stdout).toMatch(/^! clients +60 {2}50 different; 50 repaired\n/)
  expect((await run('verify clients vendors')).code).toBe(0)
})

test('a forbidden resource is named and not equal, and one that the account does not have is no difference', async () => {
  await using setting = await open()
  const { sim, run } = setting
  // Neither its own list nor the lists that include it.
  sim.setSwitches({ missingLists: ['teams'], refusedIncludes: { users: ['teams'], 'business-units': ['teams'] } })
  await setting.pull('surveys', 'tags', 'teams')
  sim.setSwitches({ forbidden: ['surveys'] })
  const { code, stdout } = await run('verify surveys tags teams')
  expect(code).toBe(2)
  expect(stdout).toMatch(/^✗ surveys +not read: .*Give the role the "view" privilege/m)
  expect(stdout).toMatch(/^· teams +not offered by this account$/m)
  expect(stdout).toMatch(/^✓ tags +\d+ {2}equal$/m)
  expect(stdout).toMatch(/: 1 resource not read\.\n$/)
  const { all } = jsonLines((await run('verify surveys teams --json')).stdout)
  expect(all).toMatchObject([
    { type: 'unread', resource: 'surveys', code: 'SYNC_FORBIDDEN' },
    { type: 'absent', resource: 'teams' },
    { type: 'end', resources: 1, unread: 1 },
  ])
  expect((await run('verify tags teams')).code).toBe(0)

  // A resource that gave rows before is not taken for one that the account does not have.
  sim.setSwitches({ missingLists: ['teams', 'tags'] })
  const lost = await run('verify tags')
  expect(lost.code).toBe(2)
  expect(lost.stdout).toMatch(/^✗ tags +not read: /m)
})

test.each(['SIGINT', 'SIGTERM'] as const)('%s ends it, and it says that the next one begins anew', async (name) => {
  await using setting = await open()
  const { sim, sql, run } = setting
  fillClients(sim, 500)
  await setting.pull('clients')
  sim.addFault({ kind: 'slow', ms: 60_000, match: { type: 'clients', page: 2 } })
  sim.resetStats()
  const verify = run('verify clients --json', { SYNC_PAGE_SIZE: '10' })
  await until(() => (sim.stats().requests['GET /{account}/v1/clients'] ?? 0) > 20, '20 pages being asked for')
  verify.kill(name)
  const { code, stdout, stderr } = await verify
  expect(code).toBe(1)
  expect(stderr).toBe(
    'Stopped on request. What was repaired stays repaired; the next verify starts from the beginning. (SYNC_STOPPED)\n',
  )
  expect(jsonLines(stdout).last).toMatchObject({ type: 'error', code: 'SYNC_STOPPED' })
  expect(await readCheckpoints(sql, ['snapshotStartedAt'])).toEqual([{ snapshotStartedAt: null }])
})

test('before the first pull it says that there is nothing to compare, and an unknown resource is named', async () => {
  await using setting = await open()
  const { run } = setting
  const nothing = await run('verify clients')
  expect(nothing).toMatchObject({ code: 1, stdout: '' })
  expect(nothing.stderr).toContain('Run "pull" first.')
  const misspelt = await run('verify cleints')
  expect(misspelt).toMatchObject({ code: 64, stdout: '' })
  expect(misspelt.stderr).toContain('did you mean clients?')
})
