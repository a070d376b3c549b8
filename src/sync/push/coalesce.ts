/** Changes of one record that wait together become one: what they add up to, held against what both sides last agreed. */
import type { Entries, Resource, Write } from '../../catalog/resource.ts'

export type Members = Readonly<Record<string, unknown>>

export interface ChangeContent {
  readonly op: Write
  readonly attributes: Members
  readonly relationships: Members
  /** What the same members held when both sides last agreed; of a deletion, what all editable ones held. */
  readonly base: { readonly attributes?: Members; readonly relationships?: Members }
  /** What ScopeStack failed at may have arrived all the same: then these are what it holds. */
  readonly inDoubt?: ChangeValues | null
}

export interface ChangeValues {
  readonly attributes: Members
  readonly relationships: Members
}

/** @returns null when they add up to nothing: a record that was made and taken back. */
export function coalesce(resource: Resource, changes: readonly ChangeContent[]): ChangeContent | null {
  const [first, ...rest] = changes
  if (first === undefined) return null
  let sum: ChangeContent | null = first
  for (const next of rest) sum = sum === null ? next : together(resource, sum, next)
  return sum
}

function together(resource: Resource, first: ChangeContent, next: ChangeContent): ChangeContent | null {
  if (next.op === 'delete') {
    if (first.op === 'create') return null
    return { ...next, base: earliest(resource, first.base, next.base) }
  }
  // Whoever edits a row whose deletion was set aside does not want it gone.
  if (first.op === 'delete') return next
  return {
    op: first.op,
    attributes: laid(resource, first.attributes, next.attributes),
    relationships: { ...first.relationships, ...next.relationships },
    base: first.op === 'create' ? {} : earliest(resource, first.base, next.base),
  }
}

/** Of several that may have arrived, the last ones. */
export const latestValues = (resource: Resource, sides: readonly ChangeValues[]): ChangeValues | null =>
  sides.reduce<ChangeValues | null>(
    (sum, { attributes, relationships }) => ({
      attributes: laid(resource, sum?.attributes ?? {}, attributes),
      relationships: { ...sum?.relationships, ...relationships },
    }),
    null,
  )

/** What the first change found wins: the second one found what the first had left. */
const earliest = (
  resource: Resource,
  first: ChangeContent['base'],
  next: ChangeContent['base'],
): ChangeContent['base'] => ({
  attributes: laid(resource, next.attributes ?? {}, first.attributes ?? {}),
  relationships: { ...next.relationships, ...first.relationships },
})

/** `over` laid upon `under`, user-defined fields entry by entry. */
function laid({ columns }: Resource, under: Members, over: Members): Members {
  const sum: Record<string, unknown> = { ...under, ...over }
  for (const { member, entries } of columns) {
    const [low, high] = [under[member], over[member]]
    if (entries !== undefined && Array.isArray(low) && Array.isArray(high))
      sum[member] = mergeEntries(entries, low, high)
  }
  return sum
}

export type Entry = Readonly<Record<string, unknown>>

/** The entries of `held` with the values of `given`, and after them those that are new. */
export function mergeEntries([name, value]: Entries, held: readonly Entry[], given: readonly Entry[]): Entry[] {
  const values = new Map(given.map((entry) => [entry[name], entry]))
  const merged = held.map((entry) => {
    const found = values.get(entry[name])
    return found === undefined ? entry : { ...entry, [value]: found[value] ?? null }
  })
  const known = new Set(held.map((entry) => entry[name]))
  return [...merged, ...given.filter((entry) => !known.has(entry[name]))]
}
