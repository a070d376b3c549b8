import postgres from 'postgres'
/** Which columns join which tables: scopestack.relations, foreign keys that nothing enforces, one name for one target. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import type { Database } from '../../../src/store/connection/database.ts'
import { migrate } from '../../../src/store/schema/migrate.ts'
import { readServerVersion } from '../../../src/store/server/fitness.ts'
import { createNewDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { withoutCapture } from '../../support/postgres/without-capture.ts'
import { startWorker, type TestWorker } from '../../support/scopestack/worker.ts'

let sim: Simulator
let database: TestDatabase
let worker: TestWorker
let sql: Database
let hasForeignKeys: boolean

beforeAll(async () => {
  sim = await startSimulator({ projects: 6 })
  database = await createNewDatabase()
  worker = await startWorker(sim, database.url)
  sql = worker.sql
  hasForeignKeys = (await readServerVersion(sql)).number >= 180_000
  await worker.run([...catalog.values()].filter(({ byDefault }) => byDefault).map(({ type }) => type))
})

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
  await sim?.close()
})

interface Related {
  readonly table: string
  readonly column: string
  readonly target: string
  readonly to: string
  readonly cardinality: string
  readonly link: string | null
  readonly isKey: boolean
}
const relations = (): Promise<Related[]> => sql<Related[]>`
  select table_name as table, column_name as column, target_table as target, target_column as to, cardinality,
    link_view as link, is_foreign_key as "isKey"
  from scopestack.relations order by 1, 2`

/** Of schema scopestack, with their comments. */
const columns = () => sql<{ table: string; column: string; comment: string; type: string }[]>`
  select c.relname as table, a.attname as column, col_description(c.oid, a.attnum) as comment, format_type(a.atttypid, a.atttypmod) as type
  from pg_class c join pg_attribute a on a.attrelid = c.oid
  where c.relnamespace = 'scopestack'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped`

describe('scopestack.relations', () => {
  it('has every relationship that the catalog declares, and each of its columns is there', async () => {
    const found = await relations()
    const known = new Set(found.map(({ table, column }) => `${table}.${column}`))
    const replaced = new Set(
      [...catalog.values()].flatMap(({ table, namedKeys }) =>
        namedKeys.flatMap(({ from }) => from.map((name) => `${table}.${name}`)),
      ),
    )
    for (const { table, columns: all } of catalog.values()) {
      for (const { name, from } of all) {
        if (from !== 'attribute' && !replaced.has(`${table}.${name}`)) expect(known).toContain(`${table}.${name}`)
      }
    }
    const held = new Map((await columns()).map(({ table, column, type }) => [`${table}.${column}`, type]))
    for (const { table, column, target, to, cardinality, link } of found) {
      expect(held.get(`${table}.${column}`)).toBe(cardinality === 'to-many' ? 'text[]' : 'text')
      expect(held.get(`${target}.${to}`)).toBe('text')
      expect(link === null).toBe(cardinality === 'to-one')
    }
  })

  it('each of its joins finds rows, where the account has some', async () => {
    const joins = (await relations()).filter(({ cardinality }) => cardinality === 'to-one')
    const empty: string[] = []
    for (const { table, column, target, to } of joins) {
      const [row] = await sql.unsafe<{ held: number; joined: number }[]>(`
        select count(t.${column})::int as held, count(r.${to})::int as joined from scopestack.${table} t left join scopestack.${target} r on r.${to} = t.${column}`)
      if (row!.held > 0 && row!.joined === 0) empty.push(`${table}.${column}`)
    }
    expect(empty).toEqual([])
  })

  it('an id that is a key of no table here says so in its comment', async () => {
    const known = new Set((await relations()).map(({ table, column }) => `${table}.${column}`))
    const silent = (await columns()).filter(
      ({ table, column, comment }) =>
        /_ids?$/.test(column) &&
        table !== 'user_defined_values' &&
        !known.has(`${table}.${column}`) &&
        !/no key|^Older name of /i.test(comment ?? ''),
    )
    expect(silent.map(({ table, column, comment }) => `${table}.${column}: ${comment}`)).toEqual([])
  })

  it('one target has one name, but for those that say what part it has', async () => {
    const roles = ['creator_id', 'user_id', 'account_slug']
    const names = new Map<string, Set<string>>()
    for (const { target, column } of await relations()) {
      if (roles.includes(column)) continue
      const name = column.replace(/_ids$|_list$/, '').replace(/_id$/, '')
      names.set(target, (names.get(target) ?? new Set()).add(name.replace(/ies$/, 'y').replace(/(?<!s)s$/, '')))
    }
    const several = [...names]
      .filter(([, all]) => all.size > 1)
      .map(([target, all]) => `${target}: ${[...all].join(', ')}`)
    expect(several).toEqual([])
  })

  it('cannot be edited', async () => {
    await expect(sql`delete from scopestack.relations`).rejects.toThrow('cannot be edited')
  })
})

