/**
 * The one name of a key that has another here: a column that Postgres generates from it. The columns it is made of keep their names
 * for the releases, queries and edits that know them; schema `scopestack_live` has this one in their place.
 */
import type { Column, Kind } from './resource.ts'

export interface NamedKey {
  readonly name: string
  readonly kind: Kind
  /** Columns; the first that is not null counts. */
  readonly from: readonly [string, ...string[]]
  /** Words that stand there in place of a key. */
  readonly except: readonly string[]
  /** Whether the columns it is made of say no more than it does. */
  readonly replaces: boolean
  readonly type: string
  readonly comment: string
}

export type NamedKeys = Readonly<
  Record<string, Pick<NamedKey, 'from' | 'type' | 'comment'> & Partial<Pick<NamedKey, 'except' | 'replaces'>>>
>

/** @throws Error when it is made of a column that is not declared. */
export const namedKeysOf = (declared: NamedKeys, columns: readonly Column[]): NamedKey[] =>
  Object.entries(declared).map(([name, key]) => {
    const column = columns.find((one) => one.name === key.from[0])
    if (column === undefined) throw new Error(`"${name}" is made of "${key.from[0]}", which is no column.`)
    return { except: [], replaces: true, ...key, name, kind: column.kind }
  })
