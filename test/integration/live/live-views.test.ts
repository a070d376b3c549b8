/** The views of schema `scopestack_live`: what they show, to whom, and that they follow the tables whatever is done to either. */
import { randomUUID } from 'node:crypto'
import postgres from 'postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { openDatabase, type Database } from '../../../src/store/connection/database.ts'
import { refreshLiveViews } from '../../../src/store/schema/live/live-views.ts'
import { relationsOf } from '../../../src/store/schema/live/relations.ts'
import { migrate } from '../../../src/store/schema/migrate.ts'
import { createNewDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { withoutCapture } from '../../support/postgres/without-capture.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'
import { readFieldColumns, readLiveProblems, readLiveVersions } from '../../support/tables/live.ts'

let sim: Simulator
let database: TestDatabase
let worker: TestWorker
let sql: Database

beforeAll(async () => {
  sim = await startSimulator({ projects: 12 })
  database = await createNewDatabase()
  worker = await startWorker(sim, database.url)
  sql = worker.sql
  await worker.run([...catalog.values()].filter(({ byDefault }) => byDefault).map(({ type }) => type))
  await refreshLiveViews(sql)
})

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
  await sim?.close()
})

const columnsOf = async (relation: string): Promise<string[]> => {
  const rows = await sql<{ name: string }[]>`
    select attname as name from pg_attribute
    where attrelid = to_regclass(${relation}) and attnum > 0 and not attisdropped order by attnum`
  return rows.map(({ name }) => name)
}

const count = async (relation: string, where = 'true'): Promise<number> => {
  const [row] = await sql.unsafe<{ n: number }[]>(`select count(*)::int as n from ${relation} where ${where}`)
  return row!.n
}

const byTable = new Map([...catalog.values()].map((resource) => [resource.table, resource]))
const tables = [...byTable.keys()]

describe('every table of the catalog has a view of its living rows', () => {
  it.each(tables)('%s', async (table) => {
    const replaced = byTable.get(table)!.namedKeys.flatMap(({ from, replaces }) => (replaces ? from : []))
    const expected = (await columnsOf(`scopestack.${table}`)).filter(
      (name) => (name === 'sync_changed_at' || !name.startsWith('sync_')) && !replaced.includes(name),
    )
    expect(await columnsOf(`scopestack_live.${table}`)).toEqual(expected)
    expect(await count(`scopestack_live.${table}`)).toBe(await count(`scopestack.${table}`, 'sync_deleted_at is null'))
  })

  it('with the comments of the table and its columns', async () => {
    const [said] = await sql`
      select obj_description('scopestack_live.projects'::regclass) as view, obj_description('scopestack.projects'::regclass) as "table",
        (select string_agg(col_description(a.attrelid, a.attnum), '; ' order by a.attname) from pg_attribute a
          where a.attrelid = 'scopestack_live.projects'::regclass and a.attnum > 0) as columns,
        (select string_agg(col_description(a.attrelid, a.attnum), '; ' order by a.attname) from pg_attribute a
          where a.attrelid = 'scopestack.projects'::regclass and a.attnum > 0 and not a.attisdropped
            and (a.attname !~ '^sync_' or a.attname = 'sync_changed_at')) as wanted`
    expect(said!['view']).toBe(said!['table'])
    expect(said!['columns']).toBe(said!['wanted'])
  })

  it('a row that is marked deleted is gone from it, and back when it lives again', async () => {
    const [row] = await sql<{ id: string }[]>`select id from scopestack.clients limit 1`
    const mark = (at: string) =>
      withoutCapture(sql, (tx) =>
        tx.unsafe(`update scopestack.clients set sync_deleted_at = ${at} where id = '${row!.id}'`),
      )
    await mark('now()')
    expect(await count('scopestack_live.clients', `id = '${row!.id}'`)).toBe(0)
    await mark('null')
    expect(await count('scopestack_live.clients', `id = '${row!.id}'`)).toBe(1)
  })
})

