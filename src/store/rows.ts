/** Questions asked of the mirrored rows. */
import type { Database } from './database.ts'

/** Ids of living rows in a stable order, after `position`; only of records that ScopeStack has. */
export async function mirroredIds(sql: Database, table: string, position: string | null): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select id from scopestack.${sql(table)}
    where sync_deleted_at is null and id not like 'local-%' and id collate "C" > ${position ?? ''} order by id collate "C"`
  return rows.map(({ id }) => id)
}
