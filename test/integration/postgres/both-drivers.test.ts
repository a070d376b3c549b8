/** What DATABASE_URL says is the same for `pull`, by postgres.js, and for the queue of `start`, by pg. */
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { migrateQueue } from '../../../src/jobs/queue-tables.ts'
import { explainDatabase, openDatabase } from '../../../src/store/connection/database.ts'
import { openQueuePool } from '../../../src/store/connection/queue-pool.ts'
import { CERTIFICATE, gate, KEY } from '../../support/network/gate.ts'
import { createEmptyDatabase } from '../../support/postgres/database.ts'
import { onTestFinished } from '../../support/run/test-context.ts'

const ASK = `select current_user as user, current_database() as database,
  current_setting('application_name') as name, current_setting('statement_timeout') as statement_timeout,
  current_setting('lock_timeout') as lock_timeout, current_setting('TimeZone') as zone,
  current_setting('DateStyle') as dates, current_setting('client_encoding') as encoding,
  current_setting('search_path') as path`

type Row = Record<string, string>

/** What a session of each driver is, or the sentence that there is none. */
async function both(url: string): Promise<Record<'pull' | 'queue', Row | string>> {
  const sentence = (error: unknown): string => {
    const explained = explainDatabase(error, url)
    return explained instanceof Error ? explained.message : String(explained)
  }
  const pull = async (): Promise<Row> => {
    const sql = openDatabase(url, { connections: 1 })
    try {
      const [row] = await sql.unsafe<Row[]>(ASK)
      return { ...row }
    } finally {
      await sql.end({ timeout: 1 })
    }
  }
  const queue = async (): Promise<Row> => {
    const pool = openQueuePool(url, {
      connections: 1,
      onError: () => {},
      presence: { listen: async () => {} },
      queues: [],
    })
    try {
      const { rows } = await pool.query<Row>(ASK)
      return rows[0]!
    } finally {
      await pool.end()
    }
  }
  const [one, other] = await Promise.all([pull().catch(sentence), queue().catch(sentence)])
  return { pull: one, queue: other }
}

/** The same but for the schema that the queue works in. */
async function same(url: string): Promise<Row | string> {
  const { pull, queue } = await both(url)
  if (typeof pull === 'string' || typeof queue === 'string') {
    expect(queue, url).toEqual(pull)
    return pull
  }
  expect({ ...queue, path: 'bullmq' }, url).toEqual({ ...pull, path: 'bullmq' })
  expect(queue['path'], url).toBe('bullmq')
  return pull
}

const folder = await mkdtemp(join(tmpdir(), 'scopestack-sync-drivers-'))
const [root, key] = [join(folder, 'root.pem'), join(folder, 'key.pem')]
const admin = new URL(inject('adminUrl'))
const AUTHORITY = `${admin.username}:${admin.password}@`
const sql = postgres(inject('adminUrl'), { max: 1, onnotice: () => {} })
const ROLE = `drivers_${process.pid}`
/** Every character that a URL, a startup packet or a statement gives a meaning of its own. */
const PASSWORD = `%23 #?/:@[]{}&=+;,'"\\ \`|<>^~!$*()é😀`

beforeAll(async () => {
  await writeFile(root, CERTIFICATE)
  await writeFile(key, KEY)
  await sql.unsafe(`create role ${ROLE} login password '${PASSWORD.replaceAll("'", "''")}'`)
})
afterAll(async () => {
  await sql.unsafe(`drop role ${ROLE}`)
  await sql.end()
  await rm(folder, { recursive: true })
})

