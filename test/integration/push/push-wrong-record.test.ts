/**
 * A write's answer that speaks of something else: nothing of it is written anywhere. What came of the write is looked up by
 * GET, whose answer is held to the same test, and nothing is sent a second time that may have arrived.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { requestRefused } from '../../../src/errors/resources.ts'
import type { Client } from '../../../src/remote/client.ts'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { switchesOf, type Switches } from '../../../src/simulator/switches.ts'
import { retryChange } from '../../../src/store/outbox/change-actions.ts'
import { altering, type Altered } from '../../support/network/alter.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import { emptyOutbox, makeDue, readChanges } from '../../support/tables/outbox.ts'

let sim: Simulator
let database: TestDatabase
let worker: TestWorker

const TYPES = ['clients', 'projects', 'crm-opportunities']
const FOREIGN: readonly Switches['foreignWrites'][] = [
  'other-record',
  'other-type',
  'list',
  'html',
  'empty',
  'other-account',
]

beforeAll(async () => {
  sim = await startSimulator({ projects: 3 })
  database = await createDatabase()
  worker = await startWorker(sim, database.url)
  await worker.run(TYPES)
})

beforeEach(async () => {
  sim.removeFault()
  sim.setSwitches(switchesOf('help-pages'))
  await emptyOutbox(worker.sql)
  sim.resetStats()
})

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
  await sim?.close()
})

const remote = (type: string, id: string) => sim.records.read(type, id)
const called = (name: string, type = 'clients') =>
  sim.records.list(type).filter(({ attributes }) => attributes['name'] === name)
const asked = (what: string): number => sim.stats().requests[what] ?? 0
const due = () => makeDue(worker.sql)
const outcomesOf = async (settling: ReturnType<TestWorker['push']>) =>
  (await settling).map(({ outcome, error }) => error?.code ?? outcome)

/** A client that projects hang on. */
const client = (): string => {
  const [project] = sim.records.list('projects')
  return project!.relationships['client'] as string
}

/** Every row of the tables that a mix-up reached, but the one that is written. */
const others = async (id: string) =>
  await worker.sql`
    select to_jsonb(c) as row from scopestack.clients c where id <> ${id} and id not like 'local-%'
    union all select to_jsonb(p) from scopestack.projects p
    order by 1`

/** A pull finds nothing to write, and each row holds what ScopeStack does. */
async function equal(): Promise<void> {
  sim.setSwitches({ foreignWrites: 'off' })
  const { outcomes } = await worker.run(TYPES)
  expect(outcomes.map(({ inserted, updated }) => inserted + updated)).toEqual(TYPES.map(() => 0))
  const rows = await worker.sql`
    select id, name, domain from scopestack.clients where sync_deleted_at is null and id not like 'local-%' order by id::int`
  expect(rows.map((row) => ({ ...row }))).toEqual(
    sim.records.list('clients').map(({ id, attributes: { name, domain } }) => ({ id, name, domain })),
  )
  const ends = await worker.sql`select id, client_id from scopestack.projects order by id::int`
  expect(ends.map((row) => ({ ...row }))).toEqual(
    sim.records.list('projects').map(({ id, relationships }) => ({ id, client_id: relationships['client'] })),
  )
}

