/**
 * One measured phase, in a process of its own, so that its memory is measured alone and no cache is warm from another phase.
 * The figures begin when it has loaded its code and opened its connections, and end with its work.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { PRODUCT_FLAGS } from '../../test/support/process/product-flags.ts'
import type { PhaseName, PhaseOptions } from '../phases/phase.ts'
import { measureWal, type Server, type Wal } from './postgres.ts'
import { cpuMsOf, rssOf } from './processes.ts'
import type { Counts, Remote } from './remote.ts'
import { median } from './statistics.ts'

/** What the process reports of itself. */
export interface PhaseResult {
  readonly ms: number
  /** User and system time. */
  readonly cpuMs: number
  readonly records: number
  readonly peakRss: number
  /** Further figures of this phase. */
  readonly more?: Readonly<Record<string, number>>
}

export interface Measured extends PhaseResult {
  readonly medianRss: number | null
  /** CPU of the servers meanwhile. */
  readonly postgresCpuMs: number | null
  readonly remoteCpuMs: number | null
  readonly requests: number
  readonly bytes: number
  readonly statuses: Counts['statuses']
  readonly wal?: Wal
}

export interface Phase {
  readonly name: PhaseName
  readonly remote: Remote
  readonly server: Server
  /** URL of the database. */
  readonly database: string
  readonly options?: PhaseOptions
  /** Environment variables of the worker. */
  readonly settings?: Readonly<Record<string, string>>
  /** The flags of Node that the product runs with, or Node's own. */
  readonly flags?: 'product' | 'default'
  readonly wal?: boolean
}

/** Ten times what the longest phase takes on a quiet machine: behind it something hangs. */
const LIMIT_MS = 15 * 60_000
const SAMPLE_MS = 50

export async function measure(phase: Phase): Promise<Measured> {
  const { remote, server, database } = phase
  const child = start(phase)
  const messages = messagesOf(child, phase.name)
  try {
    await messages.next()
    await remote.resetCounts()
    const endWal = phase.wal === true ? await measureWal(database) : undefined
    const before = { postgres: cpuMsOf(server.pid), remote: cpuMsOf(remote.pid) }
    const sampled: number[] = []
    const sampler = setInterval(() => sampled.push(rssOf(child.pid!) ?? 0), SAMPLE_MS)
    child.send('go')
    const result = (await messages.next().finally(() => clearInterval(sampler))) as PhaseResult
    const after = { postgres: cpuMsOf(server.pid), remote: cpuMsOf(remote.pid) }
    const { requests, bytes, statuses } = await remote.counts()
    return {
      ...result,
      medianRss: sampled.length === 0 ? null : median(sampled),
      postgresCpuMs: difference(before.postgres, after.postgres),
      remoteCpuMs: difference(before.remote, after.remote),
      requests,
      bytes,
      statuses,
      ...(endWal === undefined ? {} : { wal: await endWal() }),
    }
  } finally {
    child.kill('SIGKILL')
  }
}

const difference = (before: number | null, after: number | null): number | null =>
  before === null || after === null ? null : after - before

/** The environment of a worker. */
export function settingsFor(
  remote: Remote,
  database: string,
  settings: Readonly<Record<string, string>>,
): Record<string, string | undefined> {
  const { PATH, HOME, TMPDIR, NODE_COMPILE_CACHE } = process.env
  return {
    PATH,
    HOME,
    TMPDIR,
    NODE_COMPILE_CACHE,
    SCOPESTACK_AUTH_URL: remote.url,
    SCOPESTACK_API_URL: remote.url,
    SCOPESTACK_CLIENT_ID: 'simulator',
    SCOPESTACK_CLIENT_SECRET: 'simulator-secret',
    SYNC_RATE: '0',
    SYNC_PAGE_SIZE: '100',
    DATABASE_URL: database,
    ...settings,
  }
}

function start({ name, remote, database, options = {}, settings = {}, flags = 'product' }: Phase): ChildProcess {
  return fork(join(import.meta.dirname, '../phases/phase.ts'), [name, JSON.stringify(options)], {
    execArgv: flags === 'product' ? [...PRODUCT_FLAGS] : [],
    env: settingsFor(remote, database, settings),
  })
}

/** The messages of a child, one at a time. @throws when it ends, or sends nothing for too long. */
function messagesOf(child: ChildProcess, name: string): { next(): Promise<unknown> } {
  const waiting: unknown[] = []
  let wake = (): void => {}
  let ended: string | undefined
  child.on('message', (message) => {
    waiting.push(message)
    wake()
  })
  child.once('exit', (code, signal) => {
    ended = `The phase "${name}" ended (${signal ?? `exit ${code}`}) before it had its result; its error is above.`
    wake()
  })
  return {
    async next() {
      const late = setTimeout(() => {
        ended = `The phase "${name}" has no result after ${LIMIT_MS / 60_000} minutes, and was killed.`
        wake()
      }, LIMIT_MS)
      try {
        while (waiting.length === 0) {
          if (ended !== undefined) throw new Error(ended)
          await new Promise<void>((resolve) => void (wake = resolve))
        }
        return waiting.shift()
      } finally {
        clearTimeout(late)
      }
    },
  }
}
