/** Triggers that were dropped, disabled or replaced: they are noticed, reported by table, and repaired by the next migration. */
import { afterAll, describe, expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { openDatabase } from '../../../src/store/connection/database.ts'
import { describeLostEdits } from '../../../src/store/schema/capture-state.ts'
import { migrate } from '../../../src/store/schema/migrate.ts'
import { createDatabase } from '../../support/postgres/database.ts'

const database = await createDatabase()
const sql = openDatabase(database.url, { connections: 2 })

afterAll(async () => {
  await sql.end()
  await database[Symbol.asyncDispose]()
})

const found = () => describeLostEdits(sql, [...catalog.values()])

const CASES: readonly (readonly [string, string, string | RegExp])[] = [
  [
    'a trigger that was dropped',
    'drop trigger write_back_update on scopestack.clients',
    'scopestack.clients (trigger write_back_update is missing)',
  ],
  [
    'one of a table that is read-only',
    'drop trigger write_back_refuse on scopestack.users',
    'scopestack.users (trigger write_back_refuse is missing)',
  ],
  [
    'one that was disabled',
    'alter table scopestack.vendors disable trigger write_back_insert',
    'scopestack.vendors (trigger write_back_insert is disabled)',
  ],
  [
    'one that fires for replicas only',
    'alter table scopestack.vendors enable replica trigger write_back_delete',
    'scopestack.vendors (trigger write_back_delete is disabled)',
  ],
  [
    'all of them, as a restore that broke off leaves them',
    'alter table scopestack.vendors disable trigger all',
    /scopestack\.vendors \(trigger write_back_refuse is disabled, .*write_back_delete is disabled\)/,
  ],
  [
    'one of user-defined values',
    'alter table scopestack.projects disable trigger user_defined_values_update',
    'scopestack.projects (trigger user_defined_values_update is disabled)',
  ],
  [
    'one that calls something else',
    'drop trigger write_back_delete on scopestack.projects; create function public.nothing() returns trigger language plpgsql as $$ begin return null; end $$; create trigger write_back_delete after delete on scopestack.projects for each statement execute function public.nothing()',
    'scopestack.projects (trigger write_back_delete calls public.nothing)',
  ],
  [
    'a function that was replaced',
    'create or replace function sync.capture_update() returns trigger language plpgsql as $$ begin return null; end $$',
    /scopestack\.[a-z_]+ \(function sync\.capture_update was replaced\); .* more tables/,
  ],
  [
    'a function that was dropped with all its triggers',
    'drop function sync.capture_insert() cascade',
    /trigger write_back_insert is missing/,
  ],
  [
    'a table made anew without triggers',
    'create table public.copy as table scopestack.teams; alter table scopestack.teams rename to old_teams; create table scopestack.teams (like scopestack.old_teams including all); drop table scopestack.old_teams cascade',
    /scopestack\.teams \(trigger write_back_refuse is missing/,
  ],
  [
    'a default that was dropped',
    'alter table scopestack.clients alter id drop default',
    'scopestack.clients (column id has lost its default)',
  ],
]

it('a database as it was migrated lacks no trigger', async () => {
  expect(await found()).toBe(null)
  expect(await migrate(database.url)).toEqual({ faults: [], repaired: true })
})

describe.each(CASES)('%s', (_, spoil, says) => {
  it('is reported, and repaired by the next migration', async () => {
    await sql.unsafe(spoil)
    const said = await found()
    expect(said).toMatch(/^Local edits are not noticed, and lost, in scopestack\./)
    if (typeof says === 'string') expect(said).toContain(says)
    else expect(said).toMatch(says)
    expect((await migrate(database.url)).faults).not.toEqual([])
    expect(await found()).toBe(null)
    expect(await migrate(database.url)).toEqual({ faults: [], repaired: true })
  })
})

it('the repair fills in the user-defined values that were missed', async () => {
  await sql.begin(async (tx) => {
    await tx`select set_config('sync.origin', 'pull', true)`
    await tx`alter table scopestack.clients disable trigger user`
    await tx`insert into scopestack.clients (id, sync_hash, user_defined_fields) values ('1', '', '[{"name": "Tier", "value": "gold"}]'::text::jsonb)`
  })
  await migrate(database.url)
  expect(await sql`select owner_id, name, value from scopestack.user_defined_values`).toEqual([
    { owner_id: '1', name: 'Tier', value: 'gold' },
  ])
})
