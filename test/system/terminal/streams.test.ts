/** Whatever happens to stdout and stderr, a run continues and ends with the same exit code. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { until } from '../../support/until.ts'
import { open, type Setting } from '../support/setting.ts'

const CLI = fileURLToPath(new URL('../../../src/cli.ts', import.meta.url))

interface Shell extends AsyncDisposable {
  /** The files that the command line left in its folder. */
  readonly file: (name: string) => Promise<string>
  /** The output that the shell captured. */
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>
}

/** `$cli` is the program; the command line redirects its output. */
async function shell({ env }: Setting, line: string, more: Record<string, string> = {}): Promise<Shell> {
  const cwd = await mkdtemp(join(tmpdir(), 'scopestack-sync-streams-'))
  const child = spawn('sh', ['-c', `cli="${process.execPath} ${CLI}"; ${line}`], {
    cwd,
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'], ...env, ...more },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const ended = (async () => {
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close') as Promise<[number | null]>,
    ])
    return { code, stdout, stderr }
  })()
  return {
    file: (name) => readFile(join(cwd, name), 'utf8'),
    ended,
    async [Symbol.asyncDispose]() {
      try {
        process.kill(-child.pid!, 'SIGKILL')
      } catch {}
      await ended
      await rm(cwd, { recursive: true, force: true })
    },
  }
}

const rowsOf = async ({ sql }: Setting): Promise<number> => {
  const [exists] = await sql<{ yes: boolean }[]>`select to_regclass('scopestack.clients') is not null as yes`
  if (!exists!.yes) return 0
  return (await sql<{ rows: number }[]>`select count(*)::int as rows from scopestack.clients`)[0]!.rows
}

describe.concurrent('a command', () => {
  test.concurrent.for([
    ['a full disk', '>/dev/full', /Not all of this could be written to standard output: .*ENOSPC/],
    ['a full disk, as JSON', '--json >/dev/full', /ENOSPC/],
    ['a full disk for both', '>/dev/full 2>/dev/full', /^$/],
    ['a stdout that is closed', '>&-', /^$/],
    ['no stream at all', '>&- 2>&-', /^$/],
  ] as const)('that writes to %s ends as its run does', async ([, where, said]) => {
    await using setting = await open()
    await using pulled = await shell(setting, `exec $cli pull clients ${where}`)
    expect(await pulled.ended).toMatchObject({ code: 0, stdout: '', stderr: expect.stringMatching(said) as string })
    expect(await rowsOf(setting)).toBe(setting.sim.records.list('clients').length)
  })

  test.concurrent('whose only task is its output fails if it could not write', async () => {
    await using setting = await open()
    await using asked = await shell(setting, 'exec $cli status --json >/dev/full')
    const { code, stderr } = await asked.ended
    expect(code).toBe(1)
    expect(stderr).toContain('ENOSPC')
  })
})

test.concurrent('a log without a reader delays neither the runs of "start" nor its end', async () => {
  await using setting = await open()
  // The pipe is full before the first line.
  const line = '(head -c 65536 /dev/zero; $cli start & echo $! >pid; wait $!; echo $? >code) 2>&1 | sleep 1000'
  await using started = await shell(setting, line, {
    SYNC_RESOURCES: 'clients',
    SYNC_SCHEDULE: '0 0 1 1 *',
    HTTP_PORT: '0',
    LOG_LEVEL: 'debug',
  })
  const clients = setting.sim.records.list('clients').length
  await until(async () => (await rowsOf(setting)) === clients, 'the clients being read')
  process.kill(Number(await started.file('pid')), 'SIGTERM')
  const code = await until(async () => (await started.file('code').catch(() => '')).trim(), 'its end')
  expect(code).toBe('0')
})
