/** The SQL that compares rows with a mirrored table, and writes them. Columns are addressed by position: names may be anything. */
import type { Resource } from '../../catalog/resource.ts'
import { quote, type Database, type Transaction } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'
import { SQL_TYPE } from '../schema/columns.ts'
import { stripSignatures } from '../values/signed-urls.ts'
import { TOMBSTONE } from './plan-batch.ts'
import { rowColumns, type Row } from './row.ts'
import type { Shape } from './shapes.ts'

/** A statement about rows of one shape. */
export type ByShape = <T extends object>(sql: Database | Transaction, rows: readonly Row[]) => Promise<readonly T[]>

export interface RowStatements {
  /** Of these ids, the digest of each; `deleted` in its place where the row is marked deleted. */
  readonly digests: string
  readonly copy: string
  readonly insert: ByShape
  /** Ids of rows that still hold, in `sync_extra`, a member that their records miss. */
  readonly holding: ByShape
  /** Writes the reported columns. */
  readonly update: ByShape
  /** Writes the reported columns where they differ, without counting that as a change of the row. */
  readonly refresh: ByShape
  /** Rows whose values differ from the mirror's. Volatile columns and signatures of URLs do not count. */
  readonly differing: (sql: Database | Transaction, rows: readonly Row[]) => Promise<Differing[]>
}

export interface DifferingColumn {
  readonly name: string
  /** As Postgres writes them; null is NULL. */
  readonly remote: string | null
  readonly mirror: string | null
}

export interface Differing {
  readonly id: string
  /** Undefined: there is no living row. */
  readonly columns: readonly DifferingColumn[] | undefined
}

/** @param casts columns whose table gives them another type than the catalog. */
export function statementsFor(resource: Resource, casts: ReadonlyMap<string, string> = new Map()): RowStatements {
  const table = targetTable(resource, casts)
  return {
    digests: `
      select id, case when sync_deleted_at is null then sync_hash else '${TOMBSTONE}' end as digest
      from ${table.name} where id = any($1::text[])`,
    copy: `copy ${table.name} (${table.columns.map(quote).join(', ')}) from stdin`,
    insert: preparedByShape(() => insertOf(table)),
    holding: async (sql, rows) => {
      const { missed } = rows[0]!.shape
      const held = resource.added.filter(({ member, from }) => from === 'attribute' && missed.includes(member))
      const filled = held.map(({ name }) => ` or ${quote(name)} is not null`).join('')
      return await sql.unsafe(
        `select id from ${table.name} where id = any($1::text[]) and (sync_extra ?| $2::text[]${filled})`,
        [arrayLiteral(rows.map(({ id }) => id)), arrayLiteral(missed)],
      )
    },
    update: preparedByShape((shape) => updateOf(table, shape)),
    refresh: preparedByShape((shape) => refreshOf(table, shape)),
    differing: findDiffering(
      resource,
      preparedByShape((shape) => differencesOf(table, shape)),
    ),
  }
}

type Assignment = readonly [column: string, value: string]

interface TargetTable {
  /** Qualified and quoted. */
  readonly name: string
  readonly columns: readonly string[]
  /** The rows of parameter $1, as `s`. */
  readonly source: string
  /** A column of `s`, cast to the type it has in the table. */
  readonly sent: (column: string) => string
  /** The columns that rows of a shape report, with their new values. An unreported member of `sync_extra` stays. */
  readonly reported: (shape: Shape, value?: (column: string) => string) => readonly Assignment[]
  /** A column's position, quoted: its name in `s`. */
  readonly position: (column: string) => string
}

function targetTable(resource: Resource, casts: ReadonlyMap<string, string>): TargetTable {
  const columns = [...rowColumns(resource), 'sync_hash']
  const type = new Map<string, string>(
    [...resource.columns, ...resource.added].map(({ name, kind }) => [name, SQL_TYPE[kind]]),
  )
  type.set('sync_extra', 'jsonb')
  for (const [name, other] of casts) type.set(name, other)
  const position = (column: string): string => quote(String(columns.indexOf(column)))
  const sent = (column: string): string => `s.${position(column)}::${type.get(column) ?? 'text'}`
  return {
    name: `scopestack.${quote(resource.table)}`,
    columns,
    source: `json_to_recordset($1::text::json) as s(${columns.map((column) => `${position(column)} text`).join(', ')})`,
    sent,
    position,
    reported: ({ unreported, kept }, value = sent) =>
      rowColumns(resource)
        .filter((name) => name !== 'id' && !unreported.has(name))
        .map((name) => [name, name === 'sync_extra' && kept.length > 0 ? withKept(value(name)) : value(name)]),
  }
}

