import { expect, test } from 'vitest'
import { createEmptyDatabase } from '../../support/postgres/database.ts'
import { lockWait } from '../../support/postgres/lock-waits.ts'
import { bindAccount, readBoundAccount } from '../../support/tables/fleet.ts'
import { readRuns } from '../../support/tables/runs.ts'
import { contents, open } from '../support/setting.ts'

test.concurrent('without a database the message names what was tried, why it failed and what to check', async () => {
  await using setting = await open()
  for (const command of ['pull', 'status', 'migrate']) {
    const { code, stdout, stderr } = await setting.run(command, {
      DATABASE_URL: 'postgres://me:hidden@127.0.0.1:1/books',
    })
    expect(code, command).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/^Postgres at 127\.0\.0\.1:1\/books cannot be reached: .*ECONNREFUSED.* Check that it runs/)
    expect(stderr).toContain('(SYNC_DATABASE_UNREACHABLE)')
    expect(stderr).not.toContain('hidden')
  }
  expect(setting.sim.stats().tokenRequests).toBe(0)
})

test.concurrent('a server that rejects the role or has no such database is reported in one sentence', async () => {
  await using setting = await open()
  const outsider = new URL(setting.databaseUrl)
  outsider.username = 'no_such_user'
  outsider.password = 'hidden'
  const nowhere = new URL(setting.databaseUrl)
  nowhere.pathname = '/no_such_database'
  for (const [url, why] of [
    [outsider, /rejected the connection: .*no_such_user.* Check user, password/],
    [nowhere, /rejected the connection: .*"no_such_database" does not exist/],
  ] as const) {
    const { code, stderr } = await setting.run('pull', { DATABASE_URL: url.href })
    expect(code).toBe(1)
    expect(stderr).toMatch(why)
    expect(stderr).toContain('(SYNC_DATABASE_REFUSED)')
    expect(stderr).not.toContain('hidden')
  }
})

test.concurrent('a role without rights is reported with the rights that it needs', async () => {
  await using setting = await open({}, createEmptyDatabase())
  const { sql, run, databaseUrl } = setting
  const role = `reader_${process.pid}`
  await sql.unsafe(`create role ${role} login password 'reader'`)
  try {
    const url = new URL(databaseUrl)
    url.username = role
    url.password = 'reader'
    const { code, stderr } = await run('migrate', { DATABASE_URL: url.href })
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /needs schema scopestack, .*may not create schemas in this database.*: grant create on database "/,
    )
  } finally {
    await sql.unsafe(`drop role ${role}`)
  }
})

test.concurrent('a database that mirrors another account is not changed', async () => {
  await using setting = await open()
  const { sim, sql, run } = setting
  await setting.pull('clients', 'tags')
  await bindAccount(sql, '77', 'other')
  const before = await contents(sql)
  sim.records.create('clients', { attributes: { name: 'New here' } })

  const { code, stderr } = await run('pull')
  expect(code).toBe(1)
  expect(stderr).toContain(
    'This database mirrors account 77 (other), but the credentials belong to account 1001 (demo)',
  )
  expect(stderr).toContain('(SYNC_WRONG_ACCOUNT)')
  expect(await contents(sql)).toEqual(before)
  expect(await readBoundAccount(sql, ['accountId'])).toEqual([{ accountId: '77' }])
  expect(await readRuns(sql, ['id'])).toHaveLength(1)
})

test('a connection that is cut during a write loses nothing', async () => {
  await using setting = await open()
  const { sim, sql, run } = setting
  const pull = await sql.begin(async (tx) => {
    await tx`lock table scopestack.clients in access exclusive mode`
    const running = run('pull clients')
    const writer = await lockWait(sql, 'scopestack.clients')
    await sql`select pg_terminate_backend(${writer})`
    // Awaited only after the lock is released.
    return { running }
  })
  const { code, stdout, stderr } = await pull.running
  expect(code, stdout + stderr).toBe(0)
  expect(await sql`select from scopestack.clients`).toHaveLength(sim.records.list('clients').length)
})
