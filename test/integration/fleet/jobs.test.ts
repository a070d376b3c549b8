/** What the system tests cannot bring about from outside: the same on both queues. */
import { DelayedError, UnrecoverableError } from 'bullmq'
import postgres from 'postgres'
import { afterEach, describe, expect, test } from 'vitest'
import { onPostgres, onRedis } from '../../../src/jobs/backends.ts'
import { PUSH_QUEUE, QUEUE, type JobData, type JobName } from '../../../src/jobs/job-names.ts'
import { createDelayWatch } from '../../../src/jobs/push.ts'
import { migrateQueue } from '../../../src/jobs/queue-tables.ts'
import { openQueues, type Queues } from '../../../src/jobs/queues.ts'
import { createReconciler } from '../../../src/jobs/reconcile.ts'
import { createLogger } from '../../../src/logger.ts'
import { openFleetState } from '../../../src/report/fleet-state.ts'
import { openDatabase, type Database } from '../../../src/store/connection/database.ts'
import { installationName } from '../../../src/store/fleet/account.ts'
import { openPresence } from '../../../src/store/fleet/presence.ts'
import { recordOutcome } from '../../../src/store/runs/runs.ts'
import { closeRun, decideTick, readOpenRun } from '../../../src/store/runs/scheduled-runs.ts'
import { createDatabase } from '../../support/postgres/database.ts'
import { QUEUE_KINDS } from '../../support/redis/queue-kinds.ts'
import { startOwnRedis } from '../../support/redis/redis-server.ts'
import { beginOpenRunsAgo, readRunOutcomes, readRuns } from '../../support/tables/runs.ts'
import { until } from '../../support/until.ts'

const opened: (() => PromiseLike<unknown>)[] = []
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close()
})

const log = createLogger({ level: 'silent', terminal: false })
const { signal } = new AbortController()
const TIMING = { takeoverSeconds: 1, retryMs: 1 }
const PLAN = { kind: 'full', planned: ['clients', 'tags'], holder: 'test', version: '0' }

async function openOn(kind: keyof typeof QUEUE_KINDS, timing = TIMING) {
  const database = await createDatabase()
  opened.push(() => database[Symbol.asyncDispose]())
  const sql = openDatabase(database.url)
  opened.push(() => sql.end({ timeout: 5 }))
  const side = postgres(database.url, { max: 1, onnotice: () => {} })
  opened.push(() => side.end())
  await migrateQueue(database.url)
  const queue = await QUEUE_KINDS[kind](side)
  opened.push(() => queue[Symbol.asyncDispose]())
  const presence = openPresence(sql)
  opened.push(() => presence.close())
  const place = {
    presence,
    databaseUrl: database.url,
    redisUrl: queue.env['REDIS_URL'],
    installation: await installationName(sql),
  }
  const queues = openQueues(place, timing, () => {})
  opened.push(() => queues.close())
  const fleet = openFleetState(sql, { redisUrl: place.redisUrl, keyId: () => '' })
  opened.push(() => fleet.close())
  return { sql, queue, queues, place, fleet }
}

async function openRun(sql: Database, at = new Date()): Promise<number> {
  const decision = await decideTick(sql, { schedule: 'full', at }, PLAN)
  await beginOpenRunsAgo(sql, '1 hour')
  return decision!.runId!
}

const closings: number[] = []
const CLOSING = { within: async () => {}, after: ({ id }: { id: number }) => void closings.push(id) }
const reconcileAll = (sql: Database, queues: Queues) => {
  const reconcile = createReconciler({ sql, session: sql, queues, log, closing: CLOSING })
  // What no queue knows of is still being added, perhaps: it is lost at the second time.
  return reconcile(signal).then(() => reconcile(signal))
}

const okOutcome = (resource: string) => ({
  resource,
  outcome: 'ok' as const,
  tookMs: 5,
  expected: 1,
  seen: 1,
  inserted: 1,
  updated: 0,
  unchanged: 0,
  deleted: 0,
  parked: 0,
  pages: 1,
  code: null,
  message: null,
})

