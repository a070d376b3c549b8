/**
 * Columns that Postgres generates from others: the one name of a key that has another here, and amounts that stand in a JSON column.
 *
 * The columns that a named key is made of keep their names for the releases, queries and edits that know them; schema
 * `scopestack_live` has this one in their place.
 */
import type { Column, Kind } from './resource.ts'

export interface GeneratedColumn {
  readonly name: string
  readonly kind: Kind
  readonly comment: string
}

export interface NamedKey extends GeneratedColumn {
  /** Columns; the first that is not null counts. */
  readonly from: readonly [string, ...string[]]
  /** Words that stand there in place of a key. */
  readonly except: readonly string[]
  /** Whether the columns it is made of say no more than it does. */
  readonly replaces: boolean
  readonly type: string
}

/** Of a resource. */
export interface Generated {
  readonly namedKeys: readonly NamedKey[]
  /** All of them: the named keys, and the amounts. */
  readonly generated: readonly GeneratedColumn[]
}

export interface DeclaredGenerated {
  readonly namedKeys?: Readonly<
    Record<string, Pick<NamedKey, 'from' | 'type' | 'comment'> & Partial<Pick<NamedKey, 'except' | 'replaces'>>>
  >
  /** The comments of numbers that stand in a JSON column; their expressions are in the migrations. */
  readonly amounts?: Readonly<Record<string, string>>
}

/** @throws Error when a key is made of a column that is not declared. */
export function generatedOf(declared: DeclaredGenerated, columns: readonly Column[]): Generated {
  const namedKeys = Object.entries(declared.namedKeys ?? {}).map(([name, key]): NamedKey => {
    const column = columns.find((one) => one.name === key.from[0])
    if (column === undefined) throw new Error(`"${name}" is made of "${key.from[0]}", which is no column.`)
    return { except: [], replaces: true, ...key, name, kind: column.kind }
  })
  const amounts = Object.entries(declared.amounts ?? {})
  return {
    namedKeys,
    generated: [...namedKeys, ...amounts.map(([name, comment]) => ({ name, kind: 'decimal' as const, comment }))],
  }
}
