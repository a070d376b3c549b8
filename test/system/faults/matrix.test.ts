/**
 * The fault matrix, where processes are killed or suspended, or are those of `start` (test/support/faults/matrix.ts). `npm test` runs a
 * fixed part of it, `npm run faults` all.
 */
import { afterAll, beforeAll, test, vi } from 'vitest'
import { trials } from '../../support/faults/matrix.ts'
import { nameOf, type Trial } from '../../support/faults/names.ts'
import { OPERATIONS } from '../../support/faults/operations.ts'
import { tryInProcesses } from '../../support/faults/processes.ts'
import { noted } from '../../support/faults/results.ts'
import { tryTheSchedule } from '../../support/faults/schedule.ts'
import { startFragilePostgres, type FragilePostgres } from '../../support/faults/server.ts'
import { SHORT } from '../../support/faults/short.ts'
import { openWorld, startRestartableRedis, type OwnRedis } from '../../support/faults/world.ts'

vi.setConfig({ testTimeout: 240_000 })

const LONG = process.env['FAULTS'] === 'long'

let server: FragilePostgres
let redis: OwnRedis | undefined

beforeAll(async () => {
  server = await startFragilePostgres()
})

afterAll(async () => {
  await redis?.stop()
  await server.stop()
})

const chosen = trials(true).filter((one) => LONG || SHORT.includes(nameOf(one)))
test.each(chosen.map((one) => [nameOf(one), one] as const))('%s', async (_, trial: Trial) => {
  const { operation } = trial
  const isSchedule = operation.startsWith('schedule')
  if (operation === 'schedule on Redis') redis ??= await startRestartableRedis()
  const types = isSchedule ? ['clients', 'vendors'] : OPERATIONS[operation]!.types
  await using world = await openWorld({ types, server, redis: operation === 'schedule on Redis' ? redis : undefined })
  await noted(server.major, trial, () => (isSchedule ? tryTheSchedule : tryInProcesses)(world, trial))
})
