/**
 * The mirrored tables are the analysts' and integrators', too. Whatever they do to one of them, a row that is refused is parked
 * alone, or its resource fails with a message that names the table and the remedy; the other tables are read on, edits of them
 * are sent, and once it is repaired the next run is complete again by itself.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { readStatus } from '../../../src/store/runs/status.ts'
import { migrate } from '../../../src/store/schema/migrate.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { onTestFinished } from '../../support/run/test-context.ts'
import { EQUAL, verify } from '../../support/scopestack/verified.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import { makeDue } from '../../support/tables/outbox.ts'
import { readParked, setWatermarkAhead } from '../../support/tables/progress.ts'

let sim: Simulator
let database: TestDatabase
let worker: TestWorker

const TYPES = ['clients', 'vendors']

/** From PostgreSQL 18 a table that foreign keys join to others is as they are: logged. */
const WITHOUT_KEYS = `do $$ declare k record; begin
  for k in select conrelid::regclass as "table", conname as name from pg_constraint
    where contype = 'f' and 'scopestack.clients'::regclass in (conrelid, confrelid) and connamespace = 'scopestack'::regnamespace
  loop execute format('alter table %s drop constraint %I', k."table", k.name); end loop; end $$`

/** A view of a column holds it as it is. */
const RELEASED = "select sync.release_live_columns('clients', '{domain}')"

beforeAll(async () => {
  sim = await startSimulator({ projects: 2 })
  database = await createDatabase()
  worker = await startWorker(sim, database.url)
  await worker.sql.unsafe(`
    create schema own;
    create function own.raise() returns trigger language plpgsql as $$ begin
      if tg_op = 'DELETE' then raise 'own rule says no to %', old.id; end if;
      if tg_argv[0] = 'always' or new.name like 'Poison%' then raise 'own rule says no to %', new.id; end if;
      return new; end $$;
    create function own.swallow() returns trigger language plpgsql as $$ begin
      if new.name like 'Poison%' then return null; end if; return new; end $$;
    create function own.shout() returns trigger language plpgsql as $$ begin
      new.domain := upper(new.domain); return new; end $$;
    create function own.stumble() returns trigger language plpgsql as $$ begin
      if new.name like 'Poison%' then perform from own.no_such_table; end if; return new; end $$;
    `)
  await worker.run(TYPES)
})

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
  await sim?.close()
})

interface Change {
  readonly name: string
  readonly make: string
  readonly repair: string
  /** `parked`: the one row that is refused; `failed`: the resource, before anything is written; `ok`: nothing is refused. */
  readonly so: 'parked' | 'failed' | 'ok'
  /** What is said of it. */
  readonly says?: RegExp
}

const trigger = (when: string, call: string, more = ''): Pick<Change, 'make' | 'repair'> => ({
  make: `create ${more} trigger own_rule ${when} on scopestack.clients ${more === '' ? '' : 'deferrable initially deferred'} for each row execute function own.${call}`,
  repair: 'drop trigger own_rule on scopestack.clients',
})
const RULE = /own rule says no to \d+\. It is trigger own_rule of scopestack\.clients that refuses it/

