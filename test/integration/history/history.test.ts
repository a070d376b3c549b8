/** What is a version, what began it, and what is none; switching on and off; whose hands it is safe from. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { openDatabase, type Database } from '../../../src/store/connection/database.ts'
import { pruneHistory } from '../../../src/store/runs/prune-history.ts'
import { historyTables } from '../../../src/store/schema/history.ts'
import { migrate } from '../../../src/store/schema/migrate.ts'
import { readMigrations } from '../../../src/store/schema/migration-files.ts'
import { createEmptyDatabase, createNewDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { withoutCapture } from '../../support/postgres/without-capture.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'

const HISTORY = new Set(['vendors', 'projects', 'project_documents'])
const TYPES = ['vendors', 'projects', 'project-documents']

let database: TestDatabase
let sim: Simulator
let worker: TestWorker
let sql: Database

beforeAll(async () => {
  database = await createNewDatabase()
  await migrate(database.url, { history: HISTORY })
  sim = await startSimulator({ projects: 6 })
  worker = await startWorker(sim, database.url, { history: TYPES, deleteLimit: 100, newFields: 'add' })
  sql = worker.sql
  await worker.run(TYPES)
})

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  await sim?.close()
  await database?.[Symbol.asyncDispose]()
})

interface Version {
  readonly from: string
  readonly to: string | null
  readonly cause: string
  readonly run: number | null
  readonly by: string | null
  readonly ended: string | null
  readonly row: Record<string, unknown>
}

const versionsOf = async (table: string, id: string): Promise<Version[]> => [
  ...(await sql<Version[]>`
    select valid_from::text as "from", valid_to::text as "to", cause, run_id::int as run, changed_by as "by", ended_by as ended, to_jsonb(v) as row
    from scopestack_history.${sql(table)} v where id = ${id} order by valid_from`),
]
const causesOf = async (table: string, id: string) => (await versionsOf(table, id)).map(({ cause }) => cause)
const countPast = async (): Promise<number> =>
  (await sql<{ n: number }[]>`select count(*)::int as n from scopestack_history.past_versions`)[0]!.n
const now = async (): Promise<string> => (await sql<{ at: string }[]>`select clock_timestamp()::text as at`)[0]!.at

const newVendor = async (): Promise<string> => {
  const { id } = sim.records.create('vendors', { attributes: { name: randomUUID(), city: 'First' } })
  await worker.run(['vendors'])
  return id
}

describe('a version', () => {
  it('is begun by a run, an edit, the answer to it, a delete and a return, each after the other', async () => {
    const id = await newVendor()
    const attributes = sim.records.read('vendors', id)!.attributes
    sim.records.update('vendors', id, { attributes: { city: 'Second' } })
    const { runId } = await worker.run(['vendors'])
    await sql`update scopestack.vendors set city = 'Edited' where id = ${id}`
    sim.records.update('vendors', id, { attributes: { state: 'BE' } })
    await worker.push()
    sim.records.remove('vendors', id)
    await worker.run(['vendors'], { allowMassDelete: true })
    sim.records.create('vendors', { id, attributes })
    await worker.run(['vendors'])

    const versions = await versionsOf('vendors', id)
    expect(
      versions.map(({ cause, row }) => [cause, row['city'], row['state'], row['sync_deleted_at'] === null]),
    ).toEqual([
      ['pull', 'First', null, true],
      ['pull', 'Second', null, true],
      ['edit', 'Edited', null, true],
      ['push', 'Edited', 'BE', true],
      ['delete', 'Edited', 'BE', false],
      ['pull', 'First', null, true],
    ])
    expect(versions[1]).toMatchObject({ run: runId, by: null })
    expect(versions[2]).toMatchObject({ run: null, by: decodeURIComponent(new URL(database.url).username) })
    expect(versions.map(({ to }) => to)).toEqual([...versions.slice(1).map(({ from }) => from), null])
    expect(versions.map(({ ended }) => ended)).toEqual([...versions.slice(1).map(({ cause }) => cause), null])
  })

  it('is none where only addresses were signed anew, digests were cleared, or nothing changed', async () => {
    for (const { id } of sim.records.list('project-documents'))
      sim.records.update('project-documents', id, { attributes: { 'document-url': `https://files.test/${id}.pdf` } })
    sim.setSwitches({ signedAddresses: true })
    await worker.run(TYPES)
    const before = await countPast()
    const addresses = () => sql`select id, document_url from scopestack.project_documents order by id`
    const signed = await addresses()
    await worker.run(TYPES)
    expect(await addresses()).not.toEqual(signed)
    await withoutCapture(sql, (tx) => tx`update scopestack.vendors set sync_hash = ''`)
    await worker.run(TYPES)
    await sql`update scopestack.vendors set city = city`
    sim.setSwitches({ signedAddresses: false })
    expect(await countPast()).toBe(before)
  })

  it('has what a reader could see: of several changes in one transaction the last', async () => {
    const id = await newVendor()
    await sql.begin(async (tx) => {
      for (const city of ['A', 'B', 'C']) await tx`update scopestack.vendors set city = ${city} where id = ${id}`
      await tx`insert into scopestack.vendors (name) values ('unseen')`
      await tx`delete from scopestack.vendors where name = 'unseen'`
    })
    expect((await versionsOf('vendors', id)).map(({ row }) => row['city'])).toEqual(['First', 'C'])
    expect(await sql`select from scopestack_history.vendors where name = 'unseen'`).toHaveLength(0)
    await sql.begin(async (tx) => {
      await tx`insert into scopestack.vendors (name) values ('taken back')`
    })
    await sql`delete from scopestack.vendors where name = 'taken back'`
    const [gone] = await sql`select ended_by from scopestack_history.vendors where name = 'taken back'`
    expect(gone).toEqual({ ended_by: 'delete' })
  })

  it('keeps its order when the clock of the database went back', async () => {
    const id = await newVendor()
    await sql`update scopestack_history.current_versions set valid_from = now() + interval '1 hour' where id = ${id}`
    await sql`update scopestack.vendors set city = 'Later' where id = ${id}`
    const [first, second] = await versionsOf('vendors', id)
    expect(first!.to).toBe(second!.from)
    expect(first!.from < second!.from).toBe(true)
    await sql`delete from scopestack_history.past_versions where id = ${id}`
    await sql`update scopestack_history.current_versions set valid_from = now() where id = ${id}`
  })

  it('keeps exact numbers, and nulls inside JSON', async () => {
    const [project] = sim.records.list('projects')
    const variables = [{ name: 'a', value: null, min: 0.1 }]
    const attributes = {
      'contract-revenue': '123456789012345678.010',
      'project-variables': variables,
      'tag-list': ['b', 'a'],
    }
    sim.records.update('projects', project!.id, { attributes })
    await worker.run(['projects'])
    const at = await now()
    const read = (from: string) =>
      sql.unsafe(
        `select contract_revenue::text, project_variables::text, tag_list::text from ${from} where id = '${project!.id}'`,
      )
    const held = await read('scopestack.projects')
    sim.records.update('projects', project!.id, {
      attributes: { 'contract-revenue': '1', 'project-variables': null, 'tag-list': [] },
    })
    await worker.run(['projects'])
    expect(await read(`scopestack.projects_as_of('${at}')`)).toEqual(held)
    expect(await read(`scopestack.as_of('${at}', null::scopestack.projects)`)).toEqual(held)
    expect(held[0]!['contract_revenue']).toBe('123456789012345678.010')
  })
})

it('shows columns that Postgres makes of others, as of each version', async () => {
  const document = sim.records.list('project-documents')[0]!
  const { id } = document
  const set = (template: string) =>
    withoutCapture(sql, (tx) => tx`update scopestack.project_documents set template_id = ${template} where id = ${id}`)
  await set('7')
  const at = await now()
  await set('pricing')
  const before = await sql.unsafe(
    `select document_template_id from scopestack.project_documents_as_of('${at}') where id = '${id}'`,
  )
  expect(before).toEqual([{ document_template_id: '7' }])
  const versions = await sql`
    select document_template_id as made from scopestack_history.project_documents where id = ${id} order by valid_from`
  expect(versions.map(({ made }) => made).slice(-2)).toEqual(['7', null])
})

describe('as_of', () => {
  it('is an error where the history does not hold that moment', async () => {
    await expect(sql`select * from scopestack.projects_as_of('2020-01-01')`).rejects.toThrow(
      /^The history of scopestack\.projects does not hold 2020-01-01 .* it was recorded from \S+ \S+ until now\./,
    )
    await expect(sql`select * from scopestack.as_of(now(), null::scopestack.clients)`).rejects.toThrow(
      /was recorded never\. .*SYNC_HISTORY/,
    )
    await expect(sql`select * from scopestack.as_of(now(), null::pg_class)`).rejects.toThrow(
      /^scopestack\.as_of shows a table of schema scopestack/,
    )
  })

  it('shows a value that fits its column no more as null, and a renamed column by its new name', async () => {
    await sql`alter table scopestack.vendors add column mine text`
    await migrate(database.url, { history: HISTORY })
    const id = await newVendor()
    await sql`update scopestack.vendors set mine = 'no number' where id = ${id}`
    const at = await now()
    await sql`update scopestack.vendors set mine = '7' where id = ${id}`
    await sql`select sync.release_live_columns('vendors', array['mine'])`
    await sql`alter table scopestack.vendors rename column mine to ours`
    await sql`update scopestack.vendors set ours = null where ours !~ '^[0-9]+$'`
    await sql`alter table scopestack.vendors alter column ours type bigint using ours::bigint`
    await migrate(database.url, { history: HISTORY })
    // Not prepared: a plan that a session keeps has the columns of before.
    const then = () =>
      sql.unsafe(`select ours from scopestack.as_of('${at}', null::scopestack.vendors) where id = '${id}'`)
    expect(await then()).toEqual([{ ours: null }])
    await sql`select sync.release_live_columns('vendors', array['ours'])`
    await sql`alter table scopestack.vendors alter column ours type text`
    expect(await then()).toEqual([{ ours: 'no number' }])
    // One's own column is in no view of history, which stays when it is dropped; its living view goes with it.
    await sql`alter table scopestack.vendors drop column ours cascade`
    expect(await sql`select name from scopestack_history.vendors where id = ${id}`).not.toHaveLength(0)
  })

  it.each([
    ['date', '2026-03-01', '2026-03-01'],
    ['date', '2024-02-29', '2024-02-29'],
    ['date', '0044-03-15 BC', '0044-03-15 BC'],
    ['date', 'infinity', 'infinity'],
    ['date', '2025-02-29', null],
    ['date', '2026-03-01: call the client', null],
    ['date', 'today', null],
    ['numeric', '-12.50', '-12.50'],
    ['numeric', '7', '7'],
    ['numeric', 'NaN', 'NaN'],
    ['numeric', '1,5', null],
    ['numeric', '', null],
    ['numeric', '9'.repeat(900), null],
    ['bigint', '12', '12'],
    ['bigint', '9'.repeat(30), null],
    ['boolean', 'true', 'true'],
    ['boolean', 'perhaps', null],
    ['uuid', 'none', null],
  ])('of a column that has become a %s shows the text %s as %s', async (type, text, shown) => {
    const id = await newVendor()
    await sql`alter table scopestack.vendors add column due text`
    await sql`update scopestack.vendors set due = ${text} where id = ${id}`
    const at = await now()
    await sql`update scopestack.vendors set due = null where id = ${id}`
    await sql.unsafe(`alter table scopestack.vendors alter column due type ${type} using null`)
    const then = `select due::text from scopestack.as_of('${at}', null::scopestack.vendors) where id = '${id}'`
    expect(await sql.unsafe(then)).toEqual([{ due: shown }])
    await sql`alter table scopestack.vendors drop column due`
  })
})

describe('a member that becomes a column', () => {
  it('is in older versions as well, where they had it in sync_extra, and makes none', async () => {
    for (const [at, { id }] of sim.records.list('vendors').entries())
      sim.records.update('vendors', id, { attributes: { rating: at + 1 } })
    await worker.run(['vendors'])
    const { id } = sim.records.list('vendors')[0]!
    const at = await now()
    sim.records.update('vendors', id, { attributes: { city: 'Moved' } })
    await worker.run(['vendors'])
    await worker.run(['vendors'])
    expect(await sql`select rating::int from scopestack.vendors where id = ${id}`).toEqual([{ rating: 1 }])
    const versions = await versionsOf('vendors', id)
    expect(versions.slice(-2).map(({ row }) => [row['city'], row['rating']])).toEqual([
      [versions.at(-2)!.row['city'], 1],
      ['Moved', 1],
    ])
    for (const from of [`scopestack.vendors_as_of('${at}')`, `scopestack.as_of('${at}', null::scopestack.vendors)`])
      expect(await sql.unsafe(`select rating::int from ${from} where id = '${id}'`)).toEqual([{ rating: 1 }])
  })
})

describe('recording', () => {
  it('begins with what stands, writes nothing for it, and ends with what stands then', async () => {
    await using other = await createNewDatabase()
    await migrate(other.url, { history: new Set() })
    const own = openDatabase(other.url, { connections: 2 })
    const load = (city: string) =>
      withoutCapture(
        own,
        (tx) => tx`
        insert into scopestack.vendors (id, name, city, sync_hash) values ('1', 'One', ${city}, ${city})
        on conflict (id) do update set city = excluded.city, sync_hash = excluded.sync_hash`,
      )
    const at = async () => (await own<{ at: string }[]>`select clock_timestamp()::text as at`)[0]!.at
    const cityAt = async (moment: string) =>
      (await own<{ city: string }[]>`select city from scopestack.vendors_as_of(${moment})`).map(({ city }) => city)
    await load('before')
    await migrate(other.url, { history: new Set(['vendors']) })
    expect(await own`select from scopestack_history.current_versions`).toHaveLength(0)
    const first = await at()
    await load('while')
    const second = await at()
    await migrate(other.url, { history: new Set() })
    const third = await at()
    await load('unseen')
    await migrate(other.url, { history: new Set(['vendors']) })
    const fourth = await at()
    expect([await cityAt(first), await cityAt(second), await cityAt(fourth)]).toEqual([
      ['before'],
      ['while'],
      ['unseen'],
    ])
    await expect(cityAt(third)).rejects.toThrow(/does not hold .* from .* to .*, from .* until now/)
    const versions = await own`select city, cause, ended_by from scopestack_history.vendors order by valid_from`
    expect([...versions]).toEqual([
      { city: 'before', cause: 'first', ended_by: 'pull' },
      { city: 'while', cause: 'pull', ended_by: 'off' },
      { city: 'unseen', cause: 'first', ended_by: null },
    ])
    await own.end()
  })

  it.each([
    ['that was dropped', 'drop trigger history_update on scopestack.vendors'],
    ['that is disabled', 'alter table scopestack.vendors disable trigger history_update'],
  ])('goes on behind a trigger %s, and does not guess what it missed', async (_, statement) => {
    const id = await newVendor()
    const before = await now()
    await sql.unsafe(statement)
    await sql`update scopestack.vendors set city = 'missed', sync_changed_at = sync_changed_at where id = ${id}`
    await withoutCapture(sql, (tx) => tx`update scopestack.vendors set sync_changed_at = now() where id = ${id}`)
    const during = await now()
    await migrate(database.url, { history: HISTORY })
    await expect(sql`select * from scopestack.vendors_as_of(${during})`).rejects.toThrow(/does not hold/)
    await expect(sql`select * from scopestack.vendors_as_of(${before})`).rejects.toThrow(/does not hold/)
    expect(await causesOf('vendors', id)).toEqual(['first'])
    const [noted] =
      await sql`select note from scopestack_history.recorded where table_name = 'vendors' and valid_to is not null order by valid_from desc limit 1`
    expect(noted!['note']).toMatch(/^Triggers were missing or disabled/)
  })

  it('leaves alone what is as it should be, and takes no lock for it', async () => {
    const held = () => sql`select xmin::text, * from scopestack_history.recorded order by table_name, valid_from`
    const before = await held()
    await sql.begin(async (tx) => {
      await tx`lock table scopestack.vendors in row exclusive mode`
      await migrate(database.url, { history: HISTORY })
    })
    expect(await held()).toEqual(before)
  })

  it('leaves a view that a user has made of its view', async () => {
    await sql`create view public.mine as select id, name, valid_from from scopestack_history.vendors`
    await withoutCapture(sql, (tx) => tx`alter table scopestack.vendors add column more text`)
    await migrate(database.url, { history: HISTORY })
    expect(await sql`select id from public.mine limit 1`).toHaveLength(1)
    await sql`drop view public.mine`
  })

  it('is of the tables that SYNC_HISTORY names', () => {
    const all = [...catalog.values()]
    expect([...historyTables(['projects', 'crm_opportunities'], all)]).toEqual(['crm_opportunities', 'projects'])
    expect(historyTables(['all'], all).size).toBe(all.length)
    expect(historyTables(['off'], all).size).toBe(0)
  })
})

describe('old versions', () => {
  it('are deleted, but for the one that stood at the horizon', async () => {
    const id = await newVendor()
    for (const city of ['A', 'B', 'C']) await sql`update scopestack.vendors set city = ${city} where id = ${id}`
    await sql`update scopestack_history.past_versions set valid_from = valid_from - interval '9 days', valid_to = case city when 'B' then valid_to else valid_to - interval '9 days' end
      from (select id as it, "row" ->> 'city' as city, valid_from as since from scopestack_history.past_versions) p where id = ${id} and it = id and since = valid_from`
    await sql`update scopestack_history.recorded set valid_from = valid_from - interval '20 days', kept_from = kept_from - interval '20 days' where valid_to is null`
    expect(await pruneHistory(sql, 7)).toBe(false)
    expect((await versionsOf('vendors', id)).map(({ row }) => row['city'])).toEqual(['B', 'C'])
    expect(await sql`select city from scopestack.vendors_as_of(now() - interval '6 days') where id = ${id}`).toEqual([
      { city: 'B' },
    ])
    await expect(sql`select * from scopestack.vendors_as_of(now() - interval '8 days')`).rejects.toThrow(
      /does not hold/,
    )
    expect(await pruneHistory(sql, 0)).toBe(false)
  })
})

describe('rights', () => {
  const roles = ['reader', 'editor'].map((name) => `${name}_${randomUUID().slice(0, 8)}`) as [string, string]
  const as = async (role: string, statement: string): Promise<string> => {
    const url = new URL(database.url)
    url.username = role
    url.password = 'secret'
    const own = openDatabase(url.href, { connections: 1 })
    try {
      return JSON.stringify(await own.unsafe(statement))
    } catch (error) {
      return (error as Error).message
    } finally {
      await own.end()
    }
  }

  beforeAll(async () => {
    for (const role of roles) await sql.unsafe(`create role ${role} login password 'secret'`)
    await sql`select sync.grant_reader(${roles[0]}::regrole), sync.grant_editor(${roles[1]}::regrole)`
  })
  afterAll(async () => {
    for (const role of roles) await sql.unsafe(`drop owned by ${role}; drop role ${role}`)
  })

  it('a reader reads versions, and tables as they were, also those that are recorded later', async () => {
    await migrate(database.url, { history: new Set([...HISTORY, 'clients']) })
    for (const from of [
      'scopestack_history.projects',
      'scopestack.projects_as_of(now())',
      'scopestack.as_of(now(), null::scopestack.projects)',
      'scopestack_history.clients',
      'scopestack.report_pipeline_history',
    ])
      expect(await as(roles[0], `select count(*) >= 0 as ok from ${from}`), from).toBe('[{"ok":true}]')
    await migrate(database.url, { history: HISTORY })
  })

  it('whom grant_reader made a reader before has the history at the upgrade, and who may read less than all has not', async () => {
    const upgrade = readMigrations()
      .flatMap(({ statements }) => statements)
      .find((statement) => statement.includes('-- Whom sync.grant_reader has made a reader before'))!
    const isGiven = async (begin: string): Promise<boolean> => {
      const role = `earlier_${randomUUID().slice(0, 8)}`
      const given = new Error('given')
      const read = sql.begin(async (tx) => {
        await tx.unsafe(`create role ${role}; ${begin.replaceAll('earlier', role)}`)
        await tx.unsafe(`revoke all on schema scopestack_history from ${role};
          revoke all on all tables in schema scopestack_history from ${role}; ${upgrade}`)
        await tx.unsafe(`set local role ${role}; select from scopestack_history.past_versions`)
        throw given
      })
      const error: unknown = await read.catch((caught: unknown) => caught)
      if (error !== given) expect(error).toMatchObject({ code: '42501' })
      return error === given
    }
    expect(await isGiven(`select sync.grant_reader('earlier')`)).toBe(true)
    expect(
      await isGiven(`grant usage on schema scopestack to earlier; grant select on scopestack.projects to earlier`),
    ).toBe(false)
    for (const after of [
      'revoke select on scopestack.projects from earlier',
      'alter table scopestack.projects enable row level security; create policy own on scopestack.projects using (true)',
    ])
      expect(await isGiven(`select sync.grant_reader('earlier'); ${after}`), after).toBe(false)
  })

  it.each([
    `update scopestack_history.past_versions set cause = 'pull'`,
    `delete from scopestack_history.past_versions`,
    `delete from scopestack_history.projects`,
    `insert into scopestack_history.recorded (table_name, valid_from, kept_from) values ('x', now(), now())`,
    `select sync.prune_history(1, 1000)`,
    `select sync.stop_history('projects')`,
  ])('an editor cannot %s', async (statement) => {
    expect(await as(roles[1], statement)).toMatch(/^(permission denied|cannot )/)
  })

  it('an editor cannot pass its edit off as a load, nor hide it', async () => {
    const id = await newVendor()
    for (const [setting, city] of [
      ['quiet', 'X'],
      ['run 1', 'Y'],
    ])
      await as(
        roles[1],
        `select set_config('sync.origin', 'pull', false), set_config('sync.history', '${setting}', false); update scopestack.vendors set city = '${city}' where id = '${id}'`,
      )
    const versions = await versionsOf('vendors', id)
    expect(versions.map(({ cause, by, run }) => [cause, by, run])).toEqual([
      ['pull', null, versions[0]!.run],
      ['edit', roles[1], null],
      ['edit', roles[1], null],
    ])
  })
})

it('a schema of this name that is not ours is left alone, and named', async () => {
  await using empty = await createEmptyDatabase()
  const own = openDatabase(empty.url, { connections: 1 })
  await own.unsafe('create schema scopestack_history; create table scopestack_history.wars (id int)')
  await expect(migrate(empty.url)).rejects.toMatchObject({ code: 'SYNC_SCHEMA_FOREIGN' })
  await own.end()
})
