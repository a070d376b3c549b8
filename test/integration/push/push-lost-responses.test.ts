/** A new row whose answer does not come, while ScopeStack may still be working on it (S14). */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { openPusher } from '../../../src/assemble/worker.ts'
import { remoteFailed, remoteUnreachable } from '../../../src/errors/requests.ts'
import type { Client } from '../../../src/remote/client.ts'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { openLeases } from '../../../src/store/fleet/leases.ts'
import { discardChange, retryChange } from '../../../src/store/outbox/change-actions.ts'
import { push } from '../../../src/sync/push/push.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import { emptyOutbox, makeDue, readChanges, readOutcomes, setAttempts } from '../../support/tables/outbox.ts'

let sim: Simulator
let database: TestDatabase
let worker: TestWorker

beforeAll(async () => {
  sim = await startSimulator({ projects: 1 })
  database = await createDatabase()
  worker = await startWorker(sim, database.url)
  await worker.run(['vendors'])
})

beforeEach(async () => {
  sim.removeFault()
  await emptyOutbox(worker.sql)
  sim.resetStats()
})

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
  await sim?.close()
})

const made = (name: string) => sim.records.list('vendors').filter(({ attributes }) => attributes['name'] === name)
const posts = () => sim.stats().requests['POST /{account}/v1/vendors'] ?? 0
const codes = () => readOutcomes(worker.sql)
const add = (name: string) => worker.sql`insert into scopestack.vendors (name, city) values (${name}, 'Here')`
/** As if so much time had passed since everything that left. */
const pass = (seconds: number) => makeDue(worker.sql, seconds)

/** The response to every POST is lost; `land` lets ScopeStack do them all. */
function slow(fails: () => Error) {
  const waiting: (() => Promise<unknown>)[] = []
  return {
    through: (client: Client): Client => ({
      ...client,
      async write(request, parse, signal) {
        if (request.method !== 'POST') return await client.write(request, parse, signal)
        await request.beforeSend?.()
        const { method, path, body } = request
        waiting.push(() => client.write({ method, path, body: body! }, parse, signal))
        throw fails()
      },
    }),
    land: async () => void (await Promise.all(waiting.splice(0).map((one) => one()))),
    left: () => waiting.length,
  }
}

const FAILURES: Record<string, () => Error> = {
  'a connection that was cut': () => remoteUnreachable({ url: 'https://x.test' }, new Error('reset')),
  'a gateway that gave up': () => remoteFailed({ url: 'https://x.test', status: 504, requestId: undefined }),
}

it.each(Object.keys(FAILURES))('a write that arrives after %s is not sent a second time', async (failure) => {
  const name = `Slow after ${failure}`
  const { through, land, left } = slow(FAILURES[failure]!)
  await add(name)
  expect(await worker.push({ through })).toMatchObject([{ outcome: 'postponed' }])
  for (const seconds of [2, 4, 8, 16, 32]) {
    await pass(seconds)
    const looked = await worker.push({ through })
    expect(looked).toMatchObject([{ outcome: 'postponed', error: { code: 'SYNC_PUSH_UNANSWERED' } }])
    expect(looked[0]!.error!.message).toBe(
      `The new row of vendors ${looked[0]!.change.recordId} was sent, and its response was lost. ScopeStack does not have it, and may ` +
        'still be working on it. It is tried again later; nothing needs to be done. (SYNC_PUSH_UNANSWERED)',
    )
  }
  expect(left()).toBe(1)
  await land()
  await pass(1)
  expect(await worker.push({ through })).toMatchObject([{ outcome: 'sent' }])
  expect(made(name)).toHaveLength(1)
})

it('pauses between lookups grow, and the last one ends when the write may be sent again', async () => {
  const { through } = slow(FAILURES['a gateway that gave up']!)
  await add('Patient')
  await worker.push({ through })
  // Whatever the steps take: a pause lasts as long as there was no trace before it, and the last one ends after 90 s.
  for (const [seconds, passed] of [
    [0, 0],
    [4, 4],
    [16, 20],
    [60, 80],
  ] as const) {
    await pass(seconds)
    await worker.push({ through })
    const [change] = await readChanges(worker.sql, ['pause', 'requestedAgo'])
    const [pause, ago] = [change!.pause!, change!.requestedAgo!]
    if (passed < 80) {
      expect(pause + ago).toBeGreaterThanOrEqual(2 * passed)
      expect(pause).toBeLessThanOrEqual(Math.max(2, ago) + 1)
    } else {
      expect(pause + ago).toBeGreaterThanOrEqual(90)
      expect(pause + ago).toBeLessThan(91.01)
    }
  }
})

it('a write is sent again when ScopeStack has not shown it for too long; the record that the lookup behind it finds is its result', async () => {
  const { through, left } = slow(FAILURES['a gateway that gave up']!)
  await add('Never arrived')
  await worker.push({ through })
  await pass(95)
  expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
  expect(made('Never arrived')).toHaveLength(1)
  expect(left()).toBe(1)

  const other = slow(FAILURES['a gateway that gave up']!)
  await add('Arrived at last')
  await worker.push({ through: other.through })
  await other.land()
  await pass(95)
  expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
  expect(made('Arrived at last')).toHaveLength(1)
})

