/** What JSON:API or ScopeStack cannot carry is refused by the statement that writes it: the column, the value, the reason. */
import { randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { openDatabase } from '../../../src/store/connection/database.ts'
import { createMirror } from '../../../src/store/mirror/load.ts'
import { installCapture } from '../../../src/store/schema/capture-triggers.ts'
import { createDatabase, createEmptyDatabase } from '../../support/postgres/database.ts'
import { leased } from '../../support/postgres/leased.ts'
import { withoutCapture } from '../../support/postgres/without-capture.ts'
import { emptyOutbox, readChanges } from '../../support/tables/outbox.ts'
import { forgetCheckpoints } from '../../support/tables/progress.ts'

const database = await createDatabase()
const sql = openDatabase(database.url)

afterAll(async () => {
  await sql.end()
  await database[Symbol.asyncDispose]()
})

beforeAll(async () => {
  const date = [{ name: 'at', member: 'at', from: 'attribute', kind: 'timestamp' }]
  // No column of the catalog that holds a time may be edited so far.
  await sql.unsafe(`create table scopestack.things (id text primary key, at timestamptz,
    sync_hash text not null, sync_changed_at timestamptz not null default now(), sync_deleted_at timestamptz)`)
  await sql`
    select sync.capture('scopestack.things', 'things', '{create,update}', ${JSON.stringify(date)}::text::jsonb)`
  await sql.unsafe(`
    create view public.own_view as select * from scopestack.clients;
    create function public.own_function(day date) returns void language sql as
      $$ update scopestack.clients set msa_date = day where id = '1' $$;
    create function public.own_trigger() returns trigger language plpgsql as
      $$ begin if new.domain = 'for ever' then new.msa_date := 'infinity'; end if; return new; end $$;
    create trigger own_trigger before insert or update on scopestack.clients for each row execute function public.own_trigger()`)
})

beforeEach(async () => {
  await emptyOutbox(sql)
  await forgetCheckpoints(sql)
  await withoutCapture(sql, async (tx) => {
    for (const table of [
      'clients',
      'projects',
      'products',
      'document_templates',
      'crm_opportunities',
      'vendors',
      'things',
    ])
      await tx`delete from scopestack.${tx(table)}`
    await tx`insert into scopestack.things (id, sync_hash) values ('1', '')`
  })
  for (const id of ['1', '2']) {
    await load('clients', id, { name: `Client ${id}`, active: true, 'user-defined-fields': FIELDS })
    await load('projects', id, { 'project-name': 'Move', 'tag-list': ['a'] })
    await load('products', id, { name: 'Thing', 'unit-price': '10.50' })
    await load('document-templates', id, { name: 'Letter', teams: [] })
    await load('crm-opportunities', id, { name: 'Deal', 'opportunity-id': id })
  }
})

const FIELDS = [{ name: 'Tier', label: 'Tier', value: 'silver' }]
const load = (type: string, id: string, attributes: object) =>
  leased(sql, (tx) => createMirror(catalog.get(type)!).load(tx, [{ type, id, attributes }]))

const noted = () => readChanges(sql, ['resource', 'recordId', 'op', 'attributes', 'relationships'])
const contents = (table: string) => sql`select * from scopestack.${sql(table)} order by id`

interface Refusal {
  readonly code?: string
  readonly column_name?: string
  readonly table_name?: string
  readonly message?: string
}
const refusal = (statement: string): Promise<Refusal> =>
  sql.unsafe(statement).then(
    () => ({ message: 'not refused' }),
    (error: Refusal) => error,
  )

const DAYS = 'a day is carried from 0001-01-01 to 9999-12-31. Write one of these, or NULL to clear it.'
const FINITE = 'JSON has no such number. Write a finite one, or NULL to clear it.'
const DIGITS = 'a number is carried with at most 1,000 digits. Round it.'
const TEXTS = "a list is carried as texts in one dimension, none of them NULL. Write array['…', '…'], or '{}' for none."
const FLATTER = 'JSON is carried down to 97 levels. Write it flatter.'
const WHOLE =
  'a whole number is carried from -9007199254740991 to 9007199254740991. Write one of these, or NULL to clear it.'
const NOT_NULL = 'it would be taken for NULL. Write NULL.'
const nested = (levels: number): string => `'${'['.repeat(levels)}${']'.repeat(levels)}'::jsonb`

/** Table, column, expression, how the value is shown, why. */
const REFUSED: readonly (readonly [string, string, string, string | RegExp, string | RegExp])[] = [
  ['clients', 'msa_date', `'infinity'`, '"infinity"', DAYS],
  ['clients', 'msa_date', `'-infinity'`, '"-infinity"', DAYS],
  ['clients', 'msa_date', `'0044-03-15 BC'`, '"0044-03-15 BC"', DAYS],
  ['clients', 'msa_date', `'12026-01-01'`, '"12026-01-01"', DAYS],
  ['products', 'unit_price', `'NaN'`, '"NaN"', FINITE],
  ['products', 'unit_price', `'Infinity'`, '"Infinity"', FINITE],
  ['products', 'unit_price', `'-Infinity'`, '"-Infinity"', FINITE],
  ['products', 'unit_price', `10::numeric ^ 1000`, /^10{99}…$/, DIGITS],
  ['products', 'unit_price', `'1e-1000'`, /^0\.0{98}…$/, DIGITS],
  ['projects', 'tag_list', `array['a', null]`, '["a", null]', TEXTS],
  ['projects', 'tag_list', `array[array['a'], array['b']]`, '[["a"], ["b"]]', TEXTS],
  [
    'projects',
    'tag_list',
    `'[0:0]={a}'`,
    'a list that begins elsewhere than with element 1',
    "only the texts are carried. Write array['…', '…'].",
  ],
  ['document_templates', 'filename_format', `'{NULL}'`, '[null]', TEXTS],
  ['document_templates', 'teams', `'null'`, "'null'::jsonb", NOT_NULL],
  ['document_templates', 'teams', nested(98), /^\[{98}\]+…$/, FLATTER],
  [
    'document_templates',
    'teams',
    `'[{"share": [1e-400]}]'`,
    /\[\{"share": \[0\.0{80,}…/,
    /the number 0\.0{98} is beyond what is carried as one\. Write it as a text\./,
  ],
  ['document_templates', 'teams', `'[1e400]'`, /^\[10{98}…$/, /the number 10{99} is beyond what is carried as one\./],
  [
    'things',
    'at',
    `'infinity'`,
    '"infinity"',
    'a time is carried from the year 1 to the year 9999. Write one of these, or NULL to clear it.',
  ],
  [
    'things',
    'at',
    `'0001-01-01 00:30:00+01'`,
    '"0001-12-31T23:30:00+00:00 BC"',
    'a time is carried from the year 1 to the year 9999. Write one of these, or NULL to clear it.',
  ],
  [
    'things',
    'at',
    `'2026-01-02 03:04:05.123456Z'`,
    '"2026-01-02T03:04:05.123456+00:00"',
    "ScopeStack keeps milliseconds. Write date_trunc('milliseconds', …).",
  ],
]

const asPattern = (text: string | RegExp): string =>
  typeof text === 'string' ? RegExp.escape(text) : text.source.replace(/^\^|\$$/g, '')

/** The sentence, and the column for programs. */
const expected = (table: string, column: string, shown: string | RegExp, why: string | RegExp) => ({
  code: '23514',
  table_name: table,
  column_name: column,
  message: expect.stringMatching(
    new RegExp(`^Column ${column} of scopestack\\.${table} cannot be ${asPattern(shown)}: ${asPattern(why)}`),
  ) as string,
})

describe.each(REFUSED)('%s.%s = %s', (table, column, expression, shown, why) => {
  it('is refused in an edit of all rows, of which none is edited, and in a new row', async () => {
    const before = await contents(table)
    const typed = `(${expression})::${await typeOf(table, column)}`
    const wanted = expected(table, column, shown, why)
    // Of one row only, so that the others would pass.
    expect(
      await refusal(`update scopestack.${table} set ${column} = case id when '1' then ${typed} else ${column} end`),
    ).toMatchObject(wanted)
    expect(await refusal(`insert into scopestack.${table} (${column}) select ${typed}`)).toMatchObject(wanted)
    expect([await contents(table), await noted()]).toEqual([before, []])
  })
})

const copyInto = (statement: string, lines: readonly string[]): Promise<unknown> =>
  sql.begin(async (tx) => {
    const stream = await tx.unsafe(statement).writable()
    const ended = finished(stream)
    await new Promise((resolve) => stream.write(lines.join(''), resolve))
    stream.end()
    await Promise.race([ended, tx`select`.then(() => ended)])
  })

const typeOf = async (table: string, column: string): Promise<string> =>
  (
    await sql<{ type: string }[]>`
      select format_type(atttypid, atttypmod) as type from pg_attribute
      where attrelid = ${`scopestack.${table}`}::regclass and attname = ${column}`
  )[0]!.type

it.each([`9007199254740992`, `-9007199254740992`])('project_services.quantity = %s is refused', async (number) => {
  expect(await refusal(`insert into scopestack.project_services (quantity) values (${number})`)).toMatchObject(
    expected('project_services', 'quantity', number, WHOLE),
  )
})

describe('NULL is refused in a column that a record cannot lack', () => {
  it.each([
    ['clients', 'active', 'a record is active or archived. Write true or false.'],
    ['clients', 'name', 'it is what the record is known by. Write a text.'],
    ['projects', 'project_name', 'it is what the record is known by. Write a text.'],
    ['crm_opportunities', 'opportunity_id', 'it is what the record is known by. Write a text.'],
  ])('%s.%s', async (table, column, why) => {
    expect(await refusal(`update scopestack.${table} set ${column} = null`)).toMatchObject(
      expected(table, column, 'NULL', why),
    )
    expect(await noted()).toEqual([])
  })

  it('NULL is accepted where it clears a value', async () => {
    await sql`update scopestack.clients set msa_date = null, domain = null where id = '1'`
    await sql`update scopestack.products set unit_price = null where id = '1'`
    await sql`update scopestack.projects set tag_list = null where id = '1'`
    expect((await noted()).map((one) => one.attributes)).toEqual([{ 'unit-price': null }, { 'tag-list': null }])
  })
})

describe('a refused value is found in every statement:', () => {
  const INFINITE = expected('clients', 'msa_date', '"infinity"', DAYS)
  it.each([
    `insert into scopestack.clients (name, msa_date) select 'New', unnest(array['2026-01-02', 'infinity']::date[])`,
    `insert into scopestack.clients (id, name, sync_hash, msa_date) values ('1', 'Client 1', '', 'infinity') on conflict (id) do update set msa_date = excluded.msa_date`,
    `merge into scopestack.clients c using (values ('1', date 'infinity'), ('3', '2026-01-02')) as s (id, day) on s.id = c.id
       when matched then update set msa_date = s.day when not matched then insert (name, msa_date) values ('New', s.day)`,
    `with edited as (update scopestack.clients set msa_date = 'infinity' where id = '1' returning id)
       insert into scopestack.vendors (name) select id from edited`,
    `update public.own_view set msa_date = 'infinity' where id = '1'`,
    `insert into public.own_view (name, msa_date) values ('New', 'infinity')`,
    `select public.own_function('infinity')`,
    `update scopestack.clients set domain = 'for ever' where id = '1'`,
    `insert into scopestack.clients (name, domain) values ('New', 'for ever')`,
    `do $$ begin update scopestack.clients set msa_date = 'infinity' where id = '1'; end $$`,
    `prepare p as update scopestack.clients set msa_date = $1 where id = '1'; execute p('infinity')`,
  ])('%s', async (statement) => {
    const before = await contents('clients')
    expect(await refusal(statement)).toMatchObject(INFINITE)
    expect([await contents('clients'), await contents('vendors'), await noted()]).toEqual([before, [], []])
  })

  it.each([
    ['text', (day: string) => `Copied\t${day}\n`],
    ['csv', (day: string) => `Copied,${day}\n`],
  ])('COPY as %s', async (format, line) => {
    const copy = (day: string) =>
      copyInto(`copy scopestack.clients (name, msa_date) from stdin (format ${format})`, [
        line('2026-01-02'),
        line(day),
      ])
    // The driver drops the error of a COPY; that the transaction is lost tells of it.
    await expect(copy('infinity')).rejects.toMatchObject({ code: '25P02' })
    expect(await noted()).toEqual([])
    await copy('2026-01-03')
    expect(await noted()).toHaveLength(2)
  })

  it('a COPY in the form of pg_dump that lacks columns of a dump', async () => {
    await expect(
      copyInto('COPY scopestack.clients (name, sync_hash) FROM stdin', ['Copied\tx\n']),
    ).rejects.toMatchObject({
      code: '25P02',
    })
    await copyInto('COPY scopestack.clients (name) FROM stdin', ['Copied\n'])
    expect(await noted()).toHaveLength(1)
  })

  it('entries that a user’s trigger writes', async () => {
    await sql.unsafe(`
      create function public.own_fields() returns trigger language plpgsql as
        $$ begin new.user_defined_fields := '[{"name": "Tier", "value": {"of": "objects"}}]'; return new; end $$;
      create trigger own_fields before update on scopestack.clients for each row execute function public.own_fields()`)
    try {
      expect(await refusal(`update scopestack.clients set domain = 'any.test' where id = '1'`)).toMatchObject({
        column_name: 'user_defined_fields',
        message: expect.stringContaining('cannot hold {"of": "objects"} for "Tier"') as string,
      })
    } finally {
      await sql.unsafe(`drop function public.own_fields cascade`)
    }
  })

  it('a column that only scopestack-sync writes, in a new row', async () => {
    expect(
      (await refusal(`insert into scopestack.clients (name, sync_changed_at) values ('x', 'infinity')`)).message,
    ).toMatch(/^Column sync_changed_at of scopestack\.clients is read-only\./)
    expect((await refusal(`insert into scopestack.clients (name, sync_hash) values ('x', 'x')`)).message).toMatch(
      /^Column sync_hash of scopestack\.clients is read-only\./,
    )
    expect((await refusal(`insert into scopestack.clients (name, sync_extra) values ('x', '{}')`)).message).toMatch(
      /^Column sync_extra of scopestack\.clients is read-only\./,
    )
  })
})

it('a load is not checked: values of ScopeStack are stored as they are', async () => {
  await sql`update scopestack.clients set domain = 'waits' where id = '1'`
  await withoutCapture(sql, (tx) => tx`update scopestack.clients set msa_date = 'infinity' where id = '2'`)
  await sql`update scopestack.clients set domain = 'beside.test' where id = '2'`
  expect((await noted()).map((one) => one.attributes)).toEqual([{ domain: 'waits' }, { domain: 'beside.test' }])
})

it('the migration leaves waiting edits as they were, and roles that could edit still can', async () => {
  await using older = await createEmptyDatabase()
  const old = openDatabase(older.url, { connections: 1 })
  const editor = `editor_${randomUUID().slice(0, 8)}`
  const folder = join(import.meta.dirname, '../../../migrations')
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).toSorted()
  const itself = names.findIndex((name) => name.endsWith('_refused_values.sql'))
  const run = async (some: readonly string[]): Promise<void> => {
    for (const name of some) await old.unsafe(await readFile(join(folder, name), 'utf8'))
  }
  const edit = (statement: string) =>
    leased(old, async (tx) => {
      await tx.unsafe(`set local role ${editor}`)
      await tx.unsafe(statement)
    })
  const waiting = () => old`select id, record_id, op, attributes, base, state from sync.outbox order by id`
  try {
    await run(names.slice(0, itself))
    // Tables that later migrations make are not there yet.
    const there = await old<{ name: string }[]>`select tablename as name from pg_tables where schemaname = 'scopestack'`
    const made = new Set(there.map(({ name }) => name))
    await installCapture(
      old,
      [...catalog.values()].filter(({ table }) => made.has(table)),
    )
    await old.unsafe(`create role ${editor}`)
    await old`select sync.grant_editor(${editor}::regrole)`
    await leased(old, (tx) => createMirror(catalog.get('clients')!).load(tx, [{ type: 'clients', id: '1' }]))
    await edit(`update scopestack.clients set msa_date = 'infinity', name = 'Before' where id = '1'`)
    const before = await waiting()
    await run(names.slice(itself))
    await installCapture(old, [...catalog.values()])
    expect(await waiting()).toEqual(before)
    await edit(`update scopestack.clients set domain = 'after.test' where id = '1'`)
    await edit(`select sync.enqueue_change('clients', 'update', '1', '{"name": "After"}')`)
    await expect(edit(`update scopestack.clients set msa_date = '-infinity' where id = '1'`)).rejects.toThrow(DAYS)
    expect((await waiting()).map((one) => one.attributes)).toEqual([
      { name: 'Before', 'msa-date': 'infinity' },
      { domain: 'after.test' },
      { name: 'After' },
    ])
  } finally {
    await old.unsafe(`drop owned by ${editor}; drop role ${editor}`)
    await old.end()
  }
})
