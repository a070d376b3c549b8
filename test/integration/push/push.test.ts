/** Local edits on their way to ScopeStack, over real HTTP. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { stopped } from '../../../src/errors/commands.ts'
import { unauthorized } from '../../../src/errors/credentials.ts'
import { rateLimited } from '../../../src/errors/requests.ts'
import type { Client } from '../../../src/remote/client.ts'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import { forgetCapability } from '../../support/tables/capabilities.ts'
import { countOpen, emptyOutbox, makeDue, readChanges, readOutcomes, setAttempts } from '../../support/tables/outbox.ts'

let sim: Simulator
let database: TestDatabase
let worker: TestWorker

const TYPES = [
  'clients',
  'projects',
  'crm-opportunities',
  'project-locations',
  'products',
  'vendors',
  'project-contacts',
]

beforeAll(async () => {
  sim = await startSimulator({ projects: 4 })
  database = await createDatabase()
  worker = await startWorker(sim, database.url)
})

beforeEach(async () => {
  sim.removeFault()
  await emptyOutbox(worker.sql)
  await worker.run(TYPES)
  sim.resetStats()
})

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
  await sim?.close()
})

const remote = (type: string, id: string) => sim.records.read(type, id)!
const ids = (type: string): string[] => sim.records.list(type).map(({ id }) => id)
const requests = () => sim.stats().requests
const states = async () => (await readOutcomes(worker.sql)).map(({ op, state, code }) => [op, state, code])

/**
 * A pull that finds nothing to write: both sides are the same, and nothing echoes.
 *
 * @param elsewhere what ScopeStack changes by itself when it is written to.
 */
async function settled(elsewhere: readonly string[] = []): Promise<void> {
  if (elsewhere.length > 0) await worker.run(elsewhere)
  const { outcomes } = await worker.run(TYPES)
  expect(outcomes.map(({ resource, inserted, updated }) => ({ resource, inserted, updated }))).toEqual(
    outcomes.map(({ resource }) => ({ resource, inserted: 0, updated: 0 })),
  )
  expect(await countOpen(worker.sql)).toBe(0)
}

describe('an update', () => {
  it('is a PATCH of what changed, and its echo is no change', async () => {
    const [id] = ids('clients')
    const before = remote('clients', id!)
    await worker.sql`update scopestack.clients set domain = 'new.test', msa_date = '2027-03-04' where id = ${id!}`
    expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
    expect(remote('clients', id!).attributes).toEqual({
      ...before.attributes,
      domain: 'new.test',
      'msa-date': '2027-03-04',
    })
    expect(await states()).toEqual([['update', 'sent', null]])
    await settled()
  })

  it('of many records costs 1.05 requests each', async () => {
    const clients = ids('clients')
    await worker.sql`update scopestack.clients set domain = id || '.test'`
    await worker.push()
    const checks = Math.ceil(clients.length / 20)
    expect(requests()).toEqual({
      'GET /{account}/v1/clients': checks,
      'PATCH /{account}/v1/clients/{id}': clients.length,
    })
    await settled()
  })

  it('of a relationship sends the key at its end', async () => {
    const [project] = ids('projects')
    const [one, two] = ids('clients')
    const client = remote('projects', project!).relationships['client'] === one ? two! : one!
    await worker.sql`update scopestack.projects set client_id = ${client} where id = ${project!}`
    expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
    const [row] = await worker.sql`select client_id, client_name from scopestack.projects where id = ${project!}`
    expect(row).toEqual({ client_id: client, client_name: remote('clients', client).attributes['name'] })
    await settled()
  })
})

it('makes a parent before what refers to it, and gives both their real ids', async () => {
  const [client] = await worker.sql<{ id: string }[]>`
    insert into scopestack.clients (name, domain) values ('Brand new', 'brand.new') returning id`
  const [project] = await worker.sql<{ id: string }[]>`
    insert into scopestack.projects (project_name, client_id) values ('First, of "many"', ${client!.id}) returning id`
  await worker.sql`insert into scopestack.project_locations (name, project_id) values ('Here', ${project!.id})`
  await worker.sql`update scopestack.clients set domain = 'brand.newer' where id = ${client!.id}`
  expect(await worker.push()).toMatchObject([{ outcome: 'sent' }, { outcome: 'sent' }, { outcome: 'sent' }])
  const made = sim.records.list('clients').filter(({ attributes }) => attributes['name'] === 'Brand new')
  expect(made).toMatchObject([{ attributes: { domain: 'brand.newer' } }])
  const [row] = await worker.sql`
    select c.id as client, p.project_name as project, l.name as location from scopestack.clients c
    join scopestack.projects p on p.client_id = c.id join scopestack.project_locations l on l.project_id = p.id
    where c.name = 'Brand new'`
  expect(row).toEqual({ client: made[0]!.id, project: 'First, of "many"', location: 'Here' })
  // The location changed its project's updated-at.
  await settled(['projects'])
})

