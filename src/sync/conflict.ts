/**
 * Whether a local change may be written, field by field: what was agreed (base), what is wanted here (local), and what
 * ScopeStack holds now (remote).
 *
 *   local = base ──────────────────────► undone   nothing to send
 *   remote = local ────────────────────► same     nothing to send
 *   remote = base ─────────────────────► send
 *   all three differ ──────────────────► the resource's rule: park, remote-wins, local-wins
 */
import { isDeepStrictEqual } from 'node:util'
import type { Column, Kind, RemoteRecord, Resource } from '../resource.ts'
import { encode, storable } from '../store/codec.ts'
import type { Content, Entry, Members } from './fold.ts'

export type Rule = 'park' | 'remote-wins' | 'local-wins'

/** What is done about a conflict in a member of a resource. */
export type Rules = (type: string, member: string) => Rule

export type Verdict = 'undone' | 'same' | 'send' | 'conflict'

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

/** Pure: the three values alone decide. `remote` is undefined where the server does not tell. */
export function verdictOn(kind: Kind, base: unknown, local: unknown, remote: unknown): Verdict {
  if (isSame(kind, local, base)) return 'undone'
  if (remote === undefined || isSame(kind, remote, base)) return 'send'
  return isSame(kind, remote, local) ? 'same' : 'conflict'
}

export function decide(resource: Resource, change: Content, remote: RemoteRecord, rules: Rules): Decided {
  const decisions = fieldsOf(resource, change).map(({ column, entry, base, local }): Decision => {
    const held = heldBy(remote, column, entry)
    const verdict =
      change.op === 'delete'
        ? held === undefined || isSame(column.kind, held, base)
          ? 'send'
          : 'conflict'
        : verdictOn(column.kind, base, local, held)
    const decision = verdict === 'conflict' ? rules(resource.type, column.member) : verdict
    const { member } = column
    return { member, ...(entry === undefined ? {} : { entry }), base, local, remote: held ?? null, decision }
  })
  return { fate: fateOf(change, decisions), decisions }
}

function fateOf({ op }: Content, decisions: readonly Decision[]): Decided['fate'] {
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

/** Each member of the change, user-defined fields one by one. Of a deletion, what it would take away. */
function fieldsOf({ columns }: Resource, { op, attributes, relationships, base }: Content): Field[] {
  return columns.flatMap((column): Field[] => {
    const isAttribute = column.from === 'attribute'
    const was = (isAttribute ? base.attributes : base.relationships) ?? {}
    const becomes = op === 'delete' ? was : isAttribute ? attributes : relationships
    const { member, entries } = column
    if (!(member in becomes)) return []
    const local = op === 'delete' ? undefined : becomes[member]
    const wanted = becomes[member]
    if (entries === undefined || !Array.isArray(wanted) || !isListOrNothing(was[member])) {
      return [{ column, entry: undefined, base: was[member] ?? null, local }]
    }
    return (wanted as Entry[]).map((one) => ({
      column,
      entry: String(one[entries[0]]),
      base: entryOf(column, was[member], String(one[entries[0]])),
      local: op === 'delete' ? undefined : (one[entries[1]] ?? null),
    }))
  })
}

/** Undefined: the server does not say. */
export function heldBy(record: RemoteRecord, column: Column, entry?: string): unknown {
  const { from, member } = column
  if (from === 'attribute') {
    const value = (record.attributes as Members | undefined)?.[member] ?? null
    return entry === undefined ? value : isListOrNothing(value) ? entryOf(column, value, entry) : value
  }
  const linkage = (record.relationships as Record<string, { data?: unknown }> | undefined)?.[member]?.data
  return linkage === undefined || linkage === null ? linkage : ((linkage as { id?: unknown }).id ?? null)
}

export const isListOrNothing = (value: unknown): boolean =>
  value === null || value === undefined || Array.isArray(value)

export function entryOf({ entries }: Column, list: unknown, name: string): unknown {
  const [key, value] = entries!
  const found = ((list ?? []) as Entry[]).find((entry) => String(entry?.[key]) === name)
  return found?.[value] ?? null
}

/**
 * The same value in two spellings: `"10.0"` and `10`, `""` and null (API notes §8), line ends of either kind. An entry of a
 * user-defined field has no kind of its own.
 */
export function isSame(kind: Kind, a: unknown, b: unknown): boolean {
  const [left, right] = [spelling(kind, a), spelling(kind, b)]
  return isDeepStrictEqual(left, right)
}

function spelling(kind: Kind, held: unknown): unknown {
  if (held === null || held === undefined || held === '') return null
  // What was noted of it is spelled so.
  const value = typeof held === 'string' ? storable(held) : held
  if (kind === 'json') return typeof value === 'string' ? value.replaceAll('\r\n', '\n') : value
  const encoded = encode(kind, value)
  if (typeof encoded !== 'string') return value
  if (kind === 'decimal') return plainDecimal(encoded)
  return kind === 'text' ? encoded.replaceAll('\r\n', '\n') : encoded
}

/** Without the zeros that say nothing; an exponent, which hardly any decimal has, is left to a double. */
function plainDecimal(text: string): string {
  if (/e/i.test(text)) return String(Number(text))
  const [, sign = '', whole = '', fraction = ''] = /^([+-]?)0*(\d*)(?:\.(\d*?)0*)?$/.exec(text) ?? []
  const digits = `${whole || '0'}${fraction === '' ? '' : `.${fraction}`}`
  return sign === '-' && digits !== '0' ? `-${digits}` : digits
}

/** As the tables call it: its column, and which of the user-defined fields. */
export function memberName(
  resource: Resource | undefined,
  { member, entry }: { readonly member: string; readonly entry?: string | undefined },
): string {
  const name = resource?.columns.find((column) => column.member === member)?.name ?? member
  return entry === undefined ? name : `${name}.${entry}`
}