/** Further answers that are not of the record; what was asked is done all the same. */
const BODIES: Record<string, (given: { type: string; id: string }) => Altered> = {
  'no content': () => ({ status: 204, body: '' }),
  'a promise to do it later': () => ({ status: 202, body: '{"meta":{}}' }),
  'no record': () => ({ body: '{"data":null}' }),
  'an id of another form': ({ type, id }) => ({
    body: JSON.stringify({ data: { type, id: `0${id}`, attributes: {} } }),
  }),
  'an id that is a number': ({ type, id }) => ({
    body: JSON.stringify({ data: { type, id: Number(id), attributes: {} } }),
  }),
  'a record without attributes': ({ type, id }) => ({ body: JSON.stringify({ data: { type, id } }) }),
  'attributes that are a list': ({ type, id }) => ({ body: JSON.stringify({ data: { type, id, attributes: [] } }) }),
  'relationships that are a text': ({ type, id }) => ({
    body: JSON.stringify({ data: { type, id, attributes: {}, relationships: 'x' } }),
  }),
  'a document that was cut': () => ({ body: '{"data":{"type":"clients","id":"' }),
  'another address': () => ({ status: 303, body: '', headers: { location: 'https://elsewhere.test/clients/1' } }),
}
const bodies = (type: string, id: () => string): [string, () => (one: Client) => Client][] =>
  Object.entries(BODIES).map(([name, body]) => [name, () => altering({ write: () => body({ type, id: id() }) })])
const switched: [string, () => undefined][] = FOREIGN.map((foreignWrites) => [
  foreignWrites,
  () => {
    sim.setSwitches({ foreignWrites })
    return undefined
  },
])

describe.each([...switched, ...bodies('clients', client)])('a PATCH answered with %s', (_, begin) => {
  it('is settled with the record as it is read then, and no other row is touched', async () => {
    const id = client()
    const before = await others(id)
    const through = begin()
    await worker.sql`update scopestack.clients set domain = ${`${_}.test`} where id = ${id}`
    expect(await outcomesOf(worker.push(through && { through }))).toEqual(['sent'])
    expect(await others(id)).toEqual(before)
    expect(await worker.sql`select domain from scopestack.clients where id = ${id}`).toEqual([{ domain: `${_}.test` }])
    expect(remote('clients', id)!.attributes['domain']).toBe(`${_}.test`)
    expect(asked('PATCH /{account}/v1/clients/{id}')).toBe(1)
    expect(asked('GET /{account}/v1/clients/{id}')).toBe(2)

    await worker.sql`update scopestack.clients set domain = ${`${_}.later.test`} where id = ${id}`
    expect(await outcomesOf(worker.push(through && { through }))).toEqual(['sent'])
    expect(remote('clients', id)!.attributes['domain']).toBe(`${_}.later.test`)
    await equal()
  })
})

