/** What an edit in schema scopestack becomes, and what is refused, with the sentence that says what to do. */
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

const clients = catalog.get('clients')!
const FIELDS = [
  { name: 'Region', label: 'Region', value: 'north' },
  { name: 'Tier', label: 'Tier', value: null },
]

beforeEach(async () => {
  await emptyOutbox(sql)
  await sql.begin(async (tx) => {
    await disableCapture(tx)
    for (const table of ['clients', 'products', 'crm_opportunities', 'projects'])
      await tx`delete from scopestack.${tx(table)}`
  })
  await load('clients', '1', { name: 'One', active: true, 'msa-date': '2026-01-02', 'user-defined-fields': FIELDS })
  await load('clients', '2', { name: 'Two', active: true })
  await load('products', '1', { name: 'Thing', 'unit-price': '10.50', active: true })
  await load('crm-opportunities', '1', { name: 'Deal', 'opportunity-id': 'D1', amount: '5.0', 'custom-attributes': [] })
  await load('users', '1', { name: 'Jo' })
  await load('project-services', '1', { name: 'Install' })
})

const load = (type: string, id: string, attributes: object) =>
  leased(sql, (tx) => createMirror(catalog.get(type)!).load(tx, [{ type, id, attributes }]))

const NOTED = ['resource', 'recordId', 'op', 'attributes', 'relationships', 'base', 'refs', 'madeBy', 'state'] as const
const outbox = () => readChanges(sql, NOTED)

const refusal = (statement: string): Promise<string> =>
  sql.unsafe(statement).then(
    () => 'not refused',
    (error: Error) => error.message,
  )

describe('an edit becomes a change', () => {
  it('of the columns that differ, with their values before', async () => {
    await sql`update scopestack.clients set name = 'Uno', active = active, msa_date = null where id = '1'`
    expect(await outbox()).toEqual([
      {
        resource: 'clients',
        recordId: '1',
        op: 'update',
        attributes: { name: 'Uno', 'msa-date': null },
        relationships: {},
        base: { attributes: { name: 'One', 'msa-date': '2026-01-02' }, relationships: {} },
        refs: [],
        madeBy: expect.any(String),
        state: 'waiting',
      },
    ])
  })

  it('with every digit of a number', async () => {
    await sql`update scopestack.products set unit_price = 12345678901234567.10 where id = '1'`
    expect((await outbox())[0]).toMatchObject({
      attributes: { 'unit-price': '12345678901234567.10' },
      base: { attributes: { 'unit-price': '10.50' } },
    })
  })

  it('of the entries of a user-defined field that differ; the others stay in the row', async () => {
    await sql`update scopestack.clients set user_defined_fields = '[{"name": "Tier", "value": "gold"}]' where id = '1'`
    expect((await outbox())[0]).toMatchObject({
      attributes: { 'user-defined-fields': [{ name: 'Tier', value: 'gold' }] },
      base: { attributes: { 'user-defined-fields': [{ name: 'Tier', value: null }] } },
    })
    const [row] = await sql`select user_defined_fields as fields from scopestack.clients where id = '1'`
    expect(row!['fields']).toEqual([FIELDS[0], { ...FIELDS[1], value: 'gold' }])
    await sql`update scopestack.clients set user_defined_fields = '[{"name": "Region", "value": "north"}]' where id = '1'`
    expect(await outbox()).toHaveLength(1)
  })

  it('of a new row, whose id begins with local-, and of rows that refer to it', async () => {
    const [made] = await sql<{ id: string }[]>`
      insert into scopestack.clients (name, domain) values ('Three', 'three.test') returning id`
    expect(made!.id).toMatch(/^local-[0-9a-f-]{36}$/)
    await sql`insert into scopestack.projects (project_name, client_id) values ('For three', ${made!.id})`
    expect(await outbox()).toMatchObject([
      { op: 'create', recordId: made!.id, attributes: { name: 'Three', domain: 'three.test' }, refs: [] },
      { op: 'create', resource: 'projects', relationships: { client: made!.id }, refs: [`clients/${made!.id}`] },
    ])
  })

  it('of a deletion, where ScopeStack takes one', async () => {
    await sql`delete from scopestack.crm_opportunities where id = '1'`
    expect((await outbox())[0]).toMatchObject({ op: 'delete', base: { attributes: { name: 'Deal', amount: '5.0' } } })
  })

  it('of each row of a statement', async () => {
    await sql`update scopestack.clients set active = false`
    expect(await outbox()).toHaveLength(2)
  })

  it('only when it commits', async () => {
    await sql
      .begin(async (tx) => {
        await tx`update scopestack.clients set name = 'Gone'`
        throw new Error('rolled back')
      })
      .catch(() => {})
    expect(await outbox()).toEqual([])
  })
})

describe('no change is made of', () => {
  it('an update that changes nothing', async () => {
    await sql`update scopestack.clients set name = name, user_defined_fields = user_defined_fields`
    expect(await outbox()).toEqual([])
  })

  it('the rows of a load: new ones, changed ones, and the same again (S3)', async () => {
    for (const name of ['Other', 'Another', 'Another']) await load('clients', '7', { name })
    expect(await outbox()).toEqual([])
  })
})

