import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import postgres from 'postgres'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../../src/store/embedded/embedded.ts'
import { until } from '../../support/until.ts'

let folder: string
let servers: EmbeddedPostgres[]
let children: ChildProcess[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'scopestack-sync-embedded-'))
  servers = []
  children = []
})

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL')
  for (const server of servers) await server.stop()
  await rm(folder, { recursive: true, force: true })
})

async function start(): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ folder })
  servers.push(server)
  return server
}

async function ask<T>(url: string, question: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1 })
  try {
    return await question(sql)
  } finally {
    await sql.end()
  }
}

const pidFile = () => join(folder, 'data', 'postmaster.pid')
const serverPid = async () => Number((await readFile(pidFile(), 'utf8')).split('\n')[0])
const alive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** A process of its own that starts the server in our folder, says its URL, and stays. */
async function startElsewhere() {
  const module = fileURLToPath(new URL('../../../src/store/embedded/embedded.ts', import.meta.url))
  const source = `
    const { startEmbeddedPostgres } = await import(${JSON.stringify(module)})
    const server = await startEmbeddedPostgres({ folder: ${JSON.stringify(folder)} })
    process.once('SIGTERM', () => server.stop())
    console.log(server.url)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string]
  return { child, url: line.trim() }
}

test('a first start makes a UTF8, UTC, password-protected database that keeps its data, password and port', async () => {
  const first = await start()
  expect(first.folder).toBe(folder)
  const facts = await ask(first.url, async (sql) => {
    await sql`create table public.kept as select 'ä→Z' as word`
    const [row] = await sql`
      select current_database() as name, current_setting('server_encoding') as encoding,
        current_setting('timezone') as zone, current_setting('listen_addresses') as listen,
        current_setting('unix_socket_directories') as sockets, lower('Ä') as lower,
        (select count(*)::int from pg_hba_file_rules where auth_method <> 'scram-sha-256') as other_methods`
    return { ...row }
  })
  expect(facts).toEqual({
    name: 'scopestack',
    encoding: 'UTF8',
    zone: 'UTC',
    listen: '127.0.0.1',
    sockets: '',
    lower: 'ä',
    other_methods: 0,
  })
  expect((await stat(join(folder, 'password'))).mode & 0o777).toBe(0o600)
  await first.stop()
  await first.stop()
  expect(existsSync(pidFile())).toBe(false)

  const second = await start()
  expect(second.url).toBe(first.url)
  expect(await ask(second.url, async (sql) => (await sql`select word from public.kept`)[0]?.word)).toBe('ä→Z')

  const wrong = new URL(second.url)
  wrong.password = 'guess'
  await expect(ask(wrong.href, (sql) => sql`select 1`)).rejects.toThrow('password authentication failed')
})

test('several first starts at once, in this process and others, end in one server', async () => {
  const others = Promise.all([startElsewhere(), startElsewhere()])
  const ours = await Promise.all([start(), start(), start()])
  const theirs = await others
  expect(new Set([...ours, ...theirs].map(({ url }) => url)).size).toBe(1)

  for (const { child } of theirs) child.kill('SIGTERM')
  await Promise.all([...ours.map((one) => one.stop()), ...theirs.map(({ child }) => once(child, 'exit'))])
  expect(existsSync(pidFile())).toBe(false)
})

describe('with the data of an earlier start', () => {
  // A first start costs four times as much as copying what it made.
  let made: string

  beforeAll(async () => {
    made = await mkdtemp(join(tmpdir(), 'scopestack-sync-made-'))
    await (await startEmbeddedPostgres({ folder: made })).stop()
    // Each test has its own.
    await rm(join(made, 'port'))
  })

  afterAll(() => rm(made, { recursive: true, force: true }))

  beforeEach(async () => {
    await promisify(execFile)('cp', ['-a', `${made}/.`, folder])
  })

  test('a second user joins the same server; the last to leave stops it', async () => {
    const [first, second] = [await start(), await startElsewhere()]
    expect(second.url).toBe(first.url)

    await first.stop()
    expect(await ask(second.url, async (sql) => (await sql`select 1 as one`)[0]?.one)).toBe(1)

    second.child.kill('SIGTERM')
    await once(second.child, 'exit')
    expect(existsSync(pidFile())).toBe(false)
  })

  test('a SQL client that is still connected keeps the server; the next user ends it', async () => {
    const first = await start()
    await ask(first.url, async (sql) => {
      await sql`select 1`
      await first.stop()
      expect((await sql`select 1 as one`)[0]?.one).toBe(1)
    })
    await (await start()).stop()
    expect(existsSync(pidFile())).toBe(false)
  })

  test('a killed process leaves the server to the next one', async () => {
    const first = await startElsewhere()
    const pid = await serverPid()
    first.child.kill('SIGKILL')
    await once(first.child, 'exit')

    const second = await start()
    expect(second.url).toBe(first.url)
    expect(await serverPid()).toBe(pid)
    await second.stop()
    expect(existsSync(pidFile())).toBe(false)
  })

  test('a killed server is started again with what was committed', async () => {
    const first = await start()
    await ask(first.url, (sql) => sql`create table public.kept as select 7 as n`)
    const pid = await serverPid()
    process.kill(pid, 'SIGKILL')
    await until(() => !alive(pid), 'the killed server to be gone')
    await first.stop()

    const second = await start()
    expect(await serverPid()).not.toBe(pid)
    expect(await ask(second.url, async (sql) => (await sql`select n from public.kept`)[0]?.n)).toBe(7)
  })

  test.each([
    ['names a process that is gone', '999999'],
    ['names a process that is not this server', String(process.pid)],
    ['is damaged', 'nonsense'],
  ])('a stale pid file that %s does not prevent a start', async (_, pid) => {
    await (await start()).stop()
    const port = await readFile(join(folder, 'port'), 'utf8')
    await writeFile(pidFile(), `${pid}\n${join(folder, 'data')}\n1700000000\n${port}\n\n127.0.0.1\n 1 1\nready   \n`)
    const server = await start()
    expect(await ask(server.url, async (sql) => (await sql`select 1 as one`)[0]?.one)).toBe(1)
  })

  test('joining while the last one leaves gets a server that works', async () => {
    let server = await start()
    for (let round = 0; round < 8; round++) {
      const [next] = await Promise.all([start(), server.stop()])
      expect(await ask(next.url, async (sql) => (await sql`select 1 as one`)[0]?.one)).toBe(1)
      server = next
    }
  })

  test('data whose password is lost is not touched', async () => {
    await (await start()).stop()
    await rm(join(folder, 'password'))
    await expect(start()).rejects.toThrow(/password is gone/)
  })
})
