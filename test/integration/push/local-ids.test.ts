/** A new row has a local id until ScopeStack responds: statements with that id are still accepted afterwards. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { discardChange } from '../../../src/store/outbox/change-actions.ts'
import { pruneSettledChanges } from '../../../src/store/outbox/notify.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { withoutCapture } from '../../support/postgres/without-capture.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import { emptyOutbox, readChanges } from '../../support/tables/outbox.ts'
import { emptyLocalIds, makeLocalIdsAgo } from '../../support/tables/progress.ts'

let sim: Simulator
let database: TestDatabase
let worker: TestWorker
const TYPES = ['clients', 'projects', 'project-locations', 'document-templates', 'project-documents', 'vendors']

beforeAll(async () => {
  sim = await startSimulator({ projects: 4 })
  database = await createDatabase()
  worker = await startWorker(sim, database.url)
  await worker.run(TYPES)
})

beforeEach(async () => {
  sim.removeFault()
  await emptyOutbox(worker.sql)
  await emptyLocalIds(worker.sql)
  await withoutCapture(worker.sql, async (tx) => {
    for (const type of TYPES) await tx`delete from scopestack.${tx(type.replaceAll('-', '_'))} where id like 'local-%'`
  })
})

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
  await sim?.close()
})

const newClient = async (name: string): Promise<string> => {
  const [row] = await worker.sql<{ id: string }[]>`insert into scopestack.clients (name) values (${name}) returning id`
  return row!.id
}
const newProject = (name: string, client: string) =>
  worker.sql`insert into scopestack.projects (project_name, client_id) values (${name}, ${client})`
const remote = (type: string, member: string, value: string) => {
  const found = sim.records.list(type).filter(({ attributes }) => attributes[member] === value)
  expect(found).toHaveLength(1)
  return found[0]!
}
const firstId = (type: string): string => sim.records.list(type)[0]!.id
const outcomes = async () => (await worker.push()).map(({ change, outcome }) => `${change.resource} ${outcome}`)
const enqueue = (...given: readonly [string, string, string, string?]) =>
  worker.sql`select sync.enqueue_change(${given[0]}, ${given[1]}, ${given[2]}, '{}', ${given[3] ?? '{}'}::text::jsonb) as id`

describe('a local id, after the real one is known,', () => {
  it('is accepted in a new row', async () => {
    const kept = await newClient('Kept')
    await worker.push()
    await newProject('For the kept one', kept)
    expect(await outcomes()).toEqual(['projects sent'])
    const { id } = remote('clients', 'name', 'Kept')
    expect(remote('projects', 'project-name', 'For the kept one').relationships).toMatchObject({ client: id })
    expect(
      await worker.sql`select client_id as id from scopestack.projects where project_name = 'For the kept one'`,
    ).toEqual([{ id }])
  })

  it('is accepted in a row that commits later', async () => {
    const kept = await newClient('Answered meanwhile')
    await worker.sql.begin(async (tx) => {
      await tx`insert into scopestack.projects (project_name, client_id) values ('Commits later', ${kept})`
      await worker.push()
    })
    expect(await outcomes()).toEqual(['projects sent'])
    const { id } = remote('clients', 'name', 'Answered meanwhile')
    expect(remote('projects', 'project-name', 'Commits later').relationships).toMatchObject({ client: id })
  })

  it('is accepted in an edit, also where it was edited again', async () => {
    const kept = await newClient('Edited onto')
    await worker.push()
    const project = firstId('projects')
    await worker.sql`update scopestack.projects set client_id = ${kept} where id = ${project}`
    await worker.sql`update scopestack.projects set project_name = 'Edited, too' where id = ${project}`
    expect(await outcomes()).toEqual(['projects sent'])
    const { id } = remote('clients', 'name', 'Edited onto')
    expect(remote('projects', 'project-name', 'Edited, too').relationships).toMatchObject({ client: id })
    expect(await worker.sql`select client_id as id from scopestack.projects where id = ${project}`).toEqual([{ id }])
  })

  it('is accepted by enqueue_change, as the record and as a reference', async () => {
    const kept = await newClient('By function')
    await worker.push()
    const [made] = await worker.sql`
      select sync.enqueue_change('clients', 'update', ${kept}, '{"domain": "by-function.test"}') is not null as made`
    expect(made).toEqual({ made: true })
    await enqueue('projects', 'update', firstId('projects'), JSON.stringify({ client: kept }))
    expect(await outcomes()).toEqual(['clients sent', 'projects sent'])
    const { id, attributes } = remote('clients', 'name', 'By function')
    expect(attributes).toMatchObject({ domain: 'by-function.test' })
    expect(sim.records.read('projects', firstId('projects'))!.relationships).toMatchObject({ client: id })
  })

  it('is shown by a view for 90 days', async () => {
    const kept = await newClient('In the view')
    await worker.push()
    const { id } = remote('clients', 'name', 'In the view')
    const newIds = () => worker.sql`select local_id, id, resource from scopestack.new_ids`
    expect(await newIds()).toEqual([{ local_id: kept, id, resource: 'clients' }])
    await makeLocalIdsAgo(worker.sql, '89 days')
    await pruneSettledChanges(worker.sql)
    expect(await newIds()).toHaveLength(1)
    await makeLocalIdsAgo(worker.sql, '91 days')
    await pruneSettledChanges(worker.sql)
    expect(await newIds()).toEqual([])
  })

  it('makes no second record', async () => {
    const kept = await newClient('Only one')
    await worker.push()
    await expect(worker.sql`insert into scopestack.clients (id, name) values (${kept}, 'Second')`).rejects.toThrow(
      `The row ${kept} of scopestack.clients was made already: ScopeStack calls it ${remote('clients', 'name', 'Only one').id}. Edit that one, or leave the column id out for another new row.`,
    )
  })
})

it('an id that was chosen for two tables leads to the record of each', async () => {
  const [id, sql] = [`local-${randomUUID()}`, worker.sql]
  await sql`insert into scopestack.clients (id, name) values (${id}, 'Chosen client')`
  await sql`insert into scopestack.projects (id, project_name, client_id) values (${id}, 'Chosen project', ${id})`
  await sql`insert into scopestack.project_locations (id, name, project_id) values (${id}, 'Chosen place', ${id})`
  // Their numbers are not the same by chance.
  for (let more = 0; more < 5; more++) sim.records.create('clients', { attributes: { name: `Other ${more}` } })
  expect(await outcomes()).toEqual(['clients sent', 'projects sent', 'project-locations sent'])
  const [client, project] = [
    remote('clients', 'name', 'Chosen client'),
    remote('projects', 'project-name', 'Chosen project'),
  ]
  expect(client.id).not.toBe(project.id)
  expect(project.relationships).toMatchObject({ client: client.id })
  expect(remote('project-locations', 'name', 'Chosen place').relationships).toMatchObject({ project: project.id })
})

it('an id that was chosen for two tables: discarding one row leaves the other', async () => {
  const [id, sql] = [`local-${randomUUID()}`, worker.sql]
  await sql`insert into scopestack.clients (id, name) values (${id}, 'Discarded')`
  await sql`insert into scopestack.vendors (id, name) values (${id}, 'Stays')`
  const [client] = await readChanges(sql, ['id'], { resource: 'clients' })
  await discardChange(sql, worker.catalog, client!.id)
  expect(await outcomes()).toEqual(['vendors sent'])
  remote('vendors', 'name', 'Stays')
})

it('a reference to a discarded row is parked with that reason, and is sent when it is changed', async () => {
  const id = await newClient('Discarded')
  await newProject('Refers to nothing', id)
  const [client] = await readChanges(worker.sql, ['id'], { resource: 'clients' })
  await discardChange(worker.sql, worker.catalog, client!.id)
  expect((await worker.push()).map(({ error }) => error?.message)).toEqual([
    expect.stringContaining(
      `refers to ${id}, and ScopeStack's id of that row is not known: the row was deleted or discarded here, or made more than 90 days ago. Make it refer to another record`,
    ),
  ])
  await worker.sql`
    update scopestack.projects set client_id = ${firstId('clients')} where project_name = 'Refers to nothing'`
  expect(await outcomes()).toEqual(['projects sent'])
})

it('an attribute that holds the id of a new row waits for it and takes the real one', async () => {
  const project = firstId('projects')
  const [template] = await worker.sql<{ id: string }[]>`
    insert into scopestack.document_templates (name) values ('New template') returning id`
  const ask = (id: string) => worker.sql`
    insert into scopestack.project_documents (project_id, template_id, document_type) values (${project}, ${id}, 'sow')`
  await ask(template!.id)
  expect(await outcomes()).toEqual(['document-templates sent', 'project-documents sent'])
  await ask(template!.id)
  expect(await outcomes()).toEqual(['project-documents sent'])
  const { id } = remote('document-templates', 'name', 'New template')
  const documents = sim.records
    .list('project-documents')
    .filter(({ attributes }) => attributes['template-name'] === 'New template')
  expect(documents.map(({ attributes }) => attributes['template-id'])).toEqual([id, id])
})

it('a reference that was edited away is not waited for', async () => {
  const { id, relationships } = sim.records.list('projects')[1]!
  const other = sim.records.list('clients').find((client) => client.id !== relationships['client'])!
  const taken = await newClient(String(other.attributes['name']))
  await worker.sql`update scopestack.projects set client_id = ${taken} where id = ${id}`
  expect(await outcomes()).toEqual(['clients parked'])
  await worker.sql`update scopestack.projects set project_name = 'Waits with it' where id = ${id}`
  expect(await outcomes()).toEqual([])
  await worker.sql`update scopestack.projects set client_id = ${other.id} where id = ${id}`
  expect(await outcomes()).toEqual(['projects sent'])
  expect(remote('projects', 'project-name', 'Waits with it').relationships).toMatchObject({ client: other.id })
})