it('makes the settings of options=, and keeps its own', async () => {
  const url = `${admin.href}?application_name=my%20books`
  const cases: [string, Partial<Row>][] = [
    ['', { name: 'my books', statement_timeout: '0', zone: 'UTC', dates: 'ISO, MDY', encoding: 'UTF8' }],
    ['&options=-c%20statement_timeout%3D7s', { statement_timeout: '7s' }],
    ['&options=-cstatement_timeout=7s%20--lock-timeout=8s', { statement_timeout: '7s', lock_timeout: '8s' }],
    ['&options=-c%20search_path%3Dpublic%2Cpg_catalog', { path: 'pg_catalog' }],
    ['&options=-c%20search_path%3D%22a%5C%20b%22%2C%5C%20public%20-c%20lock_timeout=9s', { lock_timeout: '9s' }],
    ['&options=-c%20TimeZone%3DAsia/Tokyo%20-c%20datestyle%3DGerman&client_encoding=LATIN1', { zone: 'UTC' }],
    ['&statement_timeout=7s&lock_timeout=8s', { statement_timeout: '7s', lock_timeout: '8s' }],
    [`&options=-c%20my.word%3D'it''s'%5C%5C&schema=x&pgbouncer=true&connection_limit=3`, { name: 'my books' }],
    ['&channel_binding=require&keepalives_idle=30&tcp_user_timeout=5000&target_session_attrs=any', { zone: 'UTC' }],
  ]
  for (const [query, expected] of cases) expect(await same(url + query), query).toMatchObject(expected)
})

it('takes every password, percent-encoded, in both places', async () => {
  const password = encodeURIComponent(PASSWORD)
  const at = `${admin.host}${admin.pathname}`
  for (const url of [`postgres://${ROLE}:${password}@${at}`, `postgres://${at}?user=${ROLE}&password=${password}`]) {
    expect(await same(url)).toMatchObject({ user: ROLE })
  }
})

it('ignores the variables of other programs', async () => {
  const strange = {
    PGUSER: 'outsider',
    PGPASSWORD: 'outsider',
    PGDATABASE: 'outsider',
    PGHOST: 'outsider.invalid',
    PGPORT: '1',
    PGAPPNAME: 'outsider',
    PGOPTIONS: '-c statement_timeout=1',
    PGSSLMODE: 'verify-full',
    PGSSLNEGOTIATION: 'direct',
  }
  const before = Object.fromEntries(Object.keys(strange).map((name) => [name, process.env[name]]))
  onTestFinished(() => {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  })
  Object.assign(process.env, strange)
  expect(await same(admin.href)).toMatchObject({
    user: admin.username,
    statement_timeout: '0',
    name: 'scopestack-sync',
  })
})

it('is encrypted, or refused, by both alike', async () => {
  const open = (await gate({ host: '127.0.0.1' }, true)).url
  const strict = (await gate({ host: '127.0.0.1' }, true, { wantsCertificate: true })).url
  const clear = (await gate({ host: '127.0.0.1' }, false)).url
  const named = (url: string): string => Object.assign(new URL(url), { hostname: 'localhost' }).href
  const taken = [
    ...['disable', 'allow', 'prefer', 'require', 'no-verify'].map((mode) => `${open}?sslmode=${mode}`),
    `${open}?sslmode=verify-full&sslrootcert=${root}`,
    `${named(open)}?sslmode=verify-ca&sslrootcert=${root}`,
    `${named(open)}?sslmode=no-verify&sslrootcert=${root}`,
    `${open}?sslmode=require&sslnegotiation=direct&ssl_min_protocol_version=TLSv1.3`,
    `${strict}?sslmode=verify-full&sslrootcert=${root}&sslcert=${root}&sslkey=${key}`,
    `${clear}?sslmode=prefer`,
    `${clear}?sslmode=allow`,
  ]
  for (const url of taken) expect(await same(url), url).toMatchObject({ name: 'scopestack-sync' })
  const refused: [string, RegExp][] = [
    [`${clear}?sslmode=require`, /rejected the connection: the server does not offer TLS/],
    [`${clear}?sslmode=verify-ca&sslrootcert=${root}`, /rejected the connection: the server does not offer TLS/],
    [`${open}?sslmode=verify-full`, /rejected the connection: self.signed certificate/],
    [`${open}?sslmode=verify-ca`, /rejected the connection: self.signed certificate/],
    [`${open}?sslmode=require&sslrootcert=system`, /rejected the connection: self.signed certificate/],
    [`${named(open)}?sslmode=verify-full&sslrootcert=${root}`, /rejected the connection: .*does not match certificate/],
    [`${open}?sslmode=verify-full&sslrootcert=/nowhere.pem`, /sslrootcert that cannot be read/],
    [`${open}?sslmode=require&sslcert=/nowhere.pem&sslkey=${key}`, /sslcert that cannot be read/],
    [`${open}?sslmode=sometimes`, /a value of sslmode that is unknown/],
  ]
  for (const [url, sentence] of refused) expect(await same(url), url).toMatch(sentence)
})

