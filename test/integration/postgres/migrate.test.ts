/** The schema: how it comes about, and that it is the one the catalog asks for. */
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, it } from 'vitest'
import drizzleConfig from '../../../drizzle.config.ts'
import { catalog } from '../../../src/catalog/registry.ts'
import { openDatabase } from '../../../src/store/connection/database.ts'
import { SQL_TYPE, type SYNC_COLUMNS } from '../../../src/store/schema/columns.ts'
import { migrate } from '../../../src/store/schema/migrate.ts'
import { createDatabase, createEmptyDatabase } from '../../support/postgres/database.ts'

const ROOT = join(import.meta.dirname, '../../..')
const database = await createDatabase()
const sql = openDatabase(database.url)

afterAll(async () => {
  await sql.end()
  await database[Symbol.asyncDispose]()
})

const SYNC_TYPES: Record<keyof typeof SYNC_COLUMNS, string> = {
  sync_extra: 'jsonb',
  sync_hash: 'text',
  sync_changed_at: 'timestamptz',
  sync_deleted_at: 'timestamptz',
}

/** The one table that no resource has: made by hand in a migration, kept by triggers. */
const USER_DEFINED_VALUES = [
  ['owner_type', 'text', true],
  ['owner_id', 'text', true],
  ['name', 'text', true],
  ['label', 'text', false],
  ['type', 'text', false],
  ['position', 'integer', true],
  ['value', 'text', false],
  ['value_numeric', 'numeric', false],
  ['value_date', 'date', false],
] as const

/** As Postgres names its types itself, so that both sides are spelled alike. */
const typeName = async (type: string): Promise<string> =>
  (await sql<{ name: string }[]>`select format_type(${type}::regtype, null) as name`)[0]!.name

type Comments = { table: string; column: string | null; comment: string | null }[]
const comments = (): Promise<Comments> => sql<Comments>`
  select c.relname as "table", a.attname as "column", col_description(c.oid, coalesce(a.attnum, 0)) as comment
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where c.relnamespace = 'scopestack'::regnamespace and c.relkind = 'r'
  union all
  select relname, null, obj_description(oid) from pg_class
  where relnamespace = 'scopestack'::regnamespace and relkind = 'r'`

it('succeeds for each of several processes that start at once on an empty database', async () => {
  await using empty = await createEmptyDatabase()
  await Promise.all([1, 2, 3, 4].map(() => migrate(empty.url)))
  const fresh = openDatabase(empty.url, { connections: 1 })
  const count = (of: typeof sql) =>
    of`select table_schema, count(*)::int as n from information_schema.columns
       where table_schema in ('scopestack', 'sync') group by 1 order by 1`
  expect(await count(fresh)).toEqual(await count(sql))
  // Each function is as its last migration made it, and not as the first one did.
  expect(await fresh`select prosqlbody is not null as plain from pg_proc where proname = 'travelling'`).toEqual([
    { plain: true },
  ])
  await fresh.end()
})

it('changes nothing the second time', async () => {
  const state = () =>
    sql`select oid::int, relname, xmin::text from pg_class
        where relnamespace in ('scopestack'::regnamespace, 'sync'::regnamespace) order by oid`
  const applied = () => sql`select * from sync.__drizzle_migrations order by id`
  const before = { state: await state(), applied: await applied(), comments: await comments() }
  await migrate(database.url)
  expect({ state: await state(), applied: await applied(), comments: await comments() }).toEqual(before)
})

it('gives every resource a table with its columns, in their types', async () => {
  const found = await sql<{ table: string; column: string; type: string; required: boolean }[]>`
    select c.relname as "table", a.attname as "column", format_type(a.atttypid, a.atttypmod) as type,
      a.attnotnull as required
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = 'scopestack'::regnamespace and c.relkind = 'r'`
  const mirrored = [...catalog.values()].flatMap(({ table, columns, generated }) =>
    [
      ['id', 'text', true] as const,
      ...columns.map(({ name, kind }) => [name, SQL_TYPE[kind], false] as const),
      ...generated.map(({ name, kind }) => [name, SQL_TYPE[kind], false] as const),
      ...Object.entries(SYNC_TYPES).map(
        ([name, type]) => [name, type, name === 'sync_hash' || name === 'sync_changed_at'] as const,
      ),
    ].map((column) => [table, ...column] as const),
  )
  const wanted = await Promise.all(
    [...mirrored, ...USER_DEFINED_VALUES.map((column) => ['user_defined_values', ...column] as const)].map(
      async ([table, column, type, required]) => ({ table, column, type: await typeName(type), required }),
    ),
  )
  const key = ({ table, column }: { table: string; column: string }): string => `${table}.${column}`
  const sorted = <T extends { table: string; column: string }>(rows: readonly T[]): T[] =>
    rows.toSorted((a, b) => (key(a) < key(b) ? -1 : 1))
  expect(sorted(found.map((row) => ({ ...row })))).toEqual(sorted(wanted))
})

