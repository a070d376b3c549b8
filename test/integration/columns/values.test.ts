/** What a value becomes in SQL, which fills a column and guards it, is what the loader makes of it. */
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Kind } from '../../../src/catalog/resource.ts'
import { openDatabase, type Database } from '../../../src/store/connection/database.ts'
import { SQL_TYPE } from '../../../src/store/schema/columns.ts'
import { encode, encodeJson, isStorable, MISFIT } from '../../../src/store/values/codec.ts'
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
const number = fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 }))
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }).filter(isStorable),
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

/** JavaScript and PostgreSQL spell very small numbers otherwise, which shows where a number becomes a text. */
const isSpelledAlike = (one: unknown): boolean => !/\de-\d/.test(JSON.stringify(one) ?? '')

it.each(Object.keys(SQL_TYPE) as Kind[])('%s', { timeout: 120_000 }, async (kind) => {
  let fitting = 0
  await fc.assert(
    fc.asyncProperty(fc.array(value.filter(isSpelledAlike), { minLength: 50, maxLength: 100 }), async (values) => {
      const given = values.map((one) => {
        const encoded = encode(kind, one)
        return { value: encodeJson(one), made: encoded === MISFIT ? null : encoded }
      })
      fitting += given.filter(({ made }) => made !== null).length
      const wrong = await sql.unsafe(
        `with given as materialized (
           select value, made, sync.column_text('${kind}', null, value::jsonb) as filled
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