it('finds a Unix socket, in both spellings', async () => {
  await gate({ path: join(folder, '.s.PGSQL.6432') }, false)
  for (const url of [
    `postgres://${AUTHORITY}${encodeURIComponent(folder)}:6432${admin.pathname}`,
    `postgres://${AUTHORITY}${admin.pathname}?host=${folder}&port=6432&sslmode=require`,
  ]) {
    expect(await same(url)).toMatchObject({ name: 'scopestack-sync' })
  }
})

it('gives one message for a mistake, the same with both drivers', async () => {
  const closed = createServer().listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const { port } = closed.address() as AddressInfo
  closed.close()
  const cases: [string, RegExp][] = [
    [`${admin.href}?sslmodus=require`, /makes a setting that the server rejects: unrecognized .*"sslmodus"/],
    [`${admin.href}?statement_timeout=soon`, /the server rejects: invalid value for parameter "statement_timeout"/],
    [`${admin.href}?options=-c%20ssl%3Doff`, /the server rejects: parameter "ssl" cannot be changed now/],
    [`postgres://no_such_user:x@${admin.host}${admin.pathname}`, /rejected the connection: .*no_such_user/],
    [`postgres://${AUTHORITY}${admin.host}/nothing_here`, /rejected the connection: .*"nothing_here" does not exist/],
    [`postgres://${AUTHORITY}127.0.0.1:${port}/books`, /cannot be reached: .*ECONNREFUSED/],
    [`postgres://${AUTHORITY}no-such-host.invalid/books`, /cannot be reached: .*(ENOTFOUND|EAI_AGAIN)/],
    [`postgres://u:p@[::1]:1/books`, /\[::1\]:1\/books cannot be reached/],
  ]
  for (const [url, sentence] of cases) expect(await same(url), url).toMatch(sentence)
})

it('tries several hosts in their order, and takes the first that can be written to', async () => {
  const closed = createServer().listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const { port } = closed.address() as AddressInfo
  closed.close()
  const [first, second] = [await gate({ host: '127.0.0.1' }, false), await gate({ host: '127.0.0.1' }, false)]
  const [one, other] = [new URL(first.url).port, new URL(second.url).port]
  const list = (ports: string): string =>
    `postgres://${AUTHORITY}${admin.pathname}?host=127.0.0.1,localhost&port=${ports}`

  expect(await same(list(`${port},${other}`))).toMatchObject({ name: 'scopestack-sync' })
  expect(await same(`${list(`${one},${other}`)}&target_session_attrs=primary`)).toMatchObject({ zone: 'UTC' })
  expect(await same(`${list(`${one},${other}`)}&target_session_attrs=any`)).toMatchObject({ zone: 'UTC' })
  expect(first.greetings.length).toBeGreaterThan(0)
  expect(second.greetings.length).toBeGreaterThan(0)

  const readOnly = `${ROLE}_reader`
  await sql.unsafe(
    `create role ${readOnly} login password 'reader'; alter role ${readOnly} set default_transaction_read_only = on`,
  )
  onTestFinished(async () => void (await sql.unsafe(`drop role ${readOnly}`)))
  const reader = `postgres://${readOnly}:reader@${admin.pathname}?host=127.0.0.1,localhost&port=${port},${other}`
  expect(await same(reader)).toMatch(
    new RegExp(
      `cannot be reached: none of its hosts can be written to .*:${port}: .*ECONNREFUSED.*:${other} cannot be written to`,
    ),
  )
  // One that refuses the user is not passed over.
  expect(await same(list(`${one},${other}`).replace(`//${admin.username}`, '//no_such_user'))).toMatch(
    /rejected the connection: .*no_such_user/,
  )
})

