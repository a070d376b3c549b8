/** The JSON:API body of a change (API notes §5). */
import type { RemoteRecord, Resource } from '../../catalog/resource.ts'
import type { Change } from '../../store/outbox/claim.ts'
import { mergeEntries, type Entry, type Members } from './coalesce.ts'
import { remoteValueOf, type Decision } from './conflict.ts'

export function createBody(resource: Resource, { attributes, relationships }: Change): string {
  return documentOf(resource, undefined, attributes, relationships)
}

/** Only what was decided to be sent: everything else stays as ScopeStack has it. */
export function updateBody(
  resource: Resource,
  { recordId, attributes, relationships }: Change,
  decisions: readonly Decision[],
  remote: RemoteRecord,
): string {
  const wanted = decisions.filter(isSent)
  const members = new Set(wanted.map(({ member }) => member))
  const pick = (from: Members): Members =>
    Object.fromEntries(Object.entries(from).filter(([name]) => members.has(name)))
  const picked: Record<string, unknown> = { ...pick(attributes) }
  for (const column of resource.columns) {
    const { member, entries } = column
    const given = picked[member]
    if (entries === undefined || !Array.isArray(given)) continue
    const names = new Set(wanted.filter((one) => one.member === member).map(({ entry }) => entry))
    const chosen = names.has(undefined) ? given : given.filter((one: Entry) => names.has(String(one[entries[0]])))
    picked[member] = entries[0] === 'key' ? whole(entries, remoteValueOf(remote, column), chosen) : chosen
  }
  return documentOf(resource, recordId, picked, pick(relationships))
}

/** Columns of which only some entries are to change, that are written whole, and of which ScopeStack does not say what it has. */
export const unseenColumns = ({ columns }: Resource, decisions: readonly Decision[], remote: RemoteRecord): string[] =>
  columns
    .filter((column) => column.entries?.[0] === 'key' && remoteValueOf(remote, column) === undefined)
    .filter(({ member }) => decisions.some((one) => one.member === member && isSent(one) && one.entry !== undefined))
    .map(({ name }) => name)

const isSent = ({ decision }: Decision): boolean => decision === 'send' || decision === 'local-wins'

/**
 * User-defined fields are written one by one; `custom-attributes` are taken whole by all that is known, so what ScopeStack
 * has of them goes along.
 */
const whole = (entries: readonly ['key', 'val'], held: unknown, given: readonly Entry[]): unknown =>
  Array.isArray(held) ? mergeEntries(entries, held as Entry[], given) : given

function documentOf(resource: Resource, id: string | undefined, attributes: Members, relationships: Members): string {
  const targets = new Map(resource.columns.map(({ member, target }) => [member, target]))
  const kinds = new Map(resource.columns.map(({ member, kind }) => [member, kind]))
  // Numbers are cleared by an empty text (API notes §5).
  const cleared = (member: string): boolean => kinds.get(member) === 'decimal' || kinds.get(member) === 'integer'
  const given = Object.entries(attributes).map(([member, value]) => [
    member,
    value === null && cleared(member) ? '' : value,
  ])
  const linked = Object.entries(relationships).map(([member, end]) => [
    member,
    { data: end === null ? null : { type: targets.get(member), id: end } },
  ])
  return JSON.stringify({
    data: {
      type: resource.type,
      ...(id === undefined ? {} : { id }),
      ...(given.length > 0 ? { attributes: Object.fromEntries(given) } : {}),
      ...(linked.length > 0 ? { relationships: Object.fromEntries(linked) } : {}),
    },
  })
}
