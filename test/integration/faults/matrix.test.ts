/**
 * The fault matrix, where a process is no part of the fault: after each fault the guarantees are checked by queries, and the operation
 * is repeated without it (test/support/faults/matrix.ts). `npm test` runs a fixed part of it, `npm run faults` all.
 */
import { afterAll, beforeAll, test, vi } from 'vitest'
import { waitForResponses } from '../../../src/remote/http/http.ts'
import { waitForProbes } from '../../../src/store/connection/server-probe.ts'
import { checkEvery } from '../../../src/store/connection/watch.ts'
import { trials } from '../../support/faults/matrix.ts'
import { nameOf, type Trial } from '../../support/faults/names.ts'
import { OPERATIONS } from '../../support/faults/operations.ts'
import { noted } from '../../support/faults/results.ts'
import { startFragilePostgres, type FragilePostgres } from '../../support/faults/server.ts'
import { SHORT } from '../../support/faults/short.ts'
import { tryInProcess } from '../../support/faults/trial.ts'
import { openWorld, startRestartableRedis, type OwnRedis } from '../../support/faults/world.ts'

vi.setConfig({ testTimeout: 240_000 })

const LONG = process.env['FAULTS'] === 'long'

let server: FragilePostgres
let redis: OwnRedis | undefined

beforeAll(async () => {
  checkEvery(250)
  waitForProbes(2)
  server = await startFragilePostgres()
})

afterAll(async () => {
  checkEvery(1_000)
  waitForProbes(5)
  waitForResponses(Infinity)
  await redis?.stop()
  await server.stop()
})

/** So long a response is waited for where none comes. */
const SILENCE_MS = 1_000

const chosen = trials(false).filter((one) => LONG || SHORT.includes(nameOf(one)))
test.each(chosen.map((one) => [nameOf(one), one] as const))('%s', async (_, trial: Trial) => {
  const { fault, operation } = trial
  const isSilent = fault.group === 'ScopeStack' && /^(half-open|slow)/.test(fault.name)
  waitForResponses(isSilent ? SILENCE_MS : Infinity)
  if (fault.group === 'Redis') redis ??= await startRestartableRedis()
  await using world = await openWorld({
    types: OPERATIONS[operation]!.types,
    server,
    fillable: fault.name === 'disk full',
    redis: fault.group === 'Redis' ? redis : undefined,
  })
  await noted(server.major, trial, () => tryInProcess(world, trial))
})
