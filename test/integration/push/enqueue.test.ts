/** The same edits by function, for integrators: by the names of the API, with the same rules. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { openDatabase } from '../../../src/store/connection/database.ts'
import { createMirror } from '../../../src/store/mirror/load.ts'
import { disableCapture } from '../../../src/store/schema/capture-triggers.ts'
import { createDatabase } from '../../support/postgres/database.ts'
import { leased } from '../../support/postgres/leased.ts'
import { emptyOutbox, readChanges } from '../../support/tables/outbox.ts'

const database = await createDatabase()
const sql = openDatabase(database.url)

afterAll(async () => {
  await sql.end()
  await database[Symbol.asyncDispose]()
})

beforeEach(async () => {
  await emptyOutbox(sql)
  await sql.begin(async (tx) => {
    await disableCapture(tx)
    for (const table of ['clients', 'crm_opportunities', 'projects']) await tx`delete from scopestack.${tx(table)}`
  })
  await load('clients', '1', { name: 'One', active: true, 'msa-date': '2026-01-02' })
  await load('clients', '2', { name: 'Two', active: true })
  await load('crm-opportunities', '1', { name: 'Deal', 'opportunity-id': 'D1' })
  await load('projects', '1', { 'project-name': 'Move' })
})

const load = (type: string, id: string, attributes: object) =>
  leased(sql, (tx) => createMirror(catalog.get(type)!).load(tx, [{ type, id, attributes }]))

const outbox = () => readChanges(sql, ['resource', 'recordId', 'op', 'attributes', 'relationships', 'base', 'state'])

describe('a change by function', () => {
  const enqueue = async (...given: readonly [string, string, string | null, object?, object?]) => {
    const [type, op, id, attributes = {}, relationships = {}] = given
    const [row] = await sql<{ id: string | null }[]>`
      select sync.enqueue_change(${type}, ${op}, ${id}, ${sql.json(attributes as never)}, ${sql.json(relationships as never)})::text as id`
    return row!.id
  }

  it('is the same change, by the names of the API', async () => {
    expect(await enqueue('clients', 'update', '1', { 'msa-date': '2026-05-06', active: true })).toMatch(/^\d+$/)
    expect(await enqueue('projects', 'create', null, { 'project-name': 'New' }, { client: '1' })).toMatch(/^\d+$/)
    expect(await enqueue('crm-opportunities', 'delete', '1')).toMatch(/^\d+$/)
    expect(await outbox()).toMatchObject([
      { op: 'update', attributes: { 'msa-date': '2026-05-06' }, base: { attributes: { 'msa-date': '2026-01-02' } } },
      { op: 'create', attributes: { 'project-name': 'New' }, relationships: { client: '1' } },
      { op: 'delete', recordId: '1' },
    ])
    expect(await enqueue('clients', 'update', '2', { name: 'Two' })).toBeNull()
  })

  it.each([
    [
      ['clients', 'update', '1', { nmae: 'x' }],
      /^"nmae" of clients is read-only or unknown. A change takes active, name, /,
    ],
    [['clients', 'update', '404', { name: 'x' }], /^clients has no record "404". Pull it first/],
    [
      ['projects', 'update', '1', { client: '1' }],
      /^"client" of projects is a relationship, not an attribute. Give it behind the attributes: sync.enqueue_change\(…, '{}', '{"client": "id"}'\)\.$/,
    ],
    [
      ['projects', 'create', null, { 'project-name': 'x' }, { 'executive-summary': 'x' }],
      /^"executive-summary" of projects is an attribute, not a relationship. Give it before the relationships: /,
    ],
    [['clients', 'delete', '1'], /^Rows of scopestack.clients cannot be deleted/],
    [
      ['users', 'update', '1', { name: 'x' }],
      /^users is read-only: ScopeStack's API is not known to take changes of it\. /,
    ],
    [
      ['clients', 'update', null, { name: 'x' }],
      /^Nothing says which of clients is meant\. Give its id: sync\.enqueue_change\('clients', 'update', 'id', …\)\.$/,
    ],
    [['clients', 'update', '1', []], /^Attributes and relationships are objects, by the names of the API: /],
    [['nothing', 'update', '1'], /^There is no resource "nothing". The resources are clients, /],
    [['clients', null, '1'], /^A change is a create, an update or a delete, not "<NULL>"\.$/],
    [
      ['clients', 'create', '5', { name: 'x' }],
      /^A new row of scopestack\.clients gets its id from ScopeStack, so "5" cannot be chosen\./,
    ],
    [['clients', 'rename', '1'], /^A change is a create, an update or a delete, not "rename"\.$/],
  ] as const)('is refused by the same rules: %j', async (given, sentence) => {
    await expect(enqueue(...(given as unknown as Parameters<typeof enqueue>))).rejects.toThrow(sentence)
  })

  const DAY = 'it is a day: "2027-01-31".'
  it.each([
    ['clients', 'name', { a: 1 }, 'it is a text: "…".'],
    ['clients', 'name', ['a'], 'it is a text: "…".'],
    ['clients', 'name', true, 'it is a text: "…".'],
    ['clients', 'active', 'yes', 'it is true or false.'],
    ['clients', 'active', 1, 'it is true or false.'],
    ['clients', 'msa-date', 'tomorrow', DAY],
    ['clients', 'msa-date', '01/02/2027', DAY],
    ['clients', 'msa-date', '2027-1-2', DAY],
    ['clients', 'msa-date', '2027-01-31T00:00:00Z', DAY],
    ['clients', 'msa-date', 'infinity', DAY],
    ['clients', 'msa-date', 20270131, DAY],
    ['clients', 'msa-date', '2027-02-29', 'the calendar has no such day.'],
    ['clients', 'msa-date', '2027-13-01', 'the calendar has no such day.'],
    ['clients', 'msa-date', '0000-01-01', 'the calendar has no such day.'],
    ['crm-opportunities', 'amount', 'NaN', 'it is a number: "10.50".'],
    ['crm-opportunities', 'amount', 'a lot', 'it is a number: "10.50".'],
    ['crm-opportunities', 'amount', false, 'it is a number: "10.50".'],
    ['projects', 'tag-list', '{a,b}', 'it is a list of texts: ["…"].'],
    ['projects', 'tag-list', ['a', null], 'it is a list of texts: ["…"].'],
    ['projects', 'tag-list', [['a'], ['b', 'c']], 'it is a list of texts: ["…"].'],
    ['projects', 'tag-list', [1], 'it is a list of texts: ["…"].'],
  ])('is refused where a value is not of its kind: %s %s = %j', async (type, member, value, why) => {
    const column = member.replace('-', '_')
    const change = enqueue(type, 'update', '1', { [member]: value })
    await expect(change).rejects.toMatchObject({
      code: '23514',
      column_name: column,
      message: expect.stringMatching(
        new RegExp(`^Column ${column} of scopestack\\.\\w+ cannot be .*: ${RegExp.escape(why)}$`),
      ) as string,
    })
    expect(await outbox()).toEqual([])
  })

  it('accepts each kind in its own spellings', async () => {
    await enqueue('clients', 'update', '1', { name: 7, active: 'false', 'msa-date': '2028-02-29' })
    await enqueue('crm-opportunities', 'update', '1', { amount: '12345678901234567890.123456789', name: null })
    await enqueue('projects', 'update', '1', { 'tag-list': ['b', 'a', ''] })
    expect(await outbox()).toMatchObject([
      { attributes: { name: '7', active: false, 'msa-date': '2028-02-29' } },
      { attributes: { amount: '12345678901234567890.123456789', name: null } },
      { attributes: { 'tag-list': ['b', 'a', ''] } },
    ])
  })

  it('accepts an id for a new row that was chosen beforehand', async () => {
    const id = `local-${randomUUID()}`
    await enqueue('clients', 'create', id, { name: 'Chosen' })
    expect(await outbox()).toMatchObject([{ op: 'create', recordId: id }])
  })
})
