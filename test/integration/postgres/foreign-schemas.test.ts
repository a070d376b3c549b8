/** Schemas of our names that another program has made. */
import { randomUUID } from 'node:crypto'
import postgres from 'postgres'
import { expect, test } from 'vitest'
import { migrateQueue } from '../../../src/jobs/queue-tables.ts'
import { assertMayCreateSchemas } from '../../../src/store/schema/foreign-schemas.ts'
import { migrate } from '../../../src/store/schema/migrate.ts'
import { createEmptyDatabase } from '../../support/postgres/database.ts'

async function open(statements: string) {
  const database = await createEmptyDatabase()
  const sql = postgres(database.url, { max: 1, onnotice: () => {} })
  await sql.unsafe(statements)
  return {
    url: database.url,
    relations: async () =>
      await sql`
      select relnamespace::regnamespace::text as schema, relname from pg_class
      where relnamespace::regnamespace::text in ('scopestack', 'scopestack_live', 'sync', 'bullmq') order by 1, 2`,
    async [Symbol.asyncDispose]() {
      await sql.end()
      await database[Symbol.asyncDispose]()
    },
  }
}

const BOOKS = 'create table sync.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)'

test.for([
  ['scopestack', 'create schema scopestack; create table scopestack.clients (id int)'],
  ['sync', 'create schema sync; create view sync.jobs as select 1 as one'],
  ['scopestack_live', 'create schema scopestack_live; create view scopestack_live.clients as select 1 as one'],
  // Another program that keeps its migrations as we do; a newer one than all of ours.
  [
    'sync',
    `create schema sync; ${BOOKS}; create table sync.jobs (id int);
    insert into sync.__drizzle_migrations (hash, created_at) values ('x', 9999999999999)`,
  ],
])('schema %s that is not ours is left alone, and named', async ([schema, statements]) => {
  await using database = await open(statements!)
  const before = await database.relations()
  await expect(migrate(database.url)).rejects.toMatchObject({
    code: 'SYNC_SCHEMA_FOREIGN',
    message: expect.stringContaining(`Schema "${schema}" of this database`) as string,
  })
  expect(await database.relations()).toEqual(before)
})

test('schema bullmq that is not ours is left alone, and named', async () => {
  await using database = await open('create schema bullmq; create table bullmq.rabbits (id int)')
  const before = await database.relations()
  await expect(migrateQueue(database.url)).rejects.toMatchObject({
    code: 'SYNC_SCHEMA_FOREIGN',
    message: expect.stringContaining('Schema "bullmq" of this database') as string,
  })
  expect(await database.relations()).toEqual(before)
})

test('schemas that were made for us and are empty are ours, also when a first migration was interrupted', async () => {
  await using database = await open(`create schema scopestack; create schema sync; create schema bullmq; ${BOOKS}`)
  await migrate(database.url)
  await migrateQueue(database.url)
  await migrate(database.url)
})

test('a role that may not create schemas is shown the statement that helps, at the first migration and at one that adds a schema', async () => {
  const role = `owner_${randomUUID().slice(0, 8)}`
  await using database = await open(`create role ${role} login password 'secret'`)
  const admin = postgres(database.url, { max: 1, onnotice: () => {} })
  const url = new URL(database.url)
  url.username = role
  url.password = 'secret'
  const own = postgres(url.href, { max: 1, onnotice: () => {} })
  const remedyOf = async (act: Promise<unknown>): Promise<string> => {
    const said = await act.then(
      () => '',
      (error: Error) => error.message,
    )
    return (
      /^This version needs schema .* As the owner of the database: (.*)\. Then run it again/.exec(said)?.[1] ?? said
    )
  }
  const grant = await remedyOf(migrate(url.href))
  expect(grant).toMatch(/^grant create on database /)
  expect(await database.relations()).toEqual([])
  await admin.unsafe(grant)
  await migrate(url.href)
  await admin.unsafe(grant.replace('grant', 'revoke').replace(' to ', ' from '))
  await migrate(url.href)
  await admin`drop schema scopestack_live cascade`
  const create = await remedyOf(assertMayCreateSchemas(own))
  expect(create).toBe(`create schema scopestack_live authorization "${role}"`)
  await admin.unsafe(create)
  await assertMayCreateSchemas(own)
  // What was in it is made anew, by a role that may make no schema.
  await migrate(url.href)
  expect((await own`select from scopestack_live.projects`).length).toBe(0)
  await own.end()
  await admin.unsafe(`drop owned by ${role} cascade; drop role ${role}`)
  await admin.end()
})