describe('foreign keys', () => {
  const keys = () => sql<{ name: string; table: string; enforced: boolean }[]>`
    select conname as name, conrelid::regclass::text as table, coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true) as enforced
    from pg_constraint k where contype = 'f' and connamespace = 'scopestack'::regnamespace`

  it('there is one for each to-one from PostgreSQL 18, which nothing enforces, and none before', async () => {
    const toOne = (await relations()).filter(({ cardinality }) => cardinality === 'to-one')
    expect(toOne.length).toBeGreaterThan(90)
    expect(toOne.filter(({ isKey }) => isKey)).toHaveLength(hasForeignKeys ? toOne.length : 0)
    const made = await keys()
    expect(made).toHaveLength(hasForeignKeys ? toOne.length : 0)
    expect(made.filter(({ enforced }) => enforced)).toEqual([])
    // What would cost a load: a trigger for each row on both sides.
    const [triggers] = await sql`select count(*)::int as n from pg_trigger where tgisinternal and tgconstraint <> 0`
    expect(triggers!['n']).toBe(0)
  })

  it('a key may refer to a row that is not there, and the row that others refer to may go', async () => {
    await withoutCapture(sql, async (tx) => {
      await tx`insert into scopestack.projects (id, project_name, client_id, sync_hash) values ('alone', 'Alone', 'nowhere', '')`
      await tx`delete from scopestack.clients where id in (select client_id from scopestack.projects)`
    })
    await withoutCapture(sql, (tx) => tx`delete from scopestack.projects where id = 'alone'`)
    await worker.run(['clients'], { restart: true })
  })

  it('one that was dropped is there again after the next migration; one of a user is not made twice', async () => {
    const before = (await keys()).length
    await sql.unsafe('alter table scopestack.notes drop constraint if exists notes_project_id_fkey')
    await sql.unsafe(
      'alter table scopestack.notes add constraint mine foreign key (project_id) references scopestack.projects (id)',
    )
    await migrate(database.url)
    expect((await keys()).filter(({ table }) => table === 'scopestack.notes')).toMatchObject([{ name: 'mine' }])
    await sql.unsafe('alter table scopestack.notes drop constraint mine')
    await migrate(database.url)
    expect(await keys()).toHaveLength(before)
  })

  it('a migration does not wait for a table that is being written: its keys come with the next', async () => {
    await sql.unsafe('alter table scopestack.notes drop constraint if exists notes_project_id_fkey')
    await sql.unsafe('alter table scopestack.quotes drop constraint if exists quotes_project_id_fkey')
    const writing = postgres(database.url, { max: 1, onnotice: () => {} })
    await writing`begin`
    await writing`lock table scopestack.notes in row exclusive mode`
    await migrate(database.url)
    const made = new Set((await keys()).map(({ name }) => name))
    expect([made.has('quotes_project_id_fkey'), made.has('notes_project_id_fkey')]).toEqual([hasForeignKeys, false])
    await writing`rollback`
    await writing.end()
    await migrate(database.url)
    expect((await keys()).some(({ name }) => name === 'notes_project_id_fkey')).toBe(hasForeignKeys)
  })
})

