/** A reference that leads nowhere is refused: the bare library would take it with 200, and break the record. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { openDatabase } from '../../../src/store/connection/database.ts'
import { createMirror } from '../../../src/store/mirror/load.ts'
import { createDatabase } from '../../support/postgres/database.ts'
import { leased } from '../../support/postgres/leased.ts'
import { withoutCapture } from '../../support/postgres/without-capture.ts'
import { emptyOutbox, readChanges } from '../../support/tables/outbox.ts'
import { emptyLocalIds, forgetCheckpoints, insertCompleteRead, insertLocalId } from '../../support/tables/progress.ts'

const database = await createDatabase()
const sql = openDatabase(database.url)

afterAll(async () => {
  await sql.end()
  await database[Symbol.asyncDispose]()
})

const LOCAL = `local-${randomUUID()}`

beforeEach(async () => {
  await emptyOutbox(sql)
  await forgetCheckpoints(sql)
  await emptyLocalIds(sql)
  await withoutCapture(sql, async (tx) => {
    for (const table of ['clients', 'projects', 'vendors', 'project_documents'])
      await tx`delete from scopestack.${tx(table)}`
  })
  for (const id of ['1', '2', '3']) await load('clients', id)
  for (const id of ['1', '2']) await load('projects', id)
  await withoutCapture(sql, (tx) => tx`update scopestack.clients set sync_deleted_at = now() where id = '3'`)
  await sql`insert into scopestack.vendors (id, name) values (${LOCAL}, 'Of another table')`
  await emptyOutbox(sql)
})

const load = (type: string, id: string) =>
  leased(sql, (tx) => createMirror(catalog.get(type)!).load(tx, [{ type, id, attributes: { name: `${type} ${id}` } }]))
/** A pull has proved that it has all of them. */
const wasReadWhole = () => insertCompleteRead(sql, 'clients')
const ways = (id: string): (() => Promise<unknown>)[] => [
  () => sql`update scopestack.projects set client_id = ${id}, project_name = 'Moved'`,
  () => sql`update scopestack.projects set client_id = case id when '2' then ${id} else '1' end`,
  () => sql`insert into scopestack.projects (project_name, client_id) values ('First', '1'), ('New', ${id})`,
  () => sql`select sync.enqueue_change('projects', 'update', '1', '{}', ${sql.json({ client: id })})`,
  () =>
    sql`select sync.enqueue_change('projects', 'create', null, '{"project-name": "New"}', ${sql.json({ client: id })})`,
]

describe('a trigger refuses', () => {
  it.each([
    ['', 'it takes the id of a row of scopestack.clients, or NULL.'],
    [' ', 'it takes the id of a row of scopestack.clients, or NULL.'],
    ['Acme', 'it takes the id of a row of scopestack.clients, or NULL.'],
    ['1 ', 'it takes the id of a row of scopestack.clients, or NULL.'],
    ['-1', 'it takes the id of a row of scopestack.clients, or NULL.'],
    [
      'local-1',
      'no row of scopestack.clients has that id, or had it within 90 days. Insert that row first, or write the id of another, or NULL.',
    ],
    [
      LOCAL,
      'no row of scopestack.clients has that id, or had it within 90 days. Insert that row first, or write the id of another, or NULL.',
    ],
    ['3', 'that row of scopestack.clients was deleted in ScopeStack. Write the id of another, or NULL.'],
    [
      '404',
      'scopestack.clients has no such row. Write the id of one that it has, or NULL; what was made in ScopeStack since the last pull is here after the next.',
    ],
  ])('client_id = %j', async (id, why) => {
    await wasReadWhole()
    for (const way of ways(id)) {
      await expect(way()).rejects.toMatchObject({
        code: '23514',
        table_name: 'projects',
        column_name: 'client_id',
        message: `Column client_id of scopestack.projects cannot be "${id}": ${why}`,
      })
    }
    expect(await readChanges(sql, [])).toHaveLength(0)
  })

  it('a value that is no id, given to the function', async () => {
    await expect(
      sql`select sync.enqueue_change('projects', 'update', '1', '{}', '{"client": {"data": {"type": "clients", "id": "1"}}}')`,
    ).rejects.toThrow(
      'Column client_id of scopestack.projects cannot be {"data": {"id": "1", "type": "clients"}}: it takes the id alone: "id".',
    )
  })

  it('a local id without a row, in an attribute', async () => {
    await expect(
      sql`insert into scopestack.project_documents (project_id, template_id) values ('1', ${LOCAL})`,
    ).rejects.toThrow(/^Column template_id of scopestack\.project_documents cannot be "local-/)
  })
})

describe('a trigger accepts', () => {
  it('a row that is there, also a new one, in the statement that makes it', async () => {
    await wasReadWhole()
    await sql`update scopestack.projects set client_id = '2' where id = '1'`
    await sql`
      with made as (insert into scopestack.clients (name) values ('Made') returning id)
      insert into scopestack.projects (project_name, client_id) select 'Of it', id from made`
    await sql`update scopestack.projects set client_id = null where id = '1'`
    expect(await readChanges(sql, [])).toHaveLength(4)
  })

  it('a local id whose real id is known by now', async () => {
    await insertLocalId(sql, 'clients', LOCAL, '2')
    await sql`update scopestack.projects set client_id = ${LOCAL} where id = '1'`
    expect(await readChanges(sql, ['relationships'])).toEqual([{ relationships: { client: LOCAL } }])
  })

  it('any number where no pull has read the table completely', async () => {
    await sql`update scopestack.projects set client_id = '404' where id = '1'`
    expect(await readChanges(sql, [])).toHaveLength(1)
  })

  it('a value that is no id, in an attribute that also takes words', async () => {
    await sql`insert into scopestack.project_documents (project_id, template_id) values ('1', 'pricing')`
    expect(await readChanges(sql, ['attributes'])).toEqual([{ attributes: { 'template-id': 'pricing' } }])
  })
})
