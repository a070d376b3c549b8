/** What goes wrong, at random: of the remote, of the network, of Postgres, of a process. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { FaultInput } from '../../src/simulator/control/faults.ts'
import { createRandom } from '../../src/simulator/records/random.ts'
import type { World } from './world.ts'

const REMOTE = ['429', '500', '503', 'reset', 'truncate', 'html', 'lost-answer', 'slow', '401'] as const

const DETAILS: Partial<Record<(typeof REMOTE)[number], Partial<FaultInput>>> = {
  // A refusal at the token address is one of the credentials, and no passing fault.
  '401': { match: { path: '/v1/' } },
  '429': { retryAfter: 1 },
  slow: { ms: 2_000 },
}

export interface FaultMaker {
  strike(until: AbortSignal): Promise<void>
  made(): number
  summary(): string
  /** Nothing goes wrong any more. */
  end(): Promise<void>
}

type Act = (world: World, until: AbortSignal) => Promise<void> | void

const ACTS: Readonly<Record<string, Act>> = {
  ...Object.fromEntries(
    REMOTE.map((kind): [string, Act] => [
      `remote ${kind}`,
      ({ sim }) => {
        sim.removeFault()
        sim.addFault({ kind, count: 5, rate: 0.5, ...DETAILS[kind] })
      },
    ]),
  ),
  'tokens revoked': ({ sim }) => void sim.revokeTokens(),
  'process killed': async ({ members }, until) => {
    members[1]!.kill('SIGKILL')
    await pause(1_000, until)
    await members[1]!.revive()
  },
  'process ended': async ({ members }, until) => {
    members[1]!.kill('SIGTERM')
    await pause(8_000, until)
    members[1]!.kill('SIGKILL')
    await pause(500, until)
    await members[1]!.revive()
  },
  'process suspended': async ({ members }, until) => {
    members[1]!.kill('SIGSTOP')
    await pause(10_000, until)
    members[1]!.kill('SIGCONT')
  },
  'connections cut': async ({ sql }) => {
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()`
  },
  // Postgres then ends every session and recovers, as after a crash of the machine.
  'Postgres crashed': async ({ sql }) => {
    const [one] = await sql<{ pid: number }[]>`
      select pid from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database() and backend_type = 'client backend' limit 1`
    if (one !== undefined) process.kill(one.pid, 'SIGKILL')
  },
}

/** Ends early, and well, when the time is over. */
async function pause(ms: number, until: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal: until }).catch(() => {})
}

export function createFaultMaker(world: World, seed: number): FaultMaker {
  const random = createRandom(seed + 1)
  const counts = new Map<string, number>()
  const names = Object.keys(ACTS)
  return {
    made: () => [...counts.values()].reduce((sum, count) => sum + count, 0),
    summary: () => [...counts].map(([name, count]) => `${count} × ${name}`).join(', '),
    async strike(until) {
      const name = names[Math.floor(random.next() * names.length)]!
      counts.set(name, (counts.get(name) ?? 0) + 1)
      await ACTS[name]!(world, until)
    },
    async end() {
      world.sim.removeFault()
      world.members[1]!.kill('SIGCONT')
      for (const member of world.members) await member.revive()
    },
  }
}
