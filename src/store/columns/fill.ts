/**
 * Moves what `sync_extra` holds of added columns into them: one statement for each stretch of the table, by its primary key, and
 * a transaction of its own each, so that no edit waits long for a row and no limit of time is met. Readers never wait. The rows
 * stay what they are: neither their digest nor `sync_changed_at` moves. A fill that was cut off begins again, and finds what it
 * has done by itself: those rows have no such member any more.
 *
 * A value that does not fit stays in `sync_extra`.
 */
import type { Column, Resource } from '../../catalog/resource.ts'
import { quote } from '../connection/database.ts'
import { arrayLiteral, literal } from '../connection/literals.ts'
import type { Lease } from '../fleet/leases.ts'
import { SQL_TYPE } from '../schema/columns.ts'
import { makeNoVersions } from '../schema/history.ts'
import { tableOf } from './alter.ts'
import type { AddedColumn } from './decisions.ts'

/** An edit of a row waits for one stretch at most: 0.3 s with ten columns, and a second at a load of seven for each core; of 5,000 rows 2.6 s. */
const ROWS_AT_ONCE = 2_000

/** @returns how many rows were written. */
export async function fillColumns(lease: Lease, resource: Resource, columns: readonly AddedColumn[]): Promise<number> {
  const statement = fillStatement(resource, columns)
  const members = arrayLiteral(columns.map(({ member }) => member))
  let filled = 0
  for (let after: string | null = ''; after !== null;) {
    const from: string = after
    const done = await lease.transaction(async (tx) => {
      await makeNoVersions(tx)
      const [row] = await tx.unsafe<{ last: string | null; filled: number }[]>(statement, [from, members, ROWS_AT_ONCE])
      if (row!.last === null) {
        await tx`
          update sync.columns set filled_at = now(), reason = null
          where resource = ${resource.type} and state = 'added' and member = any(${members}::text[])`
      }
      return row!
    })
    filled += done.filled
    after = done.last
  }
  return filled
}

/** $1: the id it goes on behind; $2: the members; $3: how many rows it goes through. */
function fillStatement(resource: Resource, columns: readonly AddedColumn[]): string {
  const table = tableOf(resource)
  const held = ({ member }: AddedColumn): string => `m.sync_extra -> ${literal(member)}`
  const text = (one: AddedColumn): string =>
    `sync.column_text(${literal(one.kind)}, ${one.target === null ? 'null' : literal(one.target)}, ${held(one)})`
  const values = columns.map(
    (one) =>
      `${quote(one.column)} = case when m.sync_extra ? ${literal(one.member)} then ${text(one)}::${SQL_TYPE[one.kind]} else m.${quote(one.column)} end`,
  )
  const moved = columns.map(
    (one) => `case when ${text(one)} is not null or ${held(one)} = 'null' then ${literal(one.member)} end`,
  )
  return `
    with stretch as materialized (
      select max(id) as last, count(*) as rows from (select id from ${table} where id > $1 order by id limit $3) part),
    filled as (
      update ${table} m set ${values.join(', ')},
        sync_extra = nullif(m.sync_extra - array_remove(array[${moved.join(', ')}]::text[], null), '{}')
      where m.id > $1 and m.id <= (select last from stretch) and jsonb_typeof(m.sync_extra) = 'object' and m.sync_extra ?| $2::text[]
      returning 1)
    select case when rows = $3 then last end as last, (select count(*)::int from filled) as filled from stretch`
}

/** A declared column, and the one that was added for its member before. */
export interface TakenOver {
  readonly declared: Column
  readonly kept: AddedColumn
}

/** The same of a column that a release has declared with another type: what fits it is there before the next full read. */
export async function fillDeclared(lease: Lease, resource: Resource, { declared, kept }: TakenOver): Promise<void> {
  await copyColumn(lease, resource, { from: kept.column, to: declared })
  await lease.transaction(
    (tx) => tx`
      update sync.columns set filled_at = now()
      where resource = ${resource.type} and state = 'kept' and member = ${kept.member}`,
  )
}

interface Copied {
  /** The name of the column with the values. */
  readonly from: string
  /** An empty column for what of them fits it. */
  readonly to: Pick<Column, 'name' | 'kind' | 'from' | 'target'>
}

/** From a column to another, of another type, in the same stretches. */
export async function copyColumn(lease: Lease, resource: Resource, copied: Copied): Promise<void> {
  const statement = copyStatement(resource, copied)
  for (let after: string | null = ''; after !== null;) {
    const from: string = after
    after = await lease.transaction(async (tx) => {
      await makeNoVersions(tx)
      const [row] = await tx.unsafe<{ last: string | null }[]>(statement, [from, ROWS_AT_ONCE])
      return row!.last
    })
  }
}

function copyStatement(resource: Resource, { from, to }: Copied): string {
  const table = tableOf(resource)
  const [source, name] = [`m.${quote(from)}`, quote(to.name)]
  const target = to.from === 'to-one' && to.target !== undefined ? literal(to.target) : 'null'
  const value =
    target === 'null' ? `to_jsonb(${source})` : `jsonb_build_object('type', ${target}, 'id', to_jsonb(${source}))`
  return `
    with stretch as materialized (
      select max(id) as last, count(*) as rows from (select id from ${table} where id > $1 order by id limit $2) part),
    filled as (
      update ${table} m set ${name} = sync.column_text(${literal(to.kind)}, ${target}, ${value})::${SQL_TYPE[to.kind]}
      where m.id > $1 and m.id <= (select last from stretch) and m.${name} is null and ${source} is not null)
    select case when rows = $2 then last end as last from stretch`
}
