/**
 * Which members the records of a resource carry: so that a member that was always told and no longer is does not pass for
 * one that is null.
 */
import type { Column, Resource } from '../../catalog/resource.ts'

/** Members that every record carried when the resource was last read. */
export interface SeenMembers {
  readonly attributes: readonly string[]
  /** Relationships, with linkage. */
  readonly ends: readonly string[]
  /** Those whose linkage was there in every record, also where nobody was at the end: left out, it says nothing. */
  readonly explicit: readonly string[]
  /** Attributes that are not declared. */
  readonly undeclared: readonly string[]
}

export const NO_SEEN_MEMBERS: SeenMembers = { attributes: [], ends: [], explicit: [], undeclared: [] }

/** Nothing is missed. */
export const acceptingLosses = ({ explicit }: SeenMembers = NO_SEEN_MEMBERS): SeenMembers => ({
  ...NO_SEEN_MEMBERS,
  explicit,
})

/** What is told by now, and what was told and is missed until it comes back. */
export function withMissedMembers(now: SeenMembers, before: SeenMembers, missed: readonly string[]): SeenMembers {
  const both = (kind: keyof SeenMembers, kept = before[kind].filter((member) => missed.includes(member))): string[] => [
    ...new Set([...now[kind], ...kept]),
  ]
  return {
    attributes: both('attributes'),
    ends: both('ends'),
    // A server that has said `null` once means nothing by leaving it out, also when that was accepted.
    explicit: both('explicit', [...before.explicit]),
    undeclared: both('undeclared'),
  }
}

/** A member that is no longer declared is not missed. */
export function onlyDeclared(told: SeenMembers, { columns }: Resource): SeenMembers {
  const has = (from: 'attribute' | 'end') => {
    const members = new Set(columns.filter((column) => isFrom(column, from)).map(({ member }) => member))
    return (member: string): boolean => members.has(member)
  }
  const [isAttribute, isEnd] = [has('attribute'), has('end')]
  return {
    attributes: told.attributes.filter(isAttribute),
    ends: told.ends.filter(isEnd),
    explicit: told.explicit.filter(isEnd),
    undeclared: told.undeclared.filter((member) => !isAttribute(member)),
  }
}

const isFrom = ({ from }: Column, what: 'attribute' | 'end'): boolean =>
  (from === 'attribute') === (what === 'attribute')

/** More names than that, or stranger ones, are data and not members. */
const MOST_UNDECLARED = 500
const PLAIN = /^[\w-]{1,100}\??$/

export interface MemberCounter {
  /** A record, by its columns that say nothing, and its attributes. */
  count(untold: string, attributes: Readonly<Record<string, unknown>>): void
  /** Linkage that was left out. */
  implied(member: string): void
  seenMembers(): SeenMembers
}

/** Made once for each resource, since it counts each record. */
export function createMemberCounter({ columns }: Resource, isDeclared: (member: string) => boolean): MemberCounter {
  const lacked = new Set<string>()
  const shapes = new Set<string>()
  const implied = new Set<string>()
  let undeclared: Set<string> | undefined

  return {
    count(untold, attributes) {
      if (!shapes.has(untold)) {
        shapes.add(untold)
        for (const name of untold.split(',')) lacked.add(name)
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
      const told = columns.filter(({ name }) => shapes.size > 0 && !lacked.has(name))
      const ends = told.filter(({ from }) => from !== 'attribute').map(({ member }) => member)
      return {
        attributes: told.filter(({ from }) => from === 'attribute').map(({ member }) => member),
        ends,
        explicit: ends.filter((member) => !implied.has(member)),
        undeclared: [...(undeclared ?? [])],
      }
    },
  }
}