describe.each(['postgres', 'redis'] as const)('on %s', (kind) => {
  test('what a person is shown of the queue is what BullMQ counts', async () => {
    const { sql, queues, place, fleet } = await openOn(kind, { takeoverSeconds: 60, retryMs: 600_000 })
    const { classes, connection, prefix, release } = (kind === 'redis' ? onRedis : onPostgres)(place, () => {})
    opened.push(release)
    const options = { connection: connection(false), skipWaitingForReady: true, skipVersionCheck: true, ...prefix }
    const counted = async () => {
      const found = await Promise.all(
        [QUEUE, PUSH_QUEUE].map(async (queue) => {
          const those = new classes.Queue(queue, options)
          const counts = await those.getJobCounts('waiting', 'active', 'delayed', 'waiting-children', 'failed')
          return Object.entries(counts).map(([state, jobs]) => ({ queue, state, jobs }))
        }),
      )
      return found.flat()
    }
    expect(await fleet.depths()).toEqual(await counted())
    await queues.addRun(await openRun(sql), ['clients', 'tags', 'teams', 'rates', 'phases'])
    await queues.wakePush()
    const gate = Promise.withResolvers<void>()
    const worker = queues.startWorker(async ({ data: { resource } }) => {
      if (resource === 'teams') throw new UnrecoverableError('lost')
      if (resource === 'tags') throw new Error('later')
      await gate.promise
    }, 2)
    void worker.run()
    const jobsIn = async (state: string) =>
      (await fleet.depths()).find((one) => one.queue === QUEUE && one.state === state)!.jobs
    await until(async () => (await jobsIn('failed')) === 1 && (await jobsIn('active')) === 2, 'all states')
    expect(await counted()).toEqual(await fleet.depths())
    expect((await fleet.depths()).map(({ jobs }) => jobs)).toEqual([1, 2, 1, 1, 1, 1, 0, 0, 0, 0])
    gate.resolve()
    await worker.close()
  })

  test('a run that several processes add at once has each of its jobs once', async () => {
    const { sql, queues, queue, fleet } = await openOn(kind)
    const runId = await openRun(sql)
    await Promise.all(Array.from({ length: 8 }, () => queues.addRun(runId, PLAN.planned)))
    expect((await fleet.depths()).filter(({ jobs }) => jobs > 0)).toEqual([
      { queue: 'sync', state: 'waiting', jobs: 2 },
      { queue: 'sync', state: 'waiting-children', jobs: 1 },
    ])
    const done: string[] = []
    const worker = queues.startWorker(async ({ id, data }) => {
      done.push(id!)
      expect(Object.keys(data).every((key) => key === 'runId' || key === 'resource')).toBe(true)
    }, 4)
    void worker.run()
    await until(() => done.includes(`run-${runId}`), 'the job that closes')
    await worker.close()
    expect(done.slice(0, 2).sort()).toEqual([`run-${runId}-clients`, `run-${runId}-tags`])
    expect(done).toHaveLength(3)
    expect(await queue.job(`run-${runId}`)).toMatchObject({ attempts: 1 })
  })

  test('a resource whose job failed for good is recorded as failed, lost jobs are created again, and the run ends', async () => {
    const { sql, queues, queue } = await openOn(kind)
    const runId = await openRun(sql)
    await queues.addRun(runId, ['clients'])
    const worker = queues.startWorker(async () => {
      throw new Error('killed once too often')
    }, 1)
    void worker.run()
    await until(
      async () => Object.hasOwn(Object(await queues.jobState(runId, 'clients')), 'failed'),
      'the job to be given up',
    )
    await worker.close()

    await reconcileAll(sql, queues)
    expect(await readRunOutcomes(sql, ['resource', 'outcome', 'code', 'message'])).toMatchObject([
      {
        resource: 'clients',
        outcome: 'failed',
        code: 'SYNC_JOB_FAILED',
        message: expect.stringContaining('killed once too often') as string,
      },
    ])
    expect(await queues.jobState(runId, 'tags')).toBe('live')
    expect(await queue.job(`run-${runId}-tags`)).toBeDefined()

    await recordOutcome(sql, runId, okOutcome('tags'))
    await reconcileAll(sql, queues)
    await reconcileAll(sql, queues)
    expect(await readRuns(sql, ['outcome'])).toEqual([{ outcome: 'failed' }])
    expect(closings.filter((id) => id === runId)).toHaveLength(1)
    closings.length = 0
  })

  test('a job that ended without an outcome is created again', async () => {
    const { sql, queues } = await openOn(kind)
    const runId = await openRun(sql)
    await queues.addRun(runId, PLAN.planned)
    const worker = queues.startWorker(async () => {}, 4)
    void worker.run()
    await until(async () => (await queues.jobState(runId, 'tags')) === 'completed', 'a job that did nothing')
    await until(async () => (await queues.jobState(runId, 'clients')) === 'completed', 'another')
    await worker.close()
    await reconcileAll(sql, queues)
    expect(await queues.jobState(runId, 'clients')).toBe('live')
    expect(await queues.jobState(runId, 'tags')).toBe('live')
  })

  test('a job that ends during the check is not lost, nor is one that is still being added', async () => {
    const { sql, queues } = await openOn(kind)
    const runId = await openRun(sql)
    const requested: string[] = []
    // Between the read of what is missing and the check of the queue the job of one resource does its work.
    const busy: Queues = {
      ...queues,
      async jobState(id, resource) {
        requested.push(resource)
        if (resource === 'clients' && requested.length === 1) {
          await queues.addRun(runId, ['clients'])
          const worker = queues.startWorker(async () => recordOutcome(sql, runId, okOutcome('clients')), 1)
          void worker.run()
          await until(async () => (await queues.jobState(runId, 'clients')) === 'completed', 'its job to end')
          await worker.close()
        }
        return await queues.jobState(id, resource)
      },
    }
    const reconcile = createReconciler({ sql, session: sql, queues: busy, log, closing: CLOSING })
    await reconcile(signal)
    expect(await queues.jobState(runId, 'clients'), 'not made again').toBe('completed')
    expect(await queues.jobState(runId, 'tags'), 'perhaps on its way').toBe('none')
    await reconcile(signal)
    expect(await queues.jobState(runId, 'clients')).toBe('completed')
    expect(await queues.jobState(runId, 'tags')).toBe('live')
  })

  test('a job that was postponed by the clock of a host a day ahead is done when its delay has passed', async () => {
    const { sql, queues } = await openOn(kind)
    const runId = await openRun(sql)
    await queues.addRun(runId, PLAN.planned)
    const right = Date.now
    let begun = 0
    const worker = queues.startWorker(async (job, token) => {
      begun++
      Date.now = () => right() + 86_400_000
      // As if it had been waited for already.
      await job.moveToDelayed(Date.now() - 20_000, token).finally(() => (Date.now = right))
      throw new DelayedError()
    }, 1)
    void worker.run()
    const states = () => Promise.all(PLAN.planned.map((resource) => queues.jobState(runId, resource)))
    await until(async () => (await states()).every((state) => typeof state === 'object'), 'both to be postponed')
    expect(begun).toBe(2)
    let passed = 0
    const reconcile = createReconciler({ sql, session: sql, queues, log, closing: CLOSING, elapsed: () => passed })
    await reconcile(signal)
    await reconcile(signal)
    expect(await states()).toMatchObject([{ begun: 1 }, { begun: 1 }])
    passed = 11_000
    await reconcile(signal)
    await until(() => begun >= 4, 'both to be done again')
    await worker.close()
  })

  test('edits that were postponed by the clock of a host a day ahead are pushed when their delay has passed', async () => {
    const { queues } = await openOn(kind)
    await queues.wakePush()
    const right = Date.now
    let begun = 0
    const worker = queues.startPushWorker(async (job, token) => {
      if (begun++ > 0) return
      Date.now = () => right() + 86_400_000
      await job.moveToDelayed(Date.now() + 1_000, token).finally(() => (Date.now = right))
      throw new DelayedError()
    })
    void worker.run()
    let passed = 0
    let seen = 0
    const isOver = createDelayWatch(() => passed)
    const reconcile = async (): Promise<void> => {
      await queues.wakePush()
      await queues.endPushDelay((pause) => {
        seen++
        return isOver(pause)
      })
    }
    await until(async () => (await reconcile(), seen > 1), 'the job to be postponed')
    expect(begun).toBe(1)
    passed = 12_000
    await reconcile()
    await until(() => begun > 1, 'it to be done again')
    await worker.close()
  })

  test('two databases on one queue server do not see each other', async () => {
    const { sql, queues, place } = await openOn(kind)
    const other = kind === 'redis' ? openQueues({ ...place, installation: 'other' }, TIMING, () => {}) : undefined
    opened.push(async () => other?.close())
    const runId = await openRun(sql)
    await queues.addRun(runId, PLAN.planned)
    expect(await (other ?? (await openOn(kind)).queues).jobState(runId, 'clients')).toBe('none')
  })
})

