import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runCli } from '../../support/process/cli.ts'
import { open } from '../support/setting.ts'

const CREDENTIALS = { SCOPESTACK_CLIENT_ID: 'id', SCOPESTACK_CLIENT_SECRET: 'a-secret-value' }

test.concurrent('all mistakes are reported at once, without the values', async () => {
  const { code, stdout, stderr } = await runCli(['pull'], {
    env: {
      SCOPESTACK_CLIENT_SECRET: 'a-secret-value',
      SCOPESTACK_API_URL: 'http://api.example.com',
      SCOPESTACK_AUTH_URL: 'app.example.com',
      DATABASE_URL: 'mysql://user:a-secret-value@host/db',
      SYNC_RATE: '8o80',
      SYNC_CONCURRENCY: '0',
      SYNC_PAGESIZE: '50',
      SCOPESTACK_CLIENTID: 'id',
      LOG_LEVEL: 'loud',
    },
  })
  expect(code).toBe(78)
  expect(stdout).toBe('')
  expect(stderr).toContain('The configuration has 9 mistakes:')
  for (const line of [
    'SYNC_PAGESIZE is not a setting. Did you mean SYNC_PAGE_SIZE?',
    'SCOPESTACK_CLIENTID is not a setting. Did you mean SCOPESTACK_CLIENT_ID?',
    'SCOPESTACK_CLIENT_ID is missing',
    'SCOPESTACK_AUTH_URL must be an address such as https://',
    'SCOPESTACK_API_URL must begin with https://',
    'DATABASE_URL must look like postgres://',
    'SYNC_RATE must be a number',
    'SYNC_CONCURRENCY must be between 1 and 64',
    'LOG_LEVEL must be one of',
  ]) {
    expect(stderr).toContain(`  - ${line}`)
  }
  expect(stderr).toContain('(SYNC_CONFIG)')
  expect(stderr).not.toContain('a-secret-value')
})

test.concurrent('invalid names, schedules, time zones and addresses are among them, for every command', async () => {
  const env = {
    ...CREDENTIALS,
    SYNC_SHEDULE: 'off',
    SYNC_SCHEDULE: '0 25 * * *',
    SYNC_INCREMENTAL_SCHEDULE: '0 0 31 2 *',
    SYNC_TIMEZONE: 'Mars/Phobos',
    SYNC_CONFLICT: 'mine',
    SYNC_RESOURCES: 'client,tags,projcts',
    SYNC_HISTORY: 'projects,vendor,al',
    HTTPS_PROXY: 'socks5://host:1',
  }
  for (const command of ['start', 'pull', 'status']) {
    const { code, stderr } = await runCli([command], { env })
    expect(code, command).toBe(78)
    expect(stderr).toContain('The configuration has 10 mistakes:')
    for (const line of [
      'SYNC_SHEDULE is not a setting. Did you mean SYNC_SCHEDULE?',
      'SYNC_SCHEDULE is no cron pattern',
      'SYNC_INCREMENTAL_SCHEDULE is no cron pattern',
      'SYNC_TIMEZONE must be the IANA name of a time zone',
      'SYNC_CONFLICT: "mine" is none of park, remote-wins, local-wins.',
      'SYNC_RESOURCES: "client" is no resource; did you mean clients?',
      'SYNC_RESOURCES: "projcts" is no resource; did you mean projects?',
      'SYNC_HISTORY: "vendor" is no resource; did you mean vendors?',
      'SYNC_HISTORY: "al" is no resource; did you mean all?',
      'HTTPS_PROXY must be the address of an HTTP proxy',
    ]) {
      expect(stderr).toContain(`  - ${line}`)
    }
  }
  const typed = await runCli(['pull', 'client'], { env: CREDENTIALS })
  expect(typed.code).toBe(64)
  expect(typed.stderr).toContain('"client" is no resource; did you mean clients?')
})

test.concurrent('only commands that need credentials require them', async () => {
  const { code, stderr } = await runCli(['pull'])
  expect(code).toBe(78)
  expect(stderr).toMatch(
    /2 mistakes:\n {2}- SCOPESTACK_CLIENT_ID is missing\. .*\n {2}- SCOPESTACK_CLIENT_SECRET is missing\. /,
  )
})

test.concurrent('in production the embedded Postgres is not started', async () => {
  for (const command of ['pull', 'status']) {
    const { code, stderr } = await runCli([command], { env: { ...CREDENTIALS, NODE_ENV: 'production' } })
    expect(code, command).toBe(78)
    expect(stderr).toContain('DATABASE_URL is missing.')
  }
})

test.concurrent('wrong arguments end with 64 and refer to the help', async () => {
  const said = async (...args: string[]) => {
    const { code, stdout, stderr } = await runCli(args)
    expect(code, args.join(' ')).toBe(64)
    expect(stdout).toBe('')
    return stderr
  }
  expect(await said('pul')).toMatch(/unknown command 'pul'[^]*Did you mean pull\?[^]*Try: scopestack-sync --help/)
  expect(await said('pull', '--ful')).toMatch(/unknown option '--ful'[^]*Try: scopestack-sync pull --help/)
  expect(await said('migrate', 'now')).toMatch(/too many arguments[^]*Try: scopestack-sync migrate --help/)
  expect(await said('demo', '--projects', 'many')).toContain('--projects takes a whole number from 1 up, not "many"')
})

