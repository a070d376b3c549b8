/** A long list that several workers read together. That it is complete whatever changes meanwhile: `completeness.test.ts`. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import type { Database } from '../../../src/store/connection/database.ts'
import type { Lease } from '../../../src/store/fleet/leases.ts'
import { createMirror } from '../../../src/store/mirror/load.ts'
import { endLostReaders, openReader, openSharedList, renewReader } from '../../../src/store/progress/shared-list.ts'
import { syntheticPage } from '../../../src/sync/list/read-page.ts'
import { SharedReader } from '../../../src/sync/snapshot/shared-reader.ts'
import { createRecordWriter } from '../../../src/sync/write-records.ts'
import { createDatabase } from '../../support/postgres/database.ts'
import { crewOf } from '../../support/scopestack/shared.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import { readReaders } from '../../support/tables/progress.ts'

const TYPE = 'clients'
const PAGES = 60
const PAGE_SIZE = 5

let sim: Simulator
beforeAll(async () => {
  sim = await startSimulator({ projects: 1 })
  for (const { id } of sim.records.list(TYPE)) sim.records.remove(TYPE, id)
  for (let left = PAGES * PAGE_SIZE; left > 0; left--) sim.records.create(TYPE, { attributes: { name: `n${left}` } })
})
afterAll(() => sim.close())

async function openCrew(count: number, how?: Parameters<typeof crewOf>[1]) {
  const database = await createDatabase()
  const workers = await Promise.all(
    Array.from({ length: count }, () => startWorker(sim, database.url, { pageSize: PAGE_SIZE, concurrency: 2 })),
  )
  const crew = crewOf(workers, how)
  return {
    crew,
    workers,
    sql: workers[0]!.sql,
    async [Symbol.asyncDispose]() {
      for (const worker of workers) await worker[Symbol.asyncDispose]()
      await database[Symbol.asyncDispose]()
    },
  }
}

it('a list that three workers read is complete, counted once, and leaves no rows of the sharing', async () => {
  await using opened = await openCrew(3)
  const { crew, workers, sql } = opened
  const { outcomes } = await workers[0]!.run([TYPE], { sharing: crew.coordinator })
  expect(await crew.ended()).toEqual([])
  const all = PAGES * PAGE_SIZE
  expect(outcomes[0]).toMatchObject({ outcome: 'ok', seen: all, inserted: all, updated: 0, unchanged: 0 })
  expect(crew.helped).toBe(2)
  expect(await readReaders(sql, ['holder'])).toEqual([])
})

it('is complete where the response to each COMMIT of the helpers is lost', async () => {
  await using opened = await openCrew(3, { commitsTwice: true })
  const { crew, workers } = opened
  const { outcomes } = await workers[0]!.run([TYPE], { sharing: crew.coordinator })
  expect(await crew.ended()).toEqual([])
  const all = PAGES * PAGE_SIZE
  expect(outcomes[0]).toMatchObject({ outcome: 'ok', seen: all, inserted: all, updated: 0, unchanged: 0 })
  expect(crew.helped).toBe(2)
})

/** A list whose chains begin at these pages, and what opens readers of it. */
async function share({ leases, version }: TestWorker, chains: readonly number[]) {
  const lease = await leases.acquire(TYPE)
  const list = { resource: TYPE, runId: 1, term: lease.term, startedAt: new Date(), pass: 1, version, reading: {} }
  const rows = chains.map((first) => ({ first, next: first, top: null }))
  await lease.transaction((tx) => openSharedList(tx, list, rows))
  return { list, lease }
}

/** The response to the first statement that begins so is lost. */
function losing(sql: Database, beginning: string): Database {
  let isLost = false
  return new Proxy(sql, {
    apply(target, self, args: Parameters<Database>) {
      const statement = Reflect.apply(target, self, args) as Promise<unknown>
      const [text] = args[0] as unknown as readonly string[]
      if (isLost || typeof text !== 'string' || !text.trim().startsWith(beginning)) return statement
      isLost = true
      return statement.then(() => {
        throw Object.assign(new Error('write CONNECTION_CLOSED'), { code: 'CONNECTION_CLOSED' })
      })
    },
  })
}

it.each(['update', 'select c.first'])(
  'a reader has each chain that is its own, also where the response to its first %s was lost',
  async (beginning) => {
    await using opened = await openCrew(1)
    const { workers, sql } = opened
    const { leases } = workers[0]!
    const { list, lease } = await share(workers[0]!, [4, 8])
    const own = await openReader(sql, list, { holder: 'one', backend: await leases.session() })
    const reader = new SharedReader({ sql: losing(sql, beginning), reader: own!, lease, leases, fromPages: 200 })
    const { signal } = new AbortController()
    const taken = [await reader.take(signal), await reader.take(signal)]
    expect(taken.map((chain) => chain?.first)).toEqual([8, 4])
  },
)

it('a reader whose session was replaced lives', async () => {
  await using opened = await openCrew(1)
  const { workers, sql } = opened
  const { leases } = workers[0]!
  const { list } = await share(workers[0]!, [4])
  const backend = await leases.session()
  const gone = { ...backend, start: new Date(0) }
  const [one, other] = [
    await openReader(sql, list, { holder: 'one', backend: gone }),
    await openReader(sql, list, { holder: 'other', backend }),
  ]
  expect(await renewReader(sql, one!, backend)).toBe(true)
  await endLostReaders(sql, other!)
  expect(await readReaders(sql, ['holder', 'isLiving'])).toEqual([
    { holder: 'one', isLiving: true },
    { holder: 'other', isLiving: true },
  ])
})

/** Each transaction is rolled back once, and tried again. */
const rolledBackOnce = (lease: Lease): Lease => ({
  ...lease,
  async transaction(act) {
    const isUndone = new Error('undone')
    await lease
      .transaction(async (tx) => {
        await act(tx)
        throw isUndone
      })
      .catch((error: unknown) => {
        if (error !== isUndone) throw error
      })
    return await lease.transaction(act)
  },
})

it('which members its records carried is saved with the first of them, and behind a transaction that was rolled back', async () => {
  await using opened = await openCrew(1)
  const { workers, sql } = opened
  const { leases, catalog } = workers[0]!
  const { list, lease } = await share(workers[0]!, [4])
  const own = await openReader(sql, list, { holder: 'one', backend: await leases.session() })
  const reader = new SharedReader({ sql, reader: own!, lease, leases, fromPages: 200 })
  const { signal } = new AbortController()
  await reader.take(signal)
  const resource = catalog.get(TYPE)!
  const mirror = createMirror(resource, undefined)
  const writer = createRecordWriter({ resource, lease: rolledBackOnce(lease), mirror })
  const pages = [syntheticPage(4, [{ id: '7', type: TYPE, attributes: { name: 'n' } }], [])]
  const batch = { pages, pass: 1, position: null, steady: true, full: true, steps: [{ first: 4, next: 3, top: '7' }] }
  await reader.write({ writer, mirror, resource, digest: '', pass: 1, signal }, batch)
  expect(await readReaders(sql, ['attributes', 'pages'])).toEqual([{ attributes: ['name'], pages: 1 }])
})
