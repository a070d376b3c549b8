/** The statements that hold rows against a mirrored table, and write them. Columns go by their position: names may be anything. */
import type { Resource } from '../../catalog/resource.ts'
import { quote, type Database, type Transaction } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'
import { SQL_TYPE } from '../schema/columns.ts'
import { rowColumns, type Row } from './row.ts'
import type { Shape } from './shapes.ts'

/** A statement about rows that say nothing of the same columns. */
export type ByShape = <T extends object>(sql: Database | Transaction, rows: readonly Row[]) => Promise<readonly T[]>

export interface RowStatements {
  /** Of these ids, the digest of each; `deleted` in its place where the row has a tombstone. */
  readonly digests: string
  readonly copy: string
  readonly insert: ByShape
  /** Rows that hold a member without a column which their records, of one shape, are missed to tell. */
  readonly holding: ByShape
  /** Writes what they say. */
  readonly update: ByShape
  /** Writes what they say where it is otherwise, without calling that a change of the row. */
  readonly refresh: ByShape
  /** A line for each column that differs; one without a name for a row that is not there. */
  readonly differences: ByShape
}

/** What comes once is not kept in the server's memory, and neither are more kinds of rows than that. */
const MOST_PREPARED = 50

/** @param casts columns whose table gives them another type than the catalog. */
export function statementsFor(resource: Resource, casts: ReadonlyMap<string, string> = new Map()): RowStatements {
  const names = [...rowColumns(resource), 'sync_hash']
  const table = `scopestack.${quote(resource.table)}`
  const type = new Map<string, string>(resource.columns.map(({ name, kind }) => [name, SQL_TYPE[kind]]))
  type.set('sync_extra', 'jsonb')
  for (const [name, other] of casts) type.set(name, other)
  const sent = (name: string): string => `s.${quote(String(names.indexOf(name)))}::${type.get(name) ?? 'text'}`
  const source = `json_to_recordset($1::text::json) as s(${names.map((_, index) => `${quote(String(index))} text`).join(', ')})`

  /** Of columns that the rows tell of, and what they come to: of what has no column, what is not told stays. */
  const toldBy = ({ unreported, kept }: Shape, value = sent): [name: string, value: string][] =>
    rowColumns(resource).flatMap((name) => {
      if (name === 'id' || unreported.has(name)) return []
      return [[name, name === 'sync_extra' && kept.length > 0 ? withKept(value(name)) : value(name)]]
    })

  const perShape = (make: (shape: Shape) => string): ByShape => {
    const known = new Map<string, string>()
    return async (sql, rows) => {
      const { shape } = rows[0]!
      const before = known.get(shape.key)
      const statement = before ?? make(shape)
      if (known.size < MOST_PREPARED) known.set(shape.key, statement)
      const kept = statement.includes('$2') ? [arrayLiteral(shape.kept)] : []
      return await sql.unsafe(statement, [recordset(rows), ...kept], { prepare: before !== undefined })
    }
  }

  return {
    digests: `
      select id, case when sync_deleted_at is null then sync_hash else '${TOMBSTONE}' end as digest
      from ${table} where id = any($1::text[])`,
    copy: `copy ${table} (${names.map(quote).join(', ')}) from stdin`,
    insert: perShape(
      () => `insert into ${table} (${names.map(quote).join(', ')}) select ${names.map(sent).join(', ')} from ${source}`,
    ),
    holding: async (sql, rows) =>
      await sql.unsafe(`select id from ${table} where id = any($1::text[]) and sync_extra ?| $2::text[]`, [
        arrayLiteral(rows.map(({ id }) => id)),
        arrayLiteral(rows[0]!.shape.missed),
      ]),
    update: perShape(
      (shape) => `
        update ${table} m
        set ${toldBy(shape)
          .map(([name, value]) => `${quote(name)} = ${value}, `)
          .join('')}
          sync_hash = ${sent('sync_hash')}, sync_changed_at = now(), sync_deleted_at = null
        from ${source}
        where m.id = s."0"`,
    ),
    refresh: perShape((shape) => {
      const all: [string, string][] = [...toldBy(shape), ['sync_hash', sent('sync_hash')]]
      return `
        update ${table} m set ${all.map(([name, value]) => `${quote(name)} = ${value}`).join(', ')}
        from ${source}
        where m.id = s."0"
          and (${all.map(([name]) => `m.${quote(name)}`).join(', ')}) is distinct from (${all.map(([, value]) => value).join(', ')})`
    }),
    differences: perShape((shape) => {
      const cast = (name: string): string => `v.${quote(String(names.indexOf(name)))}`
      const told = toldBy(shape, cast)
      const compared = told.map(
        ([name, value]) =>
          `('${name}', m.${quote(name)} is distinct from ${value}, ${value}::text, m.${quote(name)}::text)`,
      )
      return `
        with v as materialized (
          select s."0" as id, ${told.map(([name]) => `${sent(name)} as ${quote(String(names.indexOf(name)))}`).join(', ')}
          from ${source}
        )
        select v.id, d.name, d.remote, d.mirror
        from v
        left join ${table} m on m.id = v.id and m.sync_deleted_at is null
        left join lateral (values ${compared.join(', ')}) as d(name, differs, remote, mirror) on m.id is not null and d.differs
        where m.id is null or d.differs`
    }),
  }
}

/** In the place of a digest, so that whatever comes is different: the record is back. */
export const TOMBSTONE = 'deleted'

/** An object it is always, unless somebody has written something else there. */
const withKept = (value: string): string => `
  case when jsonb_typeof(m.sync_extra) = 'object' then nullif(
    coalesce((select jsonb_object_agg(k.key, k.value) from jsonb_each(m.sync_extra) k where k.key = any($2::text[])), '{}')
    || coalesce(${value}, '{}'), '{}') else ${value} end`

/** Rows as an array of objects whose keys are the columns' positions. */
const recordset = (rows: readonly Row[]): string =>
  JSON.stringify(rows.map((row) => Object.fromEntries([...row.values, row.hash].entries())))
