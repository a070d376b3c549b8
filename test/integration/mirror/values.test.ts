/** Any JSON value in any kind of column: the row is never lost, what fits reads back, what does not is kept and noted. */
import { randomBytes } from 'node:crypto'
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
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
  type Kind,
  type RemoteRecord,
} from '../../../src/catalog/resource.ts'
import { parseDocument } from '../../../src/remote/documents/document.ts'
import { openDatabase } from '../../../src/store/connection/database.ts'
import { createMirror } from '../../../src/store/mirror/load.ts'
import { SQL_TYPE } from '../../../src/store/schema/columns.ts'
import { createDatabase } from '../../support/postgres/database.ts'
import { leased } from '../../support/postgres/leased.ts'
import { LONG } from '../../support/run/seeds.ts'

const database = await createDatabase()
const sql = openDatabase(database.url)
const KINDS = Object.keys(SQL_TYPE) as Kind[]
const DECLARE = { boolean, date, decimal, integer, json, text, texts, timestamp }
const everyKind = defineResource('every-kinds', {
  comment: 'One row per value.',
  confidence: 'low',
  attributes: Object.fromEntries(KINDS.map((kind) => [`a-${kind}`, DECLARE[kind](`A ${kind}.`)])),
  toOne: { one: to('every-kinds', 'One.') },
  toMany: { many: to('every-kinds', 'Many.') },
})

beforeAll(async () => {
  const columns = everyKind.columns.map(({ name, kind }) => `"${name}" ${SQL_TYPE[kind]}`).join(', ')
  await sql.unsafe(`create table scopestack.every_kinds (id text primary key, ${columns}, sync_extra jsonb,
    sync_hash text not null, sync_changed_at timestamptz not null default now(), sync_deleted_at timestamptz)`)
})

afterAll(async () => {
  await sql.end()
  await database[Symbol.asyncDispose]()
})

const NASTY: readonly (readonly unknown[])[] = [
  ['', ' ', 'null', '\\N', '\\.', '\\', 'a\tb', 'a\r\nb', '"{},\\"', "'; drop", 'NUL \0 in it', '\ud800', '\udc00x'],
  ['👩‍👩‍👧', '\u2028', '\ufeff', '\u0001', 'x'.repeat(100_000), '\\u0000', '"\\ud800"'],
  ['now', 'today', 'infinity', '-infinity', 'epoch', '2026-02-30', '2024-02-29', '0000-01-01', '0001-01-01'],
  ['9999-12-31', '10000-01-01', '2026-11-23T25:00:00Z', '2026-11-23T24:00:00Z', '2026-11-23T10:00:60Z'],
  ['2026-11-23T10:00:00.123456789+14:00', '0001-01-01T00:00:00+14:00', '9999-12-31T23:59:59-14:00'],
  ['2026-11-23 10:00:00', '2026-11-23T10:00', '2026-W01-1', '23/11/2026', '2026-11-23T10:00:00+0530'],
  ['NaN', 'Infinity', '1e5', '1e999', '-1.50', '+1', '1e-999', '.5', '5.', '0x10', '1_000', '１', '9'.repeat(400)],
  ['true', 'false', 't', 'TRUE', 'yes', '1', '0', '007', '-0', '9007199254740993', '9223372036854775808'],
  [1e21, 1e308, -0, 0.1, 5e-324, 2 ** 53, 2 ** 63, 1.5, true, false, null],
  [[], {}, [null], ['a', null], [['a'], 'b'], [[]], [1, 'a'], ['a,b', '{', '"', '\\', 'NULL', ''], ['\0'], [{}]],
  [{ 'k\0': 'v\0' }, { a: { b: [{ c: '\ud800' }] } }, { '': '' }, JSON.parse('{"__proto__": {"a": 1}}')],
]
const nasty = fc.constantFrom(...NASTY.flat())
const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  nasty,
  fc.string({ unit: 'binary' }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
)

const both = ([declared, more]: [object, object]): object => ({ ...more, ...declared })
const strangeName = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'k\0'))
const attributes = fc.record(Object.fromEntries(KINDS.map((kind) => [`a-${kind}`, anything])), { requiredKeys: [] })
const linkage = fc.oneof(fc.record({ type: fc.constantFrom('every-kinds', 'x'), id: anything }), anything)
const records: fc.Arbitrary<Omit<RemoteRecord, 'id'>[]> = fc.array(
  fc.record({
    type: fc.constant('every-kinds'),
    attributes: fc.oneof(
      { weight: 9, arbitrary: fc.tuple(attributes, fc.dictionary(strangeName, anything, { maxKeys: 2 })).map(both) },
      { weight: 1, arbitrary: anything },
    ),
    relationships: fc.oneof(
      fc.record({ one: fc.record({ data: linkage }), many: fc.record({ data: fc.array(linkage) }) }),
      anything,
    ),
  }),
  { minLength: 1, maxLength: 5 },
)

