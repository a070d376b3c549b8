import { expect, test } from 'vitest'
import { startProxy } from '../support/proxy.ts'
import { contents, jsonLines, open } from '../support/setting.ts'

// These tests mostly wait for another attempt, so they run side by side.

test.concurrent('temporary faults of any kind are retried', async () => {
  await using calm = await open()
  await using stormy = await open()
  const { sim } = stormy
  for (const [type, kind] of Object.entries({
    phases: '500',
    clients: 'reset',
    projects: 'truncate',
    services: 'html',
    users: '502',
    vendors: 'lost-answer',
    tags: '503',
  } as const)) {
    sim.addFault({ kind, count: 3, match: { type } })
  }
  sim.addFault({ kind: 'truncate', afterBytes: 0, match: { type: 'contacts' } })
  sim.addFault({ kind: '500', match: { path: '/v1/me' } })
  sim.addFault({ kind: 'reset', match: { path: '/oauth/token' } })
  const types = [...new Set(sim.faults().flatMap(({ match }) => match?.type ?? []))].join(' ')
  const [undisturbed, ridden] = await Promise.all([calm.run(`pull ${types}`), stormy.run(`pull ${types}`)])
  expect(undisturbed.code).toBe(0)
  expect(ridden.code, ridden.stdout + ridden.stderr).toBe(0)
  expect(sim.faults().filter(({ count }) => count !== 0)).toEqual([])
  expect(await contents(stormy.sql)).toEqual(await contents(calm.sql))
})

test.concurrent('permanent faults fail their own resource only, each with its own sentence', async () => {
  await using setting = await open()
  const { sim, sql, run } = setting
  sim.setSwitches({ forbidden: ['surveys'] })
  sim.addFault({ kind: 'truncate', count: 'always', match: { type: 'tags' } })
  sim.addFault({ kind: 'html', count: 'always', match: { type: 'vendors' } })
  sim.addFault({ kind: '502', count: 'always', match: { type: 'users' } })
  sim.addFault({ kind: '404', count: 'always', match: { type: 'phases' } })
  const { code, stdout, stderr } = await run('pull')
  expect(code, stderr).toBe(2)
  expect(stderr).toBe('')
  const line = (resource: string) => stdout.split('\n').find((text) => text.startsWith(`✗ ${resource} `))
  expect(line('surveys')).toMatch(/forbidden: .*403.*Give the role the "view" privilege.*SYNC_RESOURCES/)
  expect(line('tags')).toMatch(/failed: .*tags.* cannot be reached: .*Check the network/)
  expect(line('vendors')).toMatch(/failed: .*vendors.* is not usable: it is HTML, .*a proxy, a login page/)
  expect(line('users')).toMatch(/failed: ScopeStack responded with 502 .*users.*report it to ScopeStack support/)
  expect(line('phases')).toMatch(/failed: .*no list .*phases.*404.*SYNC_RESOURCES/)
  expect(stdout).toMatch(/Run 1: .*60 ok/)

  const status =
    await sql`select resource, last_outcome from scopestack.sync_status where last_outcome <> 'ok' order by 1`
  expect(status).toMatchObject([
    { resource: 'phases', last_outcome: 'failed' },
    { resource: 'surveys', last_outcome: 'forbidden' },
    { resource: 'tags', last_outcome: 'failed' },
    { resource: 'users', last_outcome: 'failed' },
    { resource: 'vendors', last_outcome: 'failed' },
  ])

  // The repaired resource is ok in the next run.
  sim.setSwitches({ forbidden: [] })
  sim.removeFault()
  expect((await run('pull surveys tags vendors users phases')).code).toBe(0)
})

test.concurrent('after 429 the pull waits: Retry-After in seconds, as a date, or absent', async () => {
  await using setting = await open()
  const { sim, run } = setting
  sim.addFault({ kind: '429', match: { type: 'clients' }, retryAfter: 1, count: 2 })
  sim.addFault({ kind: '429', match: { type: 'tags' }, retryAfter: new Date(Date.now() + 3000).toUTCString() })
  sim.addFault({ kind: '429', match: { type: 'vendors' }, count: 3 })
  const { code, stdout, stderr } = await run('pull clients tags vendors')
  expect(code, stdout + stderr).toBe(0)
  expect(sim.faults().map(({ count }) => count)).toEqual([0, 0, 0])
})

test.concurrent('a Retry-After that is longer than the limit ends the run, and names the time', async () => {
  await using setting = await open()
  const { sim, run } = setting
  sim.addFault({ kind: '429', match: { type: 'clients' }, retryAfter: 3600, count: 'always' })
  const { code, stderr } = await run('pull clients tags users')
  expect(code).toBe(1)
  expect(stderr).toMatch(/asks to wait 3600 s .*continues from the checkpoint.*lower SYNC_RATE/)
})

test.concurrent('an API that is not reachable is reported with its address and what to check', async () => {
  await using setting = await open()
  const { code, stdout, stderr } = await setting.run('pull', { SCOPESTACK_API_URL: 'http://127.0.0.1:1' })
  expect(code).toBe(1)
  expect(stdout).toBe('')
  expect(stderr).toMatch(/^http:\/\/127\.0\.0\.1:1\/v1\/me cannot be reached: .*ECONNREFUSED.* Check the network/)
  expect(stderr).toContain('(SYNC_REMOTE_UNREACHABLE)')
})

test.concurrent('an account slug that the API does not know ends the run', async () => {
  await using setting = await open()
  await using proxy = await startProxy(setting.sim.url, {
    after: ({ url }, body) => (url === '/v1/me' ? body.replaceAll('"demo"', '"nowhere"') : body),
  })
  const { code, stdout, stderr } = await setting.run('pull --json', { SCOPESTACK_API_URL: proxy.url })
  expect(code, stdout).toBe(1)
  expect(stderr).toMatch(/knows no account "nowhere" \(404 at .*\), though \/v1\/me named it. Check SCOPESTACK_API_URL/)
  expect(jsonLines(stdout).last).toMatchObject({ type: 'error', code: 'SYNC_ACCOUNT_NOT_FOUND' })
})
