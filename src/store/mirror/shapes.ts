/** What the records of a resource say nothing of, worked out once for all that are alike. */
import type { Resource } from '../../catalog/resource.ts'
import type { Drift } from './row.ts'
import type { SeenMembers } from './seen-members.ts'

/** What a record says nothing of: it stays as it is in the mirror. */
export interface Shape {
  readonly key: string
  /** Names of columns. */
  readonly unreported: ReadonlySet<string>
  /** Members of `sync_extra`. */
  readonly kept: readonly string[]
  /** What digests of such rows end with, so that two are only held against each other where they speak of the same. */
  readonly suffix: string
  /** What of it was told of every record before, and is declared. */
  readonly withheld: readonly Drift[]
  /** The same of what is not declared. */
  readonly missed: readonly string[]
}

/** Past so many they are made anew: a server that tells of each record something else must not fill the memory. */
const MOST = 1000

/** @returns the shape, by the columns that were not told, and the undeclared members that are missed, joined by commas. */
export function shapesOf(
  { columns }: Resource,
  { attributes, ends }: SeenMembers,
): (untold: string, missed: string) => Shape {
  const shapes = new Map<string, Shape>()
  const expected = new Set([
    ...attributes.map((member) => `attribute ${member}`),
    ...ends.map((member) => `end ${member}`),
  ])

  const make = (key: string, untold: ReadonlySet<string>, missed: readonly string[]): Shape => {
    const silent = columns.filter(({ name }) => untold.has(name))
    const lacking = silent.filter(({ member, from }) =>
      expected.has(from === 'attribute' ? `attribute ${member}` : `end ${member}`),
    )
    const mask = columns.reduce((bits, { name }, at) => (untold.has(name) ? bits | (1n << BigInt(at)) : bits), 0n)
    return {
      key,
      unreported: untold,
      // A key that does not fit stands there by its own name, or by another where an attribute has that.
      kept: [
        ...silent.flatMap(({ member, from }) => (from === 'attribute' ? member : [member, `${member}-relationship`])),
        ...missed,
      ],
      suffix: mask === 0n ? '' : mask.toString(16),
      withheld: lacking.map(({ member, from }): Drift => ({ member, kind: 'withheld', sample: WHAT[from] })),
      missed,
    }
  }

  return (untold, missed) => {
    const key = missed === '' ? untold : `${untold}|${missed}`
    const known = shapes.get(key)
    if (known !== undefined) return known
    const made = make(key, new Set(named(untold)), named(missed))
    if (shapes.size >= MOST) shapes.clear()
    shapes.set(key, made)
    return made
  }
}

const named = (names: string): string[] => (names === '' ? [] : names.split(','))

const WHAT = { attribute: 'attribute', 'to-one': 'relationship', 'to-many': 'relationship' } as const