it('indexes every key that tables are joined by, and what they are filtered by', async () => {
  const found = await sql<{ key: string }[]>`
    select c.relname || '.' || a.attname as key from pg_index i
    join pg_class c on c.oid = i.indrelid and c.relnamespace = 'scopestack'::regnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]`
  const wanted = [...catalog.values()].flatMap(({ table, columns, namedKeys }) => [
    `${table}.id`,
    ...columns.filter(({ from }) => from === 'to-one').map(({ name }) => `${table}.${name}`),
    ...namedKeys.filter(({ name }) => name.endsWith('_id')).map(({ name }) => `${table}.${name}`),
    ...[...columns.map(({ name }) => name), 'sync_changed_at']
      .filter((name) => ['approved_at', 'created_at', 'status', 'sync_changed_at', 'updated_at'].includes(name))
      .map((name) => `${table}.${name}`),
  ])
  wanted.push('user_defined_values.owner_type', 'user_defined_values.name')
  expect(found.map(({ key }) => key).toSorted()).toEqual(wanted.toSorted())
})

it('comments every table and every column with the text of the catalog', async () => {
  const found = await comments()
  expect(found.filter(({ comment }) => comment === null)).toEqual([])
  const words = new Map(found.map(({ table, column, comment }) => [`${table}.${column ?? ''}`, comment]))
  for (const { table, comment, columns } of catalog.values()) {
    expect(words.get(`${table}.`)).toBe(comment)
    for (const column of columns) expect(words.get(`${table}.${column.name}`), column.name).toBe(column.comment)
  }
})

it('corrects a comment that is out of date, and leaves the others alone', async () => {
  const column = 'comment on column scopestack.tags.name is'
  const others = () =>
    sql`select objoid::int, objsubid, xmin::text, description from pg_description
        where classoid = 'pg_class'::regclass and (objoid, objsubid) <> ('scopestack.tags'::regclass, 2) order by 1, 2`
  await sql.unsafe(`${column} 'In the words of an older version.'`)
  const before = await others()
  await migrate(database.url)
  const [now] = await sql`select col_description('scopestack.tags'::regclass, 2) as comment`
  expect(now).toEqual({ comment: catalog.get('tags')!.columns[0]!.comment })
  expect(await others()).toEqual(before)
})

it('has a migration for every change of the catalog: drizzle-kit would generate none', async () => {
  const scratch = await mkdtemp(join(ROOT, 'node_modules/.drizzle-'))
  try {
    await cp(join(ROOT, 'migrations'), join(scratch, 'migrations'), { recursive: true })
    const config = { ...drizzleConfig, out: `./${scratch.slice(ROOT.length + 1)}/migrations` }
    await writeFile(join(scratch, 'drizzle.config.json'), JSON.stringify(config))
    const kit = join(ROOT, 'node_modules/drizzle-kit/bin.cjs')
    const generate = ['generate', '--config', join(scratch, 'drizzle.config.json')]
    const { stdout } = await promisify(execFile)(process.execPath, [kit, ...generate], { cwd: ROOT })
    // It ends with 0 and no migration as well where it would have to ask whether a column was renamed.
    expect(stdout, 'run `npm run db:generate`').toContain('No schema changes')
    const names = async (folder: string) => (await readdir(folder)).filter((name) => name.endsWith('.sql')).toSorted()
    const generated = await names(join(scratch, 'migrations'))
    expect(generated, 'run `npm run db:generate`').toEqual(await names(join(ROOT, 'migrations')))
  } finally {
    await rm(scratch, { recursive: true })
  }
})