test.concurrent('help goes to stdout and ends with 0', async () => {
  const all = await runCli(['--help'])
  expect(all).toMatchObject({ code: 0, stderr: '' })
  for (const verb of ['demo', 'pull', 'status', 'migrate', 'simulator']) {
    expect(all.stdout).toMatch(new RegExp(`^  ${verb} `, 'm'))
  }
  const own = await runCli(['pull', '--help'])
  expect(own).toMatchObject({ code: 0, stderr: '' })
  expect(own.stdout).toContain('Usage: scopestack-sync pull [options] [resource...]')
})

test.concurrent('a secret may come from a file, but not from two places', async () => {
  await using setting = await open()
  const { run, env } = setting
  const folder = await mkdtemp(join(tmpdir(), 'scopestack-sync-secrets-'))
  try {
    const [secret, url, empty] = ['secret', 'url', 'empty'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ]
    await writeFile(secret, `${env['SCOPESTACK_CLIENT_SECRET']}\n`)
    await writeFile(url, `${env['DATABASE_URL']}\n`)
    await writeFile(empty, '\n')
    const fromFiles = {
      SCOPESTACK_CLIENT_SECRET: undefined,
      DATABASE_URL: undefined,
      SCOPESTACK_CLIENT_SECRET_FILE: secret,
      DATABASE_URL_FILE: url,
    }
    const good = await run('pull tags', fromFiles)
    expect(good.code, good.stderr).toBe(0)

    const refused = async (more: Record<string, string | undefined>) => {
      const { code, stderr } = await run('pull tags', { ...fromFiles, ...more })
      expect(code).toBe(78)
      return stderr
    }
    expect(await refused({ SCOPESTACK_CLIENT_SECRET: 'another' })).toContain(
      'SCOPESTACK_CLIENT_SECRET and SCOPESTACK_CLIENT_SECRET_FILE are both set. Remove one of them.',
    )
    expect(await refused({ SCOPESTACK_CLIENT_SECRET_FILE: join(folder, 'nowhere') })).toMatch(
      /SCOPESTACK_CLIENT_SECRET_FILE cannot be read: .*ENOENT/,
    )
    expect(await refused({ SCOPESTACK_CLIENT_SECRET_FILE: empty })).toContain(`names ${empty}, which is empty`)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test.concurrent('ambiguous lines of .env are reported, and an unreadable .env is one sentence', async () => {
  const cwd = await mkdtemp(join(tmpdir(), 'scopestack-sync-env-'))
  try {
    await writeFile(join(cwd, '.env'), '\uFEFFSYNC_RATE=fast\r\nSCOPESTACK_CLIENT_SECRET=half#of-it\r\n')
    const cut = await runCli(['pull'], { cwd, env: { SCOPESTACK_CLIENT_ID: 'id' } })
    expect(cut.code).toBe(78)
    expect(cut.stderr).toMatch(/^\.env, line 2: the value of SCOPESTACK_CLIENT_SECRET ends before its #/)
    expect(cut.stderr).toContain('The configuration has 1 mistake:\n  - SYNC_RATE must be a number')
    expect(cut.stderr).not.toMatch(/half|of-it/)

    await rm(join(cwd, '.env'))
    await mkdir(join(cwd, '.env'))
    const folder = await runCli(['status'], { cwd })
    expect(folder.code).toBe(78)
    expect(folder.stderr).toMatch(
      /^The configuration has 1 mistake:\n {2}- \.env cannot be read: EISDIR.*\n\(SYNC_CONFIG\)\n$/,
    )
    await rm(join(cwd, '.env'), { recursive: true })

    await writeFile(join(cwd, '.env'), 'SYNC_RATE=fast\n', { mode: 0o000 })
    const closed = await runCli(['pull'], { cwd, env: CREDENTIALS })
    expect(closed.code).toBe(78)
    // Root can read every file.
    expect(closed.stderr).toMatch(
      process.getuid?.() === 0 ? /SYNC_RATE must be a number/ : /\.env cannot be read: EACCES/,
    )
  } finally {
    await rm(cwd, { recursive: true })
  }
})

test.concurrent('settings can be lines of .env, and the environment takes precedence', async () => {
  const cwd = await mkdtemp(join(tmpdir(), 'scopestack-sync-env-'))
  try {
    await writeFile(join(cwd, '.env'), "SYNC_RATE=fast\r\nLOG_LEVEL='loud'\r\n")
    const { code, stderr } = await runCli(['pull'], { cwd, env: { ...CREDENTIALS, LOG_LEVEL: 'warn' } })
    expect(code).toBe(78)
    expect(stderr).toContain('The configuration has 1 mistake:\n  - SYNC_RATE must be a number')
  } finally {
    await rm(cwd, { recursive: true })
  }
})