it('a write of a killed process is not sent again while it may be under way', async () => {
  await add('Killed')
  const pusher = openPusher(worker, { conflict: undefined })
  const leases = await openLeases(worker.sql, 'killed')
  const { through, land } = slow(() => new Error('unused'))
  const { promise: died, resolve: die } = Promise.withResolvers<void>()
  const client = through(worker.client)
  const silent: Client = {
    ...client,
    async write(request, parse, signal) {
      await client.write(request, parse, signal).catch(() => {})
      die()
      return await new Promise<never>(() => {})
    },
  }
  void push({ ...pusher, leases, client: silent }, { signal: new AbortController().signal, onResult: () => {} })
  await died
  await leases.close()
  expect(await worker.push()).toMatchObject([{ outcome: 'postponed' }])
  await land()
  await pass(1)
  expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
  expect(made('Killed')).toHaveLength(1)
})

it('the time of a write counts from when it left, and not from when it began to wait for the rate limit', async () => {
  await add('Queued')
  await worker.push({
    through: (client) => ({
      ...client,
      async write(request, parse, signal) {
        await pass(95)
        await client.write(request, parse, signal)
        throw FAILURES['a gateway that gave up']!()
      },
    }),
  })
  const [change] = await readChanges(worker.sql, ['requestedAgo'])
  expect(change!.requestedAgo).toBeLessThan(60)
})

const ASIDE: Record<string, { before: () => Promise<unknown>; why: RegExp }> = {
  'at which ScopeStack failed too often': {
    before: async () => {
      await setAttempts(worker.sql, 4)
      const { through, land } = slow(FAILURES['a gateway that gave up']!)
      const settled = await worker.push({ through })
      await land()
      return settled
    },
    why: /and ScopeStack failed 5 times: /,
  },
  'that may not be looked for': {
    before: async () => {
      sim.addFault({ kind: 'lost-answer', match: { method: 'POST', type: 'vendors' } })
      await worker.push()
      await pass(0)
      sim.addFault({ kind: '403', count: 2, match: { method: 'GET', type: 'vendors' } })
      return await worker.push()
    },
    why: /and ScopeStack does not let the service account look it up \(403\)\./,
  },
  'whose look-up is refused': {
    before: async () => {
      sim.addFault({ kind: 'lost-answer', match: { method: 'POST', type: 'vendors' } })
      await worker.push()
      await pass(0)
      sim.addFault({ kind: '409', count: 'always', match: { method: 'GET', type: 'vendors' } })
      return await worker.push().finally(() => sim.removeFault())
    },
    why: /and ScopeStack refused the lookup \(409\): /,
  },
}

it.each(Object.keys(ASIDE))(
  'a lost new row %s is unknown, and nothing of it is sent until the operator decides',
  async (how) => {
    const { before, why } = ASIDE[how]!
    const name = `Lost ${how}`
    await add(name)
    expect(await before()).toMatchObject([
      { outcome: 'parked', error: { code: 'SYNC_PUSH_UNKNOWN', message: expect.stringMatching(why) as string } },
    ])
    await worker.sql`update scopestack.vendors set name = ${`${name} II`} where name = ${name}`
    expect(await worker.push()).toEqual([])
    await worker.sql`delete from scopestack.vendors where name = ${`${name} II`}`
    expect(await worker.push()).toEqual([])
    expect(posts()).toBe(1)
    expect(await codes()).toMatchObject([
      { op: 'create', state: 'parked', code: 'SYNC_PUSH_UNKNOWN' },
      { op: 'update', state: 'waiting' },
      { op: 'delete', state: 'waiting' },
    ])
    // It is there: it is discarded here, and comes with the next pull.
    const [first] = await readChanges(worker.sql, ['id'])
    await discardChange(worker.sql, worker.catalog, first!.id)
    expect((await codes()).map(({ state }) => state)).toEqual(['discarded', 'discarded', 'discarded'])
    await worker.run(['vendors'])
    expect(await worker.sql`select name from scopestack.vendors where name like ${`${name}%`}`).toEqual([{ name }])
  },
)

it('a retry of an unknown new row declares it as not arrived, and sends it with later edits', async () => {
  const { through } = slow(FAILURES['a gateway that gave up']!)
  await add('Unknown')
  await setAttempts(worker.sql, 4)
  expect(await worker.push({ through })).toMatchObject([{ outcome: 'parked', error: { code: 'SYNC_PUSH_UNKNOWN' } }])
  await worker.sql`update scopestack.vendors set city = 'There' where name = 'Unknown'`
  const [first] = await readChanges(worker.sql, ['id'])
  await retryChange(worker.sql, first!.id)
  expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
  expect(made('Unknown')).toMatchObject([{ attributes: { city: 'There' } }])
})
