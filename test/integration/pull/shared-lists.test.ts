/** A long list that several workers read together. That it is complete whatever changes meanwhile: `completeness.test.ts`. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { createDatabase } from '../../support/postgres/database.ts'
import { crewOf } from '../../support/scopestack/shared.ts'
import { startWorker } from '../../support/scopestack/worker.ts'
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