describe('a PATCH whose response is not the record, and that', () => {
  beforeEach(() => worker.run(['clients']))

  const page = (): void => void sim.addFault({ kind: 'html', match: { method: 'PATCH' } })
  const edit = async (domain: string): Promise<string> => {
    const id = client()
    await worker.sql`update scopestack.clients set domain = ${domain} where id = ${id}`
    return id
  }
  const noted = async () => (await readChanges(worker.sql, ['state', 'code', 'reason', 'isInDoubt']))[0]

  it('had no effect, is retried after another read', async () => {
    page()
    const id = await edit('second.test')
    expect(await outcomesOf(worker.push())).toEqual(['SYNC_PUSH_NO_EFFECT'])
    expect(await noted()).toMatchObject({
      state: 'sending',
      reason:
        `The change of clients ${id} was sent, it was answered with 200: it is HTML, and ScopeStack still holds the old values. ` +
        'It is tried again later; if this stays, check whether something between this host and ScopeStack (a proxy, a login page) ' +
        'responds in its place. (SYNC_PUSH_NO_EFFECT)',
    })
    expect(asked('PATCH /{account}/v1/clients/{id}')).toBe(1)
    await due()
    expect(await outcomesOf(worker.push())).toEqual(['sent'])
    expect(asked('PATCH /{account}/v1/clients/{id}')).toBe(2)
    await equal()
  })

  it('never has an effect, is parked at last with the reason', async () => {
    await edit('never.test')
    for (const outcome of ['NO_EFFECT', 'NO_EFFECT', 'NO_EFFECT', 'NO_EFFECT', 'FAILED']) {
      page()
      await due()
      expect(await outcomesOf(worker.push())).toEqual([`SYNC_PUSH_${outcome}`])
    }
    expect((await noted())!['reason']).toMatch(
      /answered with 200: it is HTML, and ScopeStack still holds the old values\. When/,
    )
    expect(asked('PATCH /{account}/v1/clients/{id}')).toBe(5)
  })

  it('cannot be read back, counts as one whose response was lost', async () => {
    const id = await edit('unseen.test')
    sim.setSwitches({ foreignWrites: 'other-record' })
    let sent = false
    const silent = (one: Client): Client => ({
      ...one,
      write: async (...given) => await one.write(...given).finally(() => (sent = true)),
      async get(...given) {
        if (sent) sim.addFault({ kind: '500', match: { method: 'GET' }, count: 7 })
        sent = false
        return await one.get(...given)
      },
    })
    expect(await outcomesOf(worker.push({ through: silent }))).toEqual(['sent'])
    expect(asked('PATCH /{account}/v1/clients/{id}')).toBe(1)
    expect(remote('clients', id)!.attributes['domain']).toBe('unseen.test')
    await equal()
  })

  it('may not be read back, is parked as one that may have arrived', async () => {
    const id = await edit('forbidden.test')
    sim.setSwitches({ foreignWrites: 'list' })
    const forbidding = altering({}, (one) => ({
      ...one,
      write: async (...given) =>
        await one.write(...given).finally(() => sim.addFault({ kind: '409', match: { method: 'GET' } })),
    }))
    expect(await outcomesOf(worker.push({ through: forbidding }))).toEqual(['SYNC_PUSH_UNPROVED'])
    expect(await noted()).toMatchObject({ state: 'parked', isInDoubt: true })
    // A value that may have arrived is no remote edit.
    sim.setSwitches({ foreignWrites: 'off' })
    await worker.sql`update scopestack.clients set domain = 'next.test' where id = ${id}`
    expect(await outcomesOf(worker.push())).toEqual(['sent'])
    await equal()
  })

  it('was accepted in part, parks the rest', async () => {
    const id = client()
    sim.setSwitches({ foreignWrites: 'list' })
    await worker.sql`
      update scopestack.clients set domain = 'part.test',
        user_defined_fields = user_defined_fields || '[{"name": "headcuont", "value": "7"}]'
      where id = ${id}`
    expect(await outcomesOf(worker.push())).toEqual(['SYNC_PUSH_IGNORED'])
    expect(await readChanges(worker.sql, ['attributes'])).toMatchObject([
      { attributes: { 'user-defined-fields': [{ name: 'headcuont' }] } },
    ])
    expect(asked('PATCH /{account}/v1/clients/{id}')).toBe(1)
  })

  it('finds its record deleted by now, is parked as gone', async () => {
    const { id } = sim.records.create('clients', { attributes: { name: 'Soon gone' } })
    await worker.run(['clients'])
    await worker.sql`update scopestack.clients set domain = 'gone.test' where id = ${id}`
    sim.setSwitches({ foreignWrites: 'html' })
    const going = altering({}, (one) => ({
      ...one,
      write: async (...given) => await one.write(...given).finally(() => sim.records.remove('clients', id)),
    }))
    expect(await outcomesOf(worker.push({ through: going }))).toEqual(['SYNC_PUSH_GONE'])
  })
})

describe.each(switched)('a DELETE answered with %s', (_, begin) => {
  it('is done when the record is gone', async () => {
    const { id } = sim.records.create('crm-opportunities', { attributes: { name: _, 'opportunity-id': `D-${_}` } })
    await worker.run(['crm-opportunities'])
    const before = await others(id)
    begin()
    await worker.sql`delete from scopestack.crm_opportunities where id = ${id}`
    expect(await outcomesOf(worker.push())).toEqual(['sent'])
    expect(remote('crm-opportunities', id)).toBeNull()
    expect(await others(id)).toEqual(before)
    expect(asked('DELETE /{account}/v1/crm-opportunities/{id}')).toBe(1)
    expect(await worker.sql`select from scopestack.crm_opportunities where id = ${id}`).toEqual([])
    await equal()
  })
})

