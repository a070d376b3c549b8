/**
 * Adds to the dictionary of the catalog what a database knows: columns that came with the account, its own views, rows, how full
 * each column is, freshness, user-defined fields.
 */
import { catalog as resources } from '../catalog/registry.ts'
import { dictionaryStopped } from '../errors/commands.ts'
import type { Database } from '../store/connection/database.ts'
import {
  countFilled,
  readAccountSlug,
  readDescribed,
  readFewValues,
  readFieldUse,
  readFreshness,
  readRelations,
  type Counted,
  type DescribedColumn,
  type DescribedRelation,
  type FieldUse,
  type Freshness,
  type KnownRelation,
} from '../store/schema/described.ts'
import { relationsOf } from '../store/schema/live/relations.ts'
import {
  nameOf,
  tablesOf,
  withReferences,
  type Dictionary,
  type DictionaryArea,
  type DictionaryColumn,
  type DictionaryTable,
  type Reference,
} from './dictionary.ts'

export interface Wanted {
  /** Tables by name; none: all. */
  readonly names: readonly string[]
  /** Reads every row once. */
  readonly counts: boolean
  /** The frequent values of columns that have only a few. */
  readonly values: boolean
}

/** @throws SyncError SYNC_DATABASE_REFUSED; SYNC_STOPPED */
export async function accountDictionary(
  sql: Database,
  catalog: Dictionary,
  { names, counts, values }: Wanted,
  signal: AbortSignal,
): Promise<Dictionary> {
  const described = await readDescribed(sql)
  const wanted = (relation: DescribedRelation): boolean =>
    relation.kind === 'table' &&
    relation.schema === 'scopestack' &&
    (names.length === 0 || names.includes(nameOf(relation)))
  const facts: Facts = {
    known: new Map(tablesOf(catalog).map((table) => [nameOf(table), table])),
    counted: counts ? await countAll(sql, described.relations.filter(wanted), signal) : new Map(),
    values: values ? await readFewValues(sql) : new Map(),
    fresh: new Map((await readFreshness(sql)).map((one) => [one.table, one])),
    fields: Map.groupBy(await readFieldUse(sql), ({ table }) => table),
    relations: new Map(
      [...(await readRelations(sql)), ...livingKeys()].map((one) => [`${one.table}.${one.column}`, one]),
    ),
  }
  const [views, relations] = splitCopies(described.relations, facts.known)
  const found = new Map(
    relations.map((relation) => [nameOf(relation), tableOf(relation, facts, views.get(relation.name) ?? [])]),
  )
  const areas = catalog.areas.map((area) => ({
    ...area,
    tables: area.tables.flatMap((table) => found.get(nameOf(table)) ?? []),
  }))
  const placed = new Set(areas.flatMap(({ tables }) => tables.map(nameOf)))
  const others = [...found.values()].filter((table) => !placed.has(nameOf(table)))
  const { at, database, role, hidden } = described
  return withReferences({
    source: { at, database, role, hidden, account: await readAccountSlug(sql), counted: counts },
    areas: [...areas, ...madeHere(others)].filter(({ tables }) => tables.length > 0),
  })
}

interface Facts {
  readonly known: ReadonlyMap<string, DictionaryTable>
  readonly counted: ReadonlyMap<string, Counted>
  readonly values: ReadonlyMap<string, readonly string[]>
  readonly fresh: ReadonlyMap<string, Freshness>
  readonly fields: ReadonlyMap<string, readonly FieldUse[]>
  readonly relations: ReadonlyMap<string, KnownRelation>
}