const CHANGES: readonly Change[] = [
  {
    name: 'a trigger before each row that raises for one',
    ...trigger('before insert or update', "raise('one')"),
    so: 'parked',
    says: RULE,
  },
  {
    name: 'a trigger behind each row that raises for one',
    ...trigger('after insert or update', "raise('one')"),
    so: 'parked',
    says: RULE,
  },
  {
    name: 'a deferred constraint trigger',
    ...trigger('after insert or update', "raise('one')", 'constraint'),
    so: 'parked',
    says: RULE,
  },
  {
    name: 'a trigger with a fault of its own',
    ...trigger('before insert or update', 'stumble()'),
    so: 'parked',
    says: /own\.no_such_table.* trigger own_rule/,
  },
  {
    name: 'a trigger that takes a row away',
    ...trigger('before insert or update', 'swallow()'),
    so: 'parked',
    says: /gave no error: trigger own_rule of scopestack\.clients took it away/,
  },
  { name: 'a trigger that raises on deletes', ...trigger('before delete', "raise('always')"), so: 'ok' },
  {
    name: 'a rule that does nothing instead',
    make: "create rule own_rule as on update to scopestack.clients where new.name like 'Poison%' do instead nothing",
    repair: 'drop rule own_rule on scopestack.clients',
    so: 'parked',
    says: /rule own_rule/,
  },
  {
    name: 'a check',
    make: "alter table scopestack.clients add constraint own_check check (name not like 'Poison%')",
    repair: 'alter table scopestack.clients drop constraint own_check',
    so: 'parked',
    says: /own_check/,
  },
  {
    name: 'a check that is not valid yet',
    make: "alter table scopestack.clients add constraint own_check check (name not like 'Poison%') not valid",
    repair: 'alter table scopestack.clients drop constraint own_check',
    so: 'parked',
    says: /own_check/,
  },
  {
    name: 'a unique index',
    make: "create unique index own_index on scopestack.clients ((case when name like 'Poison%' then 'x' end)); select set_config('sync.origin', 'pull', false); insert into scopestack.clients (id, name, sync_hash) values ('own', 'Poisoned well', ''); select set_config('sync.origin', '', false)",
    repair:
      "select set_config('sync.origin', 'pull', false); delete from scopestack.clients where id = 'own'; select set_config('sync.origin', '', false); drop index scopestack.own_index",
    so: 'parked',
    says: /own_index/,
  },
  {
    name: 'an exclusion constraint',
    make: "alter table scopestack.clients add constraint own_exclusion exclude using btree ((case when name like 'Poison%' then 1 end) with =); select set_config('sync.origin', 'pull', false); insert into scopestack.clients (id, name, sync_hash) values ('own', 'Poisoned well', ''); select set_config('sync.origin', '', false)",
    repair:
      "select set_config('sync.origin', 'pull', false); delete from scopestack.clients where id = 'own'; select set_config('sync.origin', '', false); alter table scopestack.clients drop constraint own_exclusion",
    so: 'parked',
    says: /own_exclusion/,
  },
  {
    name: 'a foreign key to a table of their own',
    make: "create table own.names (name text primary key); insert into own.names select name from scopestack.clients union select unnest(array['Fine', 'New', 'Repaired']); alter table scopestack.clients add constraint own_key foreign key (name) references own.names deferrable initially deferred",
    repair: 'alter table scopestack.clients drop constraint own_key; drop table own.names',
    so: 'parked',
    says: /own_key/,
  },
  {
    name: 'a foreign key from a table of their own',
    make: 'create table own.notes (client_id text references scopestack.clients); insert into own.notes select id from scopestack.clients',
    repair: 'drop table own.notes',
    so: 'ok',
  },
  {
    name: 'a shorter type',
    make: `${RELEASED}; alter table scopestack.clients alter column domain type varchar(60)`,
    repair: `${RELEASED}; alter table scopestack.clients alter column domain type text`,
    so: 'parked',
    says: /too long for type character varying\(60\)/,
  },
  {
    name: 'a domain as a type',
    make: `${RELEASED}; create domain own.named as text check (value not like 'poison%'); alter table scopestack.clients alter column domain type own.named`,
    repair: `${RELEASED}; alter table scopestack.clients alter column domain type text; drop domain own.named`,
    so: 'parked',
    says: /domain own\.named|domain named/,
  },
  {
    name: 'a trigger that raises always',
    ...trigger('before insert or update', "raise('always')"),
    so: 'parked',
    says: RULE,
  },
  {
    name: 'a trigger that names no schema',
    make: `create table public.own_log (id text); create function public.own_id(text) returns text language sql as 'select $1';
      create function own.log() returns trigger language plpgsql as $$ begin insert into own_log values (own_id(new.id)); return new; end $$;
      create trigger own_rule before insert or update on scopestack.clients for each row execute function own.log()`,
    repair:
      'drop trigger own_rule on scopestack.clients; drop function own.log(); drop function public.own_id; drop table public.own_log',
    so: 'ok',
  },
  { name: 'a trigger that changes the row', ...trigger('before insert or update', 'shout()'), so: 'ok' },
  {
    name: 'a column of their own that must not be null',
    make: "alter table scopestack.clients add own_note text not null default 'x'; alter table scopestack.clients alter own_note drop default",
    repair: 'alter table scopestack.clients drop own_note',
    so: 'failed',
    says: /Column own_note of scopestack\.clients .* set default/,
  },
  {
    name: 'a generated column in the place of ours',
    make: `${RELEASED}; alter table scopestack.clients drop domain; alter table scopestack.clients add domain text generated always as (lower(name)) stored`,
    repair: 'alter table scopestack.clients alter column domain drop expression',
    so: 'failed',
    says: /Column domain of scopestack\.clients is generated/,
  },
  {
    name: 'a column that was dropped',
    make: `${RELEASED}; alter table scopestack.clients drop domain`,
    repair: 'alter table scopestack.clients add column "domain" text',
    so: 'failed',
    says: /scopestack\.clients has no column domain .*alter table scopestack\.clients add column "domain" text/,
  },
  {
    name: 'a column that was renamed',
    make: 'alter table scopestack.clients rename domain to web',
    repair: 'alter table scopestack.clients rename web to domain',
    so: 'failed',
    says: /scopestack\.clients has no column domain/,
  },
  {
    name: 'a column that stands elsewhere now',
    make: `${RELEASED}; alter table scopestack.clients drop domain; alter table scopestack.clients add domain text`,
    repair: 'select',
    so: 'ok',
  },
  {
    name: 'a table that was renamed',
    make: 'alter table scopestack.clients rename to customers',
    repair: 'alter table scopestack.customers rename to clients',
    so: 'failed',
    says: /scopestack\.clients is not there: it is named customers now.*rename to "clients"/,
  },
  {
    name: 'a table in another schema',
    make: 'alter table scopestack.clients set schema own',
    repair: 'alter table own.clients set schema scopestack',
    so: 'failed',
    says: /it is own\.clients now.*set schema scopestack/,
  },
  {
    name: 'a view in its place',
    make: 'alter table scopestack.clients set schema own; create view scopestack.clients as select * from own.clients',
    repair: 'drop view scopestack.clients; alter table own.clients set schema scopestack',
    so: 'failed',
    says: /scopestack\.clients is a view/,
  },
  {
    name: 'a heir with rows',
    make: "create table own.heirs () inherits (scopestack.clients); insert into own.heirs (id, sync_hash) values ('heir', '')",
    repair: 'drop table own.heirs',
    so: 'failed',
    says: /own\.heirs inherits from scopestack\.clients/,
  },
  {
    name: 'no primary key',
    make: 'alter table scopestack.clients drop constraint clients_pkey cascade',
    repair: 'alter table scopestack.clients add primary key (id)',
    so: 'ok',
  },
  {
    name: 'other defaults',
    make: "alter table scopestack.clients alter name set default 'x', alter sync_changed_at drop default",
    repair: 'alter table scopestack.clients alter name drop default, alter sync_changed_at set default now()',
    so: 'failed',
    says: /sync_changed_at/,
  },
  {
    name: 'a publication without a replica identity',
    make: 'alter table scopestack.clients replica identity nothing; create publication own for table scopestack.clients',
    repair: 'drop publication own; alter table scopestack.clients replica identity default',
    so: 'failed',
    says: /scopestack\.clients.*replica identity/,
  },
  {
    name: 'a partition of a table of their own',
    make: "create table own.all_clients (like scopestack.clients including defaults) partition by list (active); alter table own.all_clients attach partition scopestack.clients for values in (true, false, null); alter table own.all_clients add constraint own_check check (name not like 'Poison%') not valid",
    repair:
      'alter table own.all_clients detach partition scopestack.clients; drop table own.all_clients; alter table scopestack.clients drop constraint own_check',
    so: 'parked',
    says: /own_check/,
  },
  {
    name: 'columns, a heir and a storage of their own',
    make: `alter table scopestack.clients add own_note text, add own_flag text not null default 'x',
      add own_name text generated always as (upper(name)) stored, add own_number bigint generated always as identity;
      ${WITHOUT_KEYS}; alter table scopestack.clients set unlogged; create table own.heirs () inherits (scopestack.clients)`,
    repair: `drop table own.heirs;
      select sync.release_live_columns('clients', '{own_note,own_flag,own_name,own_number}');
      alter table scopestack.clients drop own_note, drop own_flag, drop own_name, drop own_number;
      alter table scopestack.clients set logged`,
    so: 'ok',
  },
]