test('a worker that waits for an hour takes each job as it comes, also after its session was lost', async () => {
  const { sql, queues, place } = await openOn('postgres')
  const { classes, connection, release } = onPostgres(place, () => {})
  opened.push(release)
  const done: string[] = []
  const options = { connection: connection(true), autorun: false, drainDelay: 3_600 }
  const worker = new classes.Worker<JobData, void, JobName>(QUEUE, async ({ name }) => void done.push(name), options)
  worker.on('error', () => {})
  opened.push(() => worker.close())
  void worker.run()
  const runId = await openRun(sql)
  await until(async () => (await listening(sql)).length === 1, 'it to listen')
  await queues.addRun(runId, ['clients'])
  await until(() => done.includes('close'), 'the jobs')
  const [pid] = await listening(sql)
  await sql`select pg_terminate_backend(${pid!})`
  await queues.addRun(runId + 1, ['tags'])
  await until(() => done.length === 4, 'the jobs behind the loss')
})

test('a queue is looked at for jobs of killed workers only where it may hold a job', async () => {
  const { sql, queues, place } = await openOn('postgres', { takeoverSeconds: 0.03, retryMs: 1 })
  const lookedAt = async () =>
    (
      await sql<{ value: string }[]>`select value from bullmq.meta where queue = ${QUEUE} and field = 'stalled-check'`
    )[0]?.value
  const gate = Promise.withResolvers<void>()
  const worker = queues.startWorker(async () => await gate.promise, 1)
  void worker.run()
  let heard = 0
  await place.presence.listen('bullmq_jobs', () => heard++)
  await until(() => heard > 0, 'the session to listen')
  // Behind what that began: every ten milliseconds, were it not for the queue that is empty.
  for (let round = 0; round < 20; round++) await queues.ping()
  expect(await lookedAt()).toBeUndefined()
  await queues.addRun(await openRun(sql), ['clients'])
  await until(async () => (await lookedAt()) !== undefined, 'a look')
  const first = await lookedAt()
  await until(async () => (await lookedAt()) !== first, 'another one')
  gate.resolve()
  await worker.close()
})

