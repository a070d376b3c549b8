/** One trial of the fault matrix in this process: the operation is struck, what holds is checked, and it is repeated undisturbed. */
import { expect } from 'vitest'
import { retried } from '../postgres/retried.ts'
import type { Evidence } from '../tables/invariants.ts'
import { until } from '../until.ts'
import { expectInvariants, watchAsReader } from './check.ts'
import { holdAt } from './hold.ts'
import { titleOf, type Trial } from './names.ts'
import { OPERATIONS, type Operation } from './operations.ts'
import { closeTheCircle, STRIKES } from './strikes.ts'
import type { World } from './world.ts'

/** @returns how the operation ended under the fault: `ok`, or the code of its failure. */
export async function tryInProcess(world: World, { fault, operation: name, step }: Trial): Promise<string> {
  const title = titleOf(fault)
  const operation = OPERATIONS[name]!
  await operation.prepare(world)
  const evidence: Evidence = { ...world, onlyWaited: fault.onlyWaits === true }
  const stopWatching = await watchAsReader(evidence)

  const hold = await holdAt(world, operation, step)
  let ended: string | undefined
  const begin = async (): Promise<string> => (ended = await world.perform(name))
  let acting: Promise<string> | undefined
  if (step !== 'before') {
    acting = begin()
    acting.catch(() => {})
    await Promise.race([hold.there, acting])
    expect(ended, `it ended before it was held at "${step}"`).toBeUndefined()
  }
  const end = await STRIKES[title]!(world, operation)
  if (title === 'Postgres: deadlock') await closeTheCircle(await hold.locked!)
  await hold.release()
  acting ??= begin()
  const outcome = await acting
  // A push tries again later; so does a worker whose token cannot be stored.
  const outlives = fault.lasts !== true && !name.startsWith('push') && !(name === 'token' && step === 'writing')
  if (outlives) expect(outcome, 'a fault that passes').toBe('ok')
  await whenBack(world)
  await expectInvariants(evidence, 'always')

  await end?.()
  await whenBack(world)
  expect(await undisturbed(world, operation), 'once more, undisturbed').toBe('ok')
  expect(await stopWatching(), 'S13: what a reader was shown too few of').toEqual([])
  await retried(async () => operation.done?.(world))
  await expectInvariants(evidence, 'at rest')
  return outcome
}

/**
 * A server that was restarted is found to be another one up to ten checks later, and connections to it are opened anew: once more
 * is enough.
 */
async function undisturbed(world: World, operation: Operation): Promise<string> {
  for (let time = 1; ; time++) {
    await retried(async () => operation.again?.(world))
    const outcome = await world.perform(operation.name)
    if (outcome !== 'SYNC_DATABASE_UNREACHABLE' || time === 2) return outcome
  }
}

/** The test's own session may have been lost, too. */
const whenBack = ({ sql }: World): Promise<unknown> => until(() => sql`select 1`, 'Postgres to respond to the test')