describe('indexes on what analysts filter by', () => {
  const indexes = async (table: string): Promise<string[]> => {
    const rows = await sql<{ name: string }[]>`
      select a.attname as name from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
      where i.indrelid = ${`scopestack.${table}`}::regclass and i.indisvalid order by 1`
    return rows.map(({ name }) => name)
  }

  it('each table that has such a column has one; it is made anew where it was dropped, and none beside one of a user', async () => {
    const wanted = ['approved_at', 'created_at', 'status', 'sync_changed_at', 'updated_at']
    const before = await indexes('projects')
    expect(before).toEqual(expect.arrayContaining(wanted))
    await sql.unsafe('drop index scopestack.projects_status_idx, scopestack.projects_updated_at_idx')
    await sql.unsafe('create index mine on scopestack.projects (status, client_id)')
    await migrate(database.url)
    expect(await indexes('projects')).toEqual(before)
    expect(await sql`select to_regclass('scopestack.projects_status_idx') as made`).toEqual([{ made: null }])
    await sql.unsafe('drop index scopestack.mine')
    await migrate(database.url)
    expect(await indexes('projects')).toEqual(before)
  })

  it('a migration does not wait for a table that is being written: its indexes come with the next', async () => {
    await sql.unsafe('drop index scopestack.notes_sync_changed_at_idx, scopestack.quotes_sync_changed_at_idx')
    const writing = postgres(database.url, { max: 1, onnotice: () => {} })
    await writing`begin`
    await writing`lock table scopestack.notes in row exclusive mode`
    await migrate(database.url)
    expect([await indexes('quotes'), await indexes('notes')].map((all) => all.includes('sync_changed_at'))).toEqual([
      true,
      false,
    ])
    await writing`rollback`
    await writing.end()
    await migrate(database.url)
    expect(await indexes('notes')).toContain('sync_changed_at')
  })
})

describe('one name for one target', () => {
  const named = [...catalog.values()].flatMap((resource) =>
    resource.namedKeys.map((key) => ({ ...key, table: resource.table })),
  )

  it.each(named)('$table.$name has what $from has', async ({ table, name, from, except }) => {
    const rows = await sql.unsafe<Record<string, string | null>[]>(
      `select to_json(${name})::text as made, ${from.map((one) => `to_json(${one})::text as ${one}`).join(', ')} from scopestack.${table}`,
    )
    for (const row of rows) {
      const first = from.map((one) => row[one]).find((value) => value !== null) ?? null
      expect(row['made']).toBe(first !== null && except.includes(JSON.parse(first) as string) ? null : first)
    }
    const [shown] =
      await sql`select comment from (select col_description(a.attrelid, a.attnum) as comment from pg_attribute a
      where a.attrelid = ${`scopestack.${table}`}::regclass and a.attname = ${name}) c`
    expect(shown!['comment']).toBeTruthy()
  })

  it('some rows have one', async () => {
    for (const { table, name } of named.filter(({ table: one }) => one !== 'project_documents')) {
      const [row] = await sql.unsafe<{ n: number }[]>(`select count(${name})::int as n from scopestack.${table}`)
      expect([table, row!.n > 0]).toEqual([table, true])
    }
  })

  it('living views have it in the place of the older ones', async () => {
    const shown = await sql<{ name: string }[]>`
      select attname as name from pg_attribute where attrelid = 'scopestack_live.services'::regclass and attnum > 0`
    const all = shown.map(({ name }) => name)
    expect(all).toContain('line_of_business_id')
    expect(all.filter((name) => name.startsWith('lob_'))).toEqual([])
  })

  it('new rows are written as before, and it cannot be edited', async () => {
    const [project] = await sql<{ id: string }[]>`select id from scopestack.projects limit 1`
    const [made] = await sql`insert into scopestack.project_documents (project_id, document_type, template_id)
      values (${project!.id}, 'sow', 'pricing') returning document_template_id as template, id`
    expect(made!['template']).toBeNull()
    await withoutCapture(sql, (tx) => tx`delete from scopestack.project_documents where id = ${made!['id'] as string}`)
    await expect(sql`update scopestack.services set line_of_business_id = '1'`).rejects.toThrow(
      'can only be updated to DEFAULT',
    )
  })

  it('one that was dropped is there again after the next migration, with its index and its view', async () => {
    await sql`select sync.release_live_columns('project_services', '{line_of_business_id}')`
    await sql.unsafe('alter table scopestack.project_services drop column line_of_business_id')
    await migrate(database.url)
    const [there] =
      await sql`select to_regclass('scopestack.project_services_line_of_business_id_idx') is not null as index,
      exists (select from pg_attribute where attrelid = 'scopestack_live.project_services'::regclass and attname = 'line_of_business_id') as shown`
    expect(there).toEqual({ index: true, shown: true })
  })
})