describe('a to-many has a view of its pairs', () => {
  const links = relationsOf(catalog.values()).flatMap(({ link, ...one }) => (link === null ? [] : [{ ...one, link }]))

  it.each(links)('$link.view', async ({ table, column, targetTable, targetColumn, link }) => {
    expect((await columnsOf(`scopestack_live.${link.view}`)).slice(0, 2)).toEqual([link.key, link.targetKey])
    const wanted = await sql.unsafe(`
      select distinct o.id as "${link.key}", t.id as "${link.targetKey}" from scopestack.${table} o, scopestack.${targetTable} t
      where t.${targetColumn} = any(o.${column}) and o.sync_deleted_at is null and t.sync_deleted_at is null order by 1, 2`)
    expect(
      await sql.unsafe(`select "${link.key}", "${link.targetKey}" from scopestack_live.${link.view} order by 1, 2`),
    ).toEqual(wanted)
  })

  it('with pairs in it, without those of which one side is deleted', async () => {
    expect(await count('scopestack_live.projects_tags')).toBeGreaterThan(0)
    const [pair] = await sql<{ tag: string }[]>`select tag_id as tag from scopestack_live.projects_tags limit 1`
    await withoutCapture(sql, (tx) => tx`update scopestack.tags set sync_deleted_at = now() where id = ${pair!.tag}`)
    expect(await count('scopestack_live.projects_tags', `tag_id = '${pair!.tag}'`)).toBe(0)
    await withoutCapture(sql, (tx) => tx`update scopestack.tags set sync_deleted_at = null where id = ${pair!.tag}`)
  })

  it('no name is that of two views', () => {
    const names = [...tables, 'user_defined_values', ...links.map(({ link }) => link.view)]
    expect(new Set(names).size).toBe(names.length)
    expect(names.filter((name) => name.endsWith('_fields') && !tables.includes(name))).toEqual([])
    expect(Math.max(...names.map((name) => name.length))).toBeLessThan(64)
  })
})

