/** Coalesces the waiting changes of a record into one, relative to the values both sides last agreed on. */
import type { Resource } from '../../catalog/resource.ts'
import type { Change, ChangeContent, ChangeValues } from './change.ts'
import { fieldsOf, keyOf, valuesOf, type Field } from './fields.ts'

/** What the waiting changes of a record are coalesced to. */
export interface Coalesced {
  /** The change that is sent in their place; null when there is nothing to send. */
  readonly change: Change | null
  /** Ids of the changes that went into it. */
  readonly superseded: readonly number[]
}

/** The one change that the waiting changes of a record amount to, and those that it replaces. @param changes in their order. */
export function coalesceChanges(resource: Resource, changes: readonly Change[]): Coalesced {
  const newest = changes.findLast(({ state }) => state === 'waiting')!
  // After a change was parked and its row restored, a later edit was not based on it.
  const isRestored = ({ returnedAt }: Change): boolean => returnedAt !== null
  const built = changes.filter((change) => !isRestored(change) && change.id <= newest.id)
  const replaced = changes.filter(
    (change) => isRestored(change) && change.id < newest.id && covers(resource, newest, change),
  )
  const content = coalesce(resource, built)
  const superseded = [...built, ...replaced]
    .filter(({ id }) => content === null || id !== newest.id)
    .map(({ id }) => id)
  if (content === null) return { change: null, superseded }
  const doubts = built.flatMap(({ inDoubt }) => inDoubt ?? [])
  return { change: { ...newest, ...content, inDoubt: latestValues(resource, doubts) }, superseded }
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
  if (next.op === 'delete' && first.op === 'create') return null
  // An edit after a parked deletion means that the row is to stay.
  if (first.op === 'delete' && next.op !== 'delete') return next
  const fields = merged(fieldsOf(resource, first), fieldsOf(resource, next))
  const base = first.op === 'create' ? {} : valuesOf(fields, 'base')
  if (next.op === 'delete') return { ...next, base }
  return { op: first.op, ...valuesOf(fields, 'local'), base }
}

/** Of each field the later value and the earlier base, since the later base is what the earlier change had written. */
function merged(first: readonly Field[], next: readonly Field[]): Field[] {
  const [before, after] = [byMember(first), byMember(next)]
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((member) => {
    const [old, now] = [before.get(member) ?? [], after.get(member) ?? []]
    if (old.length === 0 || now.length === 0) return [...old, ...now]
    if (hasEntries(old) !== hasEntries(now)) return [whole(old, now)]
    const earlier = new Map(old.map((field) => [keyOf(field), field]))
    const later = new Map(now.map((field) => [keyOf(field), field]))
    return [...new Map([...earlier, ...later])].map(([key, field]) => {
      const was = earlier.get(key) ?? field
      return { ...field, also: { ...field.also, ...was.also }, base: was.base }
    })
  })
}

const byMember = (fields: readonly Field[]): Map<string, Field[]> =>
  Map.groupBy(fields, ({ column }) => keyOf({ column }))

const hasEntries = ([field]: readonly Field[]): boolean => field?.entry !== undefined

/** One of the two took a list of entries for a value as a whole. */
function whole(old: readonly Field[], now: readonly Field[]): Field {
  const { column } = now[0]!
  const valueOf = (fields: readonly Field[], side: 'base' | 'local'): unknown => {
    const { attributes, relationships } = valuesOf(fields, side)
    return { ...attributes, ...relationships }[column.member]
  }
  return { column, base: valueOf(old, 'base'), local: valueOf(now, 'local') }
}

/** The latest value of each field; null without any. */
export function latestValues(resource: Resource, sides: readonly ChangeValues[]): ChangeValues | null {
  if (sides.length === 0) return null
  const fields = sides.map((side) => fieldsOf(resource, { op: 'update', ...side, base: {} }))
  return valuesOf(
    fields.reduce((sum, next) => merged(sum, next)),
    'local',
  )
}

function covers(resource: Resource, newer: Change, older: Change): boolean {
  if (newer.op === 'delete' || older.op === 'delete') return true
  const given = new Set(Object.keys({ ...newer.attributes, ...newer.relationships }))
  return Object.keys({ ...older.attributes, ...older.relationships }).every((name) => given.has(name))
}
