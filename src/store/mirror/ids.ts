/** Ids of mirrored rows. */
import type { Database } from '../connection/database.ts'

/** Ids of living rows in a stable order, after `position`; only of records that ScopeStack has. */
export async function mirroredIds(sql: Database, table: string, position: string | null): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select id from scopestack.${sql(table)}
    where sync_deleted_at is null and id not like 'local-%' and id collate "C" > ${position ?? ''} order by id collate "C"`
  return rows.map(({ id }) => id)
}

/** Some ids of living rows for each value of a flag; only of records that ScopeStack has. */
export async function idsByFlag(
  sql: Database,
  table: string,
  column: string,
): Promise<{ readonly yes: readonly string[]; readonly no: readonly string[] }> {
  const some = async (value: boolean): Promise<string[]> => {
    const rows = await sql<{ id: string }[]>`
      select id from scopestack.${sql(table)}
      where ${sql(column)} = ${value} and sync_deleted_at is null and id not like 'local-%' limit 3`
    return rows.map(({ id }) => id)
  }
  return { yes: await some(true), no: await some(false) }
}
