/** Ctrl-C on a terminal, through npm, which forwards the signal that the terminal has already sent. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import postgres from 'postgres'
import { afterEach, beforeEach, expect, inject, test, type TestContext } from 'vitest'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { createNewDatabase } from '../../support/postgres/database.ts'
import { lockWait } from '../../support/postgres/lock-waits.ts'
import { leftOut, testWith } from '../../support/process/installed.ts'
import {
  BEGUN,
  CTRL_C,
  findTerminal,
  openTerminal,
  processesAt,
  type Terminal,
} from '../../support/process/terminal.ts'
import { until } from '../../support/until.ts'
import { fillClients } from '../support/setting.ts'
import { openUnattended } from '../support/unattended.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const LONG = process.env['FAULTS'] === 'long'
const opener = (await findTerminal()) ?? leftOut('neither script (util-linux) nor python3 is here to make a terminal')
const onTerminal = testWith(opener)

let home: string
let temp: string

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'scopestack-sync-terminal-'))
  temp = join(home, 'tmp')
  // This package, run from a folder of its own. Without a lock file npm installs nothing.
  await cp(join(ROOT, 'package.json'), join(home, 'package.json'))
  for (const name of ['src', 'migrations', 'node_modules']) await symlink(join(ROOT, name), join(home, name))
  await mkdir(temp)
  // As root, the embedded Postgres runs as another user, who needs access.
  for (const folder of [home, temp]) await chmod(folder, 0o711)
})

afterEach(() => rm(home, { recursive: true, force: true, maxRetries: 10 }))

/** `npm run` with these arguments, on a terminal. */
function npmRun(words: string, env: Record<string, string> = {}): Terminal {
  return openTerminal(opener!, `npm run ${words}`, { cwd: home, env: { HOME: home, TMPDIR: temp, ...env } })
}

/** Only signals after the program's start are its own: before that npm, or the shell, ends by the signal. */
const BY_SIGNAL = 130

async function expectNothingLeft(screen: string, settings: string): Promise<void> {
  expect(await processesAt(home)).toEqual([])
  expect((await readdir(temp)).filter((name) => name.startsWith('scopestack-sync'))).toEqual([])
  expect(screen).not.toMatch(/Unexpected|fault of scopestack-sync| {4}at /)
  // The cursor is visible again, and typed characters are echoed.
  expect(screen.lastIndexOf('\u001B[?25h')).toBeGreaterThanOrEqual(screen.lastIndexOf('\u001B[?25l'))
  expect(settings).toMatch(/[^-]icanon[^]*[^-]echo /)
}

async function ended(terminal: Terminal): Promise<number> {
  const { code, screen, settings } = await terminal.closed
  await expectNothingLeft(screen, settings)
  return code
}

test('signals of two kinds at once count as one request', async () => {
  await using setting = await openUnattended('postgres')
  const process = setting.start()
  await until(() => process.log().some(({ msg }) => msg === 'started'), 'it to be started')
  process.kill('SIGINT')
  process.kill('SIGTERM')
  expect(await process.run).toMatchObject({ code: 0, signal: null })
})

onTerminal('Ctrl-C while the demo makes its Postgres leaves nothing of it', async () => {
  const terminal = npmRun('demo -- --projects 2')
  await until(async () => {
    const demo = (await readdir(temp)).find((name) => name.startsWith('scopestack-sync-demo-'))
    return (await readdir(join(temp, demo!))).some((name) => name.startsWith('initdb-'))
  }, 'initdb')
  terminal.press(CTRL_C)
  const code = await ended(terminal)
  expect(terminal.screen()).toContain('Stopped on request. The demo keeps nothing.')
  // This ends so quickly that what npm forwards can meet a program that has ended already, and listens no more.
  expect([1, BY_SIGNAL], terminal.screen()).toContain(code)
})

onTerminal('Ctrl-C held down in the pull of the demo leaves nothing of it', async () => {
  const terminal = npmRun('demo -- --projects 20')
  await until(() => terminal.screen().includes('✓'), 'its pull')
  await holdDown(terminal)
  // A key that is pressed after the program's end goes to npm.
  expect([1, BY_SIGNAL], terminal.screen()).toContain(await ended(terminal))
})

onTerminal('Ctrl-C ends a demo that stays up with 0, also with a client connected to its database', async () => {
  const terminal = npmRun('demo -- --projects 2')
  await until(() => terminal.screen().includes('until Ctrl-C'), 'the demo to stay up')
  const sql = postgres(/postgres:\/\/\S+/.exec(terminal.screen())![0], { max: 1, onnotice: () => {} })
  expect(await sql`select from scopestack.projects`).toHaveLength(2)
  terminal.press(CTRL_C)
  expect(await ended(terminal), terminal.screen()).toBe(0)
  await sql.end({ timeout: 0 })
})

