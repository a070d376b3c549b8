/** User-defined fields are written entry by entry; what is no entry is refused before anything is lost. */
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { openDatabase } from '../../../src/store/connection/database.ts'
import { createMirror } from '../../../src/store/mirror/load.ts'
import { createDatabase } from '../../support/postgres/database.ts'
import { leased } from '../../support/postgres/leased.ts'
import { withoutCapture } from '../../support/postgres/without-capture.ts'
import { emptyOutbox, readChanges } from '../../support/tables/outbox.ts'

const database = await createDatabase()
const sql = openDatabase(database.url)

afterAll(async () => {
  await sql.end()
  await database[Symbol.asyncDispose]()
})

const FIELDS = [
  { name: 'Region', label: 'Region', value: 'north' },
  { name: 'Tier', label: 'Tier', value: null },
]

beforeEach(async () => {
  await emptyOutbox(sql)
  await withoutCapture(sql, (tx) => tx`delete from scopestack.clients`)
  await load('clients', { name: 'One', 'user-defined-fields': FIELDS })
})

const load = (type: string, attributes: object) =>
  leased(sql, (tx) => createMirror(catalog.get(type)!).load(tx, [{ type, id: '1', attributes }]))

const update = (expression: string) => sql.unsafe(`update scopestack.clients set user_defined_fields = ${expression}`)
const list = (entries: unknown) => `'${JSON.stringify(entries)}'::jsonb`
const held = async (): Promise<unknown> => {
  const [row] = await sql<
    { fields: unknown }[]
  >`select user_defined_fields as fields from scopestack.clients where id = '1'`
  return row!.fields
}
const noted = async (): Promise<unknown> => {
  const changes = await readChanges(sql, ['attributes'])
  return changes.map(({ attributes }) => attributes['user-defined-fields'])
}

const TAKES =
  'It takes a list of entries, each field once: [{"name": "…", "value": "…"}], with null for a value that is cleared. Entries that are left out stay.'

describe('a trigger refuses', () => {
  it.each([
    [{ Name: 'Tier', Value: 'gold' }, 'cannot hold {"Name": "Tier", "Value": "gold"}'],
    [{ name: 'Tier' }, 'cannot hold {"name": "Tier"}'],
    [{ value: 'gold' }, 'cannot hold {"value": "gold"}'],
    [{ name: null, value: 'gold' }, 'cannot hold {"name": null, "value": "gold"}'],
    ['gold', 'cannot hold "gold"'],
    [null, 'cannot hold null'],
  ])('the entry %j', async (entry, wrong) => {
    const sentence = `Column user_defined_fields of scopestack.clients ${wrong}. ${TAKES}`
    await expect(update(`user_defined_fields || ${list([entry])}`)).rejects.toThrow(sentence)
    await expect(update(list([{ name: 'Region', value: 'south' }, entry]))).rejects.toThrow(sentence)
    await expect(
      sql.unsafe(`insert into scopestack.clients (name, user_defined_fields) values ('New', ${list([entry])})`),
    ).rejects.toThrow(sentence)
    expect([await held(), await noted()]).toEqual([FIELDS, []])
  })

  it.each([
    [{ name: ' ', value: 'gold' }, 'cannot hold {"name": " ", "value": "gold"}'],
    [
      { name: 'Tier', value: { of: 'objects' } },
      'cannot hold {"of": "objects"} for "Tier", which is no text, number, true or false',
    ],
    [{ name: 'Tier', value: ['gold'] }, 'cannot hold ["gold"] for "Tier", which is no text, number, true or false'],
    [{ name: 'Tier', value: 0.5, label: 'Rank' }, 'keeps what else is said of "Tier" than its value', 'update'],
  ])('the entry %j: %s', async (entry, wrong, only?: string) => {
    const sentence = `Column user_defined_fields of scopestack.clients ${wrong}. ${TAKES}`
    await expect(update(`user_defined_fields || ${list([entry])}`)).rejects.toThrow(sentence)
    if (only === undefined)
      await expect(
        sql.unsafe(`insert into scopestack.clients (name, user_defined_fields) values ('New', ${list([entry])})`),
      ).rejects.toThrow(sentence)
    expect([await held(), await noted()]).toEqual([FIELDS, []])
  })

  it.each(['1e400', '-1e400', '1e-400'])('a number beyond what a double comes near: %s', async (number) => {
    const given = `'[{"name": "Tier", "value": ${number}}]'`
    const sentence =
      /^Column user_defined_fields of scopestack\.clients cannot hold what "Tier" would: the number -?[\d.]+ is beyond what is carried as one\. Write it as a text\./
    await expect(update(given)).rejects.toThrow(sentence)
    await expect(
      sql.unsafe(`insert into scopestack.clients (name, user_defined_fields) values ('New', ${given})`),
    ).rejects.toThrow(sentence)
    expect([await held(), await noted()]).toEqual([FIELDS, []])
  })

  it('NULL for all of them: entries that are left out stay, so it would clear none', async () => {
    const sentence = `Column user_defined_fields of scopestack.clients cannot be NULL. ${TAKES}`
    await expect(update('null')).rejects.toThrow(sentence)
    await expect(update(`'null'`)).rejects.toThrow(sentence)
    expect([await held(), await noted()]).toEqual([FIELDS, []])
  })

  it('a field that is written twice', async () => {
    const twice = list([
      { name: 'Tier', value: 'gold' },
      { name: 'Tier', value: 'silver' },
    ])
    const sentence = `Column user_defined_fields of scopestack.clients is given "Tier" twice. ${TAKES}`
    await expect(update(twice)).rejects.toThrow(sentence)
    await expect(
      sql.unsafe(`insert into scopestack.clients (name, user_defined_fields) values ('New', ${twice})`),
    ).rejects.toThrow(sentence)
    expect([await held(), await noted()]).toEqual([FIELDS, []])
  })

  it('a value that is no list', async () => {
    const sentence = `Column user_defined_fields of scopestack.clients cannot be {"Tier": "gold"}. ${TAKES}`
    await expect(update(list({ Tier: 'gold' }))).rejects.toThrow(sentence)
  })
})

