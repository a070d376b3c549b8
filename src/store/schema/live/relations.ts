/**
 * Which columns of the mirror hold keys, and of what: from the catalog into `sync.relations`, which `scopestack.relations` shows and
 * the link views of schema `scopestack_live` are made from. Ids that are keys of another system are not among them.
 */
import { snakeCase } from '../../../catalog/columns.ts'
import type { NamedKey } from '../../../catalog/generated.ts'
import { catalog } from '../../../catalog/registry.ts'
import type { Column, Resource } from '../../../catalog/resource.ts'
import type { Database } from '../../connection/database.ts'

export interface Relation {
  readonly table: string
  readonly column: string
  readonly targetTable: string
  /** `name`: the column holds names. */
  readonly targetColumn: 'id' | 'name'
  /** `to-many`: the column is an array. */
  readonly cardinality: 'to-one' | 'to-many'
  readonly confidence: Resource['confidence']
  /** Columns that hold the same by an older name. */
  readonly replaces: readonly string[]
  readonly link: Link | null
}

/** The view in `scopestack_live` with a row for each pair of a to-many, and its two columns. */
interface Link {
  readonly view: string
  readonly key: string
  readonly targetKey: string
}

/** `lines_of_business` → `line_of_business`: what a key of it is called, before `_id`. */
const singular = (table: string): string =>
  table === 'lines_of_business'
    ? 'line_of_business'
    : table
        .replace(/ies$/, 'y')
        .replace(/sses$/, 'ss')
        .replace(/(?<!s)s$/, '')

/** Of each key by its one name: `line_of_business_id`, and not `lob_id` as well. */
export const relationsOf = (resources: Iterable<Resource>): Relation[] =>
  [...resources].flatMap((resource) => {
    const { columns, namedKeys } = resource
    const older = new Set(namedKeys.flatMap(({ from }) => from))
    return [
      ...columns.flatMap((column) => {
        const type = column.target ?? column.keyOf ?? column.nameOf
        return type === undefined || older.has(column.name) ? [] : [relationOf(resource, column, type)]
      }),
      ...namedKeys.flatMap((key) => namedRelationOf(resource, key)),
    ]
  })

function relationOf({ table, confidence }: Resource, column: Column, type: string): Relation {
  const cardinality = column.kind === 'texts' ? 'to-many' : 'to-one'
  const targetTable = tableOf(type)
  const from = column.from === 'attribute' ? 'medium' : 'high'
  return {
    table,
    column: column.name,
    targetTable,
    targetColumn: column.nameOf === undefined ? 'id' : 'name',
    cardinality,
    confidence: least(confidence, targetOf(type)?.confidence ?? 'low', from),
    replaces: [],
    link: cardinality === 'to-many' ? linkOf(table, column, targetTable) : null,
  }
}

function namedRelationOf(resource: Resource, { name, from, type, replaces }: NamedKey): Relation[] {
  const column = resource.columns.find((one) => one.name === from[0])
  if (column === undefined) return []
  return [{ ...relationOf(resource, { ...column, name }, type), replaces: replaces ? from : [] }]
}

const tableOf = (type: string): string => targetOf(type)?.table ?? snakeCase(type)

/** What a linkage leads to, by the type that it names: a column that was added has the spelling of the account. */
const targetOf = (type: string): Resource | undefined =>
  catalog.get(type) ?? [...catalog.values()].find(({ aliases }) => aliases.includes(type))

function linkOf(table: string, { name, from }: Column, targetTable: string): Link {
  const end = from === 'to-many' ? name.replace(/_ids$/, '') : targetTable
  return {
    view: `${table}_${end}`,
    key: `${singular(table)}_id`,
    targetKey: `${table === targetTable ? 'other_' : ''}${singular(targetTable)}_id`,
  }
}

const ORDER = ['low', 'medium', 'high'] as const
const least = (...all: readonly Resource['confidence'][]): Resource['confidence'] =>
  ORDER.find((one) => all.includes(one)) ?? 'low'

/**
 * Writes what differs. What another release has declared stays: it may run beside this one, and its views may be made of it.
 */
export async function recordRelations(sql: Database, resources: Iterable<Resource>): Promise<void> {
  const rows = relationsOf(resources).map(({ link, ...one }) => ({
    table_name: one.table,
    column_name: one.column,
    target_table: one.targetTable,
    target_column: one.targetColumn,
    cardinality: one.cardinality,
    confidence: one.confidence,
    replaces: one.replaces,
    link_view: link?.view ?? null,
    link_key: link?.key ?? null,
    link_target_key: link?.targetKey ?? null,
  }))
  const wanted = JSON.stringify(rows)
  const differs = sql`
    from jsonb_to_recordset(${wanted}::text::jsonb) as w(table_name text, column_name text, target_table text,
      target_column text, cardinality text, confidence text, replaces text[], link_view text, link_key text, link_target_key text)
    left join sync.relations k using (table_name, column_name)
    where k.table_name is null
      or (k.target_table, k.target_column, k.cardinality, k.confidence, k.replaces, k.link_view, k.link_key, k.link_target_key)
      is distinct from (w.target_table, w.target_column, w.cardinality, w.confidence, w.replaces, w.link_view, w.link_key, w.link_target_key)`
  // A statement that finds nothing to write takes its lock all the same.
  const [one] = await sql`select 1 ${differs} limit 1`
  if (one === undefined) return
  await sql`
    insert into sync.relations (table_name, column_name, target_table, target_column, cardinality, confidence, replaces,
      link_view, link_key, link_target_key)
    select w.* ${differs}
    on conflict (table_name, column_name) do update set target_table = excluded.target_table,
      target_column = excluded.target_column, cardinality = excluded.cardinality, confidence = excluded.confidence,
      replaces = excluded.replaces, link_view = excluded.link_view, link_key = excluded.link_key, link_target_key = excluded.link_target_key`
}
