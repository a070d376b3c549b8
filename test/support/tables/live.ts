/** What tests know of the tables of living views: sync.live_views and sync.live_fields. */
import type { Sql } from './table-reader.ts'

/** Problems by view; empty where all are as they should be. */
export async function readLiveProblems(sql: Sql): Promise<Record<string, string>> {
  const rows = await sql<{ name: string; problem: string }[]>`
    select name, problem from sync.live_views where problem is not null order by name`
  return Object.fromEntries(rows.map(({ name, problem }) => [name, problem]))
}

/** Another version of a row is another xmin. */
export const readLiveVersions = (sql: Sql): Promise<unknown> =>
  sql`select name, relation, asked, kept, xmin::text from sync.live_views order by name`

/** The column of each user-defined field, by the name of the field. */
export async function readFieldColumns(sql: Sql, owner: string): Promise<Map<string, string>> {
  const rows = await sql<{ name: string; column: string }[]>`
    select name, column_name as column from sync.live_fields where owner_type = ${owner}`
  return new Map(rows.map((row) => [row.name, row.column]))
}
