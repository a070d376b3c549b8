/** Holds an operation at a step, from outside, so that a fault strikes there. */
import type postgres from 'postgres'
import { lockWait } from '../postgres/lock-waits.ts'
import { until } from '../until.ts'
import type { Step } from './names.ts'
import type { Operation } from './operations.ts'
import type { World } from './world.ts'

export interface Hold {
  /** Resolves when the operation is there. */
  readonly there: Promise<unknown>
  /** It may go on. */
  release(): Promise<void>
  /** With the lock for which it waits. */
  readonly locked?: Promise<postgres.TransactionSql>
}

export async function holdAt(world: World, operation: Operation, step: Step): Promise<Hold> {
  switch (step) {
    case 'before':
      return { there: Promise.resolve(), release: async () => {} }
    case 'token':
      world.sim.revokeTokens()
      return atRequest(world, 'hold', { path: '/oauth/token' })
    case 'account':
      return atRequest(world, 'hold', { path: '/v1/me' })
    case 'arrived':
      return atRequest(world, 'hold', operation.asks)
    case 'done':
      return atRequest(world, 'hold-answer', operation.asks)
    case 'writing':
      return await atLock(world, operation)
    default:
      throw new Error(`A process is held at "${step}" by who starts it`)
  }
}

function atRequest({ sim }: World, kind: 'hold' | 'hold-answer', match: Operation['asks']): Hold {
  const { id } = sim.addFault({ kind, match })
  const isMet = (): boolean => sim.faults().some((fault) => fault.id === id && fault.met > 0)
  return {
    there: until(isMet, `a request that is held (${JSON.stringify(match)})`),
    release: async () => void sim.removeFault(id),
  }
}

/** A row cannot be written. */
async function atLock({ sql }: World, { writes: { table, mode } }: Operation): Promise<Hold> {
  const locked = Promise.withResolvers<postgres.TransactionSql>()
  const released = Promise.withResolvers<void>()
  const over = sql.begin(async (tx) => {
    // Who waits behind it is to find a deadlock.
    await tx.unsafe(`set local deadlock_timeout = '10min'; lock table ${table} in ${mode} mode`)
    locked.resolve(tx)
    await released.promise
  })
  // It may end with its server.
  over.catch(locked.reject)
  await locked.promise
  return {
    there: lockWait(sql, table),
    locked: locked.promise,
    async release() {
      released.resolve()
      await over.catch(() => {})
    },
  }
}