describe('who reads', () => {
  const role = `bi_${randomUUID().slice(0, 8)}`
  let reader: Database

  beforeAll(async () => {
    await sql.unsafe(`create role ${role} login password 'secret'`)
    await sql`select sync.grant_reader(${role}::regrole)`
    const url = new URL(database.url)
    url.username = role
    url.password = 'secret'
    reader = openDatabase(url.href, { connections: 1 })
  })

  afterAll(async () => {
    await reader.end()
    await sql.unsafe(`drop owned by ${role}; drop role ${role}`)
  })

  it('a reader reads every view, and nothing of schema sync', async () => {
    const views = await sql<{ name: string }[]>`
      select relname as name from pg_class where relnamespace = 'scopestack_live'::regnamespace and relkind = 'v'`
    expect(views.length).toBeGreaterThan(tables.length + 20)
    for (const { name } of views) await reader.unsafe(`select * from scopestack_live.${name} limit 1`)
    await expect(reader`select * from sync.captured`).rejects.toThrow(/permission denied/)
  })

  it('a view shows no role what its table does not', async () => {
    await sql.unsafe(`revoke select on scopestack.clients from ${role}`)
    await expect(reader`select * from scopestack_live.clients`).rejects.toThrow('permission denied for table clients')
    await sql.unsafe(`grant select on scopestack.clients to ${role}`)
    await sql.unsafe(`
      create policy own on scopestack.vendors for select to ${role} using (false);
      alter table scopestack.vendors enable row level security`)
    expect(await reader`select * from scopestack_live.vendors`).toHaveLength(0)
    await sql.unsafe('alter table scopestack.vendors disable row level security; drop policy own on scopestack.vendors')
    expect((await reader`select * from scopestack_live.vendors`).length).toBeGreaterThan(0)
  })

  it('rights on a view stay when it is made anew', async () => {
    await sql.unsafe('alter table scopestack.teams add column note text')
    await refreshLiveViews(sql, 'teams')
    await sql.unsafe(
      `revoke select on scopestack_live.teams from ${role}; grant select on scopestack_live.teams to public`,
    )
    await sql`select sync.release_live_columns('teams', '{note}')`
    await sql.unsafe('alter table scopestack.teams drop column note')
    await reader`select from scopestack_live.teams limit 1`
    const [right] = await sql`select relacl::text as given from pg_class where oid = 'scopestack_live.teams'::regclass`
    expect(right!['given']).toMatch(/[{,]=r\//)
    expect(right!['given']).not.toContain(role)
    await sql.unsafe(
      `revoke select on scopestack_live.teams from public; grant select on scopestack_live.teams to ${role}`,
    )
  })
})

it('the schema that was dropped is there again after the next migration, for those who read the mirror', async () => {
  const role = `bi_${randomUUID().slice(0, 8)}`
  await sql.unsafe(`create role ${role} login password 'secret'; grant usage on schema scopestack to ${role};
    grant select on scopestack.clients to ${role}; drop schema scopestack_live cascade`)
  await migrate(database.url)
  const url = new URL(database.url)
  url.username = role
  url.password = 'secret'
  const reader = openDatabase(url.href, { connections: 1 })
  expect((await reader`select from scopestack_live.clients`).length).toBe(await count('scopestack_live.clients'))
  await expect(reader`select from scopestack_live.projects`).rejects.toThrow(/permission denied/)
  await reader.end()
  await sql.unsafe(`drop owned by ${role}; drop role ${role}`)
  expect(await readLiveProblems(sql)).toEqual({})
})

describe('a view follows its table', () => {
  it('nothing is written, and no lock is waited for, where all is right', async () => {
    const before = await readLiveVersions(sql)
    const holding = postgres(database.url, { max: 1, onnotice: () => {} })
    await holding`begin`
    await holding`lock table sync.live_views, sync.live_fields, sync.relations, scopestack.clients in exclusive mode`
    await holding`comment on view scopestack_live.clients is 'held, and never committed'`
    expect(await refreshLiveViews(sql)).toEqual([])
    await holding`rollback`
    await holding.end()
    await migrate(database.url)
    expect(await readLiveVersions(sql)).toEqual(before)
  })

  it('a new column comes at its end, and what is made of it stays', async () => {
    await sql.unsafe('create view public.my_clients as select * from scopestack_live.clients')
    await sql.unsafe('alter table scopestack.clients add column budget numeric')
    expect(await refreshLiveViews(sql, 'clients')).toEqual([{ view: 'clients', outcome: 'changed', problem: null }])
    expect((await columnsOf('scopestack_live.clients')).at(-1)).toBe('budget')
    expect(await count('public.my_clients')).toBe(await count('scopestack_live.clients'))
    await sql.unsafe('drop view public.my_clients')
  })

  it('a column that is released can be dropped; one that a view of a user reads is null there', async () => {
    await sql.unsafe('create view public.budgets as select id, budget from scopestack_live.clients')
    await expect(sql.unsafe('alter table scopestack.clients drop column budget')).rejects.toThrow(/depend/)
    await sql`select sync.release_live_columns('clients', '{budget}')`
    await sql.unsafe('alter table scopestack.clients drop column budget')
    expect(await refreshLiveViews(sql, 'clients')).toEqual([])
    expect(await count('public.budgets', 'budget is null')).toBe(await count('scopestack_live.clients'))
    const [said] =
      await sql`select col_description('scopestack_live.clients'::regclass, attnum) as said from pg_attribute
      where attrelid = 'scopestack_live.clients'::regclass and attname = 'budget'`
    expect(said!['said']).toMatch(/^No longer there/)
    // It goes with the last that reads it, when the view is next made.
    await sql.unsafe('drop view public.budgets')
    await sql.unsafe('alter table scopestack.clients add column budget text')
    await refreshLiveViews(sql, 'clients')
    expect((await columnsOf('scopestack_live.clients')).filter((name) => name === 'budget')).toHaveLength(1)
    await sql`select sync.release_live_columns('clients', '{budget}')`
    await sql.unsafe('alter table scopestack.clients drop column budget')
    expect(await columnsOf('scopestack_live.clients')).not.toContain('budget')
  })

  it('a column of another type: what reads it goes on, by another name', async () => {
    await sql.unsafe(`alter table scopestack.vendors add column score text; update scopestack.vendors set score = '7'`)
    await refreshLiveViews(sql, 'vendors')
    await sql.unsafe('create view public.scores as select id, score from scopestack_live.vendors')
    await sql`select sync.release_live_columns('vendors', '{score}')`
    await sql.unsafe('alter table scopestack.vendors alter column score type bigint using score::bigint')
    expect(await refreshLiveViews(sql, 'vendors')).toMatchObject([{ view: 'vendors', outcome: 'changed' }])
    expect(await count('public.scores', `score = '7'`)).toBe(await count('scopestack_live.vendors'))
    expect(await columnsOf('scopestack_live.vendors')).toEqual(expect.arrayContaining(['score_as_text', 'score']))
    expect(await count('scopestack_live.vendors', 'score = 7')).toBeGreaterThan(0)
    // Also when the view is made again for another column, and when the type comes back.
    const all = await count('scopestack_live.vendors')
    await sql.unsafe('alter table scopestack.vendors add column grade text')
    await refreshLiveViews(sql, 'vendors')
    expect(await count('public.scores', `score = '7'`)).toBe(all)
    await sql`select sync.release_live_columns('vendors', '{score}')`
    await sql.unsafe('alter table scopestack.vendors alter column score type text')
    await refreshLiveViews(sql, 'vendors')
    expect(await count('public.scores', `score = '7'`)).toBe(all)
    expect(await count('scopestack_live.vendors', `score = '7'`)).toBe(all)
    await sql.unsafe('drop view public.scores')
    await sql`select sync.release_live_columns('vendors', '{score,grade}')`
    await sql.unsafe('alter table scopestack.vendors drop column score, drop column grade')
  })

  it('a view that a report reads is left for the next time, and its reader goes on', async () => {
    const reading = postgres(database.url, { max: 1, onnotice: () => {} })
    await sql.unsafe(
      'alter table scopestack.phases add column note text; alter table scopestack.resources add column note text',
    )
    await reading`begin`
    await reading`select count(*) from scopestack_live.phases`
    expect(await refreshLiveViews(sql, 'phases')).toMatchObject([{ view: 'phases', outcome: 'busy' }])
    expect(await refreshLiveViews(sql, 'resources')).toMatchObject([{ view: 'resources', outcome: 'changed' }])
    expect(await readLiveProblems(sql)).toEqual({ phases: expect.stringMatching(/lock timeout/) })
    expect((await reading`select count(*) from scopestack_live.phases`).length).toBe(1)
    await reading`commit`
    await reading.end()
    // The end of the next run tries again.
    await worker.run(['vendors'])
    expect(await columnsOf('scopestack_live.phases')).toContain('note')
    expect(await readLiveProblems(sql)).toEqual({})
  })

  it.each([
    ['dropped', 'drop view scopestack_live.clients'],
    [
      'replaced',
      'create or replace view scopestack_live.clients with (security_invoker = true) as select * from scopestack_live.copy',
    ],
    ['made anew', 'drop view scopestack_live.clients; create view scopestack_live.clients as select 1 as one'],
    ['with the rights of its owner', 'alter view scopestack_live.clients reset (security_invoker)'],
    ['renamed', 'alter view scopestack_live.clients rename to customers'],
    [
      'over a table that was exchanged',
      'alter table scopestack.vendors rename to old_vendors; create table scopestack.vendors (like scopestack.old_vendors including all)',
    ],
  ])('a view that was %s is right again after the next migration', async (_, statements) => {
    await sql.unsafe(
      `create or replace view scopestack_live.copy as select ${(await columnsOf('scopestack_live.clients')).map((name) => `"${name}"`).join(', ')} from scopestack.clients`,
    )
    const living = [await count('scopestack_live.clients'), await columnsOf('scopestack_live.clients')]
    await sql.unsafe(statements)
    await migrate(database.url)
    expect([await count('scopestack_live.clients'), await columnsOf('scopestack_live.clients')]).toEqual(living)
    expect(await count('scopestack_live.vendors')).toBe(await count('scopestack.vendors'))
    expect(
      await sql`select from pg_class where oid = 'scopestack_live.clients'::regclass and 'security_invoker=true' = any(reloptions)`,
    ).toHaveLength(1)
    await sql.unsafe('drop view if exists scopestack_live.copy, scopestack_live.customers')
  })

  it('a table in its place is left alone, reported, and stops nothing', async () => {
    await sql.unsafe('drop view scopestack_live.notes; create table scopestack_live.notes (mine int)')
    await migrate(database.url)
    expect(await readLiveProblems(sql)).toEqual({ notes: expect.stringMatching(/^scopestack_live\.notes is no view/) })
    expect(await columnsOf('scopestack_live.notes')).toEqual(['mine'])
    await sql.unsafe('drop table scopestack_live.notes')
    await migrate(database.url)
    expect(await readLiveProblems(sql)).toEqual({})
  })
})

describe('user-defined fields have a column each', () => {
  interface Field {
    readonly name: string
    readonly type?: string
    readonly value?: unknown
    readonly label?: string
  }
  const [one, two] = ['fields-1', 'fields-2']
  const write = (id: string, fields: readonly Field[]) =>
    withoutCapture(
      sql,
      (tx) => tx`
      insert into scopestack.projects (id, project_name, sync_hash, project_variables)
      values (${id}, 'Fields', '', ${JSON.stringify(fields.map(({ type, ...field }) => ({ ...field, variable_type: type })))}::text::jsonb)
      on conflict (id) do update set project_variables = excluded.project_variables`,
    )
  const values = async (id: string): Promise<Record<string, unknown>> => {
    const [row] = await sql`select to_jsonb(f) as row from scopestack_live.projects_fields f where project_id = ${id}`
    return row!['row'] as Record<string, unknown>
  }
  const types = async (): Promise<Record<string, string>> => {
    const rows = await sql<{ name: string; type: string }[]>`
      select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute
      where attrelid = 'scopestack_live.projects_fields'::regclass and attnum > 0`
    return Object.fromEntries(rows.map(({ name, type }) => [name, type]))
  }

  beforeEach(async () => {
    await withoutCapture(sql, (tx) => tx`delete from scopestack.projects where id like 'fields-%'`)
    await refreshLiveViews(sql, 'projects')
  })

  it('one row for each living record, with the fields that are defined and those that a record has', async () => {
    expect(await count('scopestack_live.projects_fields')).toBe(await count('scopestack_live.projects'))
    const defined = await sql<{ name: string }[]>`
      select distinct name from scopestack.project_variables where variable_context = 'project' and sync_deleted_at is null`
    expect(defined.length).toBeGreaterThan(0)
    const known = await columnsOf('scopestack_live.projects_fields')
    for (const { name } of defined) expect(known).toContain(name)
    const filled = await sql<{ name: string; owner: string; value: string }[]>`
      select name, owner_id as owner, value from scopestack.user_defined_values where owner_type = 'projects' and value is not null`
    expect(filled.length).toBeGreaterThan(0)
    for (const { name, owner, value } of filled) {
      const shown = (await values(owner))[name]
      expect(typeof shown === 'number' ? shown : String(shown)).toBe(typeof shown === 'number' ? Number(value) : value)
    }
  })

  it('each kind has its type, and a value that does not fit is null', async () => {
    await write(one, [
      { name: 'k_text', type: 'text', value: 'x' },
      { name: 'k_number', type: 'number', value: '12.50' },
      { name: 'k_date', type: 'date', value: '2026-03-01' },
      { name: 'k_boolean', type: 'boolean', value: true },
      { name: 'k_select', type: 'select', value: 'north' },
      { name: 'k_multi', type: 'multi_select', value: ['a "b"', 'c\\d', 'é\n', '🙂'] },
      { name: 'k_unknown', type: 'hologram', value: { a: 1 } },
    ])
    await write(two, [
      { name: 'k_number', type: 'number', value: 'many' },
      { name: 'k_date', type: 'date', value: '2026-02-31' },
      { name: 'k_boolean', type: 'boolean', value: 'perhaps' },
      { name: 'k_multi', type: 'multi_select', value: '["a", "\\ud800"]' },
    ])
    await refreshLiveViews(sql, 'projects')
    expect(await types()).toMatchObject({
      k_text: 'text',
      k_number: 'numeric',
      k_date: 'date',
      k_boolean: 'boolean',
      k_select: 'text',
      k_multi: 'text[]',
      k_unknown: 'text',
    })
    expect(await values(one)).toMatchObject({
      k_text: 'x',
      k_number: 12.5,
      k_date: '2026-03-01',
      k_boolean: true,
      k_select: 'north',
      k_multi: ['a "b"', 'c\\d', 'é\n', '🙂'],
      k_unknown: '{"a": 1}',
    })
    expect(await values(two)).toMatchObject({
      k_text: null,
      k_number: null,
      k_date: null,
      k_boolean: null,
      k_multi: ['["a", "\\ud800"]'],
    })
  })

  const HOSTILE = [
    'Two words',
    'Quote"d',
    "it's",
    '🙂',
    '🙂🙂',
    'Region',
    'region',
    'REGION',
    'id',
    'project_id',
    '1st',
    'select',
    ' ',
    '_',
    'a;drop table x',
    '%I %s',
    'x'.repeat(63),
    'x'.repeat(64),
    'x'.repeat(200),
    'é'.repeat(40),
    'ctid',
    'sync_hash',
    '\\',
    '$$',
    'new\nline',
  ]

  it('hostile names become columns of their own, which stay theirs', async () => {
    await write(
      one,
      HOSTILE.map((name, at) => ({ name, type: 'text', value: `value ${at}` })),
    )
    await refreshLiveViews(sql, 'projects')
    expect(await readLiveProblems(sql)).toEqual({})
    const columns = await readFieldColumns(sql, 'projects')
    const row = await values(one)
    for (const [at, name] of HOSTILE.entries())
      expect(row[columns.get(name)!], JSON.stringify(name)).toBe(`value ${at}`)
    expect(row['project_id']).toBe(one)
    expect(columns.get('Two words')).toBe('two_words')
    expect(columns.get('id')).toBe('id_field')
    // One more that would have the same name comes, and moves none.
    await write(two, [
      { name: 'ReGioN', type: 'text', value: 'late' },
      ...HOSTILE.map((name) => ({ name, type: 'text' })),
    ])
    await refreshLiveViews(sql, 'projects')
    const again = await readFieldColumns(sql, 'projects')
    for (const name of HOSTILE) expect(again.get(name)).toBe(columns.get(name))
  })

  it('a field that goes takes its column along, unless a view reads it; and has the same when it is back', async () => {
    await write(one, [{ name: 'Passing', type: 'number', value: '5' }])
    await refreshLiveViews(sql, 'projects')
    expect(await values(one)).toMatchObject({ passing: 5 })
    await write(one, [])
    await refreshLiveViews(sql, 'projects')
    expect(await columnsOf('scopestack_live.projects_fields')).not.toContain('passing')
    await write(one, [{ name: 'Passing', type: 'number', value: '6' }])
    await refreshLiveViews(sql, 'projects')
    await sql.unsafe('create view public.passing as select project_id, passing from scopestack_live.projects_fields')
    await write(one, [])
    expect(await refreshLiveViews(sql, 'projects')).toMatchObject([{ view: 'projects_fields', outcome: 'changed' }])
    expect(await count('public.passing', 'passing is null')).toBe(await count('scopestack_live.projects'))
    await write(one, [{ name: 'Passing', type: 'number', value: '7' }])
    await refreshLiveViews(sql, 'projects')
    expect(await count('public.passing', 'passing = 7')).toBe(1)
    await sql.unsafe('drop view public.passing')
  })

  it('fields follow a run, and a field that comes with it is there at its end', async () => {
    const [project] = sim.records.list('projects')
    const before = project!.attributes['project-variables'] as object[]
    sim.records.update('projects', project!.id, {
      attributes: { 'project-variables': [...before, { name: 'came_with_run', variable_type: 'number', value: '41' }] },
    })
    await worker.run(['projects'])
    expect(await values(project!.id)).toMatchObject({ came_with_run: 41 })
  })

  it('a field of another kind: a view of it goes on with what it read', async () => {
    await write(one, [{ name: 'Size', type: 'text', value: '9' }])
    await refreshLiveViews(sql, 'projects')
    await sql.unsafe('create view public.sizes as select project_id, size from scopestack_live.projects_fields')
    await write(one, [{ name: 'Size', type: 'number', value: '9' }])
    await refreshLiveViews(sql, 'projects')
    expect(await types()).toMatchObject({ size: 'numeric', size_as_text: 'text' })
    expect(await count('public.sizes', `size = '9'`)).toBe(1)
    await sql.unsafe('drop view public.sizes')
  })
})
