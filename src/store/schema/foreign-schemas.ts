/** Detects schemas with our names that belong to another program, before anything is created in them. */
import { foreignSchema, mayNotCreateSchemas } from '../../errors/database.ts'
import type { Database } from '../connection/database.ts'

const SCHEMAS = ['scopestack', 'scopestack_live', 'sync'] as const
const MIGRATIONS = '__drizzle_migrations'

/**
 * A schema is ours if our first migration is recorded in it; an empty one may have been created for us.
 *
 * @param first timestamp of the first migration.
 * @throws SyncError SYNC_SCHEMA_FOREIGN
 */
export async function assertOwnSchemas(sql: Database, first: number): Promise<void> {
  if (await isOurs(sql, first)) return
  const found = await sql<{ schema: string; name: string }[]>`
    select n.nspname as schema, c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ${sql(SCHEMAS)} and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
      and not (n.nspname = 'sync' and c.relname like ${`${MIGRATIONS}%`})
    order by 1, 2`
  const [{ schema } = { schema: '' }] = found
  if (schema === '') return
  throw foreignSchema({ schema, relations: found.filter((one) => one.schema === schema).map(({ name }) => name) })
}

/**
 * The first migration needs the right to create schemas in any case; one that adds a schema also finds it made.
 *
 * @throws SyncError SYNC_DATABASE_REFUSED naming the schemas that this role needs and may not make, with the statement that helps.
 */
export async function assertMayCreateSchemas(sql: Database): Promise<void> {
  const rows = await sql<{ name: string; role: string; database: string; isUpgrade: boolean }[]>`
    select name, current_user as role, current_database() as database,
      to_regclass(${`sync.${MIGRATIONS}`}) is not null as "isUpgrade"
    from unnest(string_to_array(${[...SCHEMAS, 'scopestack_history'].join(',')}, ',')) as name
    where to_regnamespace(name) is null and not has_database_privilege(current_database(), 'CREATE')`
  const [first] = rows
  if (first !== undefined) throw mayNotCreateSchemas({ ...first, schemas: rows.map(({ name }) => name) })
}

/** BullMQ's own migrations table. */
export const assertOwnQueueSchema = (sql: Database): Promise<void> => assertHolds(sql, 'bullmq', 'migration')

/** Younger than our first migration, so that an installation that is ours may meet another program's. */
export const assertOwnHistorySchema = (sql: Database): Promise<void> =>
  assertHolds(sql, 'scopestack_history', 'past_versions')

/** @throws SyncError SYNC_SCHEMA_FOREIGN where it holds relations, and not this one of ours. */
async function assertHolds(sql: Database, schema: string, ours: string): Promise<void> {
  const rows = await sql<{ name: string }[]>`
    select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = ${schema} and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') order by 1`
  const relations = rows.map(({ name }) => name)
  if (relations.length > 0 && !relations.includes(ours)) throw foreignSchema({ schema, relations })
}

/** Another program that uses drizzle may have its migrations table in a schema of the same name. */
async function isOurs(sql: Database, first: number): Promise<boolean> {
  const [table] = await sql<{ exist: boolean }[]>`
    select exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'sync' and c.relname = ${MIGRATIONS} and c.relkind = 'r') as exist`
  if (table?.exist !== true) return false
  const [row] = await sql<{ ours: boolean }[]>`
    select exists (select from sync.__drizzle_migrations where created_at = ${first}) as ours`
  return row!.ours
}
