/** `doctor` on an installation that works: what it shows, what it leaves alone, and the file it writes for others. */
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { readLeases } from '../../support/tables/fleet.ts'
import { insertParked } from '../../support/tables/progress.ts'
import { failOutcomes, failRuns } from '../../support/tables/runs.ts'
import { until } from '../../support/until.ts'
import { everyTable, leaks } from '../support/leaks.ts'
import { startProxy } from '../support/proxy.ts'
import { open, type Setting } from '../support/setting.ts'
import { ended, openUnattended, YEARLY } from '../support/unattended.ts'

interface Line {
  readonly check: string
  readonly level: 'ok' | 'warn' | 'fail' | 'skip'
  readonly message: string
  readonly remedy: string | null
  readonly code: string | null
  readonly facts: Record<string, unknown>
}

/** Runs `doctor --json`. */
async function examine({ run }: Setting, env: Parameters<Setting['run']>[1] = {}, options = {}) {
  const { code, stdout, stderr } = await run('doctor --json', { SYNC_RESOURCES: 'clients,tags', ...env }, options)
  expect(stderr).toBe('')
  const report = JSON.parse(stdout) as { lines: Line[]; counts: Record<string, number>; result: 'ok' | 'warn' | 'fail' }
  expect(Object.keys(report)).toEqual(['version', 'result', 'counts', 'lines'])
  for (const line of report.lines) {
    expect(Object.keys(line)).toEqual(['check', 'level', 'message', 'remedy', 'code', 'facts'])
    expect(line.remedy !== null, line.message).toBe(line.level === 'warn' || line.level === 'fail')
  }
  expect(code).toBe({ ok: 0, warn: 2, fail: 1 }[report.result])
  return { ...report, code, of: (check: string) => report.lines.filter((line) => line.check === check) }
}

test.concurrent('all is well: a line for each check in their order, exit 0, and nothing but token and rate limit is written', async () => {
  await using setting = await open()
  const { sql, run } = setting
  await run('pull clients tags', { SYNC_RATE: '50' })
  const before = await everyTable(sql)
  const report = await examine(setting, { SYNC_RATE: '50' })
  expect(report.lines.filter(({ level }) => level !== 'ok')).toEqual([])
  const of = (name: string) => `database.${name}`
  expect([...new Set(report.lines.map(({ check }) => check))]).toEqual(
    [
      ['configuration', 'database'],
      ['version', 'tls', 'rights', 'encoding', 'timeZone', 'connections', 'size', 'replication', 'pooler'].map(of),
      ['queue', 'clock.host', 'clock.scopestack', 'token', 'account', 'privileges', 'support'],
      ['drift', 'parked', 'edits', 'schedule', 'processes', 'success', 'disk', 'schema', 'views', 'history'],
    ].flat(),
  )
  expect(report.of('token')[0]!.facts).toMatchObject({ shared: true })
  expect(report.of('privileges')[0]!.facts).toMatchObject({ readable: 2 })
  expect(report.of('schedule').map(({ facts }) => (facts['next'] as string[]).length)).toEqual([3, 3])
  const after = new Map(await everyTable(sql))
  expect(before.filter(([name, text]) => after.get(name) !== text).map(([name]) => name)).toEqual(['sync.pace'])
  expect(after.size).toBe(before.length)

  const { stdout, stderr, code } = await run('doctor', { SYNC_RESOURCES: 'clients', SYNC_TIMEZONE: 'America/New_York' })
  expect(stderr).toBe('')
  expect(code).toBe(0)
  expect(stdout).toMatch(/^ok {4}Configuration {5}All can be used; \d+ settings given/)
  expect(stdout).toMatch(/^ok {4}Schedule .* full runs: (?:\d{4}-\d\d-\d\d 02:00(?:, )?){3} \(America\/New_York\)\.$/m)
  expect(stdout).toMatch(/\n\nAll is well\.\n$/)
})

