/** Several real processes that share one database, started together. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { atExit } from '../run/at-exit.ts'
import type { MemberLine, MemberOptions } from './fleet-member.ts'

export interface Member {
  readonly pid: number
  ready(): boolean
  go(): void
  /** Sends a signal, as an operating system or an operator would. */
  signal(name: NodeJS.Signals): void
  /** Of each caller, the token generations of its successful requests, in order. */
  readonly generations: ReadonlyMap<number, readonly number[]>
  readonly failures: readonly string[]
  readonly stderr: () => string
  /** Asks its callers to finish, and waits. */
  end(): Promise<void>
}

export interface Fleet extends AsyncDisposable {
  readonly members: readonly Member[]
}

const FILE = fileURLToPath(new URL('fleet-member.ts', import.meta.url))

/** So many real processes, which wait for the start signal. */
export function startFleet(count: number, options: MemberOptions): Fleet {
  const members = Array.from({ length: count }, () => startMember(options))
  return {
    members,
    async [Symbol.asyncDispose]() {
      await Promise.all(members.map((member) => member.kill()))
    },
  }
}

function startMember(options: MemberOptions): Member & { kill(): Promise<void> } {
  const child = spawn(process.execPath, [FILE, JSON.stringify(options)], { stdio: ['pipe', 'pipe', 'pipe'] })
  const die = () => void child.kill('SIGKILL')
  const forget = atExit(die)
  const gone = once(child, 'close')
  let ready = false
  let stderr = ''
  const generations = new Map<number, number[]>()
  const failures: string[] = []
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  child.stdin.on('error', () => {})
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = JSON.parse(text) as MemberLine
    if (line.type === 'ready') ready = true
    if (line.type === 'failure') failures.push(line.message)
    if (line.type === 'success') {
      generations.set(line.caller, [...(generations.get(line.caller) ?? []), line.generation])
    }
  })
  return {
    pid: child.pid!,
    ready: () => ready,
    go: () => void child.stdin.write('go\n'),
    signal: (name) => void child.kill(name),
    generations,
    failures,
    stderr: () => stderr,
    async end() {
      child.stdin.end()
      await gone
    },
    async kill() {
      forget()
      child.kill('SIGKILL')
      await gone
    },
  }
}
