/** Comparing records with their rows by value: what is found, what is named, and what is no difference. */
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import {
  boolean,
  date,
  decimal,
  defineResource,
  integer,
  json,
  text,
  texts,
  timestamp,
  to,
  type RemoteRecord,
} from '../../../src/catalog/resource.ts'
import { openDatabase } from '../../../src/store/connection/database.ts'
import { createComparer, extraIds, clearDigests, type Comparison } from '../../../src/store/mirror/compare.ts'
import { createMirror } from '../../../src/store/mirror/load.ts'
import { SQL_TYPE } from '../../../src/store/schema/columns.ts'
import { createDatabase } from '../../support/postgres/database.ts'
import { leased } from '../../support/postgres/leased.ts'

const database = await createDatabase()
const sql = openDatabase(database.url)
const things = defineResource('things', {
  comment: 'One row per thing.',
  confidence: 'low',
  attributes: {
    name: text('A text.'),
    'is-on?': boolean('A boolean.'),
    position: integer('An integer.'),
    price: decimal('A decimal.'),
    day: date('A date.'),
    at: timestamp('A timestamp.'),
    nested: json('A json.'),
    tags: texts('Some texts.'),
  },
  toOne: { owner: to('users', 'One.') },
  toMany: { parts: to('parts', 'Many.') },
})
const columns = things.columns.map(({ name, kind }) => `"${name}" ${SQL_TYPE[kind]}`).join(', ')
await sql.unsafe(`create table scopestack.things (id text primary key, ${columns}, sync_extra jsonb,
  sync_hash text not null, sync_changed_at timestamptz not null default now(), sync_deleted_at timestamptz)`)

beforeEach(async () => {
  await sql`truncate scopestack.things`
})

afterAll(async () => {
  await sql.end()
  await database[Symbol.asyncDispose]()
})

const ATTRIBUTES = {
  name: 'A thing',
  'is-on?': true,
  position: 3,
  price: '10.50',
  day: '2026-11-23',
  at: '2026-11-23T10:00:00.000Z',
  nested: { b: [1, { c: null }], a: 'x' },
  tags: ['second', 'first'],
  colour: 'red',
}
const ENDS = {
  owner: { data: { type: 'users', id: '7' } },
  parts: {
    data: [
      { type: 'parts', id: '2' },
      { type: 'parts', id: '1' },
    ],
  },
}
const thing = (id: string, attributes: object = {}, relationships: object = {}): RemoteRecord => ({
  type: 'things',
  id,
  attributes: { ...ATTRIBUTES, ...attributes },
  relationships: { ...ENDS, ...relationships },
})

const load = (records: readonly RemoteRecord[]) => leased(sql, (tx) => createMirror(things).load(tx, records))
const compare = (records: readonly RemoteRecord[]): Promise<Comparison[]> =>
  createComparer(things).compare(sql, records)
const EQUAL = [{ id: '1', state: 'equal' }]

describe('what differs', () => {
  const CHANGES: readonly [column: string, by: string, remote: string | null, mirror: string | null][] = [
    ['name', `name = 'By hand'`, 'A thing', 'By hand'],
    ['is_on', 'is_on = false', 'true', 'false'],
    ['position', 'position = 4', '3', '4'],
    ['price', 'price = 10.51', '10.50', '10.51'],
    ['day', `day = '2026-11-24'`, '2026-11-23', '2026-11-24'],
    ['at', `at = at + interval '1 ms'`, '2026-11-23 10:00:00+00', '2026-11-23 10:00:00.001+00'],
    ['nested', `nested = '{"a": "y"}'`, '{"a": "x", "b": [1, {"c": null}]}', '{"a": "y"}'],
    ['tags', `tags = '{first,second}'`, '{second,first}', '{first,second}'],
    ['owner_id', `owner_id = '8'`, '7', '8'],
    ['parts_ids', `parts_ids = '{1}'`, '{1,2}', '{1}'],
    ['sync_extra', `sync_extra = '{"colour": "blue"}'`, '{"colour": "red"}', '{"colour": "blue"}'],
    ['sync_extra', 'sync_extra = null', '{"colour": "red"}', null],
    ['price', 'price = null', '10.50', null],
    ['tags', `tags = '{}'`, '{second,first}', '{}'],
  ]

  it('covers every column', () => {
    const covered = new Set(CHANGES.map(([column]) => column))
    expect([...covered].toSorted()).toEqual([...things.columns.map(({ name }) => name), 'sync_extra'].toSorted())
  })

  it.each(CHANGES)('%s, changed by hand: %s', async (name, by, remote, mirror) => {
    await load([thing('1'), thing('2')])
    await sql.unsafe(`update scopestack.things set ${by} where id = '1'`)
    expect(await compare([thing('1'), thing('2')])).toEqual([
      { id: '1', state: 'different', columns: [{ name, remote, mirror }] },
      { id: '2', state: 'equal' },
    ])
  })

  it('is reported with every column of it', async () => {
    await load([thing('1')])
    const [found] = await compare([thing('1', { name: null, price: 11, colour: 'blue' })])
    expect(found).toEqual({
      id: '1',
      state: 'different',
      columns: [
        { name: 'name', remote: null, mirror: 'A thing' },
        { name: 'price', remote: '11', mirror: '10.50' },
        { name: 'sync_extra', remote: '{"colour": "blue"}', mirror: '{"colour": "red"}' },
      ],
    })
  })

  it('includes a value that does not fit its column, in the column that keeps it', async () => {
    await load([thing('1', { position: 'third' })])
    expect(await compare([thing('1', { position: 'third' })])).toEqual(EQUAL)
    const [found] = await compare([thing('1', { position: 'fourth' })])
    expect(found).toMatchObject({ state: 'different', columns: [{ name: 'sync_extra' }] })
  })
})