const insertOf = ({ name, columns, sent, source }: TargetTable): string =>
  `insert into ${name} (${columns.map(quote).join(', ')}) select ${columns.map(sent).join(', ')} from ${source}`

const updateOf = ({ name, reported, sent, source }: TargetTable, shape: Shape): string => `
  update ${name} m
  set ${reported(shape)
    .map(([column, value]) => `${quote(column)} = ${value}, `)
    .join('')}
    sync_hash = ${sent('sync_hash')}, sync_changed_at = now(), sync_deleted_at = null
  from ${source}
  where m.id = s."0"`

function refreshOf({ name, reported, sent, source }: TargetTable, shape: Shape): string {
  const all: readonly Assignment[] = [...reported(shape), ['sync_hash', sent('sync_hash')]]
  return `
    update ${name} m set ${all.map(([column, value]) => `${quote(column)} = ${value}`).join(', ')}
    from ${source}
    where m.id = s."0"
      and (${all.map(([column]) => `m.${quote(column)}`).join(', ')}) is distinct from (${all.map(([, value]) => value).join(', ')})`
}

function findDiffering({ columns }: Resource, differences: ByShape): RowStatements['differing'] {
  const volatile = new Set(columns.filter((column) => column.volatile).map(({ name }) => name))
  const isFleeting = ({ name, remote, mirror }: DifferingColumn): boolean =>
    remote !== null && mirror !== null && (volatile.has(name) || stripSignatures(remote) === stripSignatures(mirror))
  return async (sql, rows) => {
    const found = await differences<{ id: string; name: string | null } & DifferingColumn>(sql, rows)
    return [...Map.groupBy(found, ({ id }) => id)].flatMap(([id, lines]): Differing[] => {
      if (lines[0]!.name === null) return [{ id, columns: undefined }]
      const differing = lines.map(({ name, remote, mirror }) => ({ name, remote, mirror }))
      const lasting = differing.filter((column) => !isFleeting(column))
      return lasting.length === 0 ? [] : [{ id, columns: lasting }]
    })
  }
}

/** A line for each column that differs; one without a name for a row that is not there. */
function differencesOf({ name, reported, sent, source, position }: TargetTable, shape: Shape): string {
  const all = reported(shape, (column) => `v.${position(column)}`)
  const compared = all.map(
    ([column, value]) =>
      `('${column}', m.${quote(column)} is distinct from ${value}, ${value}::text, m.${quote(column)}::text)`,
  )
  return `
    with v as materialized (
      select s."0" as id, ${all.map(([column]) => `${sent(column)} as ${position(column)}`).join(', ')}
      from ${source}
    )
    select v.id, d.name, d.remote, d.mirror
    from v
    left join ${name} m on m.id = v.id and m.sync_deleted_at is null
    left join lateral (values ${compared.join(', ')}) as d(name, differs, remote, mirror) on m.id is not null and d.differs
    where m.id is null or d.differs`
}

/** `sync_extra` with what the record does not report. It is an object, unless another client has written another value there. */
const withKept = (value: string): string => `
  case when jsonb_typeof(m.sync_extra) = 'object' then nullif(
    coalesce((select jsonb_object_agg(k.key, k.value) from jsonb_each(m.sync_extra) k where k.key = any($2::text[])), '{}')
    || coalesce(${value}, '{}'), '{}') else ${value} end`

/** More shapes than this are not kept in the server's memory; neither is a shape that comes once. */
const MOST_PREPARED = 50

/** Prepares the statement of a shape when it comes for the second time. */
function preparedByShape(statementOf: (shape: Shape) => string): ByShape {
  const known = new Map<string, string>()
  return async (sql, rows) => {
    const { shape } = rows[0]!
    const before = known.get(shape.key)
    const statement = before ?? statementOf(shape)
    if (known.size < MOST_PREPARED) known.set(shape.key, statement)
    const kept = statement.includes('$2') ? [arrayLiteral(shape.kept)] : []
    return await sql.unsafe(statement, [recordset(rows), ...kept], { prepare: before !== undefined })
  }
}

/** Rows as an array of objects whose keys are the columns' positions. */
const recordset = (rows: readonly Row[]): string =>
  JSON.stringify(rows.map((row) => Object.fromEntries([...row.values, row.hash].entries())))