type Stored = { id: string; sync_extra: Record<string, unknown> | null } & Record<string, string | null>

/** Every column in its text form, so that what is compared is what Postgres holds. */
const stored = (): Promise<Stored[]> =>
  sql.unsafe<Stored[]>(
    `select id, sync_extra, ${everyKind.columns
      .map(({ name, from }) =>
        from === 'attribute' && name !== 'a_texts' ? `"${name}"::text` : `to_json("${name}")::text as "${name}"`,
      )
      .join(', ')} from scopestack.every_kinds`,
  )

/** What a column should say of a value, worked out apart from the codec; undefined: it has no place there. */
const EXPECTED: Record<Kind, (value: unknown) => string | undefined> = {
  text: (v) => (typeof v === 'number' ? String(v) : typeof v === 'string' && keepable(v) ? v : undefined),
  boolean: (v) => (v === true || v === 'true' ? 'true' : v === false || v === 'false' ? 'false' : undefined),
  integer: (v) =>
    isNumeric(v) && /^-?\d+$/.test(String(v)) && Math.abs(Number(v)) < 2 ** 53 ? String(BigInt(String(v))) : undefined,
  decimal: (v) => (isNumeric(v) && /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(String(v)) ? 'number' : undefined),
  date: (v) => (typeof v === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(v) && real(v) ? v : undefined),
  timestamp: (v) =>
    typeof v === 'string' && /^\d{4}-\d\d-\d\d[T ]([01]\d|2[0-3]):[0-5]\d(?!:6)/.test(v) && real(v.slice(0, 10))
      ? 'instant'
      : undefined,
  json: () => 'json',
  texts: (v) =>
    Array.isArray(v) && v.every((x) => x === null || EXPECTED.text(x) !== undefined)
      ? JSON.stringify(v.map((x: unknown) => (typeof x === 'number' ? String(x) : x)))
      : undefined,
}
const isNumeric = (v: unknown): boolean => typeof v === 'number' || typeof v === 'string'
const keepable = (value: string): boolean => !value.includes('\0') && !/\p{Surrogate}/u.test(value)
const real = (day: string): boolean => {
  const [year, month, dayOfMonth] = day.split('-').map(Number) as [number, number, number]
  return (
    year >= 1 &&
    month >= 1 &&
    month <= 12 &&
    dayOfMonth >= 1 &&
    dayOfMonth <= new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate()
  )
}
/** What jsonb makes of it: no U+0000, no half characters. */
const repaired = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (_key, inner: unknown) => {
    if (typeof inner === 'string') return repair(inner)
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner
    return Object.fromEntries(Object.entries(inner).map(([key, held]) => [repair(key), held]))
  })
const repair = (value: string): string => value.replaceAll(/\p{Surrogate}|\0/gu, '\uFFFD')

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

it(
  'keeps every row, every value that fits, and every value that does not',
  async () => {
    await fc.assert(
      fc.asyncProperty(records, async (made) => {
        const sent = made.map((record, at) => ({ ...record, id: String(at) }))
        await sql`truncate scopestack.every_kinds`
        const loaded = await leased(sql, (tx) => createMirror(everyKind).load(tx, sent))
        const rows = new Map((await stored()).map((row) => [row.id, row]))
        expect(rows.size).toBe(sent.length)
        for (const { id, attributes: given } of sent) {
          const row = rows.get(id)!
          const extra = row.sync_extra ?? {}
          if (!isObject(given)) continue
          for (const [member, value] of Object.entries(given)) {
            const kind = member.slice(2) as Kind
            const declared = member === `a-${kind}` && KINDS.includes(kind)
            const expected = declared && value !== null ? EXPECTED[kind](value) : undefined
            const column = row[`a_${kind}`]
            if (declared && value === null) expect(column).toBeNull()
            else if (expected === undefined) {
              expect(Object.entries(extra)).toContainEqual([repair(member), repaired(value)])
              if (declared) expect(column).toBeNull()
              const kindOfDrift = declared ? 'misfit' : 'undeclared'
              expect(loaded.drift.some((note) => note.member === member && note.kind === kindOfDrift)).toBe(true)
            } else if (kind === 'decimal')
              expect(Number(column) === Number(value), `${column} for ${String(value)}`).toBe(true)
            else if (kind === 'json') expect(JSON.parse(column!)).toEqual(repaired(value))
            else if (expected === 'instant') expect(column).not.toBeNull()
            else expect(column).toBe(expected)
          }
        }
        const again = await leased(sql, (tx) => createMirror(everyKind).load(tx, sent))
        expect(again).toMatchObject({ inserted: 0, updated: 0, unchanged: sent.length })
        // The same through the UPDATE, which encodes differently from COPY.
        const before = await stored()
        await sql`update scopestack.every_kinds set sync_hash = '', a_text = 'overwritten', a_json = null`
        await leased(sql, (tx) => createMirror(everyKind).load(tx, sent))
        const after = before.map((row) => {
          const given = sent.find(({ id }) => id === row.id)!.attributes
          const says = (member: string): boolean => isObject(given) && member in given
          // A member that is not sent stays as it is.
          const stays = {
            ...(says('a-text') ? {} : { a_text: 'overwritten' }),
            ...(says('a-json') ? {} : { a_json: null }),
          }
          return [row.id, { ...row, ...stays }] as const
        })
        expect(new Map((await stored()).map((row) => [row.id, row]))).toEqual(new Map(after))
      }),
      { numRuns: LONG ? 3_000 : 200 },
    )
  },
  LONG ? 20 * 60_000 : undefined,
)