const nth = (type: string, n: number): string => sim.records.list(type)[n]!.id
const outcomesOf = async (how: object) => {
  const { outcomes } = await worker.run(TYPES, how)
  return new Map(outcomes.map((one) => [one.resource, one]))
}
const parked = async () =>
  (await readParked(worker.sql, ['recordId', 'reason'], { resource: 'clients', isOpen: true })).map(
    ({ recordId: id, reason }) => ({ id, reason }),
  )
const nameOf = async (id: string) =>
  (await worker.sql<{ name: string }[]>`select name from scopestack.clients where id = ${id}`)[0]?.name
const POISON = 'Poison'
let turn = 0

describe.each(CHANGES)('$name', ({ make, repair, so, says }) => {
  it(`is ${so}`, { timeout: 60_000 }, async () => {
    const { sql } = worker
    const [poisoned, fine, edited, other] = [nth('clients', 0), nth('clients', 1), nth('clients', 2), nth('vendors', 0)]
    turn++
    await sql.unsafe(make)
    let repaired = false
    onTestFinished(async () => void (repaired || (await sql.unsafe(repair))))
    sim.records.update('clients', poisoned, {
      attributes: { name: `${POISON} ${turn}`, domain: `poison-${turn}-${'x'.repeat(60)}.test` },
    })
    sim.records.update('clients', fine, { attributes: { name: 'Fine', domain: `fine-${turn}.test` } })
    sim.records.update('vendors', other, { attributes: { city: `City ${turn}` } })
    const fresh = sim.records.create('clients', { attributes: { name: 'New', active: true } }).id
    for (const changesOnly of [false, true]) {
      const outcomes = await outcomesOf({ changesOnly })
      const { outcome, code, message } = outcomes.get('clients')!
      expect(outcomes.get('vendors'), 'the other table').toMatchObject({ outcome: 'ok' })
      if (so === 'failed') {
        expect({ outcome, code }).toEqual({ outcome: 'failed', code: expect.stringMatching(/^SYNC_TABLE_/) })
        expect(message).toMatch(says!)
      } else if (so === 'parked') {
        expect(outcome).toBe('incomplete')
        const reasons = new Map((await parked()).map(({ id, reason }) => [id, reason]))
        expect(reasons.get(poisoned)).toMatch(says!)
        if (!make.includes("'always'")) {
          expect([...reasons.keys()]).toEqual([poisoned])
          expect([await nameOf(fine), await nameOf(fresh)]).toEqual(['Fine', 'New'])
        }
      } else {
        expect({ outcome, message }).toEqual({ outcome: 'ok', message: null })
        expect([await nameOf(poisoned), await nameOf(fine), await nameOf(fresh)]).toEqual([
          `${POISON} ${turn}`,
          'Fine',
          'New',
        ])
      }
    }
    expect(await sql`select city from scopestack.vendors where id = ${other}`).toEqual([{ city: `City ${turn}` }])
    expect(await verify(worker, 'vendors')).toMatchObject(EQUAL)
    expect(await readStatus(sql)).toMatchObject({ account: { slug: expect.any(String) } })

    // Their own statement may be refused by what they made; ours is not.
    const mine = await sql
      .unsafe(`update scopestack.clients set domain = 'mine-${turn}.test' where id = '${edited}'`)
      .catch(() => undefined)
    await sql`update scopestack.vendors set city = ${`Mine ${turn}`} where id = ${other}`
    const settled = await worker.push()
    expect(settled.find(({ change }) => change.resource === 'vendors')).toMatchObject({ outcome: 'sent' })
    expect(sim.records.read('vendors', other)!.attributes['city']).toBe(`Mine ${turn}`)

    await sql.unsafe(repair)
    repaired = true
    sim.records.update('clients', poisoned, { attributes: { name: 'Repaired', domain: 'repaired.test' } })
    await makeDue(sql)
    await worker.push()
    if (mine?.count === 1)
      expect(String(sim.records.read('clients', edited)!.attributes['domain']).toLowerCase()).toBe(`mine-${turn}.test`)
    expect((await outcomesOf({ changesOnly: true })).get('clients')).toMatchObject({ outcome: 'ok' })
    expect((await outcomesOf({})).get('clients')).toMatchObject({ outcome: 'ok' })
    if (make.includes('shout()')) await verify(worker, 'clients', { repair: true })
    expect(await verify(worker, 'clients')).toMatchObject(EQUAL)
    expect(await parked()).toEqual([])
    sim.records.remove('clients', fresh)
    expect((await outcomesOf({})).get('clients')).toMatchObject({ outcome: 'ok', deleted: 1 })
  })
})

