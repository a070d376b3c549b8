/** The real program in a process of its own, with its output and exit code. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { atExit } from '../run/at-exit.ts'

export interface CliOptions {
  /** The whole environment of the process, beside PATH and the folder of compiled code: it inherits no variable. */
  env?: Record<string, string>
  /** Default: an empty directory, removed afterwards, so that neither .env nor an embedded database is found. */
  cwd?: string
  /** Aborting sends SIGTERM. */
  signal?: AbortSignal
  /** The program of another release. */
  program?: string
  /** Its output has no reader: the pipe is closed at once. */
  closeStdout?: boolean
  /** Called with all of stdout so far, whenever there is more. */
  onStdout?: (soFar: string) => void
  onStderr?: (soFar: string) => void
}

export interface CliResult {
  /** Null if a signal ended it. */
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export type CliRun = Promise<CliResult> & { kill(signal?: NodeJS.Signals): void }

/** Runs the real program. It never rejects because of an exit code; a process that still runs ends with the test process. */
export function runCli(args: readonly string[], options: CliOptions = {}): CliRun {
  const state: { kill?: (signal: NodeJS.Signals) => void; wanted?: NodeJS.Signals } = {}
  const kill = (signal: NodeJS.Signals = 'SIGTERM') => {
    state.wanted = signal
    state.kill?.(signal)
  }
  return Object.assign(run(args, options, state), { kill })
}

// --- internal ---

/** A command ends before its young generation is full, so it is never collected: a tenth less of CPU for `start`. */
const NODE_FLAGS = ['--min-semi-space-size=64', '--max-semi-space-size=64']
const CLI = fileURLToPath(new URL('../../../src/cli.ts', import.meta.url))

async function run(
  args: readonly string[],
  { env, cwd, signal, onStdout, onStderr, closeStdout, program = CLI }: CliOptions,
  state: { kill?: (signal: NodeJS.Signals) => void; wanted?: NodeJS.Signals },
): Promise<CliResult> {
  const scratch = cwd ?? (await mkdtemp(join(tmpdir(), 'scopestack-sync-cli-')))
  // As root, the embedded Postgres runs as another user, who needs access.
  if (cwd === undefined) await chmod(scratch, 0o711)
  const child = spawn(process.execPath, [...NODE_FLAGS, program, ...args], {
    cwd: scratch,
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const die = () => void child.kill('SIGKILL')
  const stop = () => void child.kill('SIGTERM')
  const forget = atExit(die)
  signal?.addEventListener('abort', stop)
  state.kill = (name) => void child.kill(name)
  // Requested before the process existed.
  if (state.wanted) child.kill(state.wanted)
  if (signal?.aborted) stop()

  if (closeStdout) child.stdout.destroy()
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    onStdout?.(stdout)
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    onStderr?.(stderr)
  })
  try {
    const [code, killedBy] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
    return { code, signal: killedBy, stdout, stderr }
  } finally {
    forget()
    signal?.removeEventListener('abort', stop)
    if (cwd === undefined) await rm(scratch, { recursive: true, force: true })
  }
}
