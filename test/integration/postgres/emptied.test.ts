/** A database that one test returns and another one takes is like a new clone, or is not taken; so is the session that stays. */
import { expect, inject, it } from 'vitest'
import { startSimulator } from '../../../src/simulator/server.ts'
import { openDatabase, type Database } from '../../../src/store/connection/database.ts'
import { createDatabase, createNewDatabase } from '../../support/postgres/database.ts'
import { emptyDatabase } from '../../support/postgres/emptied.ts'
import { onTestFinished } from '../../support/run/test-context.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'

/** Each row of each table, and where each sequence stands. */
async function contentsOf(sql: Database): Promise<unknown> {
  const tables = await sql<{ name: string }[]>`
    select format('%I.%I', table_schema, table_name) as name from information_schema.tables
    where table_schema in ('scopestack', 'sync') and table_type = 'BASE TABLE' order by 1`
  // Views that were made anew are others, of the same name.
  const each = tables.map(({ name }) => {
    const row = name === 'sync.live_views' ? `to_jsonb(t) - '{relation,kept}'::text[]` : 'to_jsonb(t)'
    return `select '${name}' as name, (select jsonb_agg(${row} order by t::text) from ${name} t) as rows`
  })
  const rows = await sql.unsafe(each.join(' union all '))
  return [rows, await sql`select schemaname, sequencename, last_value from pg_sequences order by 1, 2`]
}

async function empty(url: string): Promise<boolean> {
  const sql = openDatabase(url, { connections: 1 })
  try {
    return await emptyDatabase(sql, inject('databaseBaseline'))
  } finally {
    await sql.end({ timeout: 1 })
  }
}

it('is emptied of all that a pull and edits wrote, and its sequences restart', async () => {
  await using database = await createNewDatabase()
  const sql = openDatabase(database.url)
  const before = await contentsOf(sql)
  await using sim = await startSimulator({ projects: 3 }).then((one) =>
    Object.assign(one, { [Symbol.asyncDispose]: () => one.close() }),
  )
  const worker = await startWorker(sim, database.url)
  await worker.run()
  await sql`update scopestack.clients set domain = 'edited.test'`
  await sql`create temporary table of_mine (id int)`
  expect(await contentsOf(sql)).not.toEqual(before)
  await worker[Symbol.asyncDispose]()

  expect(await empty(database.url)).toBe(true)
  const again = openDatabase(database.url)
  expect(await contentsOf(again)).toEqual(before)
  await Promise.all([sql.end({ timeout: 1 }), again.end({ timeout: 1 })])
  expect(await empty(database.url)).toBe(true)
})

it.each([
  'alter table scopestack.clients add column mine text',
  'alter table scopestack.clients disable trigger user',
  'alter table scopestack.clients set (fillfactor = 50)',
  'alter table scopestack.clients alter column domain set default 1',
  'create index on scopestack.clients (domain)',
  'create table public.mine (id int)',
  'create schema mine',
  'create extension pg_walinspect',
  'grant select on scopestack.clients to public',
  'revoke usage on schema sync from public',
  "comment on table scopestack.clients is 'nothing'",
  'do $$ begin execute format($f$alter database %I set work_mem = 64$f$, current_database()); end $$',
  'do $$ begin execute format($f$alter database %I connection limit 50$f$, current_database()); end $$',
  "create function public.mine() returns int language sql as 'select 1'",
])('is not lent again after: %s', async (statement) => {
  await using database = await createNewDatabase()
  const sql = openDatabase(database.url, { connections: 1 })
  await sql.unsafe(statement)
  await sql.end({ timeout: 1 })
  expect(await empty(database.url)).toBe(false)
})

it('is lent again with a session that is as it began: a worker finds its pool without what was set in it', async () => {
  const sim = await startSimulator({ projects: 0 })
  onTestFinished(() => sim.close())
  const state = async ({ sql }: TestWorker) => ({
    ...(
      await sql`
      select pg_backend_pid() as pid, session_user as login, current_user as role, to_regclass('of_mine') as temporary,
        current_setting('work_mem') as memory, current_setting('session_replication_role') as triggers,
        current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
        (select json_agg(c) from pg_listening_channels() c) as channels,
        (select count(*)::int from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as locks`
    )[0],
    settings: await sql`select name, setting from pg_settings where source = 'session' order by name`,
  })
  const first = await createDatabase()
  const worker = await startWorker(sim, first.url)
  const before = await state(worker)
  await worker.sql`create temporary table of_mine (id int)`
  await worker.sql`select set_config('work_mem', '64kB', false), pg_advisory_lock(7)`
  await worker.sql.unsafe('listen mine')
  expect(await state(worker)).not.toEqual(before)
  await worker[Symbol.asyncDispose]()
  await first[Symbol.asyncDispose]()

  await using second = await createDatabase()
  expect(second.url).toBe(first.url)
  await using next = await startWorker(sim, second.url)
  expect(await state(next)).toEqual(before)
})