/** As if all that is in the list of changes had been read long ago. */
const forgetChanges = () => setWatermarkAhead(worker.sql, 'clients', '10 days')

it('a refused row is tried again by each run, though its record did not change since', async () => {
  const { sql } = worker
  const id = nth('clients', 0)
  await sql.unsafe("alter table scopestack.clients add constraint own_check check (name not like 'Poison%')")
  sim.records.update('clients', id, { attributes: { name: 'Poison' } })
  expect((await outcomesOf({})).get('clients')).toMatchObject({ outcome: 'incomplete', parked: 1 })
  await forgetChanges()
  const again = (await outcomesOf({ changesOnly: true })).get('clients')
  expect(again).toMatchObject({ outcome: 'incomplete', parked: 1, message: expect.stringContaining('sync.parked') })
  await sql.unsafe('alter table scopestack.clients drop constraint own_check')
  expect((await outcomesOf({ changesOnly: true })).get('clients')).toMatchObject({
    outcome: 'ok',
    updated: 1,
    parked: 0,
  })
  expect(await nameOf(id)).toBe('Poison')
  expect(await parked()).toEqual([])
})

it.each([
  ['raises', 'for each row execute function own.kept()', /own rule keeps \d+\. It is trigger own_rule/],
  ['takes the row away', 'for each row execute function own.gone()', /trigger own_rule of scopestack\.clients kept it/],
])(
  'a row that a trigger keeps from being marked as deleted, which %s, is parked and tried again',
  async (_, call, says) => {
    const { sql } = worker
    await sql.unsafe(`
    create or replace function own.gone() returns trigger language plpgsql as $$ begin
      if new.sync_deleted_at is not null and old.name = 'Kept' then return null; end if; return new; end $$;
    create or replace function own.kept() returns trigger language plpgsql as $$ begin
      if new.sync_deleted_at is not null and old.name = 'Kept' then raise 'own rule keeps %', old.id using errcode = 'OWN01'; end if;
      return new; end $$;
    create trigger own_rule before update on scopestack.clients ${call}`)
    const [kept, other] = ['Kept', 'Discarded'].map(
      (name) => sim.records.create('clients', { attributes: { name, active: true } }).id,
    )
    await worker.run(['clients'])
    for (const id of [kept, other]) sim.records.remove('clients', id!)
    expect((await outcomesOf({})).get('clients')).toMatchObject({ deleted: 1 })
    expect(await parked()).toEqual([{ id: kept, reason: expect.stringMatching(says) }])
    await sql.unsafe('drop trigger own_rule on scopestack.clients')
    await forgetChanges()
    expect((await outcomesOf({ changesOnly: true })).get('clients')).toMatchObject({ outcome: 'ok', deleted: 1 })
    expect(await parked()).toEqual([])
  },
)

