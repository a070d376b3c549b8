/** Runs PostgreSQL's programs. */
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { stopped } from '../../errors/commands.ts'
import type { Account } from './location.ts'

interface RunOptions {
  /** Undefined: our own account. */
  readonly account: Account | undefined
  readonly env: Record<string, string>
  /** Ends the program, and all it has started, when it fires. */
  readonly signal?: AbortSignal
}

/** After SIGTERM a program has five seconds: initdb removes what it has created. */
const GRACE_MS = 5_000

/**
 * Runs a program in a process group of its own: a terminal sends Ctrl-C to its foreground group, and interrupted programs would
 * leave more behind than those that we end.
 *
 * @throws SyncError SYNC_STOPPED once the program has ended, or an Error with its output.
 */
export async function runProgram(file: string, args: readonly string[], options: RunOptions): Promise<void> {
  if (options.signal?.aborted) throw stopped()
  const child = spawn(file, args, {
    ...options.account,
    cwd: '/',
    env: options.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const end = (): void => endGroup(child.pid)
  options.signal?.addEventListener('abort', end)
  try {
    const ended = new Promise<string>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code, signal) => resolve(code === 0 ? '' : `it ended with ${signal ?? code}`))
    })
    const [failure, , stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)])
    if (options.signal?.aborted) throw stopped()
    if (failure !== '') throw new Error(stderr.trim() || failure)
  } finally {
    options.signal?.removeEventListener('abort', end)
  }
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return
  const send = (name: NodeJS.Signals): void => {
    try {
      process.kill(-pid, name)
    } catch {
      // It has ended already.
    }
  }
  send('SIGTERM')
  setTimeout(send, GRACE_MS, 'SIGKILL').unref()
}