test.concurrent('beside a working "start": no lease, few connections, the shared token, and no trace in its log', async () => {
  await using setting = await openUnattended('postgres')
  const { sim, sql, databaseUrl, start } = setting
  // A crowded machine would renew its locks too late.
  const started = start({ SYNC_RATE: '50', SYNC_TAKEOVER: '600' })
  await until(() => started.log().some(({ msg }) => msg === 'started'), 'it to be started')
  await ended(setting)
  const leases = await readLeases(sql, ['whole'])
  const warnings = () => started.log().filter(({ level }) => Number(level) >= 40).length
  const warned = warnings()
  const { tokenRequests } = sim.stats()
  const url = new URL(databaseUrl)
  url.searchParams.set('application_name', 'doctor')
  let most = 0
  const done = new AbortController()
  const watched = (async () => {
    while (!done.signal.aborted) {
      const [row] = await sql<{ count: number }[]>`
        select count(*)::int as count from pg_stat_activity where application_name = 'doctor'`
      most = Math.max(most, row!.count)
    }
  })()
  const same = { SYNC_SCHEDULE: YEARLY, SYNC_INCREMENTAL_SCHEDULE: 'off', SYNC_RESOURCES: 'clients', SYNC_RATE: '50' }
  const report = await examine(setting, { ...same, DATABASE_URL: url.href }).finally(() => done.abort())
  await watched
  expect(report.lines.filter(({ level }) => level !== 'ok')).toEqual([])
  expect(report.of('processes')[0]).toMatchObject({ level: 'ok', facts: { alive: 1 } })
  expect(most).toBeGreaterThan(0)
  expect(most).toBeLessThanOrEqual(3)
  expect(sim.stats().tokenRequests).toBe(tokenRequests)
  expect(await readLeases(sql, ['whole'])).toEqual(leases)
  expect(warnings(), JSON.stringify(started.log())).toBe(warned)
})

test.concurrent('the bundle has no secret in it, though the installation has one in every place', async () => {
  const clientSecret = 'kept-secret-4711-0815'
  await using setting = await open({ clientSecret })
  const { sim, sql, run, databaseUrl } = setting
  const secrets = {
    record: 'record-text-4711-0815',
    error: 'error-text-4711-0815',
    member: 'Member name 4711 0815',
    webhook: 'webhook-path-4711-0815',
    proxy: 'proxy-password-4711-0815',
    user: 'user-name-4711-0815',
    password: 'password-4711-0815',
    database: 'database-password-4711-0815',
    pasted: 'pasted-into-a-wrong-line-4711-0815',
    lost: 'lost-in-the-environment-4711-0815',
  }
  await sql.unsafe(`create role "${secrets.user}" login superuser password '${secrets.database}'`)
  try {
    const tag = sim.records.list('tags')[0]!.id
    sim.records.update('tags', tag, {
      attributes: { name: `n\u0000${secrets.record}`, [secrets.member]: secrets.record },
    })
    await run('pull clients tags surveys')
    await failOutcomes(sql, `Status 500: ${secrets.error} (SYNC_REMOTE_FAILED)`)
    await failRuns(sql, secrets.error)
    await insertParked(sql, { recordId: secrets.record, reason: secrets.error, body: secrets.record })
    const folder = await mkdtemp(join(tmpdir(), 'scopestack-sync-bundle-'))
    const file = join(folder, 'bundle.json')
    const url = new URL(databaseUrl)
    url.username = secrets.user
    url.password = secrets.database
    const env = {
      SYNC_RESOURCES: 'clients,tags,surveys',
      DATABASE_URL: url.href,
      ALERT_WEBHOOK_URL: `https://hooks.example/${secrets.webhook}`,
      HTTPS_PROXY: `http://${secrets.user}:${secrets.proxy}@proxy.example:3128`,
      SCOPESTACK_USERNAME: secrets.user,
      SCOPESTACK_PASSWORD: secrets.password,
      HTTP_HOST: secrets.pasted,
      SYNC_CONFLICT: 'park',
      SOMETHING_ELSE: secrets.lost,
    }
    for (const [wrong, name] of [
      [{}, 'a.json'],
      [
        {
          SYNC_RATE: secrets.pasted,
          SYNC_SCHEDULE: secrets.pasted,
          SYNC_TIMEZONE: secrets.pasted,
          SYNC_RESOURCES: secrets.pasted,
        },
        'b.json',
      ],
      [{ SCOPESTACK_CLIENT_SECRET: 'mistyped-4711-0815' }, 'c.json'],
    ] as const) {
      const place = join(folder, name)
      const { stdout, stderr } = await run(`doctor --bundle ${place}`, { ...env, ...wrong })
      expect(stdout, stderr).toContain(`Written: ${place}.`)
      expect((await stat(place)).mode & 0o777).toBe(0o600)
      const text = await readFile(place, 'utf8')
      expect(
        leaks(
          [[name, text]],
          [...Object.values(secrets), clientSecret, 'mistyped-4711-0815', sim.credentials.clientId],
        ),
      ).toEqual([])
      expect(text).not.toContain('4711')
      expect(stdout).not.toContain(clientSecret)
      const bundle = JSON.parse(text) as Record<string, unknown>
      expect(bundle).toMatchObject({
        format: 1,
        program: { node: process.version },
        settings: { grant: 'client_credentials', listens: 'other', webhook: true, proxy: true },
        status: { problems: expect.arrayContaining([{ what: 'resource', code: 'SYNC_REMOTE_FAILED' }]) as unknown },
        runs: [{ kind: 'pull', outcome: 'failed', failed: true, code: null }],
        parkedEdits: [],
      })
      expect(bundle['drift']).toContainEqual({ resource: 'tags', member: null, kind: 'undeclared' })
    }
    expect((await readdir(folder)).toSorted()).toEqual(['a.json', 'b.json', 'c.json'])

    await writeFile(file, 'mine')
    const refused = await run(`doctor --bundle ${file}`, env)
    expect(refused.code).toBe(64)
    expect(refused.stderr).toContain('exists already, and is not overwritten')
    expect(await readFile(file, 'utf8')).toBe('mine')
    const nowhere = await run(`doctor --bundle ${join(folder, 'no', 'where.json')}`, { SYNC_RESOURCES: 'tags' })
    expect(nowhere.code).toBe(1)
    expect(nowhere.stderr).toContain('(SYNC_NOT_WRITABLE)')
    await rm(folder, { recursive: true })
  } finally {
    await sql.unsafe(`drop role "${secrets.user}"`)
  }
})

