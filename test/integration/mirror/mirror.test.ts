/** Loading into a mirrored table: what is written, and above all what is not. */
import { afterAll, expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { type Attribute, defineResource, integer, type RemoteRecord, text } from '../../../src/catalog/resource.ts'
import { openDatabase } from '../../../src/store/connection/database.ts'
import { type LoadResult } from '../../../src/store/mirror/load-result.ts'
import { createMirror } from '../../../src/store/mirror/load.ts'
import { disableCapture } from '../../../src/store/schema/capture-triggers.ts'
import { createDatabase } from '../../support/postgres/database.ts'
import { leased } from '../../support/postgres/leased.ts'

const database = await createDatabase()
const sql = openDatabase(database.url)
const inspected = await sql`create extension pg_walinspect schema public`.then(
  () => true,
  () => false,
)

afterAll(async () => {
  await sql.end()
  await database[Symbol.asyncDispose]()
})

const load = (type: string, records: readonly RemoteRecord[], resource = catalog.get(type)!): Promise<LoadResult> =>
  leased(sql, (tx) => createMirror(resource).load(tx, records))

const client = (id: string, name: string): RemoteRecord => ({ type: 'clients', id, attributes: { name, active: true } })

interface ClientRow {
  id: string
  name: string
  sync_changed_at: Date
  sync_deleted_at: Date | null
}
const row = async (id: string): Promise<ClientRow | undefined> =>
  (
    await sql<ClientRow[]>`select id, name, sync_changed_at, sync_deleted_at from scopestack.clients where id = ${id}`
  )[0]

/** What `act` writes to a table, its indexes and its toast: bytes of WAL, or else tuples. */
async function written(table: string, act: () => Promise<unknown>): Promise<number> {
  // Reading all of it first settles the hint bits, which may count as writes.
  await sql`select count(*), max(${sql('id')}) from scopestack.${sql(table)}`
  const before = inspected ? await position() : await tuples(table)
  await act()
  if (!inspected) return (await tuples(table)) - Number(before)
  // What tells each block's bytes apart came with 16; 15 has the records, and in them the names of their blocks.
  const [sum] = await sql<{ bytes: number }[]>`
    select coalesce(sum(record_length), 0)::int as bytes
    from public.pg_get_wal_records_info(${before as string}::pg_lsn, ${await position()}::pg_lsn)
    where exists (
      select from regexp_matches(block_ref, 'rel [0-9]+/([0-9]+)/([0-9]+)', 'g') as block
      where block[1]::oid = (select oid from pg_database where datname = current_database())
        and block[2]::oid in (
          select pg_relation_filenode(c.oid) from pg_class c
          where c.oid = ${`scopestack.${table}`}::regclass
            or c.oid in (select indexrelid from pg_index where indrelid = ${`scopestack.${table}`}::regclass)))`
  return sum!.bytes
}

/** Only what is flushed can be read back. */
async function position(): Promise<string> {
  await sql.begin(async (tx) => {
    await tx`set local synchronous_commit = on`
    await tx`select pg_logical_emit_message(true, 'test', 'here')`
  })
  const [at] = await sql<{ lsn: string }[]>`select pg_current_wal_flush_lsn()::text as lsn`
  return at!.lsn
}

async function tuples(table: string): Promise<number> {
  const one = openDatabase(database.url, { connections: 1 })
  await sql`select pg_stat_force_next_flush()`
  const [found] = await one<{ n: number }[]>`
    select (n_tup_ins + n_tup_upd + n_tup_del)::int as n from pg_stat_user_tables
    where schemaname = 'scopestack' and relname = ${table}`
  await one.end()
  return found!.n
}

const measure = inspected ? 'not one byte of WAL' : 'not one tuple (pg_walinspect is missing, so WAL was not measured)'

it(`writes ${measure} when nothing has changed, and something when one row has`, async () => {
  const records = Array.from({ length: 500 }, (_, at) => client(`wal-${at}`, `Client ${at}`))
  expect(await written('clients', () => load('clients', records))).toBeGreaterThan(0)
  expect(await written('clients', () => load('clients', records))).toBe(0)
  const changed = [...records.slice(1), client('wal-0', 'Another name')]
  expect(await written('clients', () => load('clients', changed))).toBeGreaterThan(0)
})

it('counts and rewrites only the rows that differ', async () => {
  const records = ['a', 'b', 'c'].map((id) => client(id, `Client ${id}`))
  expect(await load('clients', records)).toMatchObject({ inserted: 3, updated: 0, unchanged: 0 })
  const before = await Promise.all(['a', 'b', 'c'].map(row))
  const again = [client('a', 'Client a'), client('b', 'Renamed'), client('c', 'Client c'), client('d', 'New')]
  expect(await load('clients', again)).toMatchObject({ inserted: 1, updated: 1, unchanged: 2 })
  const after = await Promise.all(['a', 'b', 'c'].map(row))
  expect([after[0], after[2]]).toEqual([before[0], before[2]])
  expect(after[1]!.name).toBe('Renamed')
  expect(after[1]!.sync_changed_at.getTime()).toBeGreaterThan(before[1]!.sync_changed_at.getTime())
})

it('of several records with one id the last wins', async () => {
  const twice = [client('twice', 'First'), client('other', 'Other'), client('twice', 'Last')]
  expect(await load('clients', twice)).toMatchObject({ inserted: 2, unchanged: 0 })
  expect((await row('twice'))!.name).toBe('Last')
  expect(await load('clients', [client('twice', 'Later'), client('twice', 'Last')])).toMatchObject({ unchanged: 1 })
})

it('revives a tombstone, even when no value of the row has changed', async () => {
  await load('clients', [client('gone', 'Gone')])
  await sql.begin(async (tx) => {
    await disableCapture(tx)
    await tx`update scopestack.clients set sync_deleted_at = now() where id = 'gone'`
  })
  expect(await load('clients', [client('gone', 'Gone')])).toMatchObject({ updated: 1 })
  expect((await row('gone'))!.sync_deleted_at).toBeNull()
})

it('treats a to-many as a set: another order is no change', async () => {
  const product = (ids: readonly string[]): RemoteRecord => ({
    type: 'products',
    id: '1',
    relationships: { services: { data: ids.map((id) => ({ type: 'services', id })) } },
  })
  await load('products', [product(['7', '3', '11'])])
  expect(await load('products', [product(['3', '11', '7'])])).toMatchObject({ unchanged: 1 })
  expect(await load('products', [product(['3', '11'])])).toMatchObject({ updated: 1 })
})

it('keeps a key that a record does not carry, and rewrites the row once', async () => {
  const record = (name: string, relationships: object): RemoteRecord => ({
    type: 'projects',
    id: '1',
    attributes: { 'project-name': name },
    relationships,
  })
  const ends = { client: { data: { type: 'clients', id: '7' } }, user: { data: { type: 'users', id: '8' } } }
  const keys = () => sql`select project_name as name, client_id, user_id from scopestack.projects where id = '1'`
  await load('projects', [record('First', ends)])
  const partial = { client: { links: { self: 'https://x.test' } }, user: { data: null } }
  expect(await load('projects', [record('Second', partial)])).toMatchObject({ updated: 1 })
  expect(await keys()).toEqual([{ name: 'Second', client_id: '7', user_id: null }])
  expect(await load('projects', [record('Second', partial)])).toMatchObject({ unchanged: 1 })
  expect(await load('projects', [record('Second', ends)])).toMatchObject({ updated: 1 })
  expect(await keys()).toEqual([{ name: 'Second', client_id: '7', user_id: '8' }])
})

it('writes every row again when the declaration has changed, even where no value has', async () => {
  const declare = (made: Attribute) =>
    defineResource('tags', { comment: 'One row per tag.', confidence: 'low', attributes: { name: made } })
  const tag = { type: 'tags', id: '1', attributes: { name: '7' } }
  await load('tags', [tag], declare(text('Name of the tag.')))
  expect(await load('tags', [tag], declare(text('Name of the tag, in other words.')))).toMatchObject({ unchanged: 1 })
  expect(await load('tags', [tag], declare(integer('Number of the tag.')))).toMatchObject({ updated: 1 })
})

it('shows readers every row at every moment of a load', async () => {
  const records = (name: string) => Array.from({ length: 300 }, (_, at) => client(`read-${at}`, name))
  await load('clients', records('Before'))
  const names = async () =>
    await sql<{ name: string; n: number }[]>`
      select name, count(*)::int as n from scopestack.clients where id like 'read-%' group by name`
  await leased(sql, async (tx) => {
    await createMirror(catalog.get('clients')!).load(tx, records('After'))
    expect(await names()).toEqual([{ name: 'Before', n: 300 }])
  })
  expect(await names()).toEqual([{ name: 'After', n: 300 }])
})
