/** User-defined fields as rows: what becomes of each shape, and that they follow the rows they come from. */
import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import type { RemoteRecord } from '../../../src/catalog/resource.ts'
import { openDatabase, type Transaction } from '../../../src/store/connection/database.ts'
import { type LoadResult } from '../../../src/store/mirror/load-result.ts'
import { createMirror } from '../../../src/store/mirror/load.ts'
import { createDatabase, createEmptyDatabase } from '../../support/postgres/database.ts'
import { leased } from '../../support/postgres/leased.ts'
import { withoutCapture } from '../../support/postgres/without-capture.ts'
import { readChanges } from '../../support/tables/outbox.ts'

const MIGRATIONS = join(import.meta.dirname, '../../../migrations')

const database = await createDatabase()
const sql = openDatabase(database.url)

afterAll(async () => {
  await sql.end()
  await database[Symbol.asyncDispose]()
})

beforeEach(async () => {
  await withoutCapture(
    sql,
    (tx) => tx`truncate scopestack.projects, scopestack.clients, scopestack.crm_opportunities cascade`,
  )
})

const load = (type: string, records: readonly RemoteRecord[]): Promise<LoadResult> =>
  leased(sql, (tx) => createMirror(catalog.get(type)!).load(tx, records))

const project = (id: string, variables: unknown, name = 'Project'): RemoteRecord => ({
  type: 'projects',
  id,
  attributes: { 'project-name': name, 'project-variables': variables },
})

/** As ScopeStack reads it back. */
const field = (name: string, type: string, value: unknown) => ({
  name,
  label: `${name[0]!.toUpperCase()}${name.slice(1)}`,
  variable_type: type,
  minimum: null,
  maximum: null,
  required: false,
  select_options: [{ key: 'North Region', value: 'north', default: false }],
  position: 1,
  context: 'project',
  uuid: '00000000-0000-4000-8000-000000000001',
  value,
})

interface Value {
  name: string
  value: string | null
  number: string | null
  day: string | null
}
const values = (id: string, of: Pick<Transaction, 'unsafe'> = sql): Promise<Value[]> =>
  of.unsafe<Value[]>(
    `select name, value, value_numeric::text as number, value_date::text as day
     from scopestack.user_defined_values where owner_id = $1 order by position`,
    [id],
  )

/** Which version of which rows: one that was written again has another xmin. */
const versions = () =>
  sql`select owner_type, owner_id, position, xmin::text, ctid::text from scopestack.user_defined_values order by 1, 2, 3`

it('has a row for each field of a record, with its place, label and kind', async () => {
  await load('projects', [project('1', [field('region', 'text', 'north'), field('seats', 'number', null)])])
  expect(await sql`select * from scopestack.user_defined_values order by position`).toEqual([
    {
      owner_type: 'projects',
      owner_id: '1',
      name: 'region',
      label: 'Region',
      type: 'text',
      position: 1,
      value: 'north',
      value_numeric: null,
      value_date: null,
    },
    {
      owner_type: 'projects',
      owner_id: '1',
      name: 'seats',
      label: 'Seats',
      type: 'number',
      position: 2,
      value: null,
      value_numeric: null,
      value_date: null,
    },
  ])
})

