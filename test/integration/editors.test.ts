/** Who may edit, and who may only read. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { catalog } from '../../src/registry.ts'
import { openDatabase, type Database } from '../../src/store/database.ts'
import { createMirror } from '../../src/store/mirror.ts'
import { createDatabase } from '../support/database.ts'

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
  await owner.begin((tx) => createMirror(catalog.get('clients')!).load(tx, [record]))
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
  const made = await owner<{ by: string }[]>`select made_by as by from sync.outbox`
  expect(made.map(({ by }) => by)).toEqual([editor, editor, editor])
  expect(await said(editor, 'select count(*)::int as n from scopestack.pending_changes')).toBe('[{"n":3}]')
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

it('an editor cannot pass an edit off as a load', async () => {
  const [before] = await owner`select count(*)::int as n from sync.outbox`
  await as.get(editor)!.begin(async (tx) => {
    await tx`select set_config('sync.origin', 'pull', true)`
    await tx`update scopestack.clients set name = 'Hidden' where id = '1'`
  })
  expect(await owner`select count(*)::int as n from sync.outbox`).toEqual([{ n: Number(before!['n']) + 1 }])
})