describe('what does not differ', () => {
  it.each<[string, object, object]>([
    ['1.0 and 1.00', { price: '1.0' }, { price: '1.00' }],
    ['a number and its digits', { price: 10.5, position: 3 }, { price: '10.5', position: '3' }],
    ['an instant in another offset', { at: '2026-11-23T10:00:00Z' }, { at: '2026-11-23T15:30:00.000+05:30' }],
    ['another order of keys', { nested: { a: { b: 1, c: 2 } } }, { nested: { a: { c: 2.0, b: 1 } } }],
    ['null and a missing member', { name: null, tags: null }, { name: undefined, tags: undefined }],
  ])('%s', async (_, loaded, sent) => {
    await load([thing('1', loaded)])
    expect(await compare([thing('1', sent)])).toEqual(EQUAL)
  })

  it('the order of the ends of a to-many, which is a set', async () => {
    await load([thing('1')])
    const other = {
      parts: {
        data: [
          { type: 'parts', id: '1' },
          { type: 'parts', id: '2' },
        ],
      },
    }
    expect(await compare([thing('1', {}, other)])).toEqual(EQUAL)
  })

  it('a key that the record does not carry; its other keys are compared', async () => {
    await load([thing('1'), thing('2')])
    await sql`update scopestack.things set owner_id = '8', name = 'By hand'`
    const partial = { owner: { links: { self: 'https://x.test' } } }
    expect(await compare([thing('1', {}, partial), thing('2')])).toMatchObject([
      { id: '1', columns: [{ name: 'name' }] },
      { id: '2', columns: [{ name: 'name' }, { name: 'owner_id' }] },
    ])
  })
})

it('reports a record as missing that has no row, or only a tombstone', async () => {
  await load([thing('1'), thing('2')])
  await sql`update scopestack.things set sync_deleted_at = now() where id = '2'`
  expect(await compare([thing('3'), thing('1'), thing('2')])).toEqual([
    { id: '3', state: 'missing' },
    { id: '1', state: 'equal' },
    { id: '2', state: 'missing' },
  ])
})

it('compares the last of several records with one id, and returns nothing for an empty batch', async () => {
  await load([thing('1')])
  expect(await compare([thing('1', { name: 'First' }), thing('1')])).toEqual(EQUAL)
  expect(await compare([])).toEqual([])
})

it('compares the other records when Postgres refuses a value, or a record cannot be a row', async () => {
  const many = Array.from({ length: 60 }, (_, at) => thing(String(at)))
  await load(many)
  const deep = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels)) as unknown
  // Deeper than Postgres' stack is, made smaller here, and deeper than ours.
  const sent = many.with(17, thing('17', { nested: deep(3000) })).with(40, thing('40', { nested: deep(50_000) }))
  const [{ name } = { name: '' }] = await sql<{ name: string }[]>`select current_database() as name`
  await sql`alter database ${sql(name)} set max_stack_depth = '100kB'`
  const shallow = openDatabase(database.url, { connections: 1 })
  const found = await createComparer(things).compare(shallow, sent)
  await shallow.end()
  expect(found.filter(({ state }) => state !== 'equal')).toEqual([
    { id: '17', state: 'refused', reason: expect.stringContaining('Postgres would not take it') as string },
    { id: '40', state: 'refused', reason: expect.stringContaining('cannot be written as a row') as string },
  ])
  expect(found).toHaveLength(60)
})

it('finds the living rows that a list of ids lacks', async () => {
  await load(['1', '2', '10', 'x'].map((id) => thing(id)))
  await sql`update scopestack.things set sync_deleted_at = now() where id = '2'`
  expect(await extraIds(sql, things, ['1', 'other', '1', 'n\0'])).toEqual(['10', 'x'])
  expect(await extraIds(sql, things, [])).toEqual(['1', '10', 'x'])
  const many = (function* () {
    for (let id = 0; id < 25_000; id++) yield String(id)
  })()
  expect(await extraIds(sql, things, many)).toEqual(['x'])
})

it('makes the next load write rows whose digest is right although a value is not', async () => {
  await load([thing('1'), thing('2')])
  await sql`update scopestack.things set name = 'By hand' where id = '1'`
  expect(await load([thing('1'), thing('2')])).toMatchObject({ unchanged: 2 })
  await leased(sql, async (tx) => {
    await clearDigests(tx, things, ['1', 'unknown'])
    expect(await createMirror(things).load(tx, [thing('1'), thing('2')])).toMatchObject({ updated: 1, unchanged: 1 })
  })
  expect(await compare([thing('1')])).toEqual(EQUAL)
  expect(await load([thing('1')])).toMatchObject({ unchanged: 1 })
})