it('passes over a host that takes connections and says nothing', async () => {
  const silent = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void silent.close())
  silent.on('connection', (socket) => onTestFinished(() => void socket.destroy()))
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const hosts = `host=127.0.0.1,${admin.hostname}&port=${port},${admin.port}&connect_timeout=1`
  expect(await same(`postgres://${AUTHORITY}${admin.pathname}?${hosts}`)).toMatchObject({ zone: 'UTC' })
})

it('treats a server that has no process left before TLS as unreachable', async () => {
  const full = createServer((socket) => socket.once('data', () => socket.end('Ecould not fork\n\0'))).listen(
    0,
    '127.0.0.1',
  )
  onTestFinished(() => void full.close())
  await once(full, 'listening')
  const { port } = full.address() as AddressInfo
  expect(await same(`postgres://${AUTHORITY}127.0.0.1:${port}/books?sslmode=require`)).toMatch(/cannot be reached/)
})

it('may be ended while the host is not found yet', async () => {
  const silent = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void silent.close())
  silent.on('connection', (socket) => onTestFinished(() => void socket.destroy()))
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const ended = openDatabase(`postgres://${AUTHORITY}/books?host=127.0.0.1,localhost&port=${port}&connect_timeout=2`)
  const end = async (): Promise<void> => {
    await once(silent, 'connection')
    await ended.end({ timeout: 0 })
  }
  const [asked] = await Promise.allSettled([ended`select 1`, end()])
  expect(asked).toMatchObject({ reason: { code: expect.stringMatching(/^CONNECTION_/) } })
})

it('opens a connection of the queue again that a limit refused', async () => {
  const few = `${ROLE}_few`
  await sql.unsafe(`create role ${few} login password 'few' connection limit 1`)
  onTestFinished(async () => void (await sql.unsafe(`drop role ${few}`)))
  const url = Object.assign(new URL(admin.href), { username: few, password: 'few' }).href
  const other = openDatabase(url, { connections: 1 })
  await other`select 1`
  const pool = openQueuePool(url, {
    connections: 1,
    onError: () => {},
    presence: { listen: async () => {} },
    queues: [],
  })
  await expect(pool.query('select 1')).rejects.toMatchObject({ code: '53300' })
  const client = await pool.connect()
  const waiting = client.query('select 1 as one')
  await other.end()
  expect((await waiting).rows).toEqual([{ one: 1 }])
  client.release()
  await pool.end()
})

it('gives up after connect_timeout', async () => {
  const mute = createServer(() => {}).listen(0, '127.0.0.1')
  await once(mute, 'listening')
  onTestFinished(() => void mute.close())
  const { port } = mute.address() as AddressInfo
  const { pull, queue } = await both(`postgres://${AUTHORITY}127.0.0.1:${port}/books?connect_timeout=1`)
  expect(pull).toMatch(/cannot be reached: .*CONNECT_TIMEOUT/)
  expect(queue).toMatch(/cannot be reached: .*connection timeout/)
})

it('makes the tables of the queue whatever options= says of search_path', async () => {
  await using database = await createEmptyDatabase()
  const url = `${database.url}?options=-c%20search_path%3Dpg_catalog`
  await migrateQueue(url)
  const pool = openQueuePool(url, {
    connections: 1,
    onError: () => {},
    presence: { listen: async () => {} },
    queues: [],
  })
  try {
    const { rows } = await pool.query(
      `select relnamespace::regnamespace::text as schema from pg_class where oid = 'job'::regclass`,
    )
    expect(rows).toEqual([{ schema: 'bullmq' }])
  } finally {
    await pool.end()
  }
})