test.concurrent('without a database a bundle is written all the same', async () => {
  await using setting = await open()
  const folder = await mkdtemp(join(tmpdir(), 'scopestack-sync-bundle-'))
  const file = join(folder, 'bundle.json')
  const { code } = await setting.run(`doctor --json --bundle ${file}`, {
    DATABASE_URL: 'postgres://u:p@127.0.0.1:1/d',
    SYNC_RESOURCES: 'tags',
  })
  expect(code).toBe(1)
  const bundle = JSON.parse(await readFile(file, 'utf8')) as { doctor: { check: string; code: string | null }[] }
  expect(bundle).toMatchObject({ status: null, runs: null, schema: null, support: null, drift: null, log: null })
  expect(bundle.doctor).toContainEqual(
    expect.objectContaining({ check: 'database', code: 'SYNC_DATABASE_UNREACHABLE', message: null }),
  )
  await rm(folder, { recursive: true })
})

test.concurrent('a host clock that is wrong, what a hostile server sends, and an embedded Postgres', async () => {
  await using setting = await open()
  const { sim, run } = setting
  const preload = fileURLToPath(new URL('../../support/process/shifted-clock.ts', import.meta.url))
  const off = { NODE_OPTIONS: `--import=${preload}`, SHIFT_SECONDS: '7200' }
  const cwd = await mkdtemp(join(tmpdir(), 'scopestack-sync-embedded-'))
  await chmod(cwd, 0o711)
  const embedded = { DATABASE_URL: undefined, SYNC_RESOURCES: 'tags' }
  const none = await examine(setting, { ...embedded, ...off }, { cwd })
  expect(none.of('database')[0]).toMatchObject({ level: 'warn' })
  expect(none.of('database')[0]!.message).toContain('There is no database yet: DATABASE_URL is empty')
  expect(none.of('clock.scopestack')[0]!.message).toBe("This host's clock is 2 hours ahead of ScopeStack's.")
  expect(await readdir(cwd)).toEqual([])

  await run('pull tags', embedded, { cwd })
  const skewed = await examine(setting, { ...embedded, ...off }, { cwd })
  expect(skewed.code).toBe(2)
  expect(skewed.of('clock.host')[0]!.message).toContain("This host's clock is 2 hours ahead of the database's.")
  expect(skewed.of('database')[0]!.facts).toEqual({ embedded: true })
  expect(skewed.of('disk')[0]!.facts['free']).toBeGreaterThan(0)
  expect(await readdir(join(cwd, '.scopestack-sync', 'data'))).not.toContain('postmaster.pid')
  await rm(cwd, { recursive: true })

  await using hostile = await startProxy(sim.url, {
    before: ({ url }) =>
      url === '/oauth/token'
        ? { status: 401, body: '{"error":"invalid_client","error_description":"\\u001b[2J\\u202egone\\nok    Token"}' }
        : undefined,
  })
  const { stdout, code } = await run('doctor', {
    SYNC_RESOURCES: 'tags',
    SCOPESTACK_AUTH_URL: hostile.url,
    SCOPESTACK_CLIENT_SECRET: 'another',
  })
  expect(code).toBe(1)
  expect(stdout).toMatch(/^fail {2}Token {13}ScopeStack refused the credentials .*gone.*\(SYNC_CREDENTIALS_REFUSED\)$/m)
  // eslint-disable-next-line no-control-regex
  expect(stdout).not.toMatch(/[\u001b\u202e]/)
  expect(stdout).not.toMatch(/^ok {4}Token/m)
})