it.each<[string, unknown, Omit<Value, 'name'>]>([
  ['a number', 12.5, { value: '12.5', number: '12.5', day: null }],
  ['a number in a string', '-0012.50', { value: '-0012.50', number: '-12.50', day: null }],
  ['a number with an exponent', '1.5e3', { value: '1.5e3', number: '1500', day: null }],
  ['a boolean', true, { value: 'true', number: null, day: null }],
  ['null', null, { value: null, number: null, day: null }],
  ['an empty string', '', { value: '', number: null, day: null }],
  ['a date', '2026-02-28', { value: '2026-02-28', number: null, day: '2026-02-28' }],
  ['the 29th of February of a leap year', '2028-02-29', { value: '2028-02-29', number: null, day: '2028-02-29' }],
  ['a date-time', '2026-03-31T23:00:00Z', { value: '2026-03-31T23:00:00Z', number: null, day: '2026-03-31' }],
  ['a list', ['north', 'south'], { value: '["north", "south"]', number: null, day: null }],
  ['an object', { a: 1 }, { value: '{"a": 1}', number: null, day: null }],
  ['NaN', 'NaN', { value: 'NaN', number: null, day: null }],
  ['Infinity', '-Infinity', { value: '-Infinity', number: null, day: null }],
  ['an exponent past all limits', '1e999999', { value: '1e999999', number: null, day: null }],
  ['digits that are not ours', '\u0661\u0662', { value: '\u0661\u0662', number: null, day: null }],
  ['a day that is none', '2026-02-30', { value: '2026-02-30', number: null, day: null }],
  ['the 29th of February of another year', '2100-02-29', { value: '2100-02-29', number: null, day: null }],
  ['the 13th month', '2026-13-01', { value: '2026-13-01', number: null, day: null }],
  ['the year 0', '0000-01-01', { value: '0000-01-01', number: null, day: null }],
  ['the last year of four digits', '9999-12-31', { value: '9999-12-31', number: null, day: '9999-12-31' }],
  ['a text that begins like a date', '2026-02-28 or so', { value: '2026-02-28 or so', number: null, day: null }],
  ['two lines', '12\n13', { value: '12\n13', number: null, day: null }],
])('recognizes %s', async (_, given, expected) => {
  await load('projects', [project('1', [field('given', 'text', given)])])
  expect(await values('1')).toEqual([{ name: 'given', ...expected }])
})

it('keeps a number with more digits than a double whole, and a huge one as text', async () => {
  const huge = `1${'0'.repeat(5000)}`
  const fields = `[{"name": "exact", "value": 12345678901234567890.5}, {"name": "huge", "value": "${huge}"}, {"name": "wide", "value": 1e5000}]`
  await withoutCapture(
    sql,
    (tx) =>
      tx`insert into scopestack.projects (id, sync_hash, project_variables) values ('1', '', ${fields}::text::jsonb)`,
  )
  expect(await values('1')).toEqual([
    { name: 'exact', value: '12345678901234567890.5', number: '12345678901234567890.5', day: null },
    { name: 'huge', value: huge, number: null, day: null },
    { name: 'wide', value: huge, number: null, day: null },
  ])
})

it.each<[string, unknown, string[]]>([
  ['an array of strings', ['north', 'south'], []],
  [
    'an array of junk',
    [null, 7, true, [], [[{ name: 'deep', value: 1 }]], {}, { value: 1 }, { name: 'kept' }],
    ['kept'],
  ],
  ['names that are none', [{ name: null }, { name: {} }, { name: [] }, { name: '' }, { name: 'x'.repeat(501) }], []],
  ['an object of name to value', { region: 'north', seats: 5 }, ['seats', 'region']],
  ['one definition without its array', { name: 'region', value: 'north' }, ['region']],
  ['text', 'region', []],
  ['a number', 7, []],
  ['a boolean', false, []],
  ['null', null, []],
])('loads a record whose fields are %s', async (_, fields, names) => {
  expect(await load('projects', [project('1', fields)])).toMatchObject({ inserted: 1, rejected: [] })
  expect((await values('1')).map(({ name }) => name)).toEqual(expect.arrayContaining(names))
  expect(await values('1')).toHaveLength(names.length)
})

it('loads a record whose id, names and values are longer than an index entry can be', async () => {
  // Random, since what compresses well fits.
  const random = randomBytes(15_000).toString('base64')
  const fields = [{ name: 'long', label: random, variable_type: random, value: random }]
  expect(await load('projects', [project('1', fields), project(random.slice(0, 2690), fields)])).toMatchObject({
    inserted: 2,
    rejected: [],
  })
  expect(await values('1')).toEqual([{ name: 'long', value: random, number: null, day: null }])
})

