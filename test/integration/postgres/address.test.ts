/** DATABASE_URL, followed to the letter: where it leads, what is encrypted, which settings the server gets. */
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, inject, it } from 'vitest'
import {
  explainDatabase,
  isConnectionLoss,
  isLimitError,
  limitWaits,
  openDatabase,
} from '../../../src/store/connection/database.ts'
import { CERTIFICATE, gate, SSL_REQUEST } from '../../support/network/gate.ts'
import { createDatabase } from '../../support/postgres/database.ts'
import { onTestFinished } from '../../support/run/test-context.ts'
import { until } from '../../support/until.ts'

const open = (url: string, query = '') => {
  const sql = openDatabase(url + query, { connections: 1 })
  onTestFinished(() => sql.end({ timeout: 1 }))
  return sql
}

const failureOf = (asked: PromiseLike<unknown>): Promise<unknown> =>
  Promise.resolve(asked).then(
    () => 'no failure',
    (failure: unknown) => failure,
  )

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'scopestack-sync-address-'))
  onTestFinished(() => rm(made, { recursive: true }))
  return made
}

async function certificateFile(): Promise<string> {
  const file = join(await folder(), 'root.pem')
  await writeFile(file, CERTIFICATE)
  return file
}

const atName = (url: string, name: string): string => Object.assign(new URL(url), { hostname: name }).href
const refused = expect.objectContaining({ code: 'SYNC_DATABASE_REFUSED' }) as Error

it('leads to an IPv6 address', async () => {
  const error = await failureOf(open('postgres://u:p@[::1]:1/books')`select 1`)
  // Also where there is no IPv6, the failure names what was asked for.
  expect(error).toMatchObject({ address: '::1', port: 1 })
})

it('leads to a Unix socket, in both spellings, and needs no TLS there', async () => {
  const place = await folder()
  const { url } = await gate({ path: join(place, '.s.PGSQL.6432') }, false)
  const { username, password, pathname } = new URL(url)
  for (const address of [
    `postgres://${username}:${password}@${encodeURIComponent(place)}:6432${pathname}`,
    `postgres://${username}:${password}@${pathname}?host=${place}&port=6432&sslmode=require`,
  ]) {
    expect(await open(address)`select 1 as one`).toEqual([{ one: 1 }])
  }
})

it('is encrypted where sslmode asks for it, without a warning', async () => {
  const warnings: Error[] = []
  const warn = (warning: Error) => void warnings.push(warning)
  process.on('warning', warn)
  onTestFinished(() => void process.off('warning', warn))
  const { url, greetings } = await gate({ host: '127.0.0.1' }, true)
  const root = await certificateFile()
  const local = atName(url, 'localhost')
  for (const address of [
    `${url}?sslmode=require`,
    `${url}?ssl=true`,
    `${url}?sslmode=prefer`,
    `${url}?sslmode=verify-full&sslrootcert=${root}`,
    `${url}?sslrootcert=${root}`,
    `${local}?sslmode=verify-ca&sslrootcert=${root}`,
    `${local}?sslmode=require&sslrootcert=${root}`,
  ]) {
    expect(await open(address)`select 1 as one`, address).toEqual([{ one: 1 }])
  }
  // At least: a connection that takes more than a second is looked after, by one more.
  expect(greetings.length).toBeGreaterThanOrEqual(7)
  expect(greetings).toEqual(greetings.map(() => SSL_REQUEST))
  expect(warnings).toEqual([])
})

it('is rejected without the certificate that sslmode asks for', async () => {
  const { url } = await gate({ host: '127.0.0.1' }, true)
  const root = await certificateFile()
  const local = atName(url, 'localhost')
  for (const address of [
    `${url}?sslmode=verify-full`,
    `${url}?sslmode=verify-ca`,
    `${url}?sslrootcert=system`,
    `${url}?sslmode=require&sslrootcert=system`,
    `${local}?sslmode=verify-full&sslrootcert=${root}`,
    `${local}?sslrootcert=${root}`,
  ]) {
    const error = await failureOf(open(address)`select 1`)
    expect(explainDatabase(error, address), `${address}: ${String(error)}`).toEqual(refused)
  }
  expect(() => openDatabase(`${url}?sslrootcert=/nowhere/root.pem`)).toThrow(
    /sslrootcert that cannot be read: .*ENOENT/,
  )
})

