/** What somebody else has put on a mirrored table that changes what is written without a word: triggers, rules, other types. */
import type { Resource } from '../../catalog/resource.ts'
import { quote, type Transaction } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'
import { SQL_TYPE } from '../schema/columns.ts'
import type { Rejected, WriteResult } from './load.ts'
import type { Row } from './row.ts'

export interface TableGuard {
  /** Triggers and rules that may take a row away. */
  readonly names: readonly string[]
  /** Columns of another type than ours, and what their values are cast to, so that none of them is rounded on its way. */
  readonly casts: ReadonlyMap<string, string>
}

/** Triggers BEFORE each row that are not ours, and rules. */
export async function findGuard(tx: Transaction, { table, columns }: Resource): Promise<TableGuard> {
  const [found] = await tx<{ names: string[]; types: { name: string; type: string }[] }[]>`
    select
      (select coalesce(json_agg(name order by name), '[]') from (
        select 'trigger ' || t.tgname as name from pg_trigger t
        where t.tgrelid = c.oid and not t.tgisinternal and t.tgtype & 3 = 3 and t.tgenabled <> 'D' and not starts_with(t.tgname, 'write_back_')
        union all select 'rule ' || r.rulename from pg_rewrite r where r.ev_class = c.oid and r.ev_type <> '1') as g) as names,
      -- A text fits a shorter text, or does not: what is too long is refused as it is.
      (select coalesce(json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, -1))), '[]')
        from pg_attribute a join pg_type y on y.oid = a.atttypid
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and y.typcategory <> 'S') as types
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'scopestack' and c.relname = ${table}`
  const { names, types } = found ?? { names: [], types: [] }
  const held = new Map(types.map(({ name, type }) => [name, type]))
  const casts = columns.flatMap(({ name, kind }): [string, string][] => {
    const type = held.get(name)
    return type === undefined || type === SPELT[SQL_TYPE[kind]] || type === SQL_TYPE[kind] ? [] : [[name, type]]
  })
  return { names, casts: new Map(casts) }
}

/** As Postgres writes it. */
const SPELT: Readonly<Record<string, string>> = { timestamptz: 'timestamp with time zone' }

/** Of rows that were just written: those that are not there as they were sent. */
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

/** Of batches that were written one behind the other. */
export function sumResults(
  batches: readonly WriteResult[],
): Pick<WriteResult, 'inserted' | 'updated' | 'unchanged' | 'fresh' | 'written' | 'left' | 'lacking'> {
  const sum = (of: (one: WriteResult) => number): number => batches.reduce((total, one) => total + of(one), 0)
  return {
    inserted: sum((one) => one.inserted),
    updated: sum((one) => one.updated),
    unchanged: sum((one) => one.unchanged),
    fresh: sum((one) => one.fresh),
    written: batches.flatMap((one) => one.written),
    left: batches.flatMap((one) => one.left),
    lacking: batches.flatMap((one) => one.lacking),
  }
}
