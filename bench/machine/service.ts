/** A process of `start`, as a supervisor runs it. It ends with what started it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { PRODUCT_FLAGS } from '../../test/support/process/product-flags.ts'
import { settingsFor } from './measure.ts'
import type { Remote } from './remote.ts'

export interface Service {
  readonly pid: number
  close(this: void): Promise<void>
}

interface Start {
  readonly remote: Remote
  readonly database: string
  readonly settings?: Readonly<Record<string, string>>
  readonly args?: readonly string[]
}

const CLI = join(import.meta.dirname, '../../src/cli.ts')

/** @param line of its log that is waited for. @throws when it ends before. */
export async function startService(
  { remote, database, settings = {}, args = [] }: Start,
  line: string,
): Promise<Service> {
  const child = spawn(process.execPath, [...PRODUCT_FLAGS, CLI, 'start', ...args], {
    env: settingsFor(remote, database, { HTTP_PORT: '0', ...settings }),
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const close = async (): Promise<void> => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  const lines: string[] = []
  for await (const text of createInterface({ input: child.stderr })) {
    lines.push(text)
    if (!text.includes(line)) continue
    child.stderr.resume()
    return { pid: child.pid!, close }
  }
  await close()
  throw new Error(`"start" ended before its log had ${line}: ${lines.slice(-3).join('\n')}`)
}

/** What is not measured of it. */
export const UNMEASURED = { medianRss: null, postgresCpuMs: null, remoteCpuMs: null } as const
