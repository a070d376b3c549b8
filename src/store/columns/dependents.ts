/** What of a user's depends on a column, so that it is not dropped: views, functions, policies. */
import type { Resource } from '../../catalog/resource.ts'
import type { Database, Transaction } from '../connection/database.ts'

/** As PostgreSQL describes them: `view reporting.pipeline`; also what is made of the living view. Indexes go with the column. */
export async function dependentsOf(
  sql: Database | Transaction,
  { table }: Pick<Resource, 'table'>,
  column: string,
): Promise<string[]> {
  const rows = await sql<{ what: string }[]>`
    select distinct case when v.relname is not null
      then (case v.relkind when 'm' then 'materialized view ' else 'view ' end) || n.nspname || '.' || v.relname
      else pg_describe_object(d.classid, d.objid, d.objsubid) end as what
    from pg_depend d join pg_class c on c.oid = d.refobjid join pg_attribute a on a.attrelid = c.oid and a.attnum = d.refobjsubid
    left join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and r.oid = d.objid
    left join pg_class v on v.oid = r.ev_class left join pg_namespace n on n.oid = v.relnamespace
    where d.refclassid = 'pg_class'::regclass and d.deptype = 'n' and c.relname = ${table} and a.attname = ${column}
      and c.relnamespace in (select oid from pg_namespace where nspname in ('scopestack', 'scopestack_live'))
      and coalesce(n.nspname, '') <> 'scopestack_live'
    order by 1`
  return rows.map(({ what }) => what)
}
