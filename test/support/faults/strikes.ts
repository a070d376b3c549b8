/** How each fault of the matrix is brought about, and what ends it. */
import { expect } from 'vitest'
import type { Simulator } from '../../../src/simulator/server.ts'
import { lockLeases } from '../tables/fleet.ts'
import { until } from '../until.ts'
import type { Operation } from './operations.ts'
import type { World } from './world.ts'

/** Ends what lasts; without one, it passes. */
type End = () => unknown
type Strike = (world: World, operation: Pick<Operation, 'asks'>) => Promise<End | void> | End | void

/** What is answered to the requests that the operation is known by. */
const answer =
  (...faults: Parameters<Simulator['addFault']>[0][]): Strike =>
  ({ sim }, { asks }) => {
    for (const fault of faults) sim.addFault({ match: asks, ...fault })
    return () => sim.removeFault()
  }

const DAY_MS = 86_400_000

const remoteClock =
  (byMs: number): Strike =>
  ({ clock }) =>
    void (clock.aheadMs += byMs)

/** Of this process alone, as `test/support/process/shifted-clock.ts`. */
const hostClock =
  (byMs: number): Strike =>
  () => {
    const Real = Date
    globalThis.Date = class extends Real {
      constructor(...given: readonly unknown[]) {
        if (given.length === 0) super(Real.now() + byMs)
        else super(...(given as [number]))
      }

      static override now(): number {
        return Real.now() + byMs
      }
    } as DateConstructor
    return () => void (globalThis.Date = Real)
  }

/** The sessions of the worker, of whatever process. */
const endSessions = ({ sql }: World): Promise<unknown> => sql`
  select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and application_name like 'scopestack-sync%'`

const deadlock: Strike = async ({ sql }) => {
  // The cell has a lock that a session of the worker waits for, inside a transaction that has one of its lease. Who waits for that
  // one closes the circle; who began to wait first finds it, and loses.
  const [before] = await sql`select deadlocks::int as n from pg_stat_database where datname = current_database()`
  return async () => {
    const [after] = await sql`select deadlocks::int as n from pg_stat_database where datname = current_database()`
    expect(after!['n'], 'a deadlock').toBeGreaterThan(before!['n'] as number)
  }
}

/** To be awaited inside the transaction that holds what the worker waits for. */
export const closeTheCircle = lockLeases

export const STRIKES: Readonly<Record<string, Strike>> = {
  'ScopeStack: connection reset': answer({ kind: 'reset', count: 2 }),
  'ScopeStack: lost response': answer({ kind: 'lost-answer' }),
  'ScopeStack: truncated body': answer({ kind: 'truncate', count: 2 }),
  'ScopeStack: slow-loris: a byte at a time': answer({ kind: 'trickle', ms: 25 }),
  'ScopeStack: gzip bomb': answer({ kind: 'gzip-bomb', afterBytes: 34_000_000, count: 'always' }),
  'ScopeStack: HTML in place of JSON': answer({ kind: 'html', count: 'always' }),
  'ScopeStack: 429 without Retry-After': answer({ kind: '429', count: 3 }),
  'ScopeStack: 429 with Retry-After': answer({ kind: '429', retryAfter: 1 }),
  'ScopeStack: 500, 502, 503, 504': answer({ kind: '500' }, { kind: '502' }, { kind: '503' }, { kind: '504' }),
  'ScopeStack: 500 again and again': answer({ kind: '500', count: 'always' }),
  'ScopeStack: half-open, bytes of ScopeStack lost': ({ toRemote }) => toRemote.freeze('old', 'server'),
  'ScopeStack: half-open, bytes to ScopeStack lost': ({ toRemote }) => toRemote.freeze('old', 'client'),
  'ScopeStack: revoked token': ({ sim }) => void sim.revokeTokens(),
  // It lives for a day.
  'ScopeStack: expired token': remoteClock(1.1 * DAY_MS),

  'Postgres: connection reset': ({ toPostgres }) => toPostgres.cut(),
  'Postgres: half-open, both directions': ({ toPostgres }) => toPostgres.freeze('old'),
  'Postgres: half-open, bytes of Postgres lost': ({ toPostgres }) => toPostgres.freeze('old', 'server'),
  'Postgres: half-open, bytes to Postgres lost': ({ toPostgres }) => toPostgres.freeze('old', 'client'),
  'Postgres: restart': ({ server }) => server.restart(),
  async 'Postgres: read-only'({ server }) {
    await server.setReadOnly(true)
    return () => server.setReadOnly(false)
  },
  'Postgres: disk full': ({ server }) => server.fillDisk(),
  async 'Postgres: connection limit reached'(world) {
    const giveBack = await world.server.takeConnections()
    await endSessions(world)
    // The places of the ended ones, too.
    const rest = await world.server.takeConnections()
    return () => Promise.all([giveBack(), rest()])
  },
  'Postgres: deadlock': deadlock,
  'Postgres: lock held by another session': () => {},

  'Redis: wiped': async ({ redis }) => void (await redis!.admin.flushall()),
  'Redis: restarted': ({ redis }) => redis!.restart(),
  async 'Redis: full (maxmemory, noeviction)'({ redis }) {
    const { admin } = redis!
    await admin.config('SET', 'maxmemory', '1')
    return () => admin.config('SET', 'maxmemory', '0')
  },
  async 'Redis: READONLY'({ redis }) {
    // Its primary is not there.
    await redis!.admin.replicaof('127.0.0.1', 1)
    await until(async () => (await redis!.admin.info('replication')).includes('role:slave'), 'it to be a replica')
    return () => redis!.admin.replicaof('NO', 'ONE')
  },
  'Redis: connection reset': ({ toRedis }) => toRedis!.cut(),
  'Redis: half-open, both directions': ({ toRedis }) => toRedis!.freeze('old'),

  'ScopeStack’s a day ahead': remoteClock(DAY_MS),
  'ScopeStack’s a day behind': remoteClock(-DAY_MS),
  'this host’s a day ahead': hostClock(DAY_MS),
  'this host’s a day behind': hostClock(-DAY_MS),
}