it('never falls to clear text, except where sslmode prefers it', async () => {
  const { url, greetings } = await gate({ host: '127.0.0.1' }, false)
  for (const mode of ['require', 'verify-ca', 'verify-full']) {
    const address = `${url}?sslmode=${mode}`
    const error = await failureOf(open(address)`select 1`)
    expect(explainDatabase(error, address), mode).toEqual(refused)
    expect(String(error)).toContain('does not offer TLS')
  }
  expect(greetings).toEqual(Array(3).fill(SSL_REQUEST))
  expect(() => openDatabase(`${url}?sslmode=a-mode-of-the-future`)).toThrow(/a value of sslmode that is unknown/)
  expect(await open(`${url}?sslmode=prefer`)`select 1 as one`).toEqual([{ one: 1 }])
})

it('passes the server its own settings, and no others', async () => {
  const words =
    '?channel_binding=require&target_session_attrs=any&connect_timeout=7&keepalives=1&gssencmode=disable&replication=true' +
    '&schema=public&pgbouncer=true&sslcompression=0&client_encoding=LATIN1&max=1' +
    '&application_name=books&statement_timeout=7777&options=-c%20lock_timeout%3D8888'
  const sql = open(inject('adminUrl'), words)
  const settings = await sql<{ name: string; setting: string }[]>`
    select name, setting from pg_settings
    where name in ('application_name', 'client_encoding', 'lock_timeout', 'statement_timeout', 'TimeZone')`
  expect(Object.fromEntries(settings.map(({ name, setting }) => [name, setting]))).toEqual({
    application_name: 'books',
    client_encoding: 'UTF8',
    lock_timeout: '8888',
    statement_timeout: '7777',
    TimeZone: 'UTC',
  })
})

it('is waited for as long as connect_timeout says', async () => {
  const mute = createServer(() => {}).listen(0, '127.0.0.1')
  await once(mute, 'listening')
  onTestFinished(() => void mute.close())
  const { port } = mute.address() as AddressInfo
  const began = performance.now()
  const error = await failureOf(open(`postgres://u:p@127.0.0.1:${port}/books?connect_timeout=1`)`select 1`)
  expect(error).toMatchObject({ code: 'CONNECT_TIMEOUT' })
  expect(performance.now() - began).toBeLessThan(9_000)
})

it('a process that the server hears nothing of keeps no locks', async () => {
  const database = await createDatabase()
  onTestFinished(() => database[Symbol.asyncDispose]())
  const [sql, admin] = [open(database.url), open(database.url)]
  const limits = (on: typeof sql) => on<{ name: string; setting: string }[]>`
    select name, setting from pg_settings where name in ('idle_in_transaction_session_timeout', 'lock_timeout')`
  const before = await limits(sql)
  const inside = await sql.begin(async (tx) => {
    await limitWaits(tx)
    return await limits(tx as never)
  })
  expect(inside.map(({ setting }) => setting)).toEqual(['60000', '30000'])
  // Transactions that PgBouncer puts on the same session later are not ours to limit.
  expect(await limits(sql)).toEqual(before)

  const late = sql.begin(async (tx) => {
    const [me] = await tx<{ pid: number }[]>`select pg_backend_pid() as pid`
    await tx`set local idle_in_transaction_session_timeout = '1ms'`
    await until(
      async () => (await admin`select from pg_stat_activity where pid = ${me!.pid}`).length === 0,
      'the end of the session',
    )
    await tx`select 1`
  })
  // As a loss it is tried again, and the lease then says whether it still may.
  expect(isConnectionLoss(await failureOf(late))).toBe(true)
})

it('a lock that another session keeps ends as a lock time-out, which may be retried', async () => {
  const database = await createDatabase()
  onTestFinished(() => database[Symbol.asyncDispose]())
  const [sql, other] = [open(database.url), open(database.url)]
  await other.begin(async (tx) => {
    await tx`lock table scopestack.clients`
    const waiting = sql.begin(async (mine) => {
      await limitWaits(mine)
      await mine`set local lock_timeout = '1ms'`
      await mine`select from scopestack.clients`
    })
    const error = await failureOf(waiting)
    expect(error).toMatchObject({ code: '55P03' })
    expect(isLimitError(error)).toBe(true)
  })
})
