/**
 * Whether a local edit may be written, field by field: the value both sides last agreed on (base), the edited value (local),
 * and the value in ScopeStack now (remote).
 *
 *   local = base ──────────────────────► undone   nothing to send
 *   remote = local ────────────────────► same     nothing to send
 *   remote = base ─────────────────────► send
 *   all three differ ──────────────────► the resource's rule: park, remote-wins, local-wins
 */
import type { Column, Kind, RemoteRecord, Resource } from '../../catalog/resource.ts'
import type { ChangeContent, Entry, Members, ChangeValues } from './coalesce.ts'
import { isNearlySame, isSame, isSameUnsigned } from './equality.ts'

export type Rule = 'park' | 'remote-wins' | 'local-wins'

/** The rule for a conflict in a member of a resource. */
export type Rules = (type: string, member: string) => Rule

export type FieldComparison = 'undone' | 'same' | 'send' | 'conflict'

export interface Decision {
  readonly member: string
  /** Of a user-defined field, which one. */
  readonly entry?: string
  readonly base: unknown
  readonly local: unknown
  readonly remote: unknown
  readonly decision: 'undone' | 'same' | 'send' | Rule
}

export interface Decided {
  readonly fate: 'send' | 'nothing' | 'park'
  readonly decisions: readonly Decision[]
}

/** `remote` is undefined where the server does not send it. */
export function compareField(kind: Kind, base: unknown, local: unknown, remote: unknown): FieldComparison {
  if (isSame(kind, local, base)) return 'undone'
  if (remote === undefined || isSame(kind, remote, base)) return 'send'
  if (isSame(kind, remote, local)) return 'same'
  if (isSameUnsigned(kind, remote, base)) return 'send'
  return isSameUnsigned(kind, remote, local) ? 'same' : 'conflict'
}

/** @param doubts values that earlier requests may have written: where ScopeStack holds one, it counts as the base. */
export function decide(
  resource: Resource,
  change: ChangeContent,
  remote: RemoteRecord,
  rules: Rules,
  doubts: readonly ChangeValues[] = [],
): Decided {
  const decisions = fieldsOf(resource, change).map(({ column, entry, base: found, local }): Decision => {
    const held = remoteValueOf(remote, column, entry)
    const isOurs = doubts.some((side) => {
      const written = valueIn(side, column, entry)
      return written !== undefined && held !== undefined && isNearlySame(column.kind, held, written)
    })
    const base = isOurs && (change.op === 'delete' || !isSame(column.kind, held, local)) ? held : found
    const comparison =
      change.op === 'delete'
        ? held === undefined || isSameUnsigned(column.kind, held, base)
          ? 'send'
          : 'conflict'
        : compareField(column.kind, base, local, held)
    const decision = comparison === 'conflict' ? rules(resource.type, column.member) : comparison
    const { member } = column
    return { member, ...(entry === undefined ? {} : { entry }), base, local, remote: held ?? null, decision }
  })
  return { fate: fateOf(change, decisions), decisions }
}

function fateOf({ op }: ChangeContent, decisions: readonly Decision[]): Decided['fate'] {
  const any = (...wanted: readonly Decision['decision'][]): boolean =>
    decisions.some(({ decision }) => wanted.includes(decision))
  if (any('park')) return 'park'
  // A record cannot be deleted in part.
  if (op === 'delete') return any('remote-wins') ? 'nothing' : 'send'
  return any('send', 'local-wins') ? 'send' : 'nothing'
}

interface Field {
  readonly column: Column
  readonly entry: string | undefined
  readonly base: unknown
  readonly local: unknown
}

/** Each member of the change, user-defined fields one by one; of a deletion, every value it would remove. */
function fieldsOf({ columns }: Resource, { op, attributes, relationships, base }: ChangeContent): Field[] {
  return columns.flatMap((column): Field[] => {
    const isAttribute = column.from === 'attribute'
    const was = (isAttribute ? base.attributes : base.relationships) ?? {}
    const becomes = op === 'delete' ? was : isAttribute ? attributes : relationships
    const { member, entries } = column
    if (!(member in becomes)) return []
    const local = op === 'delete' ? undefined : becomes[member]
    const wanted = becomes[member]
    if (entries === undefined || !Array.isArray(wanted) || !isListOrNull(was[member])) {
      return [{ column, entry: undefined, base: was[member] ?? null, local }]
    }
    return (wanted as Entry[]).map((one) => ({
      column,
      entry: String(one[entries[0]]),
      base: entryValue(column, was[member], String(one[entries[0]])),
      local: op === 'delete' ? undefined : (one[entries[1]] ?? null),
    }))
  })
}

/** Undefined where the values do not have it. */
export function valueIn({ attributes, relationships }: Partial<ChangeValues>, column: Column, entry?: string): unknown {
  const side = (column.from === 'attribute' ? attributes : relationships) ?? {}
  if (!Object.hasOwn(side, column.member)) return undefined
  const value = side[column.member] ?? null
  if (entry === undefined) return value
  const named = Array.isArray(value) && value.some((one: Entry) => String(one[column.entries![0]]) === entry)
  return named ? entryValue(column, value, entry) : undefined
}

/** Undefined where the server does not send it. */
export function remoteValueOf(record: RemoteRecord, column: Column, entry?: string): unknown {
  const { from, member } = column
  if (from === 'attribute') {
    const attributes = (record.attributes ?? {}) as Members
    // Withheld from the role, or not part of this response: that is not null.
    if (!Object.hasOwn(attributes, member)) return undefined
    const value = attributes[member] ?? null
    return entry === undefined ? value : isListOrNull(value) ? entryValue(column, value, entry) : value
  }
  const linkage = (record.relationships as Record<string, { data?: unknown }> | undefined)?.[member]?.data
  return linkage === undefined || linkage === null ? linkage : ((linkage as { id?: unknown }).id ?? null)
}

export const isListOrNull = (value: unknown): boolean => value === null || value === undefined || Array.isArray(value)

export function entryValue({ entries }: Column, list: unknown, name: string): unknown {
  const [key, value] = entries!
  const found = ((list ?? []) as Entry[]).find((entry) => String(entry?.[key]) === name)
  return found?.[value] ?? null
}

/** The column, and the user-defined field where it is one. */
export function memberName(
  resource: Resource | undefined,
  { member, entry }: { readonly member: string; readonly entry?: string | undefined },
): string {
  const name = resource?.columns.find((column) => column.member === member)?.name ?? member
  return entry === undefined ? name : `${name}.${entry}`
}