it('reads the other spellings: fields of clients, attributes of CRM opportunities', async () => {
  await load('clients', [
    { type: 'clients', id: 'c', attributes: { 'user-defined-fields': [field('tier', 'text', 'gold')] } },
  ])
  await load('crm-opportunities', [
    { type: 'crm-opportunities', id: 'o', attributes: { 'custom-attributes': [{ key: 'region', val: 'north' }] } },
    { type: 'crm-opportunities', id: 'p', attributes: { 'custom-attributes': { region: 'south', seats: 12 } } },
  ])
  expect(await values('c')).toMatchObject([{ name: 'tier', value: 'gold' }])
  expect(await values('o')).toMatchObject([{ name: 'region', value: 'north' }])
  expect((await values('p')).toSorted((a, b) => (a.name < b.name ? -1 : 1))).toMatchObject([
    { name: 'region', value: 'south' },
    { name: 'seats', value: '12', number: '12' },
  ])
})

it('follows a load of 1,000 projects inside its transaction, and writes only what changed', async () => {
  const projects = (name: (at: number) => string, seats: (at: number) => number) =>
    Array.from({ length: 1000 }, (_, at) =>
      project(`p${at}`, [field('region', 'text', 'north'), field('seats', 'number', seats(at))], name(at)),
    )
  const first = projects(
    () => 'First',
    (at) => at,
  )
  await leased(sql, async (tx) => {
    await createMirror(catalog.get('projects')!).load(tx, first)
    expect(await values('p999', tx)).toMatchObject([{ value: 'north' }, { number: '999' }])
    expect(await values('p999')).toEqual([])
  })
  const before = await versions()
  expect(before).toHaveLength(2000)

  expect(await load('projects', first)).toMatchObject({ unchanged: 1000 })
  expect(await versions()).toEqual(before)

  const renamed = projects(
    () => 'Renamed',
    (at) => at,
  )
  expect(await load('projects', renamed)).toMatchObject({ updated: 1000 })
  expect(await versions()).toEqual(before)

  const one = projects(
    () => 'Renamed',
    (at) => (at === 7 ? -1 : at),
  )
  expect(await load('projects', one)).toMatchObject({ updated: 1 })
  expect(await values('p7')).toMatchObject([{ value: 'north' }, { number: '-1' }])
  const others = (rows: Awaited<ReturnType<typeof versions>>) => rows.filter((row) => row['owner_id'] !== 'p7')
  expect(others(await versions())).toEqual(others(before))
})

it('takes the values away with a tombstone and brings them back with the record', async () => {
  const records = ['1', '2'].map((id) => project(id, [field('region', 'text', 'north')]))
  await load('projects', records)
  await withoutCapture(sql, (tx) => tx`update scopestack.projects set sync_deleted_at = now() where id = '1'`)
  expect([await values('1'), await values('2')]).toEqual([[], [expect.objectContaining({ name: 'region' })]])
  expect(await load('projects', records)).toMatchObject({ updated: 1 })
  expect(await values('1')).toMatchObject([{ name: 'region', value: 'north' }])
})

it('follows plain SQL too: an upsert, another id, a value with more zeros, null, DELETE, TRUNCATE', async () => {
  const fields = (value: string) => `[{"name": "seats", "value": ${value}}]`
  const upsert = (value: string) =>
    withoutCapture(
      sql,
      (tx) => tx`
        insert into scopestack.projects (id, sync_hash, project_variables)
        values ('local-1', '', ${fields(value)}::text::jsonb)
        on conflict (id) do update set project_variables = excluded.project_variables`,
    )
  await upsert('1')
  await upsert('1.0')
  expect(await values('local-1')).toMatchObject([{ value: '1.0' }])
  await withoutCapture(sql, (tx) => tx`update scopestack.projects set id = '1' where id = 'local-1'`)
  expect([await values('local-1'), await values('1')]).toMatchObject([[], [{ value: '1.0' }]])
  await withoutCapture(sql, (tx) => tx`update scopestack.projects set project_variables = null`)
  expect(await values('1')).toEqual([])
  await withoutCapture(sql, (tx) => tx`update scopestack.projects set project_variables = ${fields('2')}::text::jsonb`)
  await withoutCapture(sql, (tx) => tx`delete from scopestack.projects where id = '1'`)
  expect(await values('1')).toEqual([])
  await upsert('3')
  await withoutCapture(sql, (tx) => tx`truncate scopestack.projects cascade`)
  expect(await sql`select * from scopestack.user_defined_values`).toEqual([])
})

