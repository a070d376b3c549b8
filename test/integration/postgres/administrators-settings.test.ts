/**
 * Settings that an administrator made for a database change nothing: not what is loaded, not what an edit becomes, not
 * what is sent, not what is shown. In the long form each setting for itself, here those together that get along.
 */
import postgres from 'postgres'
import { expect, inject, it } from 'vitest'
import { migrateQueue } from '../../../src/jobs/queue-tables.ts'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { readStatus } from '../../../src/store/runs/status.ts'
import { createNewDatabase } from '../../support/postgres/database.ts'
import { onTestFinished } from '../../support/run/test-context.ts'
import { remoteIds } from '../../support/scopestack/account.ts'
import { unequal } from '../../support/scopestack/truth.ts'
import { verify } from '../../support/scopestack/verified.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import { readChanges } from '../../support/tables/outbox.ts'

const LONG = process.env['FAULTS'] === 'long'
const TYPES = ['clients', 'projects', 'products', 'vendors', 'project-locations', 'tags', 'services']

type Settings = Readonly<Record<string, string>>

/** By the word that describes them. */
const GROUPS: Readonly<Record<string, readonly Settings[]>> = {
  'styles of values': [
    { datestyle: 'SQL, DMY', intervalstyle: 'sql_standard', timezone: 'Asia/Kolkata', bytea_output: 'escape' },
    { datestyle: 'German', intervalstyle: 'iso_8601', timezone: 'America/Caracas', extra_float_digits: '-15' },
    { datestyle: 'Postgres, YMD', intervalstyle: 'postgres_verbose', extra_float_digits: '0' },
  ],
  'readings of SQL': [
    { standard_conforming_strings: 'off', escape_string_warning: 'off', backslash_quote: 'off', array_nulls: 'off' },
    { transform_null_equals: 'on', xmloption: 'document', quote_all_identifiers: 'on', check_function_bodies: 'off' },
  ],
  'languages and encodings': [
    { client_encoding: 'LATIN1', lc_messages: 'C', lc_monetary: 'C', lc_numeric: 'C', lc_time: 'C' },
    { client_encoding: 'SQL_ASCII', default_text_search_config: 'pg_catalog.german', client_min_messages: 'debug5' },
  ],
  'names that others made': [
    { search_path: 'shadow, pg_catalog, public' },
    { search_path: '' },
    { search_path: 'nowhere' },
  ],
  transactions: [
    { default_transaction_isolation: 'serializable', default_transaction_deferrable: 'on', synchronous_commit: 'off' },
    { default_transaction_isolation: 'repeatable read' },
  ],
  // Long enough for a session to begin while the machine does twenty other things: that they do not hold is read, not waited for.
  limits: [
    {
      statement_timeout: '5s',
      lock_timeout: '5s',
      work_mem: '64kB',
      temp_buffers: '800kB',
      hash_mem_multiplier: '1',
    },
    { idle_in_transaction_session_timeout: '5s', idle_session_timeout: '5s', maintenance_work_mem: '1MB' },
    { transaction_timeout: '5s', statement_timeout: '5s' },
  ],
  'triggers and rows': [
    { row_security: 'off', default_toast_compression: 'pglz', exit_on_error: 'on' },
    { restrict_nonsystem_relation_kind: 'view' },
  ],
  plans: [
    {
      jit: 'on',
      jit_above_cost: '0',
      jit_inline_above_cost: '0',
      jit_optimize_above_cost: '0',
      plan_cache_mode: 'force_custom_plan',
      enable_seqscan: 'off',
      enable_sort: 'off',
      enable_indexonlyscan: 'off',
      enable_tidscan: 'off',
      geqo: 'on',
      geqo_threshold: '2',
    },
    {
      plan_cache_mode: 'force_generic_plan',
      enable_nestloop: 'off',
      enable_hashjoin: 'off',
      enable_indexscan: 'off',
      from_collapse_limit: '1',
      join_collapse_limit: '1',
      geqo: 'off',
      constraint_exclusion: 'on',
      random_page_cost: '1000',
      max_parallel_workers_per_gather: '0',
      synchronize_seqscans: 'off',
    },
    {
      enable_mergejoin: 'off',
      enable_hashagg: 'off',
      enable_bitmapscan: 'off',
      enable_material: 'off',
      enable_memoize: 'off',
      debug_parallel_query: 'on',
      force_parallel_mode: 'on',
      parallel_setup_cost: '0',
      parallel_tuple_cost: '0',
      seq_page_cost: '0',
      cpu_tuple_cost: '100',
    },
  ],
  'what is logged': [
    { log_statement: 'all', log_min_duration_statement: '0', application_name: 'theirs', log_min_messages: 'debug1' },
    { track_activities: 'off', stats_fetch_consistency: 'snapshot' },
  ],
}