onTerminal(
  'Ctrl-C ends start with 0 and its Postgres with it; a later one does not wait for the page',
  async ({ onTestFinished }) => {
    const sim = await startSimulator({ projects: 3 })
    onTestFinished(() => sim.close())
    const env = { ...settingsFor(sim), SYNC_RESOURCES: 'clients', SYNC_SCHEDULE: '* * * * * *' }
    const patient = npmRun('-s sync -- start', env)
    await until(() => patient.screen().includes('run ends'), 'a run')
    patient.press(CTRL_C)
    expect(await ended(patient), patient.screen()).toBe(0)
    expect(patient.screen()).toContain('stopped')

    // Not the embedded one, which keeps running for other processes that are connected to it.
    await using database = await createNewDatabase()
    const sql = postgres(database.url, { max: 2, onnotice: () => {} })
    onTestFinished(() => sql.end({ timeout: 0 }))
    const hurried = npmRun('-s sync -- start', { ...env, DATABASE_URL: database.url })
    const locked = sql.begin(async (tx) => {
      await tx`lock table scopestack.clients in access exclusive mode`
      await hurried.closed
    })
    locked.catch(() => {})
    await lockWait(sql, 'scopestack.clients')
    await holdDown(hurried)
    expect([1, BY_SIGNAL], hurried.screen()).toContain(await ended(hurried))
  },
)

testWith(LONG && opener)('Ctrl-C at any moment, twenty times each', anyMoment, 60 * 60_000)

async function anyMoment({ onTestFinished }: TestContext): Promise<void> {
  const sim = await startSimulator({ projects: 3 })
  onTestFinished(() => sim.close())
  fillClients(sim, 2_000)
  sim.setSwitches({ latency: 20 })
  const codes: Record<string, number[]> = {}
  for (const [words, up, env, allowed] of [
    ['demo', 'until Ctrl-C', {}, [0, 1, BY_SIGNAL]],
    ['-s sync -- start', 'run ends', settingsFor(sim), [0, BY_SIGNAL]],
  ] as const) {
    // The time, on this machine, after which no new step is left to interrupt.
    let whole = 0
    for (let time = 0; time <= 20; time++) {
      const terminal = npmRun(words, env)
      await until(() => terminal.screen().includes(BEGUN), 'the terminal')
      const began = performance.now()
      if (time > 0) await sleep(Math.random() * whole)
      else await until(() => terminal.screen().includes(up), up)
      whole ||= performance.now() - began
      terminal.press(CTRL_C)
      const code = await ended(terminal)
      expect(allowed, terminal.screen()).toContain(code)
      ;(codes[words] ??= []).push(code)
    }
  }
  console.log(codes)
}

testWith(LONG)('Ctrl-C of a run of tests leaves nothing of it, pressed once or again', interruptTests, 10 * 60_000)

async function interruptTests({ onTestFinished }: TestContext): Promise<void> {
  const sql = postgres(inject('adminUrl'), { max: 1, onnotice: () => {} })
  onTestFinished(() => sql.end({ timeout: 0 }))
  const databases = async () =>
    new Set(
      (await sql`select datname from pg_database where datname like 'scopestack_test_%'`).map((row) =>
        String(row['datname']),
      ),
    )
  for (const [presses, server] of [
    [1, {}],
    [2, { TEST_DATABASE_URL: inject('adminUrl'), TEST_REDIS_URL: inject('redisUrl') }],
  ] as const) {
    const before = await databases()
    const files = ['outage', 'pooler'].map((name) => `test/system/surroundings/${name}.test.ts`)
    // A group of its own, as of a command on a terminal; its temporary files are below `temp`.
    const run = spawn(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...files], {
      cwd: ROOT,
      env: { PATH: process.env['PATH'], TMPDIR: temp, ...server },
      detached: true,
      stdio: 'ignore',
    })
    const over = once(run, 'exit')
    await until(async () => (await processesAt(temp)).some((line) => line.includes('cli.ts start')), 'a start in it')
    const made = (await databases()).difference(before)
    expect(made.size > 0).toBe('TEST_DATABASE_URL' in server)
    for (let press = 0; press < presses && run.exitCode === null; press++) {
      process.kill(-run.pid!, 'SIGINT')
      await sleep(20)
    }
    await over
    await until(async () => (await processesAt(temp)).length === 0, 'its processes to end')
    await until(async () => (await readdir(temp)).length === 0, 'its folder to be removed')
    await until(async () => made.isDisjointFrom(await databases()), 'its databases to be dropped')
  }
}

/** As a held key repeats it, until the program ends. */
async function holdDown(terminal: Terminal): Promise<void> {
  const key = setInterval(() => terminal.press(CTRL_C), 50)
  await terminal.closed.finally(() => clearInterval(key))
}

const settingsFor = ({ url, credentials }: Simulator): Record<string, string> => ({
  SCOPESTACK_CLIENT_ID: credentials.clientId,
  SCOPESTACK_CLIENT_SECRET: credentials.clientSecret,
  SCOPESTACK_AUTH_URL: url,
  SCOPESTACK_API_URL: url,
  SYNC_RATE: '0',
  HTTP_PORT: '0',
})