it('reads a time back as the same instant', async () => {
  const times = [
    '2026-11-23T10:00:00.5+05:30',
    '2026-11-23T04:30:00.500Z',
    '2026-11-23 04:30:00.5',
    '2026-11-23T04:30Z',
  ]
  const sent = times.map((time, id) => ({ type: 'every-kinds', id: `t${id}`, attributes: { 'a-timestamp': time } }))
  await leased(sql, (tx) => createMirror(everyKind).load(tx, sent))
  const rows = await sql<{ at: Date }[]>`
    select a_timestamp as at from scopestack.every_kinds where id like 't%' order by id`
  expect(rows.map(({ at }) => at.toISOString())).toEqual([
    ...Array<string>(3).fill('2026-11-23T04:30:00.500Z'),
    '2026-11-23T04:30:00.000Z',
  ])
})

it('refuses one row at a time: an id past what an index takes rejects itself, and the rest load', async () => {
  const tooLong = randomBytes(2250).toString('base64url')
  const sent = ['fine-1', tooLong, 'a b', "it's", 'ü\\n"', 'fine-2'].map((id) => ({ type: 'every-kinds', id }))
  const mirror = createMirror(everyKind)
  await expect(leased(sql, (tx) => mirror.load(tx, sent))).rejects.toMatchObject({ code: '25P02' })
  const { inserted, rejected } = await leased(sql, (tx) => mirror.loadOneByOne(tx, sent))
  expect({ inserted, rejected }).toEqual({
    inserted: 5,
    rejected: [{ id: tooLong, reason: expect.stringMatching(/index row size \d+ exceeds/) as string }],
  })
})

it('keeps every digit of a number, in a column, inside json, and where it does not fit', async () => {
  const long = '12345678901234567890'
  const fine = '0.1234567890123456789'
  const body = `{"data":[{"type":"every-kinds","id":"digits","attributes":{
    "a-text": ${long}, "a-decimal": ${fine}, "a-integer": ${long}, "a-json": {"deep": [${fine}, 1e400, 1.50, 1e2]},
    "a-texts": [${long}], "a-date": 1e400, "more": -${long}
  }},{"type":"every-kinds","id":"digits-2","attributes":{"a-decimal": 1e4000, "a-integer": 1e2, "a-text": 1e400}}]}`
  await leased(sql, (tx) => createMirror(everyKind).load(tx, parseDocument(body, '').records))
  const [row, other] = await sql`
    select a_text, a_decimal::text, a_integer::text, a_json::text, a_texts, a_date::text, sync_extra::text as extra
    from scopestack.every_kinds where id like 'digits%' order by id`
  expect(row).toEqual({
    a_text: long,
    a_decimal: fine,
    a_integer: null,
    a_json: `{"deep": [${fine}, "1e400", 1.5, 100]}`,
    a_texts: `{${long}}`,
    a_date: null,
    extra: `{"more": -${long}, "a-date": "1e400", "a-integer": ${long}}`,
  })
  expect(other).toMatchObject({ a_text: '1e400', a_decimal: null, a_integer: '100', extra: '{"a-decimal": "1e4000"}' })
})

it('keeps an attribute and a relationship that share a name, declared or not', async () => {
  const end = { data: { type: 'x', id: '7' } }
  const record = {
    type: 'every-kinds',
    id: 'both',
    attributes: { same: 'A', one: 'B', 'same-relationship': 'C' },
    relationships: { same: end, one: 'no object', other: end },
  }
  await leased(sql, (tx) => createMirror(everyKind).load(tx, [record]))
  const [row] = await sql`select sync_extra as extra from scopestack.every_kinds where id = 'both'`
  expect(row!['extra']).toEqual({
    same: 'A',
    one: 'B',
    'same-relationship': 'C',
    'same-relationship-relationship': end.data,
    'one-relationship': 'no object',
    other: end.data,
  })
})