describe('a trigger refuses', () => {
  const WRITABLE = 'active, name, msa_date, domain, user_defined_fields'
  it.each([
    [
      `update scopestack.clients set rate_table_id = '4'`,
      `Column rate_table_id of scopestack.clients is read-only. Edit one of ${WRITABLE}, or change it in ScopeStack; the next pull brings it here.`,
    ],
    [
      `update scopestack.clients set name = 'x', sync_hash = 'x'`,
      `Column sync_hash of scopestack.clients is kept by scopestack-sync. Edit one of ${WRITABLE}.`,
    ],
    [
      `update scopestack.clients set id = '9' where id = '1'`,
      `The id of a row of scopestack.clients is ScopeStack's and cannot be changed. Edit one of ${WRITABLE}.`,
    ],
    [
      `insert into scopestack.clients (id, name) values ('9', 'Nine')`,
      `A new row of scopestack.clients gets its id from ScopeStack, so "9" cannot be chosen. Leave the column id out: it begins as local-… and becomes the real one when ScopeStack has answered. Who must know it beforehand gives 'local-' || gen_random_uuid().`,
    ],
    [
      `insert into scopestack.clients (name, account_id) values ('Nine', 'demo')`,
      `Column account_id of scopestack.clients is read-only. A new row takes ${WRITABLE}; leave the others out, ScopeStack fills them.`,
    ],
    [
      `delete from scopestack.clients where id = '1'`,
      `Rows of scopestack.clients cannot be deleted: ScopeStack's API is not known to delete clients. Archive the record instead: set active to false.`,
    ],
    [
      `update scopestack.project_services set name = 'x'`,
      `Rows of scopestack.project_services cannot be edited: ScopeStack's API is not known to change project-services. Edit the record in ScopeStack; the next pull brings it here.`,
    ],
    [
      `update scopestack.users set name = 'x'`,
      `scopestack.users is read-only: ScopeStack's API is not known to take changes of users. Change the record in ScopeStack; the next pull brings it here.`,
    ],
    [
      `truncate scopestack.clients cascade`,
      `scopestack.clients mirrors ScopeStack and cannot be emptied. Delete or archive its records one by one, or in ScopeStack.`,
    ],
  ])('%s', async (statement, sentence) => {
    expect(await refusal(statement)).toBe(sentence)
    expect(await outbox()).toEqual([])
  })

  it.each([
    [
      `update scopestack.user_defined_values set value = '7'`,
      'scopestack.user_defined_values is made from JSON columns and cannot be edited. Edit the row that it comes from: column user_defined_fields of clients, project_variables of projects and others, custom_attributes of crm_opportunities.',
    ],
    [
      `truncate scopestack.user_defined_values`,
      'scopestack.user_defined_values is made from JSON columns and cannot be edited. Edit the row that it comes from: column user_defined_fields of clients, project_variables of projects and others, custom_attributes of crm_opportunities.',
    ],
    [
      `update scopestack.pending_changes set state = 'sent'`,
      'scopestack.pending_changes only shows what waits, and cannot be edited. Edit the row itself, or settle the change with "changes retry", "changes discard" or "changes resolve".',
    ],
    [
      `insert into scopestack.new_ids values ('local-1', '7', 'clients')`,
      'scopestack.new_ids only shows what ScopeStack answered, and cannot be edited.',
    ],
  ])('what shows other rows in another shape: %s', async (statement, sentence) => {
    await sql`update scopestack.clients set domain = 'waits.test' where id = '1'`
    expect(await refusal(statement)).toBe(sentence)
  })

  it('an edit of a row that was deleted in ScopeStack', async () => {
    await sql.begin(async (tx) => {
      await disableCapture(tx)
      await tx`update scopestack.clients set sync_deleted_at = now() where id = '2'`
    })
    expect(await refusal(`update scopestack.clients set name = 'x' where id = '2'`)).toBe(
      'Row 2 of scopestack.clients was deleted in ScopeStack, so it cannot be edited. Insert a new row, or leave it out with "sync_deleted_at is null".',
    )
  })
})

it('every table has the triggers that the catalog asks for', async () => {
  const found = await sql<
    { type: string; writes: string[]; columns: { name: string; entries: unknown }[]; triggers: number }[]
  >`
    select type, array_to_json(writes) as writes, columns,
      (select count(*)::int from pg_trigger where tgrelid = relation::regclass and tgname like 'write\\_back\\_%') as triggers
    from sync.captured order by type`
  const wanted = [...catalog.values()]
    .map(({ type, writes, columns }) => ({
      type,
      writes: [...writes],
      columns:
        writes.length === 0
          ? []
          : columns.filter(({ writable, target }) => writable && target !== 'accounts').map(({ name }) => name),
      triggers:
        writes.length === 0
          ? 1
          : 4 + columns.filter(({ writable, entries }) => writable && entries !== undefined).length,
    }))
    .sort((a, b) => (a.type < b.type ? -1 : 1))
  expect(found.map((row) => ({ ...row, columns: row.columns.map(({ name }) => name) }))).toEqual(wanted)
})

it('one statement notes the 50,000 edits of one statement', async () => {
  await leased(sql, async (tx) => {
    const records = Array.from({ length: 50_000 }, (_, at) => ({
      type: 'clients',
      id: `bulk-${at}`,
      attributes: { name: `Client ${at}` },
    }))
    await createMirror(clients).load(tx, records)
  })
  const { count } = await sql`update scopestack.clients set domain = 'bulk.test' where id like 'bulk-%'`
  expect(count).toBe(50_000)
  const [noted] = await sql`
    select count(*)::int as n, count(distinct xmin::text)::int as transactions, max(cmin::text::int) - min(cmin::text::int) as statements
    from sync.outbox`
  expect(noted).toEqual({ n: 50_000, transactions: 1, statements: 0 })
})
