/**
 * A change as a list of fields. User-defined fields are entries of one member, `[{name, value}]`, and each counts as a field of
 * its own: here alone that member is taken apart and put together again. A member that is no list of entries, on either side,
 * is one field.
 */
import type { Column, RemoteRecord, Resource } from '../../catalog/resource.ts'
import type { ChangeContent, ChangeValues, Members } from './change.ts'

export interface Field {
  readonly column: Column
  /** Of a user-defined field, which one. */
  readonly entry?: string
  /** What an edit gave of that entry beside its name and value, such as a label: sent along, and compared with nothing. */
  readonly also?: Members
  readonly base: unknown
  /** Undefined in a deletion, of which every value is a field. */
  readonly local: unknown
}

type Entry = Readonly<Record<string, unknown>> | null

export function fieldsOf({ columns }: Resource, { op, base, ...values }: ChangeContent): Field[] {
  return columns.flatMap((column): Field[] => {
    const [was, becomes] = [sideOf(base, column), sideOf(op === 'delete' ? base : values, column)]
    const { member, entries } = column
    if (!Object.hasOwn(becomes, member)) return []
    const given = becomes[member]
    if (entries === undefined || !Array.isArray(given) || !isListOrNull(was[member])) {
      return [{ column, base: was[member] ?? null, local: op === 'delete' ? undefined : given }]
    }
    return (given as Entry[]).map((one) => {
      const { [entries[0]]: name, [entries[1]]: _value, ...also } = one ?? {}
      const entry = String(name)
      const local = op === 'delete' ? undefined : (one?.[entries[1]] ?? null)
      return { column, entry, also, base: entryOf(column, was[member], entry), local }
    })
  })
}

/** The fields again as values by member: the new ones, or those of the base. */
export function valuesOf(fields: readonly Field[], side: 'local' | 'base'): ChangeValues {
  const values = { attributes: {} as Record<string, unknown>, relationships: {} as Record<string, unknown> }
  for (const { column, entry, also, [side]: value } of fields) {
    const { member, from, entries } = column
    const members = from === 'attribute' ? values.attributes : values.relationships
    if (entry === undefined || entries === undefined) members[member] = value
    else {
      const one = { ...(side === 'local' && also), [entries[0]]: entry, [entries[1]]: value }
      members[member] = [...((members[member] ?? []) as Entry[]), one]
    }
  }
  return values
}

/** Which field it is. */
export const keyOf = ({ column, entry }: Pick<Field, 'column' | 'entry'>): string =>
  JSON.stringify([column.from, column.member, entry])

/** Undefined where the values do not have it. */
export function valueIn(values: Partial<ChangeValues>, { column, entry }: Pick<Field, 'column' | 'entry'>): unknown {
  const side = sideOf(values, column)
  if (!Object.hasOwn(side, column.member)) return undefined
  const value = side[column.member] ?? null
  if (entry === undefined) return value
  const named = Array.isArray(value) && value.some((one: Entry) => String(one?.[column.entries![0]]) === entry)
  return named ? entryOf(column, value, entry) : undefined
}

/** Undefined where the server does not send it: withheld from the role, or not part of this response. That is not null. */
export function remoteValueOf(record: RemoteRecord, column: Column, entry?: string): unknown {
  const { from, member } = column
  if (from === 'attribute') {
    const attributes = (record.attributes ?? {}) as Members
    if (!Object.hasOwn(attributes, member)) return undefined
    const value = attributes[member] ?? null
    return entry === undefined || !isListOrNull(value) ? value : entryOf(column, value, entry)
  }
  const linkage = (record.relationships as Record<string, { data?: unknown }> | undefined)?.[member]?.data
  return linkage === undefined || linkage === null ? linkage : ((linkage as { id?: unknown }).id ?? null)
}

export const columnOf = ({ columns }: Resource, member: string): Column =>
  columns.find((column) => column.member === member)!

/** The column's name, and the user-defined field's where it is one. */
export function memberName(
  resource: Resource | undefined,
  { member, entry }: { readonly member: string; readonly entry?: string | undefined },
): string {
  const name = resource?.columns.find((column) => column.member === member)?.name ?? member
  return entry === undefined ? name : `${name}.${entry}`
}

/** Entries of a list that the remote takes whole: what it holds, with these values in their place, and the new ones behind. */
export function withEntries({ entries }: Column, held: readonly unknown[], given: readonly unknown[]): unknown[] {
  const [name, value] = entries!
  const values = new Map((given as Entry[]).map((one) => [one?.[name], one]))
  const known = new Set((held as Entry[]).map((one) => one?.[name]))
  const kept = (held as Entry[]).map((one) => {
    const found = values.get(one?.[name])
    return found === undefined ? one : { ...one, [value]: found?.[value] ?? null }
  })
  return [...kept, ...(given as Entry[]).filter((one) => !known.has(one?.[name]))]
}

const sideOf = (values: Partial<ChangeValues>, { from }: Column): Members =>
  (from === 'attribute' ? values.attributes : values.relationships) ?? {}

const isListOrNull = (value: unknown): boolean => value === null || value === undefined || Array.isArray(value)

function entryOf({ entries }: Column, list: unknown, name: string): unknown {
  const [key, value] = entries!
  return ((list ?? []) as Entry[]).find((one) => String(one?.[key]) === name)?.[value] ?? null
}
