/** Schemas of our names that another program has made. */
import postgres from 'postgres'
import { expect, test } from 'vitest'
import { migrateQueue } from '../../../src/jobs/queue-tables.ts'
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
      where relnamespace::regnamespace::text in ('scopestack', 'sync', 'bullmq') order by 1, 2`,
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
