/** Every accepted value arrives as it is, comes back as it is, and is no edit afterwards. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import { emptyOutbox, readStates } from '../../support/tables/outbox.ts'

const TYPES = ['clients', 'products', 'projects', 'document-templates', 'project-variables']
let sim: Simulator
let database: TestDatabase
let worker: TestWorker

beforeAll(async () => {
  sim = await startSimulator({ projects: 2 })
  database = await createDatabase()
  worker = await startWorker(sim, database.url)
  await worker.run(TYPES)
})

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
  await sim?.close()
})

const TEXTS = [
  'a\r\nb\nc\rd',
  `it's "quoted" \\ \\n \\u0041`,
  '\u2028\u2029\u0001\u007F\u0085\uFFFF',
  '👩‍🚀 e\u0301 \u202Eltr',
  '  blanks  ',
  '\t',
  'NULL',
  '{a,b}',
  '[1]',
  '0',
  '2026-01-02',
  'x'.repeat(100_000),
]
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`
const DAYS = ['0001-01-01', '1582-10-10', '2024-02-29', '9999-12-31']
const NUMBERS = [
  '0',
  '-0.0001',
  '123456789012345678901234567890.1234',
  '-99999999999999999999',
  '12.3400',
  '1e20',
  '0.1',
]
const LISTS = [`'{}'`, `array['b', 'a']`, `array['NULL', 'null', 'a,b', '"q"', '{x}', ' blank', 'ü']`]
const JSONS = [
  '[]',
  '{}',
  '"text"',
  '0.30000000000000004',
  '[{"a": [null, true, {"": "\\u2028"}]}]',
  `${'['.repeat(97)}${']'.repeat(97)}`,
]

/** Table, column, the value in SQL, and as JSON where that is another. */
const CASES: readonly (readonly [string, string, string, unknown])[] = [
  ...TEXTS.map((text) => ['clients', 'domain', literal(text), text] as const),
  ['clients', 'domain', 'null', null],
  ...DAYS.map((day) => ['clients', 'msa_date', `date '${day}'`, day] as const),
  ['clients', 'msa_date', 'null', null],
  ['clients', 'active', 'false', false],
  ['clients', 'active', 'true', true],
  ...NUMBERS.map((number) => ['products', 'unit_price', `${number}::numeric`, expect.any(String)] as const),
  ['products', 'unit_price', 'null', null],
  ...LISTS.map((list) => ['projects', 'tag_list', `${list}::text[]`, expect.any(Array)] as const),
  ...JSONS.map(
    (json) => ['document_templates', 'teams', `${literal(json)}::jsonb`, JSON.parse(json) as unknown] as const,
  ),
  ['document_templates', 'teams', 'null', null],
]

const shortly = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}…` : text)
const outbox = () => readStates(worker.sql)

it.each(CASES.map(([table, column, value, json]) => [table, column, shortly(value), value, json] as const))(
  '%s.%s = %s',
  async (table, column, _, value, json) => {
    await emptyOutbox(worker.sql)
    const type = table.replaceAll('_', '-')
    const { id } = sim.records.list(type)[0]!
    const is = async () =>
      await worker.sql.unsafe(
        `select ${column} is not distinct from ${value} as same from scopestack.${table} where id = '${id}'`,
      )
    await worker.sql.unsafe(`update scopestack.${table} set ${column} = ${value} where id = '${id}'`)
    const settled = await worker.push()
    expect(settled.map(({ outcome, error }) => [outcome, error])).toEqual((await outbox()).map(() => ['sent', null]))
    expect(sim.records.read(type, id)!.attributes[column.replaceAll('_', '-')]).toEqual(json)
    expect(await is()).toEqual([{ same: true }])
    const report = await worker.run([type], { restart: true })
    expect(report.outcomes.map(({ updated }) => updated)).toEqual([0])
    expect(await is()).toEqual([{ same: true }])
    // The same again is no edit.
    await worker.sql.unsafe(`update scopestack.${table} set ${column} = ${value} where id = '${id}'`)
    expect(await worker.push()).toEqual([])
  },
)

it('user-defined fields: a text, a number, true, and none', async () => {
  await emptyOutbox(worker.sql)
  const { id, attributes } = sim.records.list('projects')[0]!
  const [first] = attributes['project-variables'] as { name: string }[]
  for (const value of ['"\\u2028 \\"q\\" "', '12345678.5', 'true', 'null']) {
    await worker.sql.unsafe(`
      update scopestack.projects set project_variables = jsonb_build_array(
        jsonb_build_object('name', ${literal(first!.name)}, 'value', ${literal(value)}::jsonb)) where id = '${id}'`)
    expect((await worker.push()).map(({ outcome, error }) => [outcome, error])).toEqual([['sent', null]])
    const held = sim.records.read('projects', id)!.attributes['project-variables'] as { name: string; value: unknown }[]
    expect(held.find(({ name }) => name === first!.name)!.value).toEqual(JSON.parse(value))
    const [row] = await worker.sql.unsafe(`
      select project_variables @> jsonb_build_array(jsonb_build_object('name', ${literal(first!.name)}, 'value', ${literal(value)}::jsonb)) as same
      from scopestack.projects where id = '${id}'`)
    expect(row).toEqual({ same: true })
  }
})

it('a list in another order, which ScopeStack keeps in its own, is accepted', async () => {
  await emptyOutbox(worker.sql)
  const { id } = sim.records.list('projects')[1]!
  sim.records.update('projects', id, { attributes: { 'tag-list': ['a', 'b'] } })
  await worker.run(['projects'], { restart: true })
  await worker.sql`update scopestack.projects set tag_list = array['b', 'a', 'b'] where id = ${id}`
  const settled = await worker.push({
    through: (client) => ({
      ...client,
      async write(...asked) {
        const answer = await client.write(...asked)
        sim.records.update('projects', id, { attributes: { 'tag-list': ['a', 'b'] } })
        return JSON.parse(JSON.stringify(answer).replace('["b","a","b"]', '["a","b"]')) as typeof answer
      },
    }),
  })
  expect(settled).toMatchObject([{ outcome: 'sent', error: null }])
  expect(await worker.sql`select array_to_json(tag_list) as tags from scopestack.projects where id = ${id}`).toEqual([
    { tags: ['a', 'b'] },
  ])
})