/** The pids of sessions that listen. */
const listening = async (sql: Database): Promise<number[]> =>
  (
    await sql<{ pid: number }[]>`
      select pid from pg_stat_activity
      where datname = current_database() and query ilike 'listen%'`
  ).map(({ pid }) => pid)

test('a tick is decided once by several schedulers, and adds no second run to an open one', async () => {
  const { sql } = await openOn('postgres')
  const at = new Date('2026-01-01T02:00:00Z')
  const decide = (tick: Date) =>
    Promise.all(Array.from({ length: 10 }, () => decideTick(sql, { schedule: 'full', at: tick }, PLAN)))
  const first = (await decide(at)).filter((decision) => decision !== null)
  expect(first).toEqual([{ runId: expect.any(Number) as number, note: null }])
  const second = (await decide(new Date(at.getTime() + 86_400_000))).filter((decision) => decision !== null)
  expect(second).toEqual([{ runId: null, note: expect.stringContaining('still going') as string }])
  expect(await decideTick(sql, { schedule: 'full', at }, PLAN)).toBeNull()
  expect(await readRuns(sql, [])).toHaveLength(1)
})

test('a run ends once, when each resource has its outcome, and the first outcome stays', async () => {
  const { sql } = await openOn('postgres')
  const runId = await openRun(sql)
  const also = async (): Promise<void> => {}
  expect(await closeRun(sql, runId, null, also)).toBeNull()
  await recordOutcome(sql, runId, okOutcome('clients'))
  await recordOutcome(sql, runId, { ...okOutcome('clients'), outcome: 'failed' })
  expect((await readOpenRun(sql, runId))?.missing).toEqual(['tags'])
  await recordOutcome(sql, runId, okOutcome('tags'))
  const closed = await Promise.all([closeRun(sql, runId, null, also), closeRun(sql, runId, null, also)])
  expect(closed.filter((run) => run !== null)).toMatchObject([{ outcome: 'ok', resources: [{}, {}] }])
})

test('a Redis that is down is reported, no call hangs, and it is used again when it is back', async () => {
  const { sql, place } = await openOn('postgres')
  const redis = await startOwnRedis()
  const queues = openQueues({ ...place, redisUrl: redis.url }, TIMING, () => {})
  opened.push(() => queues.close())
  await queues.ping()
  await redis.stop()
  const runId = await openRun(sql)
  await expect(queues.addRun(runId, PLAN.planned)).rejects.toThrow(Error)
  await expect(queues.ping()).rejects.toThrow(Error)
  const again = await startOwnRedis({ port: redis.port })
  opened.push(() => again.stop())
  // Each of its connections finds the server again in its own time.
  await until(() => reconcileAll(sql, queues).then(() => true), 'the queue to respond again')
  await queues.ping()
  expect(await queues.jobState(runId, 'clients')).toBe('live')
})
