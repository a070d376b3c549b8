/** The shape of a row: which columns its record does not report, computed once for all records that are alike. */
import type { Resource } from '../../catalog/resource.ts'
import type { Drift } from './row.ts'
import type { SeenMembers } from './seen-members.ts'

/** What a record does not report stays as it is in the mirror. */
export interface Shape {
  readonly key: string
  /** Names of columns, added ones among them. */
  readonly unreported: ReadonlySet<string>
  /** Members of `sync_extra` that stay. */
  readonly kept: readonly string[]
  /** The end of the digests of such rows: only digests that cover the same columns are compared. */
  readonly suffix: string
  /** Declared members that every record carried before and that these lack. */
  readonly withheld: readonly Drift[]
  /** The same of undeclared members. */
  readonly missed: readonly string[]
  /** A stored digest may cover members without a declared column that these rows do not report, and says nothing then. */
  readonly isPartial: boolean
}

/** The cache is cleared at this size: a server whose every record is different must not fill the memory. */
const MOST = 1000

/** @returns the shape, by the unreported columns, the missed undeclared members, and the unreported added columns, each joined by commas. */
export function shapesOf(
  { columns, added }: Resource,
  { attributes, ends }: SeenMembers,
): (unreported: string, missed: string, silent?: string) => Shape {
  const shapes = new Map<string, Shape>()
  const expected = new Set([
    ...attributes.map((member) => `attribute ${member}`),
    ...ends.map((member) => `end ${member}`),
  ])

  const make = (key: string, unreported: ReadonlySet<string>, missed: readonly string[]): Shape => {
    const silent = columns.filter(({ name }) => unreported.has(name))
    const silentAdded = added.filter(({ name }) => unreported.has(name))
    const lacking = silent.filter(({ member, from }) =>
      expected.has(from === 'attribute' ? `attribute ${member}` : `end ${member}`),
    )
    const mask = columns.reduce((bits, { name }, at) => (unreported.has(name) ? bits | (1n << BigInt(at)) : bits), 0n)
    return {
      key,
      unreported,
      // A misfit relationship is stored under its own name, or with a suffix where an attribute has that name.
      kept: [
        ...[...silent, ...silentAdded].flatMap(({ member, from }) =>
          from === 'attribute' ? member : [member, `${member}-relationship`],
        ),
        ...missed,
      ],
      suffix: mask === 0n ? '' : mask.toString(16),
      withheld: lacking.map(({ member, from }): Drift => ({ member, kind: 'withheld', sample: WHAT[from] })),
      missed,
      isPartial: missed.length + silentAdded.length > 0,
    }
  }

  return (unreported, missed, without = '') => {
    const key = missed === '' && without === '' ? unreported : `${unreported}|${missed}|${without}`
    const known = shapes.get(key)
    if (known !== undefined) return known
    const made = make(key, new Set([...named(unreported), ...named(without)]), named(missed))
    if (shapes.size >= MOST) shapes.clear()
    shapes.set(key, made)
    return made
  }
}

const named = (names: string): string[] => (names === '' ? [] : names.split(','))

const WHAT = { attribute: 'attribute', 'to-one': 'relationship', 'to-many': 'relationship' } as const
