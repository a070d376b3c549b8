/** Schemas that have our names and are somebody else's, which is found out before anything is made in them. */
import { foreignSchema } from '../../errors/database.ts'
import type { Database } from '../connection/database.ts'

const SCHEMAS = ['scopestack', 'sync'] as const
const BOOKS = '__drizzle_migrations'

/**
 * Ours are those that came with our first migration; what is empty may have been made for us.
 *
 * @param first when it was made.
 * @throws SyncError SYNC_SCHEMA_FOREIGN
 */
export async function assertOwnSchemas(sql: Database, first: number): Promise<void> {
  if (await isOurs(sql, first)) return
  const found = await sql<{ schema: string; name: string }[]>`
    select n.nspname as schema, c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ${sql(SCHEMAS)} and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
      and not (n.nspname = 'sync' and c.relname like ${`${BOOKS}%`})
    order by 1, 2`
  const [{ schema } = { schema: '' }] = found
  if (schema === '') return
  throw foreignSchema({ schema, relations: found.filter((one) => one.schema === schema).map(({ name }) => name) })
}

/** The table by which BullMQ knows what it has made. */
const QUEUE_BOOKS = 'migration'

/** @throws SyncError SYNC_SCHEMA_FOREIGN */
export async function assertOwnQueueSchema(sql: Database): Promise<void> {
  const rows = await sql<{ name: string }[]>`
    select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'bullmq' and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') order by 1`
  const relations = rows.map(({ name }) => name)
  if (relations.length > 0 && !relations.includes(QUEUE_BOOKS)) throw foreignSchema({ schema: 'bullmq', relations })
}

/** Another program that uses drizzle may keep its migrations in a schema of the same name. */
async function isOurs(sql: Database, first: number): Promise<boolean> {
  const [books] = await sql<{ exist: boolean }[]>`
    select exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'sync' and c.relname = ${BOOKS} and c.relkind = 'r') as exist`
  if (books?.exist !== true) return false
  const [row] = await sql<{ ours: boolean }[]>`
    select exists (select from sync.__drizzle_migrations where created_at = ${first}) as ours`
  return row!.ours
}
