/** Trials of the fault matrix whose fault is one of processes: an operation in its own process is killed, or suspended. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { atExit } from '../run/at-exit.ts'
import { expireLeases } from '../tables/fleet.ts'
import { until } from '../until.ts'
import { expectInvariants, watchAsReader } from './check.ts'
import { holdAt, type Hold } from './hold.ts'
import type { OperationName, Trial } from './names.ts'
import { OPERATIONS } from './operations.ts'
import type { World } from './world.ts'

const MEMBER = fileURLToPath(new URL('member.ts', import.meta.url))

interface Member {
  /** What it printed: how its operation ended. */
  outcome(): string | undefined
  signal(name: NodeJS.Signals): void
  /** Ends it, and waits. */
  end(): Promise<void>
  readonly gone: Promise<unknown>
}

function startMember(name: OperationName, { place }: World): Member {
  const child = spawn(process.execPath, [MEMBER, JSON.stringify({ name, place })], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const forget = atExit(() => void child.kill('SIGKILL'))
  const gone = once(child, 'close').finally(forget)
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text))
  child.stdin.on('error', () => {})
  return {
    outcome: () => /^(.+)\n/.exec(printed)?.[1],
    signal: (signal) => void child.kill(signal),
    gone,
    async end() {
      child.stdin.end()
      await gone
    },
  }
}

/** Killed or suspended at a step; another worker, of this process, does it then. @returns how that ended. */
export async function tryInProcesses(world: World, { fault, operation: name, step }: Trial): Promise<string> {
  const operation = OPERATIONS[name]!
  await operation.prepare(world)
  await world.close()
  const stopWatching = await watchAsReader(world)

  const hold = step === 'ended' ? undefined : await holdAt(world, operation, step)
  const member = startMember(name, world)
  await (hold?.there ?? until(() => member.outcome() !== undefined, 'the operation to end'))
  const outcome = await (fault.name === 'SIGKILL' ? killed : suspended)(world, { name, member, hold })

  await operation.again?.(world)
  expect(await world.perform(name), 'once more, undisturbed').toBe('ok')
  expect(await stopWatching(), 'S13: what a reader was shown too few of').toEqual([])
  await operation.done?.(world)
  await expectInvariants(world, 'at rest')
  return outcome
}

// --- internal ---

interface Struck {
  readonly name: OperationName
  readonly member: Member
  readonly hold: Hold | undefined
}

async function killed(world: World, { member, hold }: Struck): Promise<string> {
  member.signal('SIGKILL')
  await member.gone
  await hold?.release()
  await until(async () => (await sessions(world)) === 0, 'the sessions of the killed process to end')
  await expectInvariants(world, 'always')
  return 'killed'
}

async function suspended(world: World, { name, member, hold }: Struck): Promise<string> {
  member.signal('SIGSTOP')
  await expireLeases(world.sql)
  await hold!.release()
  await OPERATIONS[name]!.again?.(world)
  expect(await world.perform(name), 'by another worker, meanwhile').toBe('ok')
  await expectInvariants(world, 'always')
  member.signal('SIGCONT')
  const outcome = await until(() => member.outcome(), 'the suspended process to go on')
  await member.end()
  return outcome
}

const sessions = async ({ sql }: World): Promise<number> =>
  (
    await sql`select from pg_stat_activity where application_name like 'scopestack-sync%' and datname = current_database()`
  ).length
