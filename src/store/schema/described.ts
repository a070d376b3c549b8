/**
 * What the database says of the tables and views that analysts read: definitions, comments, rows, freshness. It takes the rights of
 * a reader, which has none on schema sync, and leaves out what the role may not read.
 */
import { notMigrated, schemaNotReadable } from '../../errors/database.ts'
import type { Database } from '../connection/database.ts'

export interface DescribedRelation {
  readonly schema: string
  readonly name: string
  readonly kind: 'table' | 'view'
  readonly comment: string | null
  readonly columns: readonly DescribedColumn[]
}

export interface DescribedColumn {
  readonly name: string
  readonly type: string
  readonly comment: string | null
  readonly primary: boolean
}

export interface Described {
  readonly at: Date
  readonly database: string
  readonly role: string
  readonly relations: readonly DescribedRelation[]
  readonly hidden: number
}

/** @throws SyncError SYNC_DATABASE_REFUSED when there is nothing, or nothing that the role may read. */
export async function readDescribed(sql: Database): Promise<Described> {
  const [place] = await sql<
    { at: Date; database: string; role: string; quoted: string; there: boolean; usable: boolean }[]
  >`
    select now() as at, current_database() as database, current_user as role, quote_ident(current_user) as quoted, count(n.oid) > 0 as there,
      coalesce(bool_or(has_schema_privilege(n.oid, 'usage')), false) as usable
    from (values ('scopestack')) s (name) left join pg_namespace n on n.nspname = s.name`
  const { at, database, role, there, usable } = place!
  const nothing = () => schemaNotReadable({ role: place!.quoted })
  if (!there) throw notMigrated()
  if (!usable) throw nothing()
  const found = await sql<(DescribedRelation & { readable: boolean })[]>`
    select n.nspname as schema, c.relname as name, case when c.relkind in ('r', 'p') then 'table' else 'view' end as kind,
      obj_description(c.oid, 'pg_class') as comment, coalesce(bool_or(has_column_privilege(c.oid, a.attnum, 'select')), false) as readable,
      coalesce(json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
        'comment', col_description(c.oid, a.attnum), 'primary', coalesce(a.attnum = any (i.indkey), false))
        order by a.attnum) filter (where has_column_privilege(c.oid, a.attnum, 'select')), '[]') as columns
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_index i on i.indrelid = c.oid and i.indisprimary
    where n.nspname in ('scopestack', 'scopestack_live', 'scopestack_history') and c.relkind in ('r', 'p', 'v', 'm') and has_schema_privilege(n.oid, 'usage')
    group by n.nspname, c.relname, c.relkind, c.oid order by n.nspname, c.relname`
  const relations = found.filter(({ readable }) => readable)
  if (relations.length === 0) throw found.length === 0 ? notMigrated() : nothing()
  return { at, database, role, relations, hidden: found.length - relations.length }
}

export interface Counted {
  /** Living rows, where the relation marks deleted ones; else all. */
  readonly rows: number
  readonly deleted: number | null
  /** Rows in which a column is not null, by its name. */
  readonly filled: ReadonlyMap<string, number>
}

/** Reads the whole relation once: a million rows of 66 tables take a few seconds. */
export async function countFilled(sql: Database, { schema, name, columns }: DescribedRelation): Promise<Counted> {
  const marks = columns.some((column) => column.name === 'sync_deleted_at')
  const counts = columns.map((column) => `count(${quoted(column.name)})`)
  const [counted] = await sql.unsafe<{ rows: number; deleted: number | null; filled: number[] }[]>(
    `select count(*)::float8 as rows, to_json(array[${counts.join(', ')}]::float8[]) as filled,
      ${marks ? `(select count(*)::float8 from ${quoted(schema)}.${quoted(name)} where sync_deleted_at is not null)` : 'null::float8'} as deleted
    from ${quoted(schema)}.${quoted(name)} ${marks ? 'where sync_deleted_at is null' : ''}`,
  )
  const { rows, deleted, filled } = counted!
  return { rows, deleted, filled: new Map(columns.map((column, index) => [column.name, filled[index]!])) }
}

/** More of them are no list to choose from. */
const MOST_VALUES = 12
const LONGEST_VALUE = 40
/** Of people and places: they say nothing of what a column means. */
const PERSONAL = '(^|_)(name|email|emails|phone|street|street2|street_address|city|postal_code|title|sender|address)$'

/** The values of columns that have only a few, by `table.column` of schema scopestack, from the statistics of the database. */
export async function readFewValues(sql: Database): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = await sql<{ column: string; values: string[] }[]>`
    select tablename || '.' || attname as "column", to_json(most_common_vals::text::text[]) as values from pg_stats
    where schemaname = 'scopestack' and n_distinct between 1 and ${MOST_VALUES} and most_common_vals is not null
      and attname !~ ${PERSONAL} and attname !~ '_ids?$' and attname <> 'id' and attname !~ '^sync_'
      and (schemaname || '.' || quote_ident(tablename))::regclass in (select attrelid from pg_attribute a
        where a.attname = pg_stats.attname and a.atttypid = 'text'::regtype)`
  const isShort = (value: string): boolean => value !== '' && value.length <= LONGEST_VALUE
  return new Map(
    found
      .filter(({ values }) => values.length > 0 && values.every(isShort))
      .map(({ column, values }) => [column, values]),
  )
}

export interface Freshness {
  readonly table: string
  readonly asOf: Date | null
  readonly outcome: string | null
}

/** By `scopestack.sync_status`; nothing where the role may not read it. */
export async function readFreshness(sql: Database): Promise<readonly Freshness[]> {
  if (!(await isReadable(sql, 'scopestack.sync_status'))) return []
  return await sql<Freshness[]>`
    select table_name as "table", data_as_of as "asOf", last_outcome as outcome from scopestack.sync_status`
}

export interface FieldUse {
  readonly table: string
  readonly name: string
  readonly label: string | null
  readonly type: string | null
  readonly filled: number
}

/** The user-defined fields of the records of each table, of those that live. */
export async function readFieldUse(sql: Database): Promise<readonly FieldUse[]> {
  if (!(await isReadable(sql, 'scopestack.user_defined_values'))) return []
  return await sql<FieldUse[]>`
    select owner_type as "table", name, max(label) as label, max(type) as type, count(value)::float8 as filled
    from scopestack.user_defined_values group by owner_type, name order by owner_type, min(position), name`
}

export interface KnownRelation {
  readonly table: string
  readonly column: string
  readonly target: string
  readonly many: boolean
}

/** Of columns that are no part of the catalog, too. By `scopestack.relations`. */
export async function readRelations(sql: Database): Promise<readonly KnownRelation[]> {
  if (!(await isReadable(sql, 'scopestack.relations'))) return []
  return await sql<KnownRelation[]>`
    select table_name as "table", column_name as "column", target_table as target, cardinality = 'to-many' as many
    from scopestack.relations`
}

/** The account's short name; null before the first pull, and for a role that may not see it. */
export async function readAccountSlug(sql: Database): Promise<string | null> {
  if (!(await isReadable(sql, 'scopestack.mes'))) return null
  const [me] = await sql<{ slug: string | null }[]>`select account_slug as slug from scopestack.mes limit 1`
  return me?.slug ?? null
}

async function isReadable(sql: Database, name: string): Promise<boolean> {
  const [row] = await sql<{ is: boolean }[]>`
    select coalesce(has_table_privilege(to_regclass(${name})::oid, 'select'), false) as is`
  return row!.is
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
