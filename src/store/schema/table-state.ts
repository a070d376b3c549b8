/** Whether a mirrored table can be read and written; if not, the reason and the remedy in a sentence. */
import type { Resource } from '../../catalog/resource.ts'
import { quote, type Database, type Transaction } from '../connection/database.ts'
import { SQL_TYPE } from './columns.ts'

export interface TableState {
  /** Why the table cannot be used, with the remedy; null if it can. */
  readonly problem: string | null
  /** Its oid and columns by number and type: if these differ, a column may have been recreated, and is empty. */
  readonly shape: string
  /** The oid of the database, which changes with a restore. */
  readonly database: string
}

interface Found {
  readonly database: string
  readonly role: string
  /** Null: there is no such table. */
  readonly table: {
    readonly oid: string
    readonly kind: string
    readonly hidden: boolean
    readonly lacking: readonly string[]
    readonly reached: boolean
    readonly inheritor: string | null
    readonly columns: readonly FoundColumn[]
  } | null
}

interface FoundColumn {
  readonly name: string
  readonly at: number
  readonly type: string
  readonly generated: boolean
  readonly filled: boolean
}

const KIND: Readonly<Record<string, string>> = {
  v: 'a view',
  m: 'a materialized view',
  f: 'a foreign table',
  S: 'a sequence',
  c: 'a type',
  i: 'an index',
}

/** One query of the system catalogs, which any role may read. */
export async function readTableState(sql: Database | Transaction, resource: Resource): Promise<TableState> {
  const { table, columns } = resource
  const [found] = await sql<Found[]>`
    select (select oid::text from pg_database where datname = current_database()) as database, current_user as role,
      (select json_build_object('oid', c.oid::text, 'kind', c.relkind,
          'hidden', c.relkind in ('r', 'p') and row_security_active(c.oid), 'reached', has_schema_privilege(n.oid, 'USAGE'),
          'lacking', (select coalesce(json_agg(r), '[]') from unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) as r
            where c.relkind in ('r', 'p') and not has_table_privilege(c.oid, r)),
          'inheritor', (select i.inhrelid::regclass::text from pg_inherits i where i.inhparent = c.oid and c.relkind = 'r' limit 1),
          'columns', (select json_agg(json_build_object('name', a.attname, 'at', a.attnum,
              'type', format_type(a.atttypid, a.atttypmod), 'generated', a.attgenerated <> '' or a.attidentity = 'a',
              'filled', not a.attnotnull or a.atthasdef or a.attidentity <> '' or a.attgenerated <> ''))
            from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped))
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'scopestack' and c.relname = ${table} and c.relkind <> 'I') as "table"`
  const { database, role, table: held } = found!
  if (held === null) return { problem: await whereIsIt(sql, resource), shape: '', database }
  const name = `scopestack.${table}`
  const types = new Map<string, string>([
    ...columns.map(({ name: column, kind }) => [column, SQL_TYPE[kind]] as const),
    ...OWN,
  ])
  const shape = [
    held.oid,
    ...held.columns
      .filter((one) => types.has(one.name))
      .map(({ name: n, at, type }) => `${n} ${at} ${type}`)
      .toSorted(),
  ].join('\n')
  return { problem: await problemOf(sql, { name, role, held, types }), shape, database }
}

/** Columns of ours in every mirrored table. */
const OWN: readonly (readonly [string, string])[] = [
  ['id', 'text'],
  ['sync_extra', 'jsonb'],
  ['sync_hash', 'text'],
  ['sync_changed_at', 'timestamptz'],
  ['sync_deleted_at', 'timestamptz'],
]

interface Held {
  readonly name: string
  readonly role: string
  readonly held: NonNullable<Found['table']>
  readonly types: ReadonlyMap<string, string>
}

