/**
 * What an analyst reads about the tables: a table's meaning, its columns, what they refer to, how full and how fresh they are. Here
 * from the catalog alone; facts.ts adds what a database knows. Every form (page, Markdown, JSON, terminal) is made of this.
 */
import { resourcesByArea } from '../catalog/areas.ts'
import { isEditable, type Resource } from '../catalog/resource.ts'
import { SQL_TYPE, SYNC_COLUMNS } from '../store/schema/columns.ts'
import { relationsOf, type Relation } from '../store/schema/live/relations.ts'

export interface Dictionary {
  /** Null where it is made without a database. */
  readonly source: Source | null
  readonly areas: readonly DictionaryArea[]
}

export interface Source {
  /** By the database's clock. */
  readonly at: Date
  readonly database: string
  /** As its slug; null before the first pull. */
  readonly account: string | null
  readonly role: string
  /** Relations that the role may not read, which are left out. */
  readonly hidden: number
  readonly counted: boolean
}

export interface DictionaryArea {
  readonly name: string
  readonly about: string
  readonly tables: readonly DictionaryTable[]
}

export interface DictionaryTable {
  readonly schema: string
  readonly name: string
  readonly kind: 'table' | 'view'
  readonly comment: string
  /** Type of the resource in ScopeStack; null of what is made here. */
  readonly resource: string | null
  /** Living rows; null where they were not counted. */
  readonly rows: number | null
  readonly deleted: number | null
  /** Everything that ScopeStack held at this time is in it. */
  readonly asOf: Date | null
  readonly outcome: string | null
  /** Relations of other schemas with the same columns: its living view, its history. */
  readonly copies: readonly string[]
  readonly columns: readonly DictionaryColumn[]
  /** Columns of other tables that hold its ids. */
  readonly referredBy: readonly { readonly table: string; readonly column: string }[]
  readonly fields: readonly DictionaryField[]
}

export interface DictionaryColumn {
  readonly name: string
  readonly type: string
  readonly comment: string
  readonly key: 'primary' | 'foreign' | 'list' | null
  /** Table whose ids, or names, it holds: one in a foreign key, several in a list. */
  readonly target: string | null
  readonly targetColumn: 'id' | 'name'
  /** The view with a row for each pair of a list. */
  readonly link: string | null
  /** It can be edited with SQL. */
  readonly editable: boolean
  /** `account`: it is no part of the catalog, and was found in the account or added in this database. */
  readonly origin: 'catalog' | 'sync' | 'account'
  /** Living rows in which it is not null. */
  readonly filled: number | null
  /** The most frequent values, where there are only a few. */
  readonly values: readonly string[] | null
}

/** A user-defined field of the records of a table. */
export interface DictionaryField {
  readonly name: string
  readonly label: string | null
  readonly type: string | null
  readonly filled: number
}

/** The whole name outside schema scopestack, the table's own inside. */
export const nameOf = ({ schema, name }: Pick<DictionaryTable, 'schema' | 'name'>): string =>
  schema === 'scopestack' ? name : `${schema}.${name}`

export const tablesOf = ({ areas }: Dictionary): DictionaryTable[] => areas.flatMap(({ tables }) => tables)

/** What this release knows of every account. */
export function catalogDictionary(catalog: ReadonlyMap<string, Resource>): Dictionary {
  const relations = new Map(relationsOf(catalog.values()).map((one) => [`${one.table}.${one.column}`, one]))
  const areas = resourcesByArea(catalog).map(({ area, resources }) => ({
    ...area,
    tables: resources.map((resource) => tableOf(resource, relations)),
  }))
  return withReferences({ source: null, areas })
}

/** Names in each table who refers to it, by the columns of all. */
export function withReferences(dictionary: Dictionary): Dictionary {
  const references = tablesOf(dictionary).flatMap((table) =>
    table.columns.flatMap((column) =>
      column.target === null || column.key === 'primary'
        ? []
        : [{ target: column.target, table: nameOf(table), column: column.name }],
    ),
  )
  const byTarget = Map.groupBy(references, ({ target }) => target)
  const referredBy = (name: string) => (byTarget.get(name) ?? []).map(({ table, column }) => ({ table, column }))
  const areas = dictionary.areas.map((area) => ({
    ...area,
    tables: area.tables.map((table) => ({ ...table, referredBy: referredBy(nameOf(table)) })),
  }))
  return { ...dictionary, areas }
}

/** Only these tables; a reference to another one stays as its name. @param names as typed, with or without the schema. */
export function onlyTables(dictionary: Dictionary, names: readonly string[]): Dictionary {
  if (names.length === 0) return dictionary
  const wanted = new Set(names)
  const areas = dictionary.areas.map((area) => ({
    ...area,
    tables: area.tables.filter((table) => wanted.has(nameOf(table))),
  }))
  return { ...dictionary, areas: areas.filter(({ tables }) => tables.length > 0) }
}

function tableOf(resource: Resource, relations: ReadonlyMap<string, Relation>): DictionaryTable {
  const column = (
    name: string,
    type: string,
    comment: string,
    more: Partial<DictionaryColumn> = {},
  ): DictionaryColumn => ({
    name,
    type,
    comment,
    key: null,
    target: null,
    targetColumn: 'id',
    link: null,
    editable: false,
    origin: 'catalog',
    filled: null,
    values: null,
    ...more,
  })
  const declared = resource.columns.map((one) =>
    column(one.name, SQL_TYPE[one.kind], one.comment, {
      ...referenceOf(relations.get(`${resource.table}.${one.name}`)),
      editable: isEditable(one) && resource.writes.length > 0,
    }),
  )
  const generated = resource.generated.map(({ name, kind, comment }) =>
    column(name, SQL_TYPE[kind], comment, referenceOf(relations.get(`${resource.table}.${name}`))),
  )
  const ours = Object.entries(SYNC_COLUMNS).map(([name, comment]) =>
    column(name, SYNC_TYPES[name as keyof typeof SYNC_COLUMNS], comment, { origin: 'sync' }),
  )
  return {
    schema: 'scopestack',
    name: resource.table,
    kind: 'table',
    comment: resource.comment,
    resource: resource.type,
    rows: null,
    deleted: null,
    asOf: null,
    outcome: null,
    copies: [],
    columns: [
      column('id', 'text', 'Id of the record in ScopeStack.', { key: 'primary' }),
      ...declared,
      ...generated,
      ...ours,
    ],
    referredBy: [],
    fields: [],
  }
}

const SYNC_TYPES: Readonly<Record<keyof typeof SYNC_COLUMNS, string>> = {
  sync_extra: 'jsonb',
  sync_hash: 'text',
  sync_changed_at: 'timestamptz',
  sync_deleted_at: 'timestamptz',
}

/** What a column holds of another table. */
export type Reference = Pick<DictionaryColumn, 'key' | 'target' | 'targetColumn' | 'link'>

function referenceOf(relation: Relation | undefined): Partial<Reference> {
  if (relation === undefined) return {}
  const { targetTable, targetColumn, cardinality, link } = relation
  return {
    key: cardinality === 'to-many' ? 'list' : 'foreign',
    target: targetTable,
    targetColumn,
    link: link === null ? null : `scopestack_live.${link.view}`,
  }
}
