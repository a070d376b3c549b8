/** What a value becomes in SQL, which fills a column and guards it, is what the loader makes of it. */
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import type { Column, Kind } from '../../../src/catalog/resource.ts'
import { parseExact } from '../../../src/exact-json.ts'
import { openDatabase, type Database } from '../../../src/store/connection/database.ts'
import { addedColumns } from '../../../src/store/mirror/added-values.ts'
import { SQL_TYPE } from '../../../src/store/schema/columns.ts'
import { encodeJson } from '../../../src/store/values/codec.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'

let database: TestDatabase
let sql: Database
beforeAll(async () => {
  database = await createDatabase()
  sql = openDatabase(database.url, { connections: 1 })
})
afterAll(async () => {
  await sql?.end()
  await database?.[Symbol.asyncDispose]()
})

const digits = fc.stringMatching(/^[0-9]{1,18}$/)
const upTo = (max: number) => fc.integer({ min: 0, max }).map((n) => String(n).padStart(2, '0'))
const day = fc
  .tuple(fc.constantFrom('0000', '1900', '2000', '2023', '2024', '9999', '24'), upTo(13), upTo(32))
  .map((parts) => parts.join('-'))
const clock = fc
  .tuple(upTo(25), upTo(61), fc.constantFrom('', ':59', ':60', ':07.5', ':07.123456789'))
  .map(([hour, minute, second]) => `${hour}:${minute}${second}`)
const zone = fc.constantFrom('', 'Z', '+02:00', '-0930', '+15:00', 'z')
const moment = fc
  .tuple(day, fc.constantFrom('T', ' ', 't'), clock, zone)
  .map(([date, between, time, offset]) => date + between + time + offset)
const number = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  // As they are sent: `1E-7`, `1.50`, more digits than a double holds.
  fc
    .tuple(fc.constantFrom('', '-'), fc.bigInt({ min: 0n, max: 10n ** 30n }), fc.stringMatching(/^([.][0-9]{1,30})?$/))
    .chain(([sign, whole, fraction]) =>
      fc
        .constantFrom('', 'e0', 'e5', 'E-7', 'e21', 'e+30', 'e-300', 'e999', 'e-999')
        .map((exponent) => parseExact(`[${sign}${whole}${fraction}${exponent}]`) as unknown[]),
    )
    .map(([one]) => one),
)
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    'nul \0',
    'half \ud83d',
    '\uFFFD',
    '1'.repeat(1_000),
    '-' + '1'.repeat(1_000),
    '0.' + '1'.repeat(999),
  ),
  digits,
  digits.map((one) => `-${one}`),
  fc.tuple(digits, digits, fc.constantFrom('', 'e5', 'E-12', 'e1234', '.')).map(([a, b, c]) => `${a}.${b}${c}`),
  fc.constantFrom('', 'true', 'false', 'TRUE', 'null', '+1', '1.', '.5', '9007199254740991', '9007199254740992'),
  day,
  moment,
)
const scalar = fc.oneof(text, number, fc.boolean(), fc.constant(null))
const value = fc.oneof(
  scalar,
  day,
  moment,
  fc.array(scalar, { maxLength: 4 }),
  fc.dictionary(fc.string(), scalar, { maxKeys: 3 }),
  fc.array(fc.array(scalar, { maxLength: 2 }), { maxLength: 2 }),
)

const id = fc.oneof(digits, number, text, fc.constantFrom(null, true, 'x'.repeat(1_000), 'x'.repeat(1_001)))
const end = fc.oneof(
  fc.record({ type: fc.constantFrom('tags', 'tags', 'tags', 'clients', null, 1), id }, { requiredKeys: [] }),
  fc.record({ type: fc.constant('tags'), id: digits }),
  scalar,
)
const linkage = fc.oneof(end, fc.array(end, { maxLength: 3 }), fc.constant([]))

const columns: readonly (readonly [string, Pick<Column, 'from' | 'kind' | 'target'>, fc.Arbitrary<unknown>])[] = [
  ...(Object.keys(SQL_TYPE) as Kind[]).map(
    (kind) => [kind, { from: 'attribute', kind, target: undefined }, value] as const,
  ),
  ['a to-one', { from: 'to-one', kind: 'text', target: 'tags' }, linkage],
  ['a to-many', { from: 'to-many', kind: 'texts', target: 'tags' }, linkage],
]

it.each(columns)('%s', { timeout: 120_000 }, async (_, its, values) => {
  const column: Column = { ...catalog.get('tags')!.columns[0]!, name: 'it', member: 'it', ...its }
  const added = addedColumns({ ...catalog.get('tags')!, added: [column] })!
  const { kind, target } = its
  const isEnd = its.from !== 'attribute'
  let fitting = 0
  await fc.assert(
    fc.asyncProperty(fc.array(values, { minLength: 50, maxLength: 100 }), async (some) => {
      const given = some.map((one) => {
        const members = { it: isEnd ? { data: one } : one }
        const record = {
          type: 'tags',
          id: '1',
          attributes: {},
          relationships: {},
          [isEnd ? 'relationships' : 'attributes']: members,
        }
        const [made] = added.encode(record).encoded
        // An empty relationship is none in sync_extra.
        const isHeld = !isEnd || (one !== null && !(Array.isArray(one) && one.length === 0))
        return { value: isHeld ? encodeJson(one) : null, made: typeof made === 'string' ? made : null }
      })
      fitting += given.filter(({ made }) => made !== null).length
      const wrong = await sql.unsafe(
        `with given as materialized (
           select value, made, case when value is not null then sync.column_text('${kind}', ${target === undefined ? 'null' : `'${target}'`}, value::jsonb) end as filled
           from jsonb_to_recordset($1::text::jsonb) as g(value text, made text))
         select value, made, filled from given
         where case when made is null or filled is null then made is distinct from filled
           else made::${SQL_TYPE[kind]} is distinct from filled::${SQL_TYPE[kind]} end`,
        [JSON.stringify(given)],
      )
      expect([...wrong]).toEqual([])
    }),
    { numRuns: 30 },
  )
  expect(fitting, 'no value fitted').toBeGreaterThan(20)
})
