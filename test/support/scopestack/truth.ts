/** The rows of a table against the simulator's records, value by value, without the code that reads and loads them. */
import { isDeepStrictEqual } from 'node:util'
import type { Column, Resource } from '../../../src/catalog/resource.ts'
import type { Simulator } from '../../../src/simulator/server.ts'
import type { Database } from '../../../src/store/connection/database.ts'

type Row = Record<string, unknown>

export interface Unequal {
  readonly id: string
  readonly column: string
  readonly remote: unknown
  readonly mirror: unknown
}

/** What the comparison leaves out. */
export interface Except {
  /** Rows of deleted records may still exist: an incremental read does not detect deletes. */
  readonly deleted?: boolean
  /** By column: a key whose include is refused, a member that is withheld. */
  readonly column?: (column: Column) => boolean
  /** Rows; of one that the mirror lacks, its id and links are known. */
  readonly except?: (row: Row) => boolean
}

export async function unequal(
  sql: Database,
  { records, credentials }: Simulator,
  { type, table, columns }: Resource,
  { deleted = false, column: excepted = () => false, except = () => false }: Except = {},
): Promise<Unequal[]> {
  const rows = await sql<{ id: string; row: Row }[]>`
    select id, to_jsonb(t) as row from scopestack.${sql(table)} t where sync_deleted_at is null`
  const mirror = new Map(rows.map(({ id, row }) => [id, row]))
  const found: Unequal[] = []
  // The simulator derives to-manys from the to-ones of the other side.
  const compared = columns.filter((column) => column.from !== 'to-many' && !excepted(column))
  for (const { id, attributes, relationships } of records.list(type)) {
    const row = mirror.get(id)
    mirror.delete(id)
    if (row === undefined) {
      if (!except({ id, ...linksOf(columns, relationships) }))
        found.push({ id, column: 'id', remote: id, mirror: null })
      continue
    }
    if (except(row)) continue
    for (const column of compared) {
      const { member, name, from, target } = column
      const linked = target === 'accounts' ? credentials.account : relationships[member]
      const remote = from === 'attribute' ? attributes[member] : linkOf(linked)
      const [left, right] = [comparable(column, remote), comparable(column, row[name])]
      if (!isDeepStrictEqual(left, right)) found.push({ id, column: name, remote, mirror: row[name] })
    }
  }
  const left = deleted ? [] : [...mirror].filter(([, row]) => !except(row))
  return [...found, ...left.map(([id]) => ({ id, column: 'id', remote: null, mirror: id }))]
}

// --- internal ---

const linksOf = (columns: readonly Column[], relationships: Row): Row =>
  Object.fromEntries(
    columns.filter(({ from }) => from === 'to-one').map(({ name, member }) => [name, linkOf(relationships[member])]),
  )

const linkOf = (held: unknown): unknown =>
  typeof held === 'object' && held !== null && 'id' in held ? held.id : (held ?? null)

function comparable({ kind, name }: Column, value: unknown): unknown {
  if (value === null || value === undefined) return null
  // Signed anew at each read, in one of several forms: only the name of the file stays the same.
  if (name === 'document_url') return textOf(value).split('?')[0]?.split('/').at(-1)
  switch (kind) {
    case 'text':
      return textOf(value)
    case 'integer':
    case 'decimal':
      return Number(value)
    case 'boolean':
      return textOf(value) === 'true'
    case 'timestamp':
      return new Date(value as string).getTime()
    default:
      return value
  }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
