/** What is asked of a list: what a server refuses must not cost the list. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import { learnedAgo, readReadPlan } from '../../support/tables/capabilities.ts'
import { readCheckpoints, readDrift } from '../../support/tables/progress.ts'

let sim: Simulator
let database: TestDatabase
const workers: TestWorker[] = []

beforeEach(async () => {
  sim = await startSimulator({ projects: 12 })
  database = await createDatabase()
})

afterEach(async () => {
  for (const worker of workers.splice(0)) await worker[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
  await sim.close()
})

async function start(pageSize = 10): Promise<TestWorker> {
  const worker = await startWorker(sim, database.url, { pageSize, concurrency: 1 })
  workers.push(worker)
  return worker
}

const refused = async ({ sql }: TestWorker): Promise<string[]> =>
  (await readDrift(sql, ['member'], { kind: 'refused' })).map(({ member }) => member)

describe('a server that does not accept every request', () => {
  it('is asked for smaller pages when it refuses the size', async () => {
    sim.setSwitches({ pageMax: 50 })
    const worker = await start(250)
    const { outcomes } = await worker.run(['services'])
    expect(outcomes[0]).toMatchObject({ outcome: 'ok', seen: sim.records.list('services').length })
    // The refusal says which size is taken.
    expect(await refused(worker)).toEqual(['page[size]=250'])
  })

  it('is asked for smaller and smaller pages when it does not say which size it accepts', async () => {
    sim.setSwitches({ pageMax: 50, includeErrors: 'empty' })
    const worker = await start(250)
    const { outcomes } = await worker.run(['services'])
    expect(outcomes[0]).toMatchObject({ outcome: 'ok', seen: sim.records.list('services').length })
    expect(await refused(worker)).toEqual(['page[size]=100', 'page[size]=250'])
  })

  describe('of forty parts of a request', () => {
    const SOME = ['client', 'rate-table', 'payment-term']
    const include = async ({ sql }: TestWorker): Promise<string> => {
      const { query } = (await readReadPlan(sql, 'projects'))!['request'] as { query: Record<string, string> }
      return query['include']!
    }
    const bad = () => sim.stats().statuses['400'] ?? 0

    it.each([
      // The wish, and what is left of it after each refusal.
      ['that are named, one request for each', 'named', 3],
      ['that are not, about log n', 'empty', 18],
    ] as const)('three are refused: those %s', async (_, includeErrors, most) => {
      sim.setSwitches({ refusedIncludes: { projects: SOME }, includeErrors })
      const worker = await start(100)
      expect((await worker.run(['projects'])).outcomes[0]).toMatchObject({ outcome: 'ok' })
      expect(bad()).toBeLessThanOrEqual(most)
      expect(await refused(worker)).toEqual(SOME.map((name) => `include=${name}`).toSorted())
      const found = await include(worker)
      expect(found.split(',').length).toBeGreaterThan(5)

      // By another process, and days later.
      await learnedAgo(worker.sql, '3 days')
      sim.resetStats()
      const later = await start(100)
      expect((await later.run(['projects'])).outcomes[0]).toMatchObject({ outcome: 'ok', updated: 0 })
      // Whether more is taken by now: all of it, and one of the three; where one is named, all without that.
      expect(bad()).toBe(includeErrors === 'named' ? 3 : 2)
      sim.resetStats()
      await later.run(['projects'])
      expect(bad()).toBe(0)
      expect(await include(worker)).toBe(found)
    })

    it('one that is accepted by now is requested, though the others are refused for ever', async () => {
      sim.setSwitches({ refusedIncludes: { projects: SOME }, includeErrors: 'empty' })
      const worker = await start(100)
      await worker.run(['projects'])
      sim.setSwitches({ refusedIncludes: { projects: ['client', 'rate-table'] } })
      for (let days = 0; days < 3; days++) {
        await learnedAgo(worker.sql, '25 hours')
        await worker.run(['projects'])
      }
      expect((await include(worker)).split(',')).toContain('payment-term')
      expect(await refused(worker)).toEqual(['include=client', 'include=rate-table'])
    })
  })

  it('gives the list without a key that it refuses to include, and with all the others', async () => {
    sim.setSwitches({ refusedIncludes: { services: ['vendor', 'service-category'] } })
    const worker = await start()
    const { outcomes } = await worker.run(['services'])
    expect(outcomes[0]).toMatchObject({ outcome: 'ok', seen: sim.records.list('services').length })
    expect((await refused(worker)).every((member) => member.startsWith('include='))).toBe(true)
    const [keys] = await worker.sql`
      select count(resource_id)::int > 0 as taken, count(service_category_id)::int as refused from scopestack.services`
    expect(keys).toEqual({ taken: true, refused: 0 })
  })

  it('leaves the keys that it gave before as they are, when it refuses to include them one day', async () => {
    const worker = await start()
    const held = () => worker.sql`select id, service_category_id, resource_id from scopestack.services order by id`
    await worker.run(['services'])
    const before = await held()
    sim.setSwitches({ refusedIncludes: { services: ['service-category'] } })
    const [first] = sim.records.list('services')
    sim.records.update('services', first!.id, { attributes: { name: 'Renamed' } })
    // They may be out of date by now.
    expect((await worker.run(['services'])).outcomes[0]).toMatchObject({ outcome: 'incomplete', updated: 1 })
    expect(before.some((row) => row['service_category_id'] !== null)).toBe(true)
    expect(await held()).toEqual(before)
    const [renamed] = await worker.sql`select name from scopestack.services where id = ${first!.id}`
    expect(renamed).toEqual({ name: 'Renamed' })
    expect((await worker.run(['services'])).outcomes[0]).toMatchObject({ outcome: 'incomplete', updated: 0 })

    // Asked again within the hour it says nothing; after that it is found out.
    sim.setSwitches({ refusedIncludes: {} })
    await learnedAgo(worker.sql, '61 minutes')
    sim.records.update('services', first!.id, { relationships: { 'service-category': null } })
    await worker.run(['services'])
    const [cleared] = await worker.sql`select service_category_id from scopestack.services where id = ${first!.id}`
    expect(cleared).toEqual({ service_category_id: null })
  })

  it('is incomplete without a filter that it refuses, since archived records stay hidden', async () => {
    sim.setSwitches({ refusedFilters: { services: ['active'] } })
    const worker = await start()
    for (const [outcome] of [(await worker.run(['services'])).outcomes, (await worker.run(['services'])).outcomes]) {
      expect(outcome).toMatchObject({ outcome: 'incomplete', code: 'SYNC_INCOMPLETE' })
      expect(outcome!.message).toContain('refuses filter[active], so archived records may be missing')
    }
    expect(await refused(worker)).toEqual(['filter[active]'])
    const [cursor] = await readCheckpoints(worker.sql, ['asOf'], { resource: 'services' })
    expect(cursor).toEqual({ asOf: null })
  })

  it('is not probed in each run, and again within a day', async () => {
    sim.setSwitches({
      pageMax: 50,
      refusedFilters: { services: ['active'] },
      refusedIncludes: { services: ['service-category'] },
    })
    const worker = await start(100)
    expect((await worker.run(['services'])).outcomes[0]).toMatchObject({ outcome: 'incomplete' })
    expect(await refused(worker)).toEqual(['filter[active]', 'include=service-category', 'page[size]=100'])

    const bad = () => sim.stats().statuses['400'] ?? 0
    sim.resetStats()
    expect((await worker.run(['services'])).outcomes[0]).toMatchObject({ outcome: 'incomplete', updated: 0 })
    expect(bad()).toBe(0)

    // What it has learned meanwhile is found out.
    sim.setSwitches({ refusedFilters: {}, refusedIncludes: {} })
    await learnedAgo(worker.sql, '25 hours')
    await worker.run(['services'])
    expect(bad()).toBeGreaterThan(0)
    const [keys] = await worker.sql`select count(service_category_id)::int > 0 as there from scopestack.services`
    expect(keys).toEqual({ there: true })
  })

  it('is not taken to have no accounts when it refuses the include that holds them', async () => {
    sim.setSwitches({ refusedIncludes: { 'payment-terms': ['account'] } })
    const worker = await start()
    const { outcomes } = await worker.run(['accounts', 'payment-terms'])
    expect(outcomes.find(({ resource }) => resource === 'accounts')).toMatchObject({ outcome: 'failed' })
    expect(outcomes.find(({ resource }) => resource === 'payment-terms')).toMatchObject({ outcome: 'ok' })
    expect(await refused(worker)).toEqual(['include=account', 'include=account'])
  })
})