describe('a trigger accepts', () => {
  it('an entry appended to those that are there: it is the edit of that field', async () => {
    await update(`user_defined_fields || ${list([{ name: 'Tier', value: 'gold' }])}`)
    expect(await held()).toEqual([FIELDS[0], { ...FIELDS[1], value: 'gold' }])
    expect(await noted()).toEqual([[{ name: 'Tier', value: 'gold' }]])
  })

  it('a value that is cleared, and a field that the record has not yet', async () => {
    await update(
      list([
        { name: 'Region', value: null },
        { name: 'Seats', value: 7 },
      ]),
    )
    expect(await held()).toEqual([{ ...FIELDS[0], value: null }, FIELDS[1], { name: 'Seats', value: 7 }])
    expect(await noted()).toEqual([
      [
        { name: 'Region', value: null },
        { name: 'Seats', value: 7 },
      ],
    ])
  })

  it('a value of ScopeStack, however odd, when it is written back as it was', async () => {
    const odd = [{ name: 'Twice', value: 1 }, { name: 'Twice', value: 2 }, { label: 'nameless' }, 'text']
    await load('clients', { name: 'One', 'user-defined-fields': odd })
    await update(`user_defined_fields || ${list([{ name: 'Tier', value: 'gold' }])}`)
    expect(await held()).toEqual([...odd, { name: 'Tier', value: 'gold' }])
    expect(await noted()).toEqual([[{ name: 'Tier', value: 'gold' }]])
  })

  it('a number with all its digits, true, and a list where a list stood', async () => {
    await load('clients', { name: 'One', 'user-defined-fields': [...FIELDS, { name: 'Teams', value: ['a'] }] })
    await update(
      list([
        { name: 'Region', value: 0.30000000000000004 },
        { name: 'Tier', value: true },
        { name: 'Teams', value: ['b', 'c'] },
      ]),
    )
    expect(await noted()).toEqual([
      [
        { name: 'Region', value: 0.30000000000000004 },
        { name: 'Tier', value: true },
        { name: 'Teams', value: ['b', 'c'] },
      ],
    ])
  })

  it('entries copied from another record into a new row: names and values are sent, without their other members', async () => {
    await sql`
      insert into scopestack.clients (name, user_defined_fields) select 'Copied', user_defined_fields from scopestack.clients where id = '1'`
    expect(await noted()).toEqual([[{ name: 'Region', value: 'north' }]])
  })

  it('entries under the names that its column has for name and value', async () => {
    await load('crm-opportunities', { name: 'Deal', 'custom-attributes': [{ key: 'Stage', val: 'a' }] })
    const set = (entry: object) =>
      sql.unsafe(`update scopestack.crm_opportunities set custom_attributes = ${list([entry])}`)
    await expect(set({ name: 'Stage', value: 'b' })).rejects.toThrow('[{"key": "…", "val": "…"}]')
    await set({ key: 'Stage', val: 'b' })
    expect(await readChanges(sql, ['attributes'])).toEqual([
      { attributes: { 'custom-attributes': [{ key: 'Stage', val: 'b' }] } },
    ])
  })

  it('a statement of many rows, each with its own entries', async () => {
    await withoutCapture(
      sql,
      (tx) => tx`
        insert into scopestack.clients (id, sync_hash, user_defined_fields)
        select n::text, '', jsonb_build_array(jsonb_build_object('name', 'Seats', 'value', n)) from generate_series(10, 1009) as n`,
    )
    await sql`
      update scopestack.clients set user_defined_fields = '[{"name": "Tier", "value": "gold"}]' where id <> '1'`
    const [rows] = await sql`
      select count(*)::int as n from scopestack.clients
      where user_defined_fields @> '[{"name": "Tier", "value": "gold"}]' and user_defined_fields -> 0 ->> 'value' = id`
    expect(rows).toEqual({ n: 1000 })
    expect(new Set(((await noted()) as unknown[]).map((one) => JSON.stringify(one)))).toEqual(
      new Set(['[{"name":"Tier","value":"gold"}]']),
    )
  })
})
