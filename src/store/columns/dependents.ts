/** What of a user's depends on a column, so that it cannot be dropped: views, rules, functions, policies. */
import type { Resource } from '../../catalog/resource.ts'
import type { Database, Transaction } from '../connection/database.ts'

/** As PostgreSQL describes them: `view reporting.pipeline`. Indexes and constraints go with the column. */
export async function dependentsOf(
  sql: Database | Transaction,
  { table }: Resource,
  column: string,
): Promise<string[]> {
  const rows = await sql<{ what: string }[]>`
    select distinct case when v.relname is not null
      then (case v.relkind when 'm' then 'materialized view ' else 'view ' end) || v.relnamespace::regnamespace || '.' || v.relname
      else pg_describe_object(d.classid, d.objid, d.objsubid) end as what
    from pg_depend d join pg_class c on c.oid = d.refobjid join pg_attribute a on a.attrelid = c.oid and a.attnum = d.refobjsubid
    left join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and r.oid = d.objid
    left join pg_class v on v.oid = r.ev_class
    where d.refclassid = 'pg_class'::regclass and d.deptype = 'n' and c.relname = ${table}
      and c.relnamespace = to_regnamespace('scopestack') and a.attname = ${column}
    order by 1`
  return rows.map(({ what }) => what)
}
