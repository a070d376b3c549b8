/** Triggers, rules and column types that others have put on a mirrored table and that change silently what is written. */
import type { Resource } from '../../catalog/resource.ts'
import { quote, type Transaction } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'
import { SQL_TYPE } from '../schema/columns.ts'
import type { Rejected } from './load-result.ts'
import type { Row } from './row.ts'

export interface TableGuard {
  /** Triggers and rules that may suppress a row. */
  readonly names: readonly string[]
  /** Columns whose type is not ours, and that type: values are cast to it, so that none is rounded on its way. */
  readonly casts: ReadonlyMap<string, string>
}

/** Finds BEFORE EACH ROW triggers that are not ours, rules, and other column types. */
export async function findGuard(tx: Transaction, { table, columns, added }: Resource): Promise<TableGuard> {
  const [found] = await tx<{ names: string[]; types: { name: string; type: string }[] }[]>`
    select
      (select coalesce(json_agg(name order by name), '[]') from (
        select 'trigger ' || t.tgname as name from pg_trigger t
        where t.tgrelid = c.oid and not t.tgisinternal and t.tgtype & 3 = 3 and t.tgenabled <> 'D' and not starts_with(t.tgname, 'write_back_') and t.tgname <> 'keep_added_columns'
        union all select 'rule ' || r.rulename from pg_rewrite r where r.ev_class = c.oid and r.ev_type <> '1') as g) as names,
      -- Text needs no cast: a text that is too long for its column is rejected, not cut.
      (select coalesce(json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, -1))), '[]')
        from pg_attribute a join pg_type y on y.oid = a.atttypid
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and y.typcategory <> 'S') as types
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'scopestack' and c.relname = ${table}`
  const { names, types } = found ?? { names: [], types: [] }
  const held = new Map(types.map(({ name, type }) => [name, type]))
  const casts = [...columns, ...added].flatMap(({ name, kind }): [string, string][] => {
    const type = held.get(name)
    return type === undefined || type === SPELT[SQL_TYPE[kind]] || type === SQL_TYPE[kind] ? [] : [[name, type]]
  })
  return { names, casts: new Map(casts) }
}

/** The name that format_type gives it. */
const SPELT: Readonly<Record<string, string>> = { timestamptz: 'timestamp with time zone' }

/** Of rows that were just written: those that are not stored as they were sent. */
export async function findSuppressed(
  tx: Transaction,
  { table }: Resource,
  { names }: TableGuard,
  rows: readonly Row[],
): Promise<Rejected[]> {
  if (names.length === 0 || rows.length === 0) return []
  const held = await tx.unsafe<{ id: string; hash: string }[]>(
    `select id, sync_hash as hash from scopestack.${quote(table)} where id = any($1::text[])`,
    [arrayLiteral(rows.map(({ id }) => id))],
  )
  const known = new Map(held.map(({ id, hash }) => [id, hash]))
  const reason = `Postgres did not write it, and gave no error: ${names.join(', ')} of scopestack.${table} took it away.`
  return rows.filter(({ id, hash }) => known.get(id) !== hash).map(({ id }) => ({ id, reason }))
}