it('a new row whose id a user’s foreign key refers to waits with the reason, and is sent once', async () => {
  const { sql } = worker
  const [made] = await sql<{ id: string }[]>`insert into scopestack.clients (name) values ('Held fast') returning id`
  await sql.unsafe(`create table own.notes (client_id text references scopestack.clients on delete cascade);
    insert into own.notes values ('${made!.id}')`)
  expect(await worker.push()).toMatchObject([
    {
      outcome: 'postponed',
      error: { code: 'SYNC_PUSH_ROW_REFUSED', message: expect.stringContaining('notes_client_id_fkey') },
    },
  ])
  await sql.unsafe(`alter table own.notes drop constraint notes_client_id_fkey,
    add foreign key (client_id) references scopestack.clients on update cascade on delete cascade`)
  await makeDue(sql)
  expect(await worker.push()).toMatchObject([{ outcome: 'sent' }])
  const same = sim.records.list('clients').filter(({ attributes }) => attributes['name'] === 'Held fast')
  expect(same).toHaveLength(1)
  expect(await sql`select client_id from own.notes`).toEqual([{ client_id: same[0]!.id }])
  await sql.unsafe('drop table own.notes')
})

it('every resource reports a schema that was renamed, and reads on when it is back', async () => {
  const { sql } = worker
  await sql.unsafe('alter schema scopestack rename to reports')
  for (const [, { outcome, message }] of await outcomesOf({})) {
    expect({ outcome, message }).toEqual({
      outcome: 'failed',
      message: expect.stringMatching(/named reports now.*alter schema "reports" rename to scopestack/),
    })
  }
  await sql.unsafe('alter schema reports rename to scopestack')
  expect([...(await outcomesOf({})).values()]).toMatchObject([{ outcome: 'ok' }, { outcome: 'ok' }])
})

