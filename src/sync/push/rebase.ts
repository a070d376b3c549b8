/**
 * What a later edit of a record found is what an earlier one had written. It counts as agreed upon (base) only as far as
 * ScopeStack took it: `12.34567` is kept as `12.3457`, a new record has values that nobody gave it, and what was let go was
 * never there. Pure.
 *
 * Only what was written is moved. Anything else in an answer may be somebody else's edit, which the later one did not see.
 */
import type { Column, RemoteRecord, Resource } from '../../catalog/resource.ts'
import type { Change } from '../../store/outbox/claim.ts'
import { mergeEntries, type ChangeContent, type Entry } from './coalesce.ts'
import { entryValue, remoteValueOf, isListOrNull, valueIn, type Decision } from './conflict.ts'
import { isSame } from './equality.ts'

type Base = ChangeContent['base']
/** Of a member, or of one entry of it; undefined where nothing is known. */
type Value = (column: Column, entry: string | undefined) => unknown

interface Answered {
  readonly change: Change
  readonly record: RemoteRecord
  readonly decisions: unknown
}

/** Bases of what waits behind a change that was answered. */
export function rebaseOntoResponse(
  resource: Resource,
  { change, record, decisions }: Answered,
  later: readonly ChangeContent[],
): Base[] {
  const told: Value = (column, entry) => remoteValueOf(record, column, entry)
  return rebased(resource, change.op === 'create' ? made(change) : decided(decisions), told, later)
}

/** Bases of what waits behind a change that was let go. */
export function rebaseOntoBase(
  resource: Resource,
  { attributes, relationships, base }: ChangeContent,
  later: readonly ChangeContent[],
): Base[] {
  const wrote: Value = (column, entry) => valueIn({ attributes, relationships }, column, entry)
  const found: Value = (column, entry) => valueIn(base, column, entry) ?? null
  return rebased(resource, wrote, found, later)
}

/**
 * What was left out of a new record counts as well. Of one that was looked for nobody knows whether ScopeStack filled it in
 * or somebody has edited it since.
 */
function made({ attributes, relationships, requestedAt }: Change): Value {
  if (requestedAt !== null) return () => undefined
  return (column, entry) => valueIn({ attributes, relationships }, column, entry) ?? null
}

function decided(decisions: unknown): Value {
  // What was found to have arrived before was written, too.
  const sent = ((decisions ?? []) as readonly Decision[]).filter(({ decision }) =>
    ['send', 'local-wins', 'same'].includes(decision),
  )
  return ({ member }, entry) => sent.find((one) => one.member === member && one.entry === entry)?.local
}

/** The first change of each member stands on it; one behind that stands on the first. */
function rebased({ columns }: Resource, wrote: Value, agreed: Value, later: readonly ChangeContent[]): Base[] {
  const met = new Set<string>()
  return later.map((change) => {
    const base = { attributes: { ...change.base.attributes }, relationships: { ...change.base.relationships } }
    for (const column of columns) {
      const side: Record<string, unknown> = column.from === 'attribute' ? base.attributes : base.relationships
      const { member, kind, entries } = column
      if (!(member in side)) continue
      for (const entry of entriesOf(column, change, side[member])) {
        const key = JSON.stringify([member, entry])
        if (met.has(key)) continue
        met.add(key)
        const held = side[member]
        const [was, now] = [wrote(column, entry), agreed(column, entry)]
        if (was === undefined || now === undefined) continue
        if (!isSame(kind, entry === undefined ? held : entryValue(column, held, entry), was)) continue
        if (entry === undefined) side[member] = now
        else
          side[member] = mergeEntries(entries!, (held ?? []) as Entry[], [{ [entries![0]]: entry, [entries![1]]: now }])
      }
    }
    return base
  })
}

/** Those that the change is about; undefined for the member as a whole. */
function entriesOf(
  { member, entries }: Column,
  { op, attributes }: ChangeContent,
  base: unknown,
): (string | undefined)[] {
  const about = op === 'delete' ? base : attributes[member]
  if (entries === undefined || !Array.isArray(about) || !isListOrNull(base)) return [undefined]
  return (about as Entry[]).map((one) => String(one[entries[0]]))
}