it('a DELETE whose response is a page of a proxy is sent again', async () => {
  const { id } = sim.records.create('crm-opportunities', { attributes: { name: 'D', 'opportunity-id': 'D-0' } })
  await worker.run(['crm-opportunities'])
  sim.addFault({ kind: 'html', match: { method: 'DELETE' } })
  await worker.sql`delete from scopestack.crm_opportunities where id = ${id}`
  expect(await outcomesOf(worker.push())).toEqual(['SYNC_PUSH_NO_EFFECT'])
  await due()
  expect(await outcomesOf(worker.push())).toEqual(['sent'])
  expect(remote('crm-opportunities', id)).toBeNull()
})

describe.each([...switched, ...bodies('clients', () => '1')])('a POST answered with %s', (_, begin) => {
  it('is found by its name, arrives once, and no other row is touched', async () => {
    const name = `Made, and answered with ${_}`
    const before = await others('')
    const through = begin()
    await worker.sql`insert into scopestack.clients (name, domain) values (${name}, 'made.test')`
    expect(await outcomesOf(worker.push(through && { through }))).toEqual(['sent'])
    const [one, ...more] = called(name)
    expect(more).toEqual([])
    expect(await others(one!.id)).toEqual(before)
    expect(await worker.sql`select id from scopestack.clients where name = ${name}`).toEqual([{ id: one!.id }])
    expect(asked('POST /{account}/v1/clients')).toBe(1)
    await equal()
  })
})

it('a POST with status 201 whose record is not found is not sent again, also where the first lookup failed', async () => {
  const through = altering({ write: () => ({ status: 201, body: '{"data":null}' }) }, (one) => ({
    ...one,
    write: async (...given) => {
      const outcome = await one.write(...given)
      for (const { id } of called('Done and not found')) sim.records.remove('clients', id)
      sim.addFault({ kind: '500', match: { method: 'GET' }, count: 7 })
      return outcome
    },
  }))
  await worker.sql`insert into scopestack.clients (name) values ('Done and not found')`
  expect(await outcomesOf(worker.push({ through }))).toEqual(['SYNC_REMOTE_FAILED'])
  await makeDue(worker.sql, 600)
  expect(await outcomesOf(worker.push())).toEqual(['SYNC_PUSH_UNKNOWN'])
  expect(asked('POST /{account}/v1/clients')).toBe(1)
  const [change] = await readChanges(worker.sql, ['id', 'reason'])
  expect(change!.reason).toMatch(/answered with 201: it holds no record, and no record like it is found/)

  // A person has looked.
  await retryChange(worker.sql, change!.id)
  expect(await outcomesOf(worker.push())).toEqual(['sent'])
  expect(called('Done and not found')).toHaveLength(1)
  await equal()
})

it('a list that ignores filter[id] is no proof that a record is gone', async () => {
  const { id } = sim.records.create('crm-opportunities', { attributes: { name: 'L', 'opportunity-id': 'L-0' } })
  sim.records.create('crm-opportunities', { attributes: { name: 'M', 'opportunity-id': 'M-0' } })
  await worker.run(['crm-opportunities'])
  const heedless = altering({}, (one) => ({
    ...one,
    get: async (path, ...rest) => {
      if (path.includes(`crm-opportunities/${id}`)) throw requestRefused({ url: path, status: 404, detail: '' })
      return await one.get(path.replace(/filter(%5B|\[)id(%5D|\])=[^&]*&?/, ''), ...rest)
    },
  }))
  await worker.sql`delete from scopestack.crm_opportunities where id = ${id}`
  expect(await outcomesOf(worker.push({ through: heedless }))).toEqual(['SYNC_ANSWER_FOREIGN'])
  await due()
  expect(await outcomesOf(worker.push())).toEqual(['sent'])
  expect(remote('crm-opportunities', id)).toBeNull()
})