/** One relation after another, so that a database that others use has one query of this at a time. */
async function countAll(
  sql: Database,
  relations: readonly DescribedRelation[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Counted>> {
  const counted = new Map<string, Counted>()
  for (const relation of relations) {
    if (signal.aborted) throw dictionaryStopped()
    counted.set(nameOf(relation), await countFilled(sql, relation))
  }
  return counted
}

/** A view or a history with the name of a table has the table's columns: it is named there, and not described again. */
function splitCopies(
  relations: readonly DescribedRelation[],
  known: ReadonlyMap<string, unknown>,
): [ReadonlyMap<string, readonly string[]>, readonly DescribedRelation[]] {
  const isCopy = ({ schema, name }: DescribedRelation): boolean => schema !== 'scopestack' && known.has(name)
  const copies = Map.groupBy(relations.filter(isCopy), ({ name }) => name)
  const names = [...copies].map(([name, found]) => [name, found.map(nameOf)] as const)
  return [new Map(names), relations.filter((relation) => !isCopy(relation))]
}

function tableOf(relation: DescribedRelation, facts: Facts, copies: readonly string[]): DictionaryTable {
  const name = nameOf(relation)
  const known = facts.known.get(name)
  const { rows = null, deleted = null } = facts.counted.get(name) ?? {}
  const { asOf = null, outcome = null } = (known && facts.fresh.get(relation.name)) ?? {}
  const fields = (known && facts.fields.get(relation.name)) ?? []
  return {
    schema: relation.schema,
    name: relation.name,
    kind: relation.kind,
    comment: relation.comment ?? known?.comment ?? '',
    resource: known?.resource ?? null,
    rows,
    deleted,
    asOf,
    outcome,
    copies,
    columns: relation.columns.map((column) => columnOf(column, relation, facts)),
    referredBy: [],
    fields: fields.map(({ name: field, label, type, filled }) => ({ name: field, label, type, filled })),
  }
}

function columnOf(column: DescribedColumn, relation: DescribedRelation, facts: Facts): DictionaryColumn {
  const table = facts.known.get(nameOf(relation))
  const known = table?.columns.find(({ name }) => name === column.name)
  const [isOurs, place] = [relation.schema === 'scopestack', `${relation.name}.${column.name}`]
  return {
    name: column.name,
    type: column.type.replace('timestamp with time zone', 'timestamptz'),
    comment: column.comment ?? known?.comment ?? '',
    ...referenceOf(column, known, facts.relations.get(`${nameOf(relation)}.${column.name}`)),
    editable: known?.editable ?? false,
    // Views and our own tables are all of ours: only a column of a mirrored table can be the account's.
    origin: known?.origin ?? (table === undefined ? 'catalog' : 'account'),
    filled: facts.counted.get(nameOf(relation))?.filled.get(column.name) ?? null,
    values: isOurs ? (facts.values.get(place) ?? null) : null,
  }
}

/** By the catalog, or by what is known of a column that only this database has. */
function referenceOf(
  { primary }: DescribedColumn,
  known: DictionaryColumn | undefined,
  relates: KnownRelation | undefined,
): Reference {
  const { key = primary ? 'primary' : null, target = null, targetColumn = 'id', link = null } = known ?? {}
  if (target !== null || relates === undefined) return { key, target, targetColumn, link }
  return { key: relates.many ? 'list' : 'foreign', target: relates.target, targetColumn: 'id', link }
}

/** The keys of the link views, each row of which is a pair. */
const livingKeys = (): KnownRelation[] =>
  relationsOf(resources.values()).flatMap(({ table, targetTable, link }) => {
    if (link === null) return []
    const view = `scopestack_live.${link.view}`
    return [
      { table: view, column: link.key, target: table, many: false },
      { table: view, column: link.targetKey, target: targetTable, many: false },
    ]
  })

/** What no area of the catalog has. */
function madeHere(tables: readonly DictionaryTable[]): DictionaryArea[] {
  const isReport = ({ schema, name }: DictionaryTable): boolean => schema === 'scopestack' && name.startsWith('report_')
  return [
    {
      name: 'Reports',
      about: 'Views that answer common questions; what each counts is in its comment.',
      tables: tables.filter(isReport),
    },
    {
      name: 'Freshness and user-defined fields',
      about: 'How fresh each table is, values of user-defined fields, and views of your own in schema scopestack.',
      tables: tables.filter((table) => table.schema === 'scopestack' && !isReport(table)),
    },
    {
      name: 'Living views',
      about: 'The same tables without deleted rows, links between records as rows, user-defined fields as columns.',
      tables: tables.filter(({ schema }) => schema === 'scopestack_live'),
    },
    {
      name: 'History',
      about: 'What a row held at each time, from the day on which history was switched on.',
      tables: tables.filter(({ schema }) => schema === 'scopestack_history'),
    },
  ]
}