const CASES: (readonly [string, Settings])[] = LONG
  ? Object.entries(GROUPS).flatMap(([about, all]) =>
      all.flatMap((settings) => Object.entries(settings).map(([name, value]) => [about, { [name]: value }] as const)),
    )
  : [0, 1, 2].map((at) => ['all at once', merged(Object.values(GROUPS).map((group) => group[at] ?? {}))])

function merged(all: readonly Settings[]): Settings {
  return Object.fromEntries(all.flatMap((settings) => Object.entries(settings)))
}

/** What an administrator adds to every one of them: names like ours, found before those of Postgres. */
const SHADOW = `
  create schema shadow;
  create function shadow.now() returns timestamptz language sql as $$ select '1999-01-01'::timestamptz $$;
  create function shadow.to_jsonb(anyelement) returns jsonb language sql as $$ select '{}'::jsonb $$;
  create function shadow.set_config(text, text, boolean) returns text language sql as $$ select 'no' $$;
  create function shadow.wrong() returns boolean language sql as $$ select false $$;
  create function shadow.equal(text, text) returns boolean language sql immutable as $$ select false $$;
  create operator shadow.= (leftarg = text, rightarg = text, function = shadow.equal);
  create function shadow.more(jsonb, jsonb) returns jsonb language sql immutable as $$ select null::jsonb $$;
  create operator shadow.|| (leftarg = jsonb, rightarg = jsonb, function = shadow.more);
  create domain shadow.timestamptz as text;
  create table shadow.pg_settings (name text, setting text, boot_val text, context text, source text);
  create table shadow.pg_stat_activity (pid int, backend_start text);
  create table shadow.outbox (id int)`

/** In SQL that means the same under any settings. */
const EDITS = [
  `update scopestack.clients set domain = E'gr\\u00f6\\u00dfe \\\\1.test', msa_date = date '2027-03-04' where id operator(pg_catalog.=) '$clients'`,
  `update scopestack.clients set user_defined_fields = null where false`,
  `update scopestack.products set unit_cost = 1234567.891, list_price = 0.1 where id operator(pg_catalog.=) '$products'`,
  `update scopestack.projects set tag_list = array['one', 'NULL', 'zwei "3"'], executive_summary = 'O''Neil'
   where id operator(pg_catalog.=) '$projects'`,
  `insert into scopestack.vendors (name, city) values ('Administrated', E'K\\u00f6ln')`,
]

/** No limit of an administrator's keeps them from being made. */
const UNLIMITED = '-c statement_timeout=0 -c idle_session_timeout=0'

/** Known since 17. */
async function unlimited(): Promise<string> {
  const admin = postgres(inject('adminUrl'), { max: 1, onnotice: () => {} })
  const [more] = await admin`select from pg_settings where name = 'transaction_timeout'`
  await admin.end()
  return more === undefined ? UNLIMITED : `${UNLIMITED} -c transaction_timeout=0`
}

