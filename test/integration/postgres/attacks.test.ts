/** What roles that are not the program's may do with what is its own: of everything in its schemas, whatever a migration adds. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { migrateQueue } from '../../../src/jobs/queue-tables.ts'
import { openDatabase, type Database } from '../../../src/store/connection/database.ts'
import { migrate } from '../../../src/store/schema/migrate.ts'
import { createNewDatabase, type TestDatabase } from '../../support/postgres/database.ts'

const ROLES = ['outsider', 'reader', 'editor'] as const
type Role = (typeof ROLES)[number]

const names = new Map(ROLES.map((role) => [role, `${role}_${randomUUID().slice(0, 8)}`]))
const as = new Map<Role, Database>()
let database: TestDatabase
let owner: Database

beforeAll(async () => {
  database = await createNewDatabase()
  await migrate(database.url, { history: new Set(['clients']) })
  await migrateQueue(database.url)
  owner = openDatabase(database.url, { connections: 1 })
  for (const [role, name] of names) {
    await owner.unsafe(`create role ${name} login password 'secret'`)
    const url = Object.assign(new URL(database.url), { username: name, password: 'secret' })
    as.set(role, openDatabase(url.href, { connections: 1 }))
  }
  await owner`select sync.grant_reader(${names.get('reader')!}::regrole), sync.grant_editor(${names.get('editor')!}::regrole)`
})

afterAll(async () => {
  for (const sql of as.values()) await sql.end()
  for (const name of names.values()) await owner.unsafe(`drop owned by ${name}; drop role ${name}`)
  await owner.end()
  await database[Symbol.asyncDispose]()
})

const SCHEMAS = ['sync', 'bullmq', 'scopestack', 'scopestack_live', 'scopestack_history']

/** `schema.table: privilege` of all that the role has. */
async function tableRights(role: Role): Promise<string[]> {
  const rows = await owner<{ held: string }[]>`
    select n.nspname || '.' || c.relname || ': ' || p.name as held
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
      cross join unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) as p (name)
    where n.nspname in ${owner(SCHEMAS)} and c.relkind in ('r', 'p', 'v', 'm') and has_table_privilege(${names.get(role)!}, c.oid, p.name)
    order by 1`
  return rows.map(({ held }) => held)
}

const EDITED = /^scopestack\.[a-z_]+: (INSERT|UPDATE|DELETE)$/

describe('of tables', () => {
  it('a role without a grant has nothing', async () => {
    expect(await tableRights('outsider')).toEqual([])
  })

  it('a reader reads the mirror, its views and its history, and nothing else', async () => {
    const held = await tableRights('reader')
    expect(held.length).toBeGreaterThan(150)
    expect(held.filter((one) => !/^scopestack(_live|_history)?\.[\w]+: SELECT$/.test(one))).toEqual([])
    expect(held.filter((one) => /pending_changes|new_ids/.test(one))).toEqual([])
  })

  it('an editor also edits tables, whose triggers refuse what is not theirs to change, and reads what its edits became', async () => {
    const held = await tableRights('editor')
    const more = new Set(held).difference(new Set(await tableRights('reader')))
    expect([...more].filter((one) => !EDITED.test(one))).toEqual([
      'scopestack.new_ids: SELECT',
      'scopestack.pending_changes: SELECT',
      'sync.captured: SELECT',
    ])
  })
})

describe.each(ROLES)('a %s', (role) => {
  const refuses = (statement: string) =>
    expect(as.get(role)!.unsafe(statement), statement).rejects.toMatchObject({
      code: expect.stringMatching(/^(42501|0A000|55000)$/) as string,
    })

  it('makes nothing in our schemas, and changes no object of ours', async () => {
    const made = await owner<{ schema: string }[]>`
      select nspname as schema from pg_namespace where nspname in ${owner(SCHEMAS)} and has_schema_privilege(${names.get(role)!}, oid, 'CREATE')`
    expect(made).toHaveLength(0)
    for (const statement of [
      'create trigger mine before update on scopestack.clients for each row execute function suppress_redundant_updates_trigger()',
      'create rule mine as on update to scopestack.clients do instead nothing',
      'alter table scopestack.clients disable trigger all',
      'alter table scopestack.clients add column mine text',
      'alter table scopestack.clients enable row level security',
      'create index on scopestack.clients (name)',
      "comment on table scopestack.clients is 'mine'",
      'drop view scopestack.pending_changes',
      'create or replace view scopestack.sync_status as select 1',
      "create or replace function sync.own_columns(me sync.captured, the_relation oid) returns text[] language sql as 'select null'",
      'set session_replication_role = replica',
      `reassign owned by ${new URL(database.url).username} to ${names.get(role)!}`,
    ])
      await refuses(statement)
  })

  it('reads no token, no secret, and no body that was parked', async () => {
    for (const table of ['tokens', 'refresh_tokens', 'parked', 'outbox', 'alerts', 'requests', 'capabilities'])
      await refuses(`select * from sync.${table}`)
    await refuses(`copy sync.tokens to stdout`)
    await refuses(`create temp table mine (like sync.tokens including all)`)
  })

  it('calls no function of ours that does something', async () => {
    const held = await owner<{ name: string; schema: string }[]>`
      select n.nspname as schema, p.proname as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where n.nspname in ${owner(SCHEMAS)} and p.provolatile = 'v' and has_function_privilege(${names.get(role)!}, p.oid, 'EXECUTE')
        and has_schema_privilege(${names.get(role)!}, n.oid, 'USAGE')
      order by 1, 2`
    expect(held.map(({ schema, name }) => `${schema}.${name}`)).toEqual(
      role === 'editor' ? ['sync.enqueue_change'] : [],
    )
  })
})

it('no function of ours that runs as its owner takes a name from its caller', async () => {
  const open = await owner<{ name: string }[]>`
    select n.nspname || '.' || p.proname as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname in ${owner(SCHEMAS)} and p.prosecdef
      and not exists (select from unnest(p.proconfig) as c where c ~ '^search_path=pg_catalog, pg_temp$')`
  expect(open.map(({ name }) => name)).toEqual([])
})

it('a session that waits for the program, or has it wait, is no way in: locks of ours are rows of tables that others cannot read', async () => {
  const advisory = await owner<{ name: string }[]>`
    select n.nspname || '.' || p.proname as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname in ('sync', 'scopestack', 'scopestack_history') and p.prosrc ~* 'pg_(try_)?advisory'`
  expect(advisory.map(({ name }) => name)).toEqual([])
  for (const role of ROLES)
    await expect(as.get(role)!.unsafe('select * from sync.leases for update')).rejects.toMatchObject({ code: '42501' })
})
