/** What happens between two steps of a push: a row or a record is edited, time passes, or two new rows are alike. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import type { Client } from '../../../src/remote/client.ts'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import { emptyOutbox, makeDue, readOutcomes } from '../../support/tables/outbox.ts'

let sim: Simulator
let database: TestDatabase
let worker: TestWorker

beforeAll(async () => {
  sim = await startSimulator({ projects: 2 })
  database = await createDatabase()
  worker = await startWorker(sim, database.url, { concurrency: 1 })
})

beforeEach(async () => {
  sim.removeFault()
  await emptyOutbox(worker.sql)
  await worker.run(['vendors', 'clients', 'projects', 'project-documents'])
  sim.resetStats()
})

afterEach(() => vi.restoreAllMocks())

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
  await sim?.close()
})

/** Does something as soon as the first write has been answered, before the answer is known here. */
const afterFirst =
  (what: () => unknown) =>
  (client: Client): Client => {
    let first = true
    return {
      ...client,
      async write(request, parse, signal) {
        const answer = await client.write(request, parse, signal)
        if (first) {
          first = false
          await what()
        }
        return answer
      },
    }
  }

const changes = () => readOutcomes(worker.sql)

it('a record that was read long ago is read again, so that an edit made in ScopeStack meanwhile is not overwritten', async () => {
  const [one, two] = sim.records.list('vendors')
  await worker.sql`update scopestack.vendors set city = 'Mine' where id in ${worker.sql([one!.id, two!.id])}`
  const order: string[] = []
  const settled = await worker.push({
    through: (client) => {
      const late = afterFirst(() => {
        const real = performance.now.bind(performance)
        vi.spyOn(performance, 'now').mockImplementation(() => real() + 11_000)
        const other = order[0] === one!.id ? two! : one!
        sim.records.update('vendors', other.id, { attributes: { city: 'Theirs' } })
      })(client)
      return {
        ...late,
        write(request, parse, signal) {
          order.push(request.path.split('/').at(-1)!.split('?')[0]!)
          return late.write(request, parse, signal)
        },
      }
    },
  })
  expect(settled.map(({ outcome }) => outcome)).toEqual(['sent', 'parked'])
  expect(sim.records.list('vendors').filter(({ attributes }) => attributes['city'] === 'Theirs')).toHaveLength(1)
})

it.each(['lost-answer', '500', '429', 'reset'] as const)(
  'an edit made in ScopeStack while a PATCH that met %s is repeated is not overwritten',
  async (kind) => {
    const [vendor] = sim.records.list('vendors')
    await worker.sql`update scopestack.vendors set city = ${`Mine, ${kind}`} where id = ${vendor!.id}`
    sim.addFault({ kind, match: { method: 'PATCH', type: 'vendors' } })
    const theirs = `Theirs, ${kind}`
    const settled = await worker.push({
      through: (client) => ({
        ...client,
        async write(request, parse, signal) {
          return await client.write(request, parse, signal).catch((error: unknown) => {
            sim.records.update('vendors', vendor!.id, { attributes: { city: theirs } })
            throw error
          })
        },
      }),
    })
    expect(settled).toMatchObject([{ outcome: 'parked', error: { code: 'SYNC_PUSH_CONFLICT' } }])
    expect(sim.records.read('vendors', vendor!.id)!.attributes['city']).toBe(theirs)
  },
)

it('a PATCH that arrived and whose response was lost counts as sent, and is not sent again', async () => {
  const [vendor] = sim.records.list('vendors')
  await worker.sql`update scopestack.vendors set city = 'Arrived' where id = ${vendor!.id}`
  sim.addFault({ kind: 'lost-answer', match: { method: 'PATCH', type: 'vendors' } })
  expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
  expect(sim.stats().requests['PATCH /{account}/v1/vendors/{id}']).toBe(1)
})

it('two new rows that are alike arrive once each, also when a response is lost', async () => {
  const made = () => sim.records.list('vendors').filter(({ attributes }) => attributes['name'] === 'Alike')
  await worker.sql`insert into scopestack.vendors (name, city) select 'Alike', 'Here' from generate_series(1, 2)`
  sim.addFault({ kind: 'lost-answer', match: { method: 'POST', type: 'vendors' } })
  for (let turn = 0; turn < 4; turn++) {
    await makeDue(worker.sql)
    await worker.push()
  }
  const states = (await changes()).map(({ state }) => state)
  expect(states).toEqual(['sent', 'sent'])
  expect(made()).toHaveLength(2)
  const rows = await worker.sql`select id from scopestack.vendors where name = 'Alike'`
  expect(rows.map(({ id }) => id as string).toSorted()).toEqual(
    made()
      .map(({ id }) => id)
      .toSorted(),
  )
})

it('an edit of a new row that is being created is sent after it', async () => {
  await worker.sql`insert into scopestack.vendors (name, city) values ('Brand new', 'Here')`
  const edit = () => worker.sql`update scopestack.vendors set city = 'There' where name = 'Brand new'`
  const settled = await worker.push({ through: afterFirst(edit) })
  expect(settled.map(({ change, outcome }) => [change.op, outcome])).toEqual([
    ['create', 'sent'],
    ['update', 'sent'],
  ])
  const [made, ...others] = sim.records.list('vendors').filter(({ attributes }) => attributes['name'] === 'Brand new')
  expect(others).toEqual([])
  expect(made!.attributes['city']).toBe('There')
  expect(await worker.sql`select id, city from scopestack.vendors where name = 'Brand new'`).toEqual([
    { id: made!.id, city: 'There' },
  ])
})

it.each([
  [
    'edited',
    'update',
    (id: string) => worker.sql`update scopestack.project_documents set template_id = 'sow' where id = ${id}`,
  ],
  ['taken back', 'delete', (id: string) => worker.sql`delete from scopestack.project_documents where id = ${id}`],
] as const)(
  'a row that can only be inserted, and is %s while it is being created, is parked',
  async (_, op, change) => {
    const [project] = sim.records.list('projects')
    const [row] = await worker.sql<{ id: string }[]>`
    insert into scopestack.project_documents (project_id, template_id, document_type)
    values (${project!.id}, 'pricing', 'pricing') returning id`
    const settled = await worker.push({ through: afterFirst(() => change(row!.id)) })
    expect(settled.map(({ change: { op: done }, outcome, error }) => [done, outcome, error?.code])).toEqual([
      ['create', 'sent', undefined],
      [op, 'parked', 'SYNC_PUSH_UNSUPPORTED'],
    ])
    await worker.run(['project-documents'])
    const made = settled[1]!.change.recordId
    expect(await worker.sql`select template_id from scopestack.project_documents where id = ${made}`).toHaveLength(1)
  },
)
