/** Edits of a record that is being written: they are built on what was sent, and held against what ScopeStack made of it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Client } from '../../../src/remote/client.ts'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { discardChange } from '../../../src/store/outbox/change-actions.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import { emptyOutbox, makeDue, readChanges } from '../../support/tables/outbox.ts'

let sim: Simulator
let database: TestDatabase
let worker: TestWorker
const TYPES = ['vendors', 'clients', 'products', 'crm-opportunities']

beforeAll(async () => {
  sim = await startSimulator({ projects: 2 })
  database = await createDatabase()
  worker = await startWorker(sim, database.url)
})

beforeEach(async () => {
  sim.removeFault()
  await emptyOutbox(worker.sql)
  await worker.run(TYPES)
})

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
  await sim?.close()
})

const first = (type: string) => sim.records.list(type)[0]!
const remote = (type: string, id: string) => sim.records.read(type, id)!.attributes

/** Does something here while the first write is under way. */
const during =
  (what: () => unknown) =>
  (client: Client): Client => {
    let once = true
    return {
      ...client,
      async write(request, parse, signal) {
        if (once) await what()
        once = false
        return await client.write(request, parse, signal)
      },
    }
  }

const changeIds = async () => (await readChanges(worker.sql, ['id'])).map(({ id }) => id)

describe('an edit made while an earlier one is being sent', () => {
  it('is sent over a value that ScopeStack keeps in another spelling', async () => {
    const { id } = first('products')
    await worker.sql`update scopestack.products set unit_cost = 12.34567 where id = ${id}`
    const edit = () => worker.sql`update scopestack.products set unit_cost = 99 where id = ${id}`
    expect(await worker.push({ through: during(edit) })).toMatchObject([{ outcome: 'sent' }, { outcome: 'sent' }])
    expect(Number(remote('products', id)['unit-cost'])).toBe(99)
  })

  it('is sent over values that ScopeStack filled into a new row', async () => {
    await worker.sql`insert into scopestack.vendors (name) values ('Filled')`
    const edit = () => worker.sql`update scopestack.vendors set active = false where id like 'local-%'`
    const settled = await worker.push({ through: during(edit) })
    expect(settled).toMatchObject([{ outcome: 'sent' }, { outcome: 'sent' }])
    expect(remote('vendors', settled[1]!.change.recordId)).toMatchObject({ name: 'Filled', active: false })
  })

  it('deletes a new row again that ScopeStack has filled in', async () => {
    await worker.sql`insert into scopestack.crm_opportunities (name, opportunity_id) values ('Brief', 'BRIEF')`
    const edit = () => worker.sql`delete from scopestack.crm_opportunities where opportunity_id = 'BRIEF'`
    expect(await worker.push({ through: during(edit) })).toMatchObject([{ outcome: 'sent' }, { outcome: 'sent' }])
    expect(sim.records.list('crm-opportunities').filter((one) => one.attributes['name'] === 'Brief')).toEqual([])
  })

  it('is parked where another field of it was edited in ScopeStack before the write', async () => {
    const { id } = first('vendors')
    await worker.sql`update scopestack.vendors set city = 'Mine' where id = ${id}`
    const edit = async () => {
      await worker.sql`update scopestack.vendors set city = 'Mine too', country = 'Mine' where id = ${id}`
      sim.records.update('vendors', id, { attributes: { country: 'Theirs' } })
    }
    const settled = await worker.push({ through: during(edit) })
    expect(settled).toMatchObject([{ outcome: 'sent' }, { outcome: 'parked', error: { code: 'SYNC_PUSH_CONFLICT' } }])
    expect(settled[1]!.error!.facts).toMatchObject({ columns: 'country' })
    expect(remote('vendors', id)).toMatchObject({ city: 'Mine', country: 'Theirs' })
  })

  it('is parked where the same field was edited in ScopeStack after the write', async () => {
    const { id } = first('vendors')
    await worker.sql`update scopestack.vendors set city = 'First' where id = ${id}`
    const settled = await worker.push({
      through: (client) => {
        const early = during(() => worker.sql`update scopestack.vendors set city = 'Second' where id = ${id}`)(client)
        return {
          ...early,
          async write(request, parse, signal) {
            const answer = await early.write(request, parse, signal)
            sim.records.update('vendors', id, { attributes: { city: 'Theirs' } })
            return answer
          },
        }
      },
    })
    expect(settled).toMatchObject([{ outcome: 'sent' }, { outcome: 'parked', error: { code: 'SYNC_PUSH_CONFLICT' } }])
    expect(remote('vendors', id)['city']).toBe('Theirs')
  })

  it('is parked where a field that the earlier one set back was edited in ScopeStack', async () => {
    const { id } = first('vendors')
    const [was] = await worker.sql<{ country: string }[]>`select country from scopestack.vendors where id = ${id}`
    await worker.sql`update scopestack.vendors set country = 'Mine', city = 'Sent' where id = ${id}`
    await worker.sql`update scopestack.vendors set country = ${was!.country} where id = ${id}`
    sim.records.update('vendors', id, { attributes: { country: 'Elsewhere' } })
    const edit = () => worker.sql`update scopestack.vendors set country = 'Mine again' where id = ${id}`
    const settled = await worker.push({ through: during(edit) })
    expect(settled).toMatchObject([{ outcome: 'sent' }, { outcome: 'parked', error: { code: 'SYNC_PUSH_CONFLICT' } }])
    expect(remote('vendors', id)).toMatchObject({ city: 'Sent', country: 'Elsewhere' })
  })

  it('is compared with each user-defined field by itself', async () => {
    const { id } = first('clients')
    const fields = first('clients').attributes['user-defined-fields'] as { name: string; value: unknown }[]
    const [one, two] = fields.map(({ name }) => name) as [string, string]
    const write = (values: Record<string, string>) => {
      const entries = Object.entries(values).map(([name, value]) => ({ name, value }))
      return worker.sql`update scopestack.clients set user_defined_fields = ${JSON.stringify(entries)}::text::jsonb where id = ${id}`
    }
    await write({ [one]: 'Sent' })
    const settled = await worker.push({
      through: (client) => {
        const early = during(() => write({ [one]: 'Later', [two]: 'Mine' }))(client)
        return {
          ...early,
          async write(request, parse, signal) {
            // ScopeStack keeps one of them in its own form, and the other was edited there.
            const answer = await early.write(
              { ...request, body: request.body!.replace('"Sent"', '"SENT"') },
              parse,
              signal,
            )
            const held = remote('clients', id)['user-defined-fields'] as typeof fields
            const theirs = held.map((field) => (field.name === two ? { ...field, value: 'Theirs' } : field))
            sim.records.update('clients', id, { attributes: { 'user-defined-fields': theirs } })
            return answer
          },
        }
      },
    })
    expect(settled).toMatchObject([
      { outcome: 'sent' },
      { outcome: 'parked', error: { facts: { columns: `user_defined_fields.${two}` } } },
    ])
    const newest = (await readChanges(worker.sql, ['base'])).at(-1)
    expect(newest!.base).toMatchObject({
      attributes: { 'user-defined-fields': expect.arrayContaining([{ name: one, value: 'SENT' }]) },
    })
  })
})