it('in a column of a narrower number type, rows that do not fit are parked and none is rounded; repaired, all are read again', async () => {
  const { sql } = worker
  await worker.run(['products'])
  const [whole, part] = [nth('products', 0), nth('products', 1)]
  await sql`select sync.release_live_columns('products', '{unit_price}')`
  await sql.unsafe('alter table scopestack.products alter unit_price type integer using round(unit_price)')
  sim.records.update('products', whole, { attributes: { 'unit-price': '12' } })
  sim.records.update('products', part, { attributes: { 'unit-price': '10.75' } })
  const { outcomes } = await worker.run(['products'])
  expect(outcomes).toMatchObject([{ outcome: 'incomplete' }])
  const price = async (id: string) =>
    (await sql`select unit_price::text as price from scopestack.products where id = ${id}`)[0]!['price']
  expect(await price(whole)).toBe('12')
  const [aside] = await readParked(sql, ['reason'], { resource: 'products', recordId: part, isOpen: true })
  expect(aside!['reason']).toMatch(/integer: "10\.75"/)
  await sql`select sync.release_live_columns('products', '{unit_price}')`
  await sql.unsafe('alter table scopestack.products alter unit_price type numeric')
  expect((await worker.run(['products'], { changesOnly: true })).outcomes).toMatchObject([{ outcome: 'ok' }])
  expect(await verify(worker, 'products')).toMatchObject(EQUAL)
})

it('a dropped table is reported, and filled when its structure is back', async () => {
  const { sql } = worker
  await worker.run(['tags'])
  await sql.unsafe(
    'create table own.structure (like scopestack.tags including all); drop table scopestack.tags cascade',
  )
  const { outcomes } = await worker.run(['tags', 'vendors'])
  expect(outcomes.toSorted((a, b) => a.resource.localeCompare(b.resource))).toMatchObject([
    {
      outcome: 'failed',
      code: 'SYNC_TABLE_UNFIT',
      message: expect.stringContaining('scopestack.tags is not there. Restore it'),
    },
    { outcome: 'ok' },
  ])
  await migrate(database.url)
  await sql.unsafe('alter table own.structure set schema scopestack; alter table scopestack.structure rename to tags')
  await migrate(database.url)
  expect((await worker.run(['tags'], { changesOnly: true })).outcomes).toMatchObject([{ outcome: 'ok' }])
  expect(await verify(worker, 'tags')).toMatchObject(EQUAL)
})

it('a trigger that refuses each of a hundred rows fails its resource instead of parking them all', async () => {
  const { sql } = worker
  await sql.unsafe(
    "create trigger own_rule before insert on scopestack.vendors for each row execute function own.raise('always')",
  )
  const many = Array.from(
    { length: 150 },
    (_, n) => sim.records.create('vendors', { attributes: { name: `Vendor ${n}`, active: true } }).id,
  )
  const outcomes = await outcomesOf({})
  expect(outcomes.get('clients')).toMatchObject({ outcome: 'ok' })
  expect(outcomes.get('vendors')).toMatchObject({
    outcome: 'failed',
    code: 'SYNC_TABLE_REFUSED',
    message: expect.stringMatching(/scopestack\.vendors: own rule says no to \d+\. It is trigger own_rule/),
  })
  await sql.unsafe('drop trigger own_rule on scopestack.vendors')
  expect((await worker.run(['vendors'])).outcomes).toMatchObject([{ outcome: 'ok' }])
  for (const id of many) sim.records.remove('vendors', id)
})

it('more than a hundred rows that a constraint refuses stay parked in later runs, where every other row is unchanged', async () => {
  const { sql } = worker
  await sql.unsafe("alter table scopestack.clients add constraint own_check check (name not like 'Excess%')")
  sim.records.create('clients', { attributes: { name: 'Fits', active: true } })
  for (let n = 0; n < 120; n++) sim.records.create('clients', { attributes: { name: `Excess ${n}`, active: true } })
  const waiting = { outcome: 'incomplete', message: expect.stringContaining('sync.parked') }
  expect((await outcomesOf({})).get('clients')).toMatchObject({ ...waiting, parked: 120 })
  expect((await outcomesOf({})).get('clients')).toMatchObject({ ...waiting, parked: 120 })
  await forgetChanges()
  expect((await outcomesOf({ changesOnly: true })).get('clients')).toMatchObject(waiting)
  await sql.unsafe('alter table scopestack.clients drop constraint own_check')
  expect((await outcomesOf({})).get('clients')).toMatchObject({ outcome: 'ok', parked: 0 })
  expect(await parked()).toEqual([])
})