it('follows a local edit, whatever it leaves out of the fields', async () => {
  await load('projects', [project('1', [field('region', 'text', 'north'), field('seats', 'number', '5')])])
  await sql`update scopestack.projects set project_variables = '[{"name": "seats", "value": "6"}]' where id = '1'`
  expect(await values('1')).toMatchObject([
    { name: 'region', value: 'north' },
    { name: 'seats', number: '6' },
  ])
  expect(await readChanges(sql, ['attributes'], { recordId: '1' })).toEqual([
    { attributes: { 'project-variables': [{ name: 'seats', value: '6' }] } },
  ])
})

it('holds the fields of the rows that were there before it', async () => {
  await using older = await createEmptyDatabase()
  const old = openDatabase(older.url, { connections: 1 })
  const run = async (names: readonly string[]): Promise<void> => {
    for (const name of names) await old.unsafe(await readFile(join(MIGRATIONS, name), 'utf8'))
  }
  const names = (await readdir(MIGRATIONS)).filter((name) => name.endsWith('.sql')).toSorted()
  const itself = names.findIndex((name) => name.endsWith('_user_defined_values.sql'))
  await run(names.slice(0, itself))
  const insert = (id: string, deleted: Date | null) => old`
    insert into scopestack.project_contacts (id, sync_hash, project_variables, sync_deleted_at)
    values (${id}, '', '[{"name": "seats", "value": 5}]', ${deleted})`
  await insert('lives', null)
  await insert('gone', new Date())
  await run(names.slice(itself, itself + 1))
  expect(await old`select owner_type, owner_id, value from scopestack.user_defined_values`).toEqual([
    { owner_type: 'project_contacts', owner_id: 'lives', value: '5' },
  ])
  await old.end()
})

const LOCAL = 'local-00000000-0000-4000-8000-000000000001'

it('works for a role that may edit the table and nothing else', async () => {
  const role = `editor_${process.pid}`
  await sql.unsafe(`create role ${role}`)
  try {
    await sql.unsafe(`grant usage on schema scopestack to ${role}; grant all on scopestack.projects to ${role}`)
    await sql.begin(async (tx) => {
      await tx.unsafe(`set local role ${role}`)
      await tx`
        insert into scopestack.projects (id, project_variables)
        values (${LOCAL}, '[{"name": "seats", "value": 5}]')`
    })
    expect(await values(LOCAL)).toMatchObject([{ name: 'seats', number: '5' }])
  } finally {
    await sql.unsafe(`drop owned by ${role}; drop role ${role}`)
  }
})

it('covers exactly the columns of the catalog that hold user-defined fields', async () => {
  const members = new Set(['project-variables', 'user-defined-fields', 'custom-attributes'])
  const wanted = [...catalog.values()].flatMap(({ table, columns }) =>
    columns
      .filter(({ member, from, kind }) => members.has(member) && from === 'attribute' && kind === 'json')
      .flatMap(({ name }) => ['delete', 'insert', 'truncate', 'update'].map((event) => `${table}.${name} ${event}`)),
  )
  const found = await sql<{ cover: string }[]>`
    select c.relname || '.' || convert_from(substring(t.tgargs for length(t.tgargs) - 1), 'UTF8') || ' '
      || replace(t.tgname, 'user_defined_values_', '') as cover
    from pg_trigger t join pg_class c on c.oid = t.tgrelid
    where t.tgfoid = 'sync.keep_user_defined_values'::regproc`
  expect(found.map(({ cover }) => cover).toSorted()).toEqual(wanted.toSorted())
})
