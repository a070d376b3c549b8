/**
 * Whatever the session of an editor has set, the same is noted of an edit, and the same goes out: values and base of every
 * kind, under settings that change how Postgres reads and writes them.
 */
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { openDatabase, type Database } from '../../../src/store/connection/database.ts'
import { createDatabase, createNewDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { withoutCapture } from '../../support/postgres/without-capture.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import { emptyOutbox } from '../../support/tables/outbox.ts'
import { emptyPageCache } from '../../support/tables/progress.ts'

const SETTINGS: Readonly<Record<string, readonly string[]>> = {
  TimeZone: ['America/St_Johns', 'Pacific/Kiritimati', 'UTC'],
  DateStyle: ['SQL, DMY', 'German', 'Postgres, MDY', 'ISO, YMD'],
  IntervalStyle: ['sql_standard', 'iso_8601'],
  extra_float_digits: ['-15', '0', '3'],
  bytea_output: ['escape'],
  standard_conforming_strings: ['off'],
  escape_string_warning: ['off'],
  quote_all_identifiers: ['on'],
  array_nulls: ['off'],
  transform_null_equals: ['on'],
  client_encoding: ['LATIN1', 'UTF8'],
  xmlbinary: ['hex'],
  default_transaction_isolation: ['serializable', 'repeatable read'],
  search_path: ['before, scopestack, sync, pg_catalog', 'before, pg_catalog', ''],
  enable_hashjoin: ['off'],
  enable_nestloop: ['off'],
  jit_above_cost: ['0'],
  plan_cache_mode: ['force_generic_plan', 'force_custom_plan'],
  'plpgsql.extra_errors': ['all'],
  row_security: ['off'],
}

/** `$t$ … $t$` is read alike whatever is said of backslashes, and ASCII whatever the client's encoding. */
const EDITS = [
  `update scopestack.clients set name = chr(220) || $t$n "q" \\ 'x'$t$, domain = E'a\\r\\nb', msa_date = date '2027-03-04', active = false,
     user_defined_fields = jsonb_build_array(jsonb_build_object('name', 'Note', 'value', $t$1x5$t$)) where id = $t$CLIENT$t$`,
  `update scopestack.products set unit_price = 12345678901234567890.1234, list_price = null, markup = 0.5 where id = $t$PRODUCT$t$`,
  `update scopestack.projects set tag_list = array['NULL', 'b,c', '', chr(252)], client_id = $t$CLIENT$t$, payment_term_id = null where id = $t$PROJECT$t$`,
  `update scopestack.document_templates set teams = '[{"share": 0.1, "at": "2027-03-04T05:06:07+02:00"}]', include_formatting = true where id = $t$TEMPLATE$t$`,
  `select sync.enqueue_change('crm-opportunities', 'update', $t$OPPORTUNITY$t$, '{"amount": "0.10", "is-closed": true, "name": "by function"}')`,
  `insert into scopestack.vendors (name, city, active) values ('Fresh', E'tab\\there', true)`,
  `delete from scopestack.crm_opportunities where id = $t$GONE$t$`,
] as const

const OF_A_TIME = `update scopestack.things set at = '2027-03-04T05:06:07.89+02:00'`

const TYPES = ['clients', 'products', 'projects', 'document-templates', 'crm-opportunities', 'vendors', 'payment-terms']

let sim: Simulator
let database: TestDatabase
let worker: TestWorker
let editor: Database

beforeAll(async () => {
  sim = await startSimulator({ projects: 3 })
  database = await createDatabase()
  worker = await startWorker(sim, database.url)
  await worker.run(TYPES)
  editor = openDatabase(database.url, { connections: 1 })
  // No column of the catalog that holds a time may be edited so far.
  const time = [{ name: 'at', member: 'at', from: 'attribute', kind: 'timestamp' }]
  await editor.unsafe(`
    create table scopestack.things (id text primary key, at timestamptz, sync_hash text not null default '',
      sync_changed_at timestamptz not null default now(), sync_deleted_at timestamptz);
    insert into scopestack.things values ('1', '2026-01-02 03:04:05+06');
    select sync.capture('scopestack.things', 'things', '{create,update}', '${JSON.stringify(time)}')`)
  // What an editor may put before the names that ours use.
  await editor.unsafe(`
    create schema before;
    create function before.to_jsonb(anyelement) returns jsonb language sql as $$ select '"theirs"'::jsonb $$;
    create function before.jsonb_typeof(jsonb) returns text language sql as $$ select 'theirs'::text $$;
    create function before.equal(jsonb, jsonb) returns boolean language sql as $$ select false $$;
    create operator before.<> (leftarg = jsonb, rightarg = jsonb, function = before.equal);
    create domain before.text as pg_catalog.int4;
    create domain before.jsonb as pg_catalog.int4`)
})

afterAll(async () => {
  await editor?.end()
  await worker?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
  await sim?.close()
})

const id = (type: string, at = 0): string => sim.records.list(type)[at]!.id

async function edit(settings: Readonly<Record<string, string>>, more: readonly string[] = []): Promise<void> {
  const names: Readonly<Record<string, string>> = {
    CLIENT: id('clients'),
    PRODUCT: id('products'),
    PROJECT: id('projects'),
    TEMPLATE: id('document-templates'),
    OPPORTUNITY: id('crm-opportunities'),
    GONE: id('crm-opportunities', 1),
  }
  const statements = [...EDITS, ...more].map((text) => text.replaceAll(/\b[A-Z]{4,}\b/g, (word) => names[word] ?? word))
  for (const [name, value] of Object.entries(settings))
    await editor.unsafe(`select pg_catalog.set_config('${name}', '${value}', false)`)
  await editor.unsafe(['begin', ...statements].join(';'))
}

const noted = (of: Database) =>
  of.unsafe(`
  select resource, case op when 'create' then 'new' else record_id end as record, op, attributes::pg_catalog.text,
    relationships::pg_catalog.text, base::pg_catalog.text, pg_catalog.array_to_json(refs)::pg_catalog.text as refs
  from sync.outbox order by id`)

/** What is noted of the edits under these settings; nothing is left of them. */
async function notedUnder(settings: Readonly<Record<string, string>>): Promise<unknown> {
  try {
    await edit(settings, [OF_A_TIME])
    await editor.unsafe(`reset all`)
    return await noted(editor)
  } finally {
    await editor.unsafe('rollback; reset all')
  }
}

/** What leaves for ScopeStack, which refuses it; then all is as it was. */
async function sentUnder(settings: Readonly<Record<string, string>>): Promise<readonly string[]> {
  await edit(settings)
  await editor.unsafe('commit; reset all')
  const sent: string[] = []
  await worker.push({
    through: (client) => ({
      ...client,
      write({ method, path, body }, parse) {
        sent.push(`${method} ${path} ${body ?? ''}`)
        return Promise.resolve(parse(REFUSED, path))
      },
    }),
  })
  await emptyOutbox(worker.sql)
  await emptyPageCache(worker.sql)
  await withoutCapture(worker.sql, async (tx) => {
    await tx`delete from scopestack.vendors where id like 'local-%'`
    for (const type of TYPES) await tx`update scopestack.${tx(type.replaceAll('-', '_'))} set sync_hash = ''`
  })
  await worker.run(TYPES, { restart: true })
  return sent.toSorted()
}

const REFUSED = { status: 422, headers: {}, body: '{"errors":[{"title":"not now"}]}' }

it('notes the same under every setting, and under any of them together', async () => {
  const plain = await notedUnder({})
  expect(plain).toHaveLength(EDITS.length + 1)
  for (const [name, values] of Object.entries(SETTINGS)) {
    for (const value of values) expect(await notedUnder({ [name]: value }), `${name} = ${value}`).toEqual(plain)
  }
  const some = fc.record(
    Object.fromEntries(Object.entries(SETTINGS).map(([name, values]) => [name, fc.constantFrom(...values)])),
    { requiredKeys: [] },
  ) as fc.Arbitrary<Record<string, string>>
  await fc.assert(
    fc.asyncProperty(some, async (settings) => {
      expect(await notedUnder(settings)).toEqual(plain)
    }),
    { numRuns: 20 },
  )
})

it('sends the same under all of them as under none', async () => {
  const plain = await sentUnder({})
  expect(plain).toHaveLength(EDITS.length)
  expect(plain.join('\n')).toContain('"unit-price":"12345678901234567890.1234"')
  for (const which of [0, -1])
    expect(
      await sentUnder(
        Object.fromEntries(Object.entries(SETTINGS).map(([name, values]) => [name, values.at(which) ?? ''])),
      ),
    ).toEqual(plain)
})

it('a worker reads and writes as usual where the database has such settings for every role', async () => {
  await using odd = await createNewDatabase()
  const own = openDatabase(odd.url, { connections: 1 })
  const { client_encoding: _, search_path: __, ...some } = SETTINGS
  for (const [name, values] of Object.entries({ ...some, extra_float_digits: ['0'], search_path: ['public'] }))
    await own.unsafe(
      `alter database ${new URL(odd.url).pathname.slice(1)} set ${name} to ${values[0]!
        .split(', ')
        .map((part) => `'${part}'`)
        .join(', ')}`,
    )
  await own.end()
  await using other = await startWorker(sim, odd.url)
  await other.run(TYPES)
  await other.sql`update scopestack.clients set msa_date = '2028-02-29', domain = chr(92) where id = ${id('clients')}`
  expect((await other.push()).map(({ outcome, error }) => [outcome, error])).toEqual([['sent', null]])
  expect(sim.records.read('clients', id('clients'))!.attributes).toMatchObject({
    'msa-date': '2028-02-29',
    domain: '\\',
  })
  const again = await other.run(TYPES, { restart: true })
  expect(again.outcomes.map(({ outcome, updated }) => [outcome, updated])).toEqual(TYPES.map(() => ['ok', 0]))
  const [status] = await other.sql<{ at: Date }[]>`select max(data_as_of) as at from scopestack.sync_status`
  expect(Math.abs(Date.now() - status!.at.getTime())).toBeLessThan(3_600_000)
})
