/** Who may edit, and who may only read. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { openDatabase, type Database } from '../../../src/store/connection/database.ts'
import { createMirror } from '../../../src/store/mirror/load.ts'
import { createDatabase } from '../../support/postgres/database.ts'
import { leased } from '../../support/postgres/leased.ts'
import { readChanges } from '../../support/tables/outbox.ts'

const database = await createDatabase()
const owner = openDatabase(database.url)
const [reader, editor] = ['reader', 'editor'].map((name) => `${name}_${randomUUID().slice(0, 8)}`) as [string, string]
const as = new Map<string, Database>()

beforeAll(async () => {
  for (const role of [reader, editor]) {
    await owner.unsafe(`create role ${role} login password 'secret'`)
    const url = new URL(database.url)
    url.username = role
    url.password = 'secret'
    as.set(role, openDatabase(url.href, { connections: 1 }))
  }
  await owner`select sync.grant_reader(${reader}::regrole), sync.grant_editor(${editor}::regrole)`
  const record = { type: 'clients', id: '1', attributes: { name: 'One', active: true } }
  await leased(owner, (tx) => createMirror(catalog.get('clients')!).load(tx, [record]))
})

afterAll(async () => {
  for (const sql of as.values()) await sql.end()
  for (const role of [reader, editor]) await owner.unsafe(`drop owned by ${role}; drop role ${role}`)
  await owner.end()
  await database[Symbol.asyncDispose]()
})

const said = (role: string, statement: string): Promise<string> =>
  as
    .get(role)!
    .unsafe(statement)
    .then(
      (rows) => JSON.stringify(rows),
      (error: Error) => error.message,
    )

it.each([
  `update scopestack.clients set name = 'x'`,
  `insert into scopestack.clients (name) values ('x')`,
  `select * from scopestack.pending_changes`,
  `select * from scopestack.new_ids`,
  `select * from sync.outbox`,
  `select sync.enqueue_change('clients', 'update', '1', '{"name": "x"}')`,
])('a reader cannot %s', async (statement) => {
  expect(await said(reader, statement)).toMatch(/^permission denied/)
})

it('a reader reads', async () => {
  expect(await said(reader, 'select id, name from scopestack.clients')).toBe('[{"id":"1","name":"One"}]')
})

it('an editor edits, and its name is noted', async () => {
  expect(await said(editor, `update scopestack.clients set name = 'Edited' where id = '1'`)).toBe('[]')
  expect(await said(editor, `insert into scopestack.clients (name) values ('New')`)).toBe('[]')
  expect(
    await said(
      editor,
      `select sync.enqueue_change('clients', 'update', '1', '{"domain": "x.test"}') is not null as made`,
    ),
  ).toBe('[{"made":true}]')
  const made = await readChanges(owner, ['madeBy'])
  expect(made.map(({ madeBy }) => madeBy)).toEqual([editor, editor, editor])
  expect(await said(editor, 'select count(*)::int as n from scopestack.pending_changes')).toBe('[{"n":3}]')
  expect(await said(editor, 'select id from scopestack.new_ids')).toBe('[]')
})

it.each([
  [
    `update scopestack.clients set rate_table_id = '1'`,
    /^Column rate_table_id of scopestack\.clients is read-only\. Edit one of /,
  ],
  [`update scopestack.users set name = 'x'`, /^scopestack\.users is read-only/],
  [`select * from sync.outbox`, /^permission denied/],
  [`update sync.outbox set state = 'sent'`, /^permission denied/],
  [`select * from sync.tokens`, /^permission denied/],
])('an editor is refused: %s', async (statement, sentence) => {
  expect(await said(editor, statement)).toMatch(sentence)
})

const noted = async (): Promise<number> => {
  const made = await readChanges(owner, [])
  return made.length
}

it.each([
  ['by itself', `update scopestack.clients set name = 'Hidden' where id = '1'`],
  ['by function', `select sync.enqueue_change('clients', 'update', '1', '{"name": "Hidden by function"}')`],
])('an editor cannot pass an edit off as a load: %s', async (_, statement) => {
  const before = await noted()
  await as.get(editor)!.begin(async (tx) => {
    await tx`select set_config('sync.origin', 'pull', true)`
    await tx.unsafe(statement)
  })
  expect(await noted()).toBe(before + 1)
})

it('an editor that claims to be a load is refused what other editors are', async () => {
  const refused = as.get(editor)!.begin(async (tx) => {
    await tx`select set_config('sync.origin', 'pull', true)`
    await tx`select sync.enqueue_change('clients', 'delete', '1')`
  })
  await expect(refused).rejects.toThrow(/^Rows of scopestack\.clients cannot be deleted/)
})

it('a function gives no more rights than its caller has', async () => {
  await owner.unsafe(`revoke update on scopestack.vendors from ${editor}`)
  await leased(owner, (tx) =>
    createMirror(catalog.get('vendors')!).load(tx, [{ type: 'vendors', id: '1', attributes: { name: 'V' } }]),
  )
  expect(await said(editor, `select sync.enqueue_change('vendors', 'update', '1', '{"city": "x"}')`)).toBe(
    'permission denied for table vendors',
  )
})

describe('no code of an editor runs as the owner', () => {
  /** Rows of this table tell as whom it ran. */
  const prepare = [
    `create temp table ran_as (who pg_catalog.text)`,
    `grant all on ran_as to public`,
    `create function pg_temp.note(pg_catalog.text) returns boolean language plpgsql as $$ begin
       insert into pg_temp.ran_as values (current_user); return true; end $$`,
  ]
  const fields = `'[{"name": "a", "value": "1"}]'`
  const [ownTable, ownTrigger] = [
    `create temp table own (id pg_catalog.text, user_defined_fields jsonb, sync_deleted_at timestamptz)`,
    (
      name: string,
    ) => `create trigger own_${name} after update on own referencing old table as old_rows new table as new_rows
       for each statement execute function sync.${name}('clients')`,
  ]

  it('by a type with a name that our functions use', async () => {
    const seen = await as.get(editor)!.begin(async (tx) => {
      for (const statement of prepare) await tx.unsafe(statement)
      for (const type of ['text', 'jsonb', 'bigint', 'record', 'regclass'])
        await tx.unsafe(`create domain pg_temp.${type} as pg_catalog.text check (pg_temp.note(value))`)
      await tx.unsafe(`update scopestack.clients set name = 'Typed', user_defined_fields = ${fields} where id = '1'`)
      await tx.unsafe(`insert into scopestack.clients (name, user_defined_fields) values ('Typed', ${fields})`)
      await tx.unsafe(`select sync.enqueue_change('clients', 'update', '1', '{"name": "Typed again"}')`)
      await tx.unsafe(`delete from scopestack.crm_opportunities`)
      return await tx.unsafe(`select * from ran_as where who <> current_user`)
    })
    expect(seen).toEqual([])
  })

  it.each(['capture_update', 'capture_insert', 'capture_delete', 'refuse', 'keep_entries', 'keep_user_defined_values'])(
    'by a trigger of its own that calls %s',
    async (name) => {
      const forged = as.get(editor)!.begin(async (tx) => {
        await tx.unsafe(ownTable)
        await tx.unsafe(ownTrigger(name))
      })
      await expect(forged).rejects.toThrow(new RegExp(`^permission denied for function (sync\\.)?${name}$`))
    },
  )

  it.each(['capture_update', 'refuse'])('%s does not run for a table that is none of ours', async (name) => {
    const before = await noted()
    const elsewhere = owner.begin(async (tx) => {
      await tx.unsafe(ownTable)
      await tx.unsafe(ownTrigger(name))
      await tx.unsafe(`insert into own values ('1', ${fields})`)
      await tx.unsafe(`update own set user_defined_fields = null`)
    })
    await expect(elsewhere).rejects.toThrow(/^The triggers of writing back belong to the tables of schema scopestack/)
    expect(await noted()).toBe(before)
  })

  it('every role may execute only functions that disclose nothing', async () => {
    const functions = await owner<{ name: string; definer: boolean; path: string | null; granted: boolean }[]>`
      select proname as name, prosecdef as definer, array_to_string(proconfig, ' ') as path,
        exists (select from aclexplode(coalesce(proacl, acldefault('f', proowner))) where grantee = 0) as granted
      from pg_proc where pronamespace = 'sync'::regnamespace order by proname`
    expect(functions.filter(({ granted }) => granted).map(({ name }) => name)).toEqual([
      'blocker_of',
      'column_text',
      'column_texts',
      'is_day',
      // Those of the reports read with the rights of their caller.
      'lines_by_catalog_service',
      'lines_by_line_of_business',
      'lines_by_location',
      'lines_by_phase',
      'lines_by_resource',
      'lines_by_resource_and_status',
      'lines_by_service',
      'local_refs',
      'may_be_sent',
      'member_of',
      'number_of',
      'project_versions',
      'recorded_projects',
      'time_of',
    ])
    expect(functions.filter(({ granted, definer }) => granted && definer).map(({ name }) => name)).toEqual([])
    const definers = functions.filter(({ definer }) => definer)
    expect(definers.length).toBeGreaterThan(4)
    for (const { name, path } of definers) expect(path, name).toMatch(/search_path=pg_catalog, pg_temp( |$)/)
  })
})
