/**
 * Counts which members the records of a resource carry, so that a member that every record carried and that is missing now is
 * not taken for null.
 */
import type { Column, Resource } from '../../catalog/resource.ts'

/** Members that every record carried when the resource was last read. */
export interface SeenMembers {
  readonly attributes: readonly string[]
  /** Relationships, with linkage. */
  readonly ends: readonly string[]
  /** Relationships whose linkage was there in every record, also when empty: if it is left out, the record does not report it. */
  readonly explicit: readonly string[]
  /** Attributes that are not declared. */
  readonly undeclared: readonly string[]
}

export const NO_SEEN_MEMBERS: SeenMembers = { attributes: [], ends: [], explicit: [], undeclared: [] }

/** No member counts as missed; only `explicit` is kept. */
export const acceptingLosses = ({ explicit }: SeenMembers = NO_SEEN_MEMBERS): SeenMembers => ({
  ...NO_SEEN_MEMBERS,
  explicit,
})

/** Members seen now, and those that were seen before and are missed until they come back. */
export function withMissedMembers(now: SeenMembers, before: SeenMembers, missed: readonly string[]): SeenMembers {
  const both = (kind: keyof SeenMembers, kept = before[kind].filter((member) => missed.includes(member))): string[] => [
    ...new Set([...now[kind], ...kept]),
  ]
  return {
    attributes: both('attributes'),
    ends: both('ends'),
    // A server that once sent `null` does not mean null by leaving the linkage out, also after the loss was accepted.
    explicit: both('explicit', [...before.explicit]),
    undeclared: both('undeclared'),
  }
}

/** Without members that are not declared any more: they cannot be missed. */
export function onlyDeclared(seen: SeenMembers, { columns }: Resource): SeenMembers {
  const has = (from: 'attribute' | 'end') => {
    const members = new Set(columns.filter((column) => isFrom(column, from)).map(({ member }) => member))
    return (member: string): boolean => members.has(member)
  }
  const [isAttribute, isEnd] = [has('attribute'), has('end')]
  return {
    attributes: seen.attributes.filter(isAttribute),
    ends: seen.ends.filter(isEnd),
    explicit: seen.explicit.filter(isEnd),
    undeclared: seen.undeclared.filter((member) => !isAttribute(member)),
  }
}

const isFrom = ({ from }: Column, what: 'attribute' | 'end'): boolean =>
  (from === 'attribute') === (what === 'attribute')

/** More names than this, or odder ones, are data and not members. */
const MOST_UNDECLARED = 500
const PLAIN = /^[\w-]{1,100}\??$/

export interface MemberCounter {
  /** Counts a record. @param unreported the names of its unreported columns. */
  count(unreported: string, attributes: Readonly<Record<string, unknown>>): void
  /** Linkage that was left out. */
  implied(member: string): void
  seenMembers(): SeenMembers
}

/** Made once for each resource, since it counts every record. */
export function createMemberCounter({ columns }: Resource, isDeclared: (member: string) => boolean): MemberCounter {
  const lacked = new Set<string>()
  const shapes = new Set<string>()
  const implied = new Set<string>()
  let undeclared: Set<string> | undefined

  return {
    count(unreported, attributes) {
      if (!shapes.has(unreported)) {
        shapes.add(unreported)
        for (const name of unreported.split(',')) lacked.add(name)
      }
      undeclared ??= new Set(
        Object.keys(attributes)
          .filter((name) => !isDeclared(name) && PLAIN.test(name))
          .slice(0, MOST_UNDECLARED),
      )
      for (const name of undeclared) if (!Object.hasOwn(attributes, name)) undeclared.delete(name)
    },
    implied: (member) => void implied.add(member),
    seenMembers() {
      const seen = columns.filter(({ name }) => shapes.size > 0 && !lacked.has(name))
      const ends = seen.filter(({ from }) => from !== 'attribute').map(({ member }) => member)
      return {
        attributes: seen.filter(({ from }) => from === 'attribute').map(({ member }) => member),
        ends,
        explicit: ends.filter((member) => !implied.has(member)),
        undeclared: [...(undeclared ?? [])],
      }
    },
  }
}