async function problemOf(sql: Database | Transaction, { name, role, held, types }: Held): Promise<string | null> {
  const { kind, hidden, lacking, reached, inheritor, columns } = held
  if (!reached) {
    return `Role ${role} has no right to USAGE on schema scopestack, and so none on ${name}. Grant it: grant usage on schema scopestack to ${quote(role)}.`
  }
  if (kind !== 'r' && kind !== 'p') {
    return `${name} is ${KIND[kind] ?? 'something else'} and no table, so that nothing can be written to it. Name it otherwise, and put the table back in its place.`
  }
  const known = new Set(columns.map((column) => column.name))
  const gone = [...types.keys()].filter((column) => !known.has(column))
  if (gone.length > 0) {
    const list = gone.map((column) => `add column ${quote(column)} ${types.get(column)}`).join(', ')
    return `${name} has no column ${gone.join(', ')} any more. Name it back, or make it anew (the next pull fills it): alter table ${name} ${list}.`
  }
  const generated = columns.find((column) => types.has(column.name) && column.generated)
  if (generated !== undefined) {
    return `Column ${generated.name} of ${name} is generated by Postgres, so that what ScopeStack holds cannot be written to it. Make it a plain column again: alter table ${name} alter column ${quote(generated.name)} drop expression (or drop identity).`
  }
  const unfilled = columns.find(
    (column) => (column.name === 'sync_changed_at' || !types.has(column.name)) && !column.filled,
  )
  if (unfilled !== undefined) {
    return `Column ${unfilled.name} of ${name} comes with no record, must not be null and has no default, so that no row can be added. Give it one: alter table ${name} alter column ${quote(unfilled.name)} set default … (or drop not null).`
  }
  if (lacking.length > 0) {
    return `Role ${role} has no right to ${lacking.join(', ')} on ${name}. Grant it: grant ${lacking.join(', ').toLowerCase()} on ${name} to ${quote(role)}.`
  }
  if (hidden) {
    return `Row-level security of ${name} holds for role ${role}, which would not see every row of its own. Let it: alter role ${quote(role)} bypassrls (or alter table ${name} no force row level security).`
  }
  if (inheritor !== null) {
    const [one] = await sql.unsafe(`select from ${inheritor} limit 1`)
    if (one !== undefined) {
      return `Table ${inheritor} inherits from ${name}, so that its rows would be taken for ScopeStack's. Let it stand alone: alter table ${inheritor} no inherit ${name}.`
    }
  }
  return null
}

/** Finds a renamed or moved table by its triggers, which stay with it and name the resource. */
async function whereIsIt(sql: Database | Transaction, { type, table }: Resource): Promise<string> {
  const [schema] = await sql`select from pg_namespace where nspname = 'scopestack'`
  const [elsewhere] = await sql<{ schema: string; name: string }[]>`
    select n.nspname as schema, c.relname as name from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
    where starts_with(t.tgname, 'write_back_') and t.tgargs >= convert_to(${type}, 'UTF8') || '\\x00'::bytea and t.tgargs < convert_to(${type}, 'UTF8') || '\\x01'::bytea
    order by n.nspname = 'scopestack' desc limit 1`
  const name = `scopestack.${table}`
  if (schema === undefined) {
    return elsewhere === undefined
      ? `Schema scopestack is not there, and so neither is ${name}. Restore it from the backup that schema sync came from.`
      : `Schema scopestack is not there: it seems to be named ${elsewhere.schema} now, which leaves ${name} out of reach. Name it back: alter schema ${quote(elsewhere.schema)} rename to scopestack.`
  }
  if (elsewhere === undefined) {
    return `${name} is not there. Restore it from a backup, or its structure from another database of this version (pg_dump --schema-only --table=${name}); the next pull fills it.`
  }
  const { schema: where, name: called } = elsewhere
  return where === 'scopestack'
    ? `${name} is not there: it is named ${called} now. Name it back: alter table scopestack.${quote(called)} rename to ${quote(table)}.`
    : `${name} is not there: it is ${where}.${called} now. Put it back: alter table ${quote(where)}.${quote(called)} set schema scopestack${called === table ? '' : `, and rename it to ${quote(table)}`}.`
}
