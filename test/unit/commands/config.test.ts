import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readConfig } from '../../../src/config/config.ts'
import { envExample } from '../../../src/config/env-example.ts'
import { parseEnvFile } from '../../../src/config/env-file.ts'

const good = { SCOPESTACK_CLIENT_ID: 'id', SCOPESTACK_CLIENT_SECRET: 'secret' }
const read = (env: Record<string, string>) => readConfig({ credentials: true }, env)

describe('the configuration', () => {
  it('needs two variables', () => {
    expect(read(good)).toEqual({
      clientId: 'id',
      clientSecret: 'secret',
      grant: 'client_credentials',
      username: undefined,
      password: undefined,
      authUrl: 'https://app.scopestack.io',
      apiUrl: 'https://api.scopestack.io',
      databaseUrl: undefined,
      redisUrl: undefined,
      schedule: '0 2 * * *',
      incrementalSchedule: '*/15 * * * *',
      timezone: 'UTC',
      graceSeconds: 30,
      takeoverSeconds: 15,
      httpHost: '127.0.0.1',
      httpPort: undefined,
      conflict: undefined,
      push: 'on',
      alerts: { webhookUrl: undefined, webhookSecret: undefined, mail: undefined, editMinutes: 60 },
      dashboardTokens: undefined,
      proxy: undefined,
      otlpEndpoint: undefined,
      resources: undefined,
      rate: 5,
      concurrency: 16,
      sharePages: 200,
      pageSize: 100,
      deleteLimit: 20,
      recheckDays: 7,
      newFields: 'add',
      history: ['projects', 'crm-opportunities', 'project-versions', 'project-approvals'],
      historyDays: 0,
      logLevel: 'info',
      production: false,
    })
  })

  it('needs none for commands that do not speak to ScopeStack', () => {
    expect(readConfig({ credentials: false }, {}).clientId).toBe('')
  })

  it('is not confused by the variables that Kubernetes makes for a Service of our name', () => {
    const links = {
      SCOPESTACK_SYNC_SERVICE_HOST: '10.0.0.1',
      SCOPESTACK_SYNC_SERVICE_PORT: '80',
      SCOPESTACK_SYNC_SERVICE_PORT_HTTP: '80',
      SCOPESTACK_SYNC_PORT: 'tcp://10.0.0.1:80',
      SCOPESTACK_SYNC_PORT_80_TCP: 'tcp://10.0.0.1:80',
      SCOPESTACK_SYNC_PORT_80_TCP_ADDR: '10.0.0.1',
    }
    expect(read({ ...good, ...links })).toEqual(read(good))
  })

  it('treats an empty line as not set', () => {
    expect(read({ ...good, SYNC_RATE: '', SYNC_RESOURCES: ' ', DATABASE_URL: '' })).toEqual(read(good))
  })

  it('accepts a user only with the grants that have one', () => {
    const user = { SCOPESTACK_USERNAME: 'a@b.c', SCOPESTACK_PASSWORD: 'p' }
    expect(read({ ...good, ...user, SCOPESTACK_GRANT: 'password' })).toMatchObject({
      grant: 'password',
      username: 'a@b.c',
      password: 'p',
    })
    expect(read({ ...good, SCOPESTACK_GRANT: 'authorization_code' }).grant).toBe('authorization_code')
    expect(readConfig({ credentials: false }, { SCOPESTACK_GRANT: 'password' }).grant).toBe('password')
  })

  it('reads lists and numbers', () => {
    const config = read({ ...good, SYNC_RESOURCES: 'clients, projects,', SYNC_RATE: '2.5', SYNC_CONCURRENCY: '16' })
    expect(config).toMatchObject({ resources: ['clients', 'projects'], rate: 2.5, concurrency: 16 })
  })

  it.each([
    [
      { SCOPESTACK_GRANT: 'implicit' },
      'SCOPESTACK_GRANT must be one of client_credentials, password, authorization_code',
    ],
    [{ SCOPESTACK_GRANT: 'password', SCOPESTACK_PASSWORD: 'p' }, 'SCOPESTACK_USERNAME is missing'],
    [{ SCOPESTACK_GRANT: 'password', SCOPESTACK_USERNAME: 'u' }, 'SCOPESTACK_PASSWORD is missing'],
    [
      { SCOPESTACK_PASSWORD: 'p', SCOPESTACK_PASSWORD_FILE: '/x' },
      'SCOPESTACK_PASSWORD and SCOPESTACK_PASSWORD_FILE are both set',
    ],
    [{ REDIS_URL: 'http://host' }, 'REDIS_URL must look like redis://'],
    [{ REDIS_URL: 'redis://host/name' }, 'REDIS_URL must look like redis://'],
    [{ SYNC_RATE: '8o80' }, 'SYNC_RATE must be a number'],
    [{ SYNC_RATE: '-1' }, 'SYNC_RATE must be a number'],
    [{ SYNC_RATE: '1e3' }, 'SYNC_RATE must be a number'],
    [{ SYNC_CONCURRENCY: '0' }, 'SYNC_CONCURRENCY must be between 1 and 64'],
    [{ SYNC_CONCURRENCY: '2.5' }, 'SYNC_CONCURRENCY must be a whole number'],
    [{ SYNC_PAGE_SIZE: '251' }, 'SYNC_PAGE_SIZE must be between 1 and 250'],
    [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL must be one of'],
    [{ DATABASE_URL: 'mysql://h/d' }, 'DATABASE_URL must look like postgres://'],
    [{ DATABASE_URL: 'postgres://host' }, 'DATABASE_URL names no database; it must look like postgres://'],
    [{ SCOPESTACK_API_URL: 'api.scopestack.io' }, 'SCOPESTACK_API_URL must be an address'],
    [{ SCOPESTACK_API_URL: 'http://api.scopestack.io' }, 'SCOPESTACK_API_URL must begin with https://'],
    [{ SCOPESTACK_API_URL: 'http://127.evil.example' }, 'SCOPESTACK_API_URL must begin with https://'],
    [{ SCOPESTACK_API_URL: 'https://api.scopestack.io/demo' }, 'SCOPESTACK_API_URL must have no path'],
    [{ SCOPESTACK_AUTH_URL: 'https://user@app.scopestack.io' }, 'SCOPESTACK_AUTH_URL must have no path, query or user'],
    [{ SYNC_PAGESIZE: '50' }, 'SYNC_PAGESIZE is not a setting'],
    [{ NODE_ENV: 'production' }, 'DATABASE_URL is missing'],
    [
      { SCOPESTACK_CLIENT_SECRET_FILE: '/x' },
      'SCOPESTACK_CLIENT_SECRET and SCOPESTACK_CLIENT_SECRET_FILE are both set',
    ],
    [{ DATABASE_URL_FILE: '/nowhere/at/all' }, 'DATABASE_URL_FILE cannot be read'],
  ])('refuses %j with a message', (env, sentence) => {
    expect(() => read({ ...good, ...env })).toThrow(sentence)
  })

  it.each(['http://localhost:4010', 'http://127.0.0.1:4010', 'http://[::1]:4010', 'https://eu.api.scopestack.io'])(
    'accepts %s as an address',
    (url) => expect(read({ ...good, SCOPESTACK_API_URL: url }).apiUrl).toBe(url),
  )

  it('reports every mistake at once', () => {
    const act = () => readConfig({ credentials: true }, { SYNC_RATE: 'x', SYNC_CONCURRENCY: 'y', SYNC_TYPO: '1' })
    expect(act).toThrow(expect.objectContaining({ code: 'SYNC_CONFIG', facts: { mistakes: expect.any(Array) } }))
    for (const name of [
      'SYNC_RATE',
      'SYNC_CONCURRENCY',
      'SYNC_TYPO',
      'SCOPESTACK_CLIENT_ID',
      'SCOPESTACK_CLIENT_SECRET',
    ]) {
      expect(act).toThrow(name)
    }
  })

  it('reads secrets from files, without their line end', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'scopestack-sync-config-')), 'secret')
    writeFileSync(file, 'from a file\n')
    const config = read({ SCOPESTACK_CLIENT_ID: 'id', SCOPESTACK_CLIENT_SECRET_FILE: file })
    expect(config.clientSecret).toBe('from a file')
  })

  it.each([
    ['SYNC_SHEDULE', 'SYNC_SCHEDULE'],
    ['SYNC_INCREMENTAL_SCHEDUEL', 'SYNC_INCREMENTAL_SCHEDULE'],
    ['sync_rate', 'SYNC_RATE'],
    ['SYNC_TIME_ZONE', 'SYNC_TIMEZONE'],
    ['SCOPESTACK_CLIENTID', 'SCOPESTACK_CLIENT_ID'],
    ['SCOPESTACK_CLIENT_SECRET_FIEL', 'SCOPESTACK_CLIENT_SECRET_FILE'],
    ['SYNC_DATABASE_URL', 'DATABASE_URL'],
    ['DATABSE_URL', 'DATABASE_URL'],
    ['DATABASE_URI', 'DATABASE_URL'],
    ['REDIS_URI', 'REDIS_URL'],
    ['ALERT_WEBHOOK_URI', 'ALERT_WEBHOOK_URL'],
    ['HTTPS_PORXY', 'HTTPS_PROXY'],
    ['LOG_LEVLE', 'LOG_LEVEL'],
  ])('suggests for %s the name %s', (name, meant) => {
    expect(() => read({ ...good, [name]: 'x' })).toThrow(`${name} is not a setting. Did you mean ${meant}?`)
  })

  it('leaves the variables of other programs alone, also those that are near one of ours', () => {
    const others = {
      HTTPS_PORT: '8443',
      HTTP_PROXY: 'http://proxy.example:3128',
      http_proxy: 'http://proxy.example:3128',
      DATABASE_URI: 'postgres://for/another',
      REDIS_TLS_URL: 'rediss://host:6380',
      USERNAME: 'me',
      LANG: 'C',
      LOG_LEVELS: '',
    }
    expect(read({ ...good, ...others, DATABASE_URL: 'postgres://host/db' }).databaseUrl).toBe('postgres://host/db')
  })

  it('reads a proxy from the variables that every program reads', () => {
    const proxy = (env: Record<string, string>) => read({ ...good, ...env }).proxy
    expect(proxy({ HTTPS_PROXY: 'http://user:p%40ss@proxy.example:3128', NO_PROXY: 'a.example, .b.example' })).toEqual({
      url: 'http://user:p%40ss@proxy.example:3128',
      except: ['a.example', '.b.example'],
    })
    expect(proxy({ https_proxy: 'proxy.example:3128', HTTPS_PROXY: 'http://other:1' })).toEqual({
      url: 'http://proxy.example:3128',
      except: [],
    })
    expect(proxy({ https_proxy: '', NO_PROXY: '*' })).toBeUndefined()
    for (const wrong of ['socks5://proxy.example:1080', 'http://', 'http://proxy.example/path']) {
      expect(() => proxy({ HTTPS_PROXY: wrong })).toThrow('HTTPS_PROXY must be the address of an HTTP proxy')
    }
  })

  it('refuses a mail server whose password cannot be decoded', () => {
    const mail = (password: string) =>
      read({ ...good, ALERT_SMTP_URL: `smtp://u:${password}@h`, ALERT_EMAIL_TO: 'a@example.org' }).alerts.mail
    expect(() => mail('100%')).toThrow('ALERT_SMTP_URL must look like')
    expect(mail('100%25')?.auth).toEqual({ user: 'u', pass: '100%' })
  })

  it('never shows a value, which may be a secret in the wrong line', () => {
    expect(() => read({ ...good, SYNC_RATE: 'hunter2' })).toThrow(expect.not.objectContaining({ message: /hunter2/ }))
  })
})