it('deletes where ScopeStack accepts it, and a record that is gone already counts as deleted', async () => {
  const [one, two] = ids('crm-opportunities')
  await worker.sql`delete from scopestack.crm_opportunities where id in ${worker.sql([one!, two!])}`
  sim.records.remove('crm-opportunities', two!)
  expect(await worker.push()).toMatchObject([{ outcome: 'sent' }, { outcome: 'sent' }])
  expect(ids('crm-opportunities')).not.toContain(one)
  await settled()
})

it('sends nothing of a row that was inserted and deleted again', async () => {
  await worker.sql`insert into scopestack.vendors (name) values ('Never')`
  await worker.sql`update scopestack.vendors set city = 'Nowhere' where name = 'Never'`
  await worker.sql`delete from scopestack.vendors where name = 'Never'`
  expect(await worker.push()).toEqual([])
  expect(requests()).toEqual({})
  expect((await states()).map(([, state]) => state)).toEqual(['superseded', 'superseded', 'superseded'])
})

describe('a refusal parks the change', () => {
  const parked = async () => (await readChanges(worker.sql, ['code', 'reason', 'errors'], { state: 'parked' }))[0]

  it('with the columns that ScopeStack named, until the row is edited again', async () => {
    const [one, two] = sim.records.list('clients')
    const taken = String(two!.attributes['name'])
    await worker.sql`update scopestack.clients set name = ${taken}, domain = 'kept.test' where id = ${one!.id}`
    expect(await worker.push()).toMatchObject([{ outcome: 'parked' }])
    expect(await parked()).toEqual({
      code: 'SYNC_PUSH_INVALID',
      reason:
        `ScopeStack refused the change of clients ${one!.id} (422): name has already been taken. Correct it: edit the ` +
        'row again, or "changes retry" sends it as it is. (SYNC_PUSH_INVALID)',
      errors: [{ column: 'name', pointer: '/data/attributes/name', message: 'has already been taken' }],
    })
    await worker.sql`update scopestack.clients set name = 'Free' where id = ${one!.id}`
    expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
    expect(remote('clients', one!.id).attributes).toMatchObject({ name: 'Free', domain: 'kept.test' })
    expect((await states()).map(([, state]) => state)).toEqual(['superseded', 'sent'])
    // Projects repeat the name of their client.
    await settled(['projects'])
  })

  it('and the row shows what ScopeStack holds after the next pull, while the change keeps its values', async () => {
    const [one, two] = sim.records.list('clients')
    const [mine, taken] = [String(one!.attributes['name']), String(two!.attributes['name'])]
    await worker.sql`update scopestack.clients set name = ${taken} where id = ${one!.id}`
    await worker.push()
    await worker.run(['clients'])
    const [row] = await worker.sql`select name from scopestack.clients where id = ${one!.id}`
    expect(row).toEqual({ name: mine })
    expect(await worker.sql`select attributes, state from scopestack.pending_changes`).toEqual([
      { attributes: { name: taken }, state: 'parked' },
    ])
    // Another field has nothing to do with it.
    await worker.sql`update scopestack.clients set domain = 'other.test' where id = ${one!.id}`
    expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
    expect(remote('clients', one!.id).attributes).toMatchObject({ name: mine, domain: 'other.test' })
    expect((await states()).map(([, state]) => state)).toEqual(['parked', 'sent'])
    // The same one is another try at it.
    await worker.sql`update scopestack.clients set name = 'Free too' where id = ${one!.id}`
    expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
    expect((await states()).map(([, state]) => state)).toEqual(['superseded', 'sent', 'sent'])
    await settled(['projects'])
  })

  it('of a new row, which is sent once it is corrected', async () => {
    const [one] = sim.records.list('clients')
    const taken = String(one!.attributes['name'])
    await worker.sql`insert into scopestack.clients (name) values (${taken})`
    expect(await worker.push()).toMatchObject([{ outcome: 'parked', error: { code: 'SYNC_PUSH_INVALID' } }])
    await worker.run(['clients'])
    await worker.sql`update scopestack.clients set name = 'Corrected' where id like 'local-%'`
    expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
    expect(sim.records.list('clients').filter(({ attributes }) => attributes['name'] === 'Corrected')).toHaveLength(1)
    await settled()
  })

  it('by 403 on one record, while the others go on', async () => {
    const [one, two] = ids('clients')
    // Once more after the token was renewed, as the guide asks.
    sim.addFault({ kind: '403', count: 2, match: { method: 'PATCH', path: `/clients/${one!}` } })
    await worker.sql`update scopestack.clients set domain = 'x403.test' where id in ${worker.sql([one!, two!])}`
    const outcomes = new Map((await worker.push()).map(({ change, outcome }) => [change.recordId, outcome]))
    expect(outcomes).toEqual(
      new Map([
        [one!, 'parked'],
        [two!, 'sent'],
      ]),
    )
    expect(await parked()).toMatchObject({ code: 'SYNC_PUSH_FORBIDDEN' })
  })

  it('by 409, which a proxy may send though ScopeStack does not', async () => {
    const [one] = ids('clients')
    sim.addFault({ kind: '409', match: { method: 'PATCH' } })
    await worker.sql`update scopestack.clients set domain = 'x409.test' where id = ${one!}`
    expect(await worker.push()).toMatchObject([{ outcome: 'parked' }])
    expect(await parked()).toMatchObject({
      code: 'SYNC_PUSH_REFUSED',
      reason: expect.stringContaining('(409): Conflict') as string,
      errors: [{ column: null, pointer: null, message: 'Conflict' }],
    })
  })

  it('of a record that is gone', async () => {
    const [one] =
      ids('project-locations').length > 0
        ? ids('project-locations')
        : [
            sim.records.create('project-locations', {
              attributes: { name: 'X' },
              relationships: { project: ids('projects')[0]! },
            }).id,
          ]
    await worker.run(TYPES)
    sim.records.remove('project-locations', one!)
    await worker.sql`update scopestack.project_locations set city = 'Gone' where id = ${one!}`
    expect(await worker.push()).toMatchObject([{ outcome: 'parked', error: { code: 'SYNC_PUSH_GONE' } }])
    expect(await worker.push()).toEqual([])
  })

  it('of a row below a record that was deleted', async () => {
    const project = sim.records.create('projects', {
      attributes: { 'project-name': 'To be deleted' },
      relationships: { client: ids('clients')[0]! },
    })
    await worker.run(['projects'])
    sim.records.remove('projects', project.id)
    await worker.sql`insert into scopestack.project_locations (name, project_id) values ('Nowhere', ${project.id})`
    expect(await worker.push()).toMatchObject([{ outcome: 'parked', error: { code: 'SYNC_PUSH_INVALID' } }])
    expect(await parked()).toMatchObject({ errors: [{ column: 'project_id', message: 'must exist' }] })
  })
})

