/** Trials of the fault matrix of `start`: a tick, its run and its jobs are struck, and the next run is undisturbed. */
import { Redis } from 'ioredis'
import { expect } from 'vitest'
import { lockWait } from '../postgres/lock-waits.ts'
import { runCli, type CliRun } from '../process/cli.ts'
import { readRunOutcomes, readRuns, tickEarlier } from '../tables/runs.ts'
import { until } from '../until.ts'
import { expectInvariants, watchAsReader } from './check.ts'
import { holdAt, type Hold } from './hold.ts'
import { titleOf, type Step, type Trial } from './names.ts'
import { OPERATIONS } from './operations.ts'
import { STRIKES } from './strikes.ts'
import type { World } from './world.ts'

interface Started {
  readonly run: CliRun
  readonly log: () => Record<string, unknown>[]
}

/** Never again during a test. */
const YEARLY = '0 0 1 1 *'
const RUN = OPERATIONS['first pull']!

function start({ place, types }: World): Started {
  let stderr = ''
  const { clientId, clientSecret } = place.credentials
  const env: Record<string, string> = {
    SCOPESTACK_CLIENT_ID: clientId,
    SCOPESTACK_CLIENT_SECRET: clientSecret,
    SCOPESTACK_AUTH_URL: place.remoteUrl,
    SCOPESTACK_API_URL: place.remoteUrl,
    DATABASE_URL: place.databaseUrl,
    SYNC_RESOURCES: types.join(),
    SYNC_SCHEDULE: YEARLY,
    SYNC_INCREMENTAL_SCHEDULE: 'off',
    SYNC_PAGE_SIZE: '10',
    SYNC_CONCURRENCY: '2',
    SYNC_TAKEOVER: '10',
    HTTP_PORT: '0',
    ...(place.redisUrl === undefined ? {} : { REDIS_URL: place.redisUrl }),
  }
  const run = runCli(['start'], { env, onStderr: (text) => (stderr = text) })
  const lines = () => stderr.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}'))
  return { run, log: () => lines().map((line) => JSON.parse(line) as Record<string, unknown>) }
}

/** @returns how the run ended that was struck. */
export async function tryTheSchedule(world: World, { fault, step }: Trial): Promise<string> {
  const stopWatching = await watchAsReader(world)
  const hold = await holdStartAt(world, step)
  let process = start(world)
  try {
    await hold.there
    if (fault.name === 'SIGKILL') {
      process.run.kill('SIGKILL')
      await process.run
      await hold.release()
      process = start(world)
    } else {
      const end = await STRIKES[titleOf(fault)]!(world, RUN)
      await hold.release()
      // It has met it once it has reported so.
      if (fault.lasts === true)
        await until(() => process.log().some(({ level }) => Number(level) >= 40), 'it to be met')
      await end?.()
    }
    const outcome = await runToEnd(world, 1)
    await expectInvariants(world, 'always')

    // As if a year had passed.
    await tickEarlier(world.sql, '2 years')
    expect(await runToEnd(world, 2), 'the next run').toBe('ok')
    process.run.kill('SIGTERM')
    expect(await process.run).toMatchObject({ code: 0, signal: null })
    expect(await stopWatching(), 'S13: what a reader was shown too few of').toEqual([])
    await expectInvariants(world, 'at rest')
    return outcome
  } finally {
    process.run.kill('SIGKILL')
    await process.run
    await stopWatching()
  }
}

// --- internal ---

/** Of the run with this number: how it ended, or the code of its first failure. */
async function runToEnd({ sql, types }: World, number: number): Promise<string> {
  const run = await until(async () => {
    const one = (await readRuns(sql, ['id', 'outcome', 'finishedAt']))[number - 1]
    return one?.finishedAt === null ? undefined : one
  }, `run ${number} to end`)
  const outcomes = (await readRunOutcomes(sql, ['run', 'resource', 'outcome', 'code'])).filter(
    (one) => one.run === run.id,
  )
  expect(outcomes.map(({ resource }) => resource).toSorted()).toEqual(types.toSorted())
  const failed = outcomes.find(({ outcome }) => outcome !== 'ok')
  return failed?.code ?? failed?.outcome ?? run.outcome!
}

async function holdStartAt(world: World, step: Step): Promise<Hold> {
  const table = (name: string) => holdAt(world, { ...RUN, writes: { table: name, mode: 'share' } }, 'writing')
  switch (step) {
    case 'tick':
      return await table('sync.ticks')
    case 'queueing':
      return world.redis === undefined ? await table('bullmq.job') : await pauseRedis(world)
    case 'closing': {
      const page = await holdAt(world, RUN, 'arrived')
      const closing = Promise.withResolvers<Hold>()
      const close = async (): Promise<void> => {
        await page.there
        closing.resolve(await table('sync.runs'))
        await page.release()
        await lockWait(world.sql, 'sync.runs')
      }
      return { there: close(), release: async () => (await closing.promise).release() }
    }
    default:
      return await holdAt(world, RUN, step)
  }
}

/** It takes no write any more from when the run is open. */
async function pauseRedis({ redis, sql }: World): Promise<Hold> {
  const admin = new Redis(redis!.url)
  const isOpen = async (): Promise<boolean> => (await readRuns(sql, ['id'])).length > 0
  await admin.client('PAUSE', 600_000, 'WRITE')
  return {
    there: until(isOpen, 'the run to be open'),
    async release() {
      await admin.client('UNPAUSE')
      admin.disconnect()
    },
  }
}