it('.env.example is the table of settings; `npm run env:example` makes it anew', () => {
  expect(readFileSync(join(import.meta.dirname, '../../../.env.example'), 'utf8')).toBe(envExample())
})

describe('.env', () => {
  const parse = (text: string | Buffer) => parseEnvFile(Buffer.from(text as string), '.env')

  it.each([
    ['a byte order mark', '\uFEFFA=1\nB=2\n', { A: '1', B: '2' }],
    ['line ends of Windows', 'A=1\r\nB="two"\r\nC=\'x y\'\r\n', { A: '1', B: 'two', C: 'x y' }],
    ['line ends of an old Mac', 'A=1\rB=2', { A: '1', B: '2' }],
    ['blanks, comments, export', ' # c\n\nexport A = 1 \nB=2 # two\n', { A: '1', B: '2' }],
    ['quotes of three kinds', 'A="p#1"\nB=\'p#2\'\nC=`p#3` # c\n', { A: 'p#1', B: 'p#2', C: 'p#3' }],
    ['a value of several lines', 'A="1\n# no comment\n2"\nB=3', { A: '1\n# no comment\n2', B: '3' }],
    ['what is said twice', 'A=1\nA=2', { A: '2' }],
    ['an empty value', 'A=\nB= # nothing', { A: '', B: '' }],
  ])('is read as dotenv reads it, without a warning: %s', (_, text, values) => {
    expect(parse(text)).toEqual({ values, notes: [] })
  })

  it.each([
    [
      'A=1\nDATABASE_URL=postgres://u:p#ss@host/db',
      { A: '1', DATABASE_URL: 'postgres://u:p' },
      /^\.env, line 2: the value of DATABASE_URL ends before its #.* Put it in quotes/,
    ],
    ['PASSWORD=#hash', { PASSWORD: '' }, /^\.env, line 1: the value of PASSWORD ends before its #/],
    ['A="1\n2"\nB=x#y', { A: '1\n2', B: 'x' }, /^\.env, line 3: the value of B/],
    ['A: 1\nB=2', { B: '2' }, /^\.env, line 1 is no setting and was passed over: a setting is NAME=value\.$/],
    ['A="unclosed\nB=2', { A: '"unclosed', B: '2' }, /^\.env, line 1: the quote before the value of A is not closed/],
  ])('warns of what it reads otherwise than many expect: %j', (text, values, note) => {
    const found = parse(text)
    expect(found.values).toEqual(values)
    expect(found.notes).toEqual([expect.stringMatching(note)])
    expect(found.notes.join('')).not.toMatch(/postgres:|hash|unclosed/)
  })

  it('is refused where it is no UTF-8', () => {
    expect(() => parse(Buffer.from('\uFEFFA=1\n', 'utf16le'))).toThrow('.env is not a text in UTF-8')
  })
})
