/** Runs PostgreSQL's programs. */
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { stopped } from '../../errors/commands.ts'
import type { Account } from './location.ts'

interface How {
  /** Undefined: the one who runs us. */
  readonly account: Account | undefined
  readonly env: Record<string, string>
  /** Ends the program, and all it has started, when it fires. */
  readonly signal?: AbortSignal
}

/** What asks politely gets five seconds: initdb removes what it has made so far. */
const POLITE_MS = 5_000

/**
 * In a process group of its own: a terminal sends Ctrl-C to every process of the group in front of it, and half-ended
 * programs would leave more behind than those that we end ourselves.
 *
 * @throws SyncError SYNC_STOPPED once all of it is gone, or an Error with what the program said.
 */
export async function runProgram(file: string, args: readonly string[], how: How): Promise<void> {
  if (how.signal?.aborted) throw stopped()
  const child = spawn(file, args, {
    ...how.account,
    cwd: '/',
    env: how.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const end = (): void => endGroup(child.pid)
  how.signal?.addEventListener('abort', end)
  try {
    const ended = new Promise<string>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code, signal) => resolve(code === 0 ? '' : `it ended with ${signal ?? code}`))
    })
    const [failure, , said] = await Promise.all([ended, text(child.stdout), text(child.stderr)])
    if (how.signal?.aborted) throw stopped()
    if (failure !== '') throw new Error(said.trim() || failure)
  } finally {
    how.signal?.removeEventListener('abort', end)
  }
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return
  const send = (name: NodeJS.Signals): void => {
    try {
      process.kill(-pid, name)
    } catch {
      // It has ended by itself.
    }
  }
  send('SIGTERM')
  setTimeout(send, POLITE_MS, 'SIGKILL').unref()
}
