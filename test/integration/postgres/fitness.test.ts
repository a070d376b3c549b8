/** A database that cannot be lived with is refused by name, in one sentence, before anything is written. */
import { randomUUID } from 'node:crypto'
import postgres from 'postgres'
import { expect, inject, it } from 'vitest'
import { SyncError } from '../../../src/errors/sync-error.ts'
import { migrate } from '../../../src/store/schema/migrate.ts'
import { onTestFinished } from '../../support/run/test-context.ts'

async function databaseWith(
  how: string,
  settings: readonly string[] = [],
): Promise<{ url: string; admin: postgres.Sql }> {
  const admin = postgres(inject('adminUrl'), { max: 1, onnotice: () => {} })
  const name = `unfit_${randomUUID().slice(0, 8)}`
  await admin.unsafe(`create database ${name} template template0 ${how}`)
  for (const one of settings) await admin.unsafe(`alter database ${name} set ${one}`)
  onTestFinished(async () => {
    await admin.unsafe(`drop database ${name} with (force)`)
    await admin.end()
  })
  return { url: Object.assign(new URL(inject('adminUrl')), { pathname: name }).href, admin }
}

it.each([
  ["encoding 'LATIN1' locale 'C'", [], 'its encoding is LATIN1'],
  ["encoding 'SQL_ASCII' locale 'C'", [], 'its encoding is SQL_ASCII'],
  ["encoding 'EUC_JP' locale 'C'", [], 'its encoding is EUC_JP'],
  ['', ['default_transaction_read_only = on'], 'default_transaction_read_only is on, set for the database'],
  ['', ['session_replication_role = replica'], 'session_replication_role is not "origin", set for the database'],
])('%s %o', async (how, settings, words) => {
  const { url } = await databaseWith(how, settings)
  const error: unknown = await migrate(url).catch((failure: unknown) => failure)
  expect(error).toBeInstanceOf(SyncError)
  expect(error).toMatchObject({ code: 'SYNC_DATABASE_UNFIT', message: expect.stringContaining(words) as string })
  const sql = postgres(url, { max: 1 })
  expect(await sql`select from pg_namespace where nspname in ('sync', 'scopestack')`).toHaveLength(0)
  await sql.end()
})

it('a setting that DATABASE_URL makes is reported as made there', async () => {
  const { url } = await databaseWith('')
  await expect(migrate(`${url}?default_transaction_read_only=on`)).rejects.toMatchObject({
    code: 'SYNC_DATABASE_UNFIT',
    message: expect.stringContaining('set in DATABASE_URL') as string,
  })
})