describe('faults on the way', () => {
  it.each(['lost-answer', 'reset', '500', '503', 'truncate', '429'] as const)('a PATCH outlives %s', async (kind) => {
    const [id] = ids('clients')
    sim.addFault({ kind, count: 2, match: { method: 'PATCH' } })
    await worker.sql`update scopestack.clients set domain = ${`${kind}.test`} where id = ${id!}`
    expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
    expect(remote('clients', id!).attributes['domain']).toBe(`${kind}.test`)
    await settled()
  })

  it('a DELETE outlives a lost response', async () => {
    const { id } = sim.records.create('crm-opportunities', { attributes: { name: 'D', 'opportunity-id': 'D-1' } })
    await worker.run(['crm-opportunities'])
    sim.addFault({ kind: 'lost-answer', match: { method: 'DELETE' } })
    await worker.sql`delete from scopestack.crm_opportunities where id = ${id}`
    expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
    expect(ids('crm-opportunities')).not.toContain(id)
  })

  it.each(['lost-answer', 'reset', '500', '502', 'truncate'] as const)(
    'a POST that meets %s arrives once (S14)',
    async (kind) => {
      const name = `Once, in spite of ${kind}`
      sim.addFault({ kind, match: { method: 'POST', type: 'clients' } })
      await worker.sql`insert into scopestack.clients (name, domain) values (${name}, 'once.test')`
      expect(await worker.push()).toMatchObject([{ outcome: 'postponed' }])
      // So long that ScopeStack cannot be working on it any more.
      await makeDue(worker.sql, 100)
      expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
      expect(sim.records.list('clients').filter(({ attributes }) => attributes['name'] === name)).toHaveLength(1)
      const posts = requests()['POST /{account}/v1/clients']
      expect(posts).toBe(kind === 'lost-answer' || kind === 'truncate' ? 1 : 2)
      await settled()
    },
  )

  it('a POST waits after a 429 and is sent again, since it was not processed', async () => {
    sim.addFault({ kind: '429', count: 2, match: { method: 'POST', type: 'clients' } })
    await worker.sql`insert into scopestack.clients (name) values ('Patient')`
    expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
    expect(sim.records.list('clients').filter(({ attributes }) => attributes['name'] === 'Patient')).toHaveLength(1)
  })

  it('a POST whose record cannot be distinguished from another is parked, and not sent again', async () => {
    sim.addFault({ kind: 'lost-answer', match: { method: 'POST', type: 'vendors' } })
    await worker.sql`insert into scopestack.vendors (name, city) values ('Twin', 'Here')`
    expect(await worker.push()).toMatchObject([{ outcome: 'postponed' }])
    sim.records.create('vendors', { attributes: { name: 'Twin', city: 'There' } })
    await makeDue(worker.sql)
    expect(await worker.push()).toMatchObject([{ outcome: 'parked', error: { code: 'SYNC_PUSH_UNKNOWN' } }])
    // Nothing is sent to a record that may not be there.
    await worker.sql`update scopestack.vendors set city = 'Elsewhere' where name = 'Twin' and id like 'local-%'`
    expect(await worker.push()).toEqual([])
    expect(requests()['POST /{account}/v1/vendors']).toBe(1)
  })

  it('a POST of a record that nothing finds again is parked when its response is lost', async () => {
    const [project] = ids('projects')
    sim.addFault({ kind: 'lost-answer', match: { method: 'POST', type: 'project-documents' } })
    await worker.sql`
      insert into scopestack.project_documents (project_id, template_id, document_type) values (${project!}, 'pricing', 'pricing')`
    expect(await worker.push()).toMatchObject([{ outcome: 'postponed' }])
    await makeDue(worker.sql)
    expect(await worker.push()).toMatchObject([{ outcome: 'parked', error: { code: 'SYNC_PUSH_UNKNOWN' } }])
  })

  it.each([unauthorized({ url: 'x.test' }), rateLimited({ url: 'x.test', seconds: 600 }), stopped()])(
    'a POST that did not arrive and ends the push is sent again, also where nothing would find it: $code',
    async (error) => {
      const through = (client: Client): Client => ({
        ...client,
        async write({ beforeSend }) {
          await beforeSend?.()
          throw error
        },
      })
      const [project] = ids('projects')
      await worker.sql`
        insert into scopestack.project_documents (project_id, template_id, document_type) values (${project!}, ${error.code}, 'pricing')`
      await expect(worker.push({ through })).rejects.toBe(error)
      await makeDue(worker.sql)
      expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
    },
  )

  it('reads record by record where ids cannot be filtered', async () => {
    const some = ids('vendors').slice(0, 3)
    sim.setSwitches({ refusedFilters: { vendors: ['id'] } })
    try {
      await worker.sql`update scopestack.vendors set city = 'One by one' where id in ${worker.sql(some)}`
      expect((await worker.push()).map(({ outcome }) => outcome)).toEqual(['sent', 'sent', 'sent'])
      expect(requests()).toMatchObject({ 'GET /{account}/v1/vendors': 1, 'GET /{account}/v1/vendors/{id}': 3 })
    } finally {
      sim.setSwitches({ refusedFilters: {} })
      await forgetCapability(worker.sql, 'filter[id]')
    }
  })

  it('a change is parked when ScopeStack fails at it repeatedly', async () => {
    const [id] = ids('clients')
    sim.addFault({ kind: '500', count: 'always', match: { method: 'PATCH', path: `/clients/${id!}` } })
    await worker.sql`update scopestack.clients set domain = 'poison.test' where id = ${id!}`
    await setAttempts(worker.sql, 3)
    expect(await worker.push()).toMatchObject([{ outcome: 'postponed' }])
    await makeDue(worker.sql)
    expect(await worker.push()).toMatchObject([{ outcome: 'parked', error: { code: 'SYNC_PUSH_FAILED' } }])
  })

  it('a second 401 stops the push, and nothing is lost', async () => {
    const [id] = ids('clients')
    sim.addFault({ kind: '401', count: 2, match: { method: 'PATCH' } })
    await worker.sql`update scopestack.clients set domain = 'later.test' where id = ${id!}`
    await expect(worker.push()).rejects.toMatchObject({ code: 'SYNC_UNAUTHORIZED' })
    expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
  })
})