describe('an edit behind one that is discarded', () => {
  it('is sent over what ScopeStack holds', async () => {
    const { id } = first('vendors')
    await worker.sql`update scopestack.vendors set city = 'First' where id = ${id}`
    await worker.sql`update scopestack.vendors set city = 'Second', country = 'Mine' where id = ${id}`
    await worker.sql`update scopestack.vendors set city = 'Third' where id = ${id}`
    await discardChange(worker.sql, worker.catalog, (await changeIds())[0]!)
    expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
    expect(remote('vendors', id)).toMatchObject({ city: 'Third', country: 'Mine' })
  })

  it('is still parked where the field was edited in ScopeStack', async () => {
    const { id } = first('vendors')
    await worker.sql`update scopestack.vendors set city = 'Fourth' where id = ${id}`
    await worker.sql`update scopestack.vendors set city = 'Fifth' where id = ${id}`
    sim.records.update('vendors', id, { attributes: { city: 'Theirs' } })
    await discardChange(worker.sql, worker.catalog, (await changeIds())[0]!)
    expect(await worker.push()).toMatchObject([{ outcome: 'parked', error: { code: 'SYNC_PUSH_CONFLICT' } }])
    expect(remote('vendors', id)['city']).toBe('Theirs')
  })

  it('has as its base what its row showed, when a pull had restored that before', async () => {
    const { id } = first('vendors')
    await worker.sql`update scopestack.vendors set city = 'Aside' where id = ${id}`
    sim.addFault({ kind: '403', count: 2, match: { method: 'PATCH' } })
    expect(await worker.push()).toMatchObject([{ outcome: 'parked' }])
    sim.records.update('vendors', id, { attributes: { city: 'Aside' } })
    await worker.run(['vendors'])
    await worker.sql`update scopestack.vendors set city = 'Later' where id = ${id}`
    await discardChange(worker.sql, worker.catalog, (await changeIds())[0]!)
    expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
    expect(remote('vendors', id)['city']).toBe('Later')
  })
})

it('a new row that was found again after its response was lost does not overwrite what was edited in ScopeStack', async () => {
  sim.addFault({ kind: 'lost-answer', match: { method: 'POST', type: 'vendors' } })
  await worker.sql`insert into scopestack.vendors (name) values ('Lost for a while')`
  const edit = () => worker.sql`update scopestack.vendors set country = 'Mine' where name = 'Lost for a while'`
  await worker.push({ through: during(edit) })
  const made = sim.records.list('vendors').find((one) => one.attributes['name'] === 'Lost for a while')!
  sim.records.update('vendors', made.id, { attributes: { country: 'Theirs' } })
  await makeDue(worker.sql, 3_600)
  expect(await worker.push()).toMatchObject([
    { outcome: 'sent' },
    { outcome: 'parked', error: { code: 'SYNC_PUSH_CONFLICT' } },
  ])
  expect(remote('vendors', made.id)['country']).toBe('Theirs')
})
