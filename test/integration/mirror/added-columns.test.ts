/** Columns that users add to mirrored tables are theirs: written freely, no edit for ScopeStack, and kept through every pull. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { openDatabase } from '../../../src/store/connection/database.ts'
import { installCapture, recordDeclaredColumns } from '../../../src/store/schema/capture-triggers.ts'
import { migrate } from '../../../src/store/schema/migrate.ts'
import { MIGRATIONS_FOLDER } from '../../../src/store/schema/migration-files.ts'
import { createDatabase, createEmptyDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import { emptyOutbox, readChanges } from '../../support/tables/outbox.ts'

let sim: Simulator
let database: TestDatabase
let worker: TestWorker

beforeAll(async () => {
  sim = await startSimulator({ projects: 2 })
  database = await createDatabase()
  worker = await startWorker(sim, database.url)
  // Types that have no equality, or no JSON of their own, are types as well.
  await worker.sql.unsafe(`
    alter table scopestack.clients add my_note text, add my_flag boolean not null default false, add my_doc json, add my_place point,
      add "My ""Größe""" numeric, add my_shout text generated always as (upper(name)) stored;
    alter table scopestack.users add my_note text`)
  await worker.run(['clients', 'users', 'vendors'])
})

beforeEach(() => emptyOutbox(worker.sql))

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
  await sim?.close()
})

const changes = () => readChanges(worker.sql, ['recordId', 'op', 'attributes', 'relationships'])
const first = (type: string, n = 0): string => sim.records.list(type)[n]!.id
const own = async (id: string) =>
  (
    await worker.sql`select name, domain, my_note, my_flag, my_doc, my_place::text, "My ""Größe""" as size from scopestack.clients where id = ${id}`
  )[0]

it('added columns are written freely, in tables that may be edited and in those that may not', async () => {
  const { sql } = worker
  await sql.unsafe(
    `update scopestack.clients set my_note = 'seen', my_flag = true, my_doc = '{"a": 1}', my_place = '(1,2)', "My ""Größe""" = 1.50`,
  )
  await sql`update scopestack.users set my_note = 'seen'`
  expect(await changes()).toEqual([])
  expect(await sql`select distinct my_note from scopestack.users`).toEqual([{ my_note: 'seen' }])
})

it('added columns are kept by a pull that writes their row', async () => {
  const id = first('clients')
  sim.records.update('clients', id, { attributes: { domain: 'moved.test' } })
  const { outcomes } = await worker.run(['clients'])
  expect(outcomes).toMatchObject([{ outcome: 'ok', updated: 1 }])
  expect(await own(id)).toMatchObject({
    domain: 'moved.test',
    my_note: 'seen',
    my_flag: true,
    my_place: '(1,2)',
    size: '1.50',
  })
})

it('added columns may be written together with a mirrored column, which alone is sent', async () => {
  const id = first('clients', 1)
  await worker.sql`update scopestack.clients set my_note = 'both', my_doc = '[2]', domain = 'both.test' where id = ${id}`
  expect(await changes()).toEqual([
    { recordId: id, op: 'update', attributes: { domain: 'both.test' }, relationships: {} },
  ])
  expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
  expect(sim.records.read('clients', id)!.attributes['domain']).toBe('both.test')
  expect(await own(id)).toMatchObject({ domain: 'both.test', my_note: 'both' })
})

it('added columns may be given with a new row, and stay when it gets its id', async () => {
  await worker.sql`insert into scopestack.clients (name, my_note, my_flag) values ('Newcomer', 'mine', true)`
  expect(await changes()).toMatchObject([{ op: 'create', attributes: { name: 'Newcomer' } }])
  await worker.sql`update scopestack.clients set my_note = 'still mine' where name = 'Newcomer'`
  expect(await changes()).toHaveLength(1)
  const [settled] = await worker.push()
  expect(settled).toMatchObject({ outcome: 'sent' })
  const { outcomes } = await worker.run(['clients'])
  expect(outcomes).toMatchObject([{ outcome: 'ok', inserted: 0 }])
  expect(
    await worker.sql`select my_note, my_flag, id like 'local-%' as local from scopestack.clients where name = 'Newcomer'`,
  ).toEqual([{ my_note: 'still mine', my_flag: true, local: false }])
})

it('added columns may be written in a row that ScopeStack has deleted; its mirrored columns may not', async () => {
  const { sql } = worker
  const id = sim.records.create('clients', { attributes: { name: 'Gone', active: true } }).id
  await worker.run(['clients'])
  sim.records.remove('clients', id)
  await worker.run(['clients'])
  await sql`update scopestack.clients set my_note = 'was here' where id = ${id}`
  expect(await own(id)).toMatchObject({ my_note: 'was here' })
  await expect(sql`update scopestack.clients set domain = 'x' where id = ${id}`).rejects.toThrow(
    /was deleted in ScopeStack/,
  )
})

it('added columns make no mirrored column writable', async () => {
  const { sql } = worker
  const id = first('clients')
  for (const [statement, says] of [
    [
      `update scopestack.clients set my_note = 'x', rate_table_id = '1' where id = '${id}'`,
      /^Column rate_table_id of scopestack\.clients is read-only/,
    ],
    [
      `update scopestack.clients set my_note = 'x', sync_hash = '' where id = '${id}'`,
      /^Column sync_hash of scopestack\.clients is kept by scopestack-sync/,
    ],
    [
      `update scopestack.clients set my_note = 'x', id = 'x' where id = '${id}'`,
      /^The id of a row of scopestack\.clients/,
    ],
    [
      `insert into scopestack.clients (name, my_note, account_id) values ('x', 'x', 'y')`,
      /^Column account_id of scopestack\.clients is read-only/,
    ],
    [`update scopestack.users set my_note = 'x', name = 'x'`, /^scopestack\.users is read-only/],
    [`insert into scopestack.users (id, my_note, sync_hash) values ('x', 'x', '')`, /^scopestack\.users is read-only/],
    [`delete from scopestack.users`, /^scopestack\.users is read-only/],
  ] as const) {
    await expect(sql.unsafe(statement), statement).rejects.toThrow(says)
  }
  expect(await changes()).toEqual([])
})

it('a column that an older catalog does not know is not taken for an added one: its edit is refused, and not lost', async () => {
  await using other = await createDatabase()
  const sql = openDatabase(other.url, { connections: 1 })
  const older = [...catalog.values()].map((resource) => ({
    ...resource,
    columns: resource.columns.filter(({ name }) => name !== 'domain'),
  }))
  await installCapture(sql, older)
  await recordDeclaredColumns(sql, older)
  await expect(sql`insert into scopestack.clients (name, domain) values ('x', 'x.test')`).rejects.toThrow(
    /^Column domain of scopestack\.clients is read-only/,
  )
  await sql`insert into scopestack.clients (name) values ('x')`
  await expect(sql`update scopestack.clients set domain = 'x.test'`).rejects.toThrow(/^Column domain .* is read-only/)
  await migrate(other.url)
  await sql`update scopestack.clients set domain = 'x.test'`
  expect(await readChanges(sql, ['op'])).toEqual([{ op: 'create' }, { op: 'update' }])
  await sql.end()
})

it('an added column stops an upgrade that brings one of the same name, with a message, and nothing is changed', async () => {
  await using older = await createEmptyDatabase()
  const sql = openDatabase(older.url, { connections: 1 })
  const { entries } = JSON.parse(await readFile(join(MIGRATIONS_FOLDER, 'meta/_journal.json'), 'utf8')) as {
    entries: { tag: string; when: number }[]
  }
  // The one that brings sync.parked.by_database; none so far has brought a column to a mirrored table.
  const before = entries.slice(
    0,
    entries.findIndex(({ tag }) => tag.endsWith('_own_tables')),
  )
  await sql.unsafe(`
    create schema sync;
    create table sync.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)`)
  for (const { tag, when } of before) {
    await sql.unsafe(await readFile(join(MIGRATIONS_FOLDER, `${tag}.sql`), 'utf8'))
    await sql`insert into sync.__drizzle_migrations (hash, created_at) values (${tag}, ${when})`
  }
  await sql`alter table sync.parked add by_database text default 'mine'`
  await expect(migrate(older.url)).rejects.toMatchObject({
    code: 'SYNC_NAME_TAKEN',
    message: expect.stringMatching(
      /adds a column whose name is taken: column "by_database" of relation "parked" already exists\. Nothing was changed\. Rename your column/,
    ),
  })
  expect(await sql`select count(*)::int as n from sync.__drizzle_migrations`).toEqual([{ n: before.length }])
  await sql`alter table sync.parked rename by_database to my_own`
  await migrate(older.url)
  expect(
    await sql`select column_default from information_schema.columns where table_name = 'parked' and column_name = 'my_own'`,
  ).toEqual([{ column_default: "'mine'::text" }])
  await sql.end()
})