async function edit(url: string, sim: Simulator): Promise<void> {
  const sql = postgres(url, {
    max: 1,
    onnotice: () => {},
    fetch_types: false,
    connection: { options: await unlimited(), client_encoding: '' },
  })
  try {
    for (const one of EDITS) {
      await sql.unsafe(one.replaceAll(/\$([a-z]+)/g, (_, type: string) => remoteIds(sim, type)[0]!))
    }
  } finally {
    await sql.end()
  }
}

async function asAdministrator(settings: Settings): Promise<{ url: string; known: boolean }> {
  const database = await createNewDatabase()
  onTestFinished(() => database[Symbol.asyncDispose]())
  const admin = postgres(database.url, { max: 1, onnotice: () => {} })
  try {
    await admin.unsafe(SHADOW)
    let known = false
    for (const [name, value] of Object.entries(settings)) {
      const [exists] = await admin`select from pg_settings where name = ${name}`
      // Each version has its own.
      if (exists === undefined) continue
      known = true
      await admin.unsafe(
        `alter database ${new URL(database.url).pathname.slice(1)} set ${name} = ${value === '' ? "''" : value.includes(',') ? value : `'${value}'`}`,
      )
    }
    return { url: database.url, known }
  } finally {
    await admin.end()
  }
}

const outcomesOf = async (worker: TestWorker): Promise<unknown> =>
  (await worker.run(TYPES)).outcomes
    .map(({ resource, outcome, code, inserted, updated }) => ({ resource, outcome, code, inserted, updated }))
    .toSorted((a, b) => a.resource.localeCompare(b.resource))

async function differences({ sql, catalog }: TestWorker, sim: Simulator): Promise<unknown[]> {
  const found = []
  for (const type of TYPES) found.push(...(await unequal(sql, sim, catalog.get(type)!)))
  return found
}

/** A pull, edits, a push, a pull, verify, status: all that is to be the same. */
async function story(url: string): Promise<unknown> {
  const sim = await startSimulator({ projects: 3 })
  onTestFinished(() => sim.close())
  await migrateQueue(url)
  const worker = await startWorker(sim, url, { pageSize: 10 })
  onTestFinished(() => worker[Symbol.asyncDispose]())
  const first = await outcomesOf(worker)
  const loaded = await differences(worker, sim)
  await edit(url, sim)
  const noted = await readChanges(worker.sql, ['resource', 'op', 'attributes', 'relationships', 'base'])
  const outcomes = (await worker.push()).map(({ outcome }) => ({ outcome }))
  const second = await outcomesOf(worker)
  const left = await differences(worker, sim)
  const verified = []
  for (const type of TYPES) verified.push(await verify(worker, type))
  const values =
    await worker.sql`select owner_type, owner_id, name, value, value_numeric, value_date from scopestack.user_defined_values order by 1, 2, 3`
  const status = (await readStatus(worker.sql))!
  const fresh = status.resources.map(({ resource, dataAsOf, lastOutcome, rows }) => ({
    resource,
    rows,
    lastOutcome,
    recent: dataAsOf !== null && Math.abs(Date.now() - dataAsOf.getTime()) < 600_000,
  }))
  return {
    limits:
      await worker.sql`select name, setting from pg_settings where name like '%timeout' and context = 'user' order by 1`,
    first,
    loaded,
    noted,
    outcomes,
    second,
    left,
    verified,
    values,
    fresh,
    parked: status.parked,
    drift: status.drift,
  }
}

let without: Promise<unknown> | undefined

it.for(CASES)('%s: %o', async ([, settings], { skip }) => {
  const { url, known } = await asAdministrator(settings)
  if (!known) skip('this version of Postgres knows none of them')
  without ??= asAdministrator({}).then(({ url: plain }) => story(plain))
  const expected = await without
  const sent = Array.from({ length: 4 }, () => ({ outcome: 'sent' }))
  expect(expected).toMatchObject({ loaded: [], left: [], outcomes: sent })
  expect(await story(url)).toEqual(expected)
})
