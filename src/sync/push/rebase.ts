/**
 * Rebases later edits of a record. Their base is what an earlier edit had written, and that was agreed on only as far as
 * ScopeStack accepted it: `12.34567` is kept as `12.3457`, a new record gets default values, and a discarded edit was never
 * agreed on.
 *
 * Only values that were written are rebased. Any other difference in a response may be an edit made in ScopeStack, which the
 * later edit did not see.
 */
import type { Column, RemoteRecord, Resource } from '../../catalog/resource.ts'
import type { Change } from '../../store/outbox/claim.ts'
import { mergeEntries, type ChangeContent, type Entry } from './coalesce.ts'
import { entryValue, remoteValueOf, isListOrNull, valueIn, type Decision } from './conflict.ts'
import { isSame } from './equality.ts'

type Base = ChangeContent['base']
/** The value of a member, or of one entry of it; undefined where it is not known. */
type Value = (column: Column, entry: string | undefined) => unknown

interface Answered {
  readonly change: Change
  readonly record: RemoteRecord
  readonly decisions: unknown
}

/** The bases of later changes once a change was settled with a response. */
export function rebaseOntoResponse(
  resource: Resource,
  { change, record, decisions }: Answered,
  later: readonly ChangeContent[],
): Base[] {
  const answered: Value = (column, entry) => remoteValueOf(record, column, entry)
  return rebased(resource, change.op === 'create' ? created(change) : decided(decisions), answered, later)
}

/** The bases of later changes once a change was discarded. */
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
 * Members that the create left out count as null. In a record that was found by searching, their values may also be later
 * edits made in ScopeStack, so nothing is known.
 */
function created({ attributes, relationships, requestedAt }: Change): Value {
  if (requestedAt !== null) return () => undefined
  return (column, entry) => valueIn({ attributes, relationships }, column, entry) ?? null
}

function decided(decisions: unknown): Value {
  // `same` after an earlier request means that it was written by that one.
  const sent = ((decisions ?? []) as readonly Decision[]).filter(({ decision }) =>
    ['send', 'local-wins', 'same'].includes(decision),
  )
  return ({ member }, entry) => sent.find((one) => one.member === member && one.entry === entry)?.local
}

/** Only the first change of each member is rebased; a later one has that first one as its base. */
function rebased({ columns }: Resource, wrote: Value, agreed: Value, later: readonly ChangeContent[]): Base[] {
  const seen = new Set<string>()
  return later.map((change) => {
    const base = { attributes: { ...change.base.attributes }, relationships: { ...change.base.relationships } }
    for (const column of columns) {
      const side: Record<string, unknown> = column.from === 'attribute' ? base.attributes : base.relationships
      const { member, kind, entries } = column
      if (!(member in side)) continue
      for (const entry of entriesOf(column, change, side[member])) {
        const key = JSON.stringify([member, entry])
        if (seen.has(key)) continue
        seen.add(key)
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

/** The entries that the change concerns; undefined for the member as a whole. */
function entriesOf(
  { member, entries }: Column,
  { op, attributes }: ChangeContent,
  base: unknown,
): (string | undefined)[] {
  const about = op === 'delete' ? base : attributes[member]
  if (entries === undefined || !Array.isArray(about) || !isListOrNull(base)) return [undefined]
  return (about as Entry[]).map((one) => String(one[entries[0]]))
}
