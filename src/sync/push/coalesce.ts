/** Coalesces the waiting changes of a record into one, relative to the values both sides last agreed on. */
import type { Entries, Resource, Write } from '../../catalog/resource.ts'

export type Members = Readonly<Record<string, unknown>>

export interface ChangeContent {
  readonly op: Write
  readonly attributes: Members
  readonly relationships: Members
  /** The values of these members that both sides last agreed on; of a deletion, of all editable members. */
  readonly base: { readonly attributes?: Members; readonly relationships?: Members }
  /** Values of earlier failed requests, which ScopeStack may hold all the same. */
  readonly inDoubt?: ChangeValues | null
}

export interface ChangeValues {
  readonly attributes: Members
  readonly relationships: Members
}

/** @returns null when nothing is left to send: a row that was created and deleted again. */
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
  // An edit after a parked deletion means that the row is to stay.
  if (first.op === 'delete') return next
  return {
    op: first.op,
    attributes: mergeValues(resource, first.attributes, next.attributes),
    relationships: { ...first.relationships, ...next.relationships },
    base: first.op === 'create' ? {} : earliest(resource, first.base, next.base),
  }
}

/** The latest value of each member. */
export const latestValues = (resource: Resource, sides: readonly ChangeValues[]): ChangeValues | null =>
  sides.reduce<ChangeValues | null>(
    (sum, { attributes, relationships }) => ({
      attributes: mergeValues(resource, sum?.attributes ?? {}, attributes),
      relationships: { ...sum?.relationships, ...relationships },
    }),
    null,
  )

/** The first change's base wins: the second one's base is what the first had written. */
const earliest = (
  resource: Resource,
  first: ChangeContent['base'],
  next: ChangeContent['base'],
): ChangeContent['base'] => ({
  attributes: mergeValues(resource, next.attributes ?? {}, first.attributes ?? {}),
  relationships: { ...next.relationships, ...first.relationships },
})

/** `over` merged into `under`, user-defined fields entry by entry. */
function mergeValues({ columns }: Resource, under: Members, over: Members): Members {
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
