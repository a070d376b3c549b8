/** What a mirrored table has: names of its columns and indexes, those of users among them. */
import type { Resource } from '../../catalog/resource.ts'
import type { Database, Transaction } from '../connection/database.ts'

export interface TableParts {
  readonly columns: ReadonlySet<string>
  readonly indexes: ReadonlySet<string>
}

export async function readTable(sql: Database | Transaction, { table }: Resource): Promise<TableParts> {
  const [row] = await sql<{ columns: string[]; indexes: string[] }[]>`
    select coalesce((select json_agg(a.attname) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped), '[]') as columns,
      coalesce((select json_agg(i.relname) from pg_index x join pg_class i on i.oid = x.indexrelid where x.indrelid = c.oid and x.indisvalid), '[]') as indexes
    from pg_class c where c.relnamespace = (select oid from pg_namespace where nspname = 'scopestack') and c.relname = ${table}`
  return { columns: new Set(row?.columns), indexes: new Set(row?.indexes) }
}
