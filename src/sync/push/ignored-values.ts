/**
 * Finds values that ScopeStack ignored. It responds with 200 also where it does not apply a member: a user-defined field that
 * is not defined, or a value of the wrong kind.
 */
import type { Column, RemoteRecord, Resource } from '../../catalog/resource.ts'
import type { RemainingEdit } from '../../store/outbox/settle.ts'
import type { ChangeContent, Entry } from './coalesce.ts'
import { decide, remoteValueOf, type Decision } from './conflict.ts'
import { isNearlySame, isSame, isSameUnsigned } from './equality.ts'

/**
 * The sent members whose old value, or null, the response holds. Another spelling or a rounded number is not ignored.
 *
 * @param sent with the values that ScopeStack held before.
 */
export function ignoredValues(resource: Resource, sent: readonly Decision[], answer: RemoteRecord): Decision[] {
  return sent.filter(({ member, entry, local, remote, decision }) => {
    if (decision !== 'send' && decision !== 'local-wins') return false
    const column = resource.columns.find((one) => one.member === member)!
    const held = remoteValueOf(answer, column, entry)
    // Not in the response: nothing is known.
    if (held === undefined || isNearlySame(column.kind, held, local)) return false
    if (held === null || isSame(column.kind, held, remote)) return true
    return !isSameUnsigned(column.kind, held, local) && isSameUnsigned(column.kind, held, remote)
  })
}

/** Every value of a create, as a decision. */
export const sentValues = (resource: Resource, change: ChangeContent): readonly Decision[] =>
  decide(resource, change, { type: resource.type, id: '' }, () => 'local-wins').decisions

/** The ignored members of an update as a change of their own, with the response's values as its base. */
export function ignoredRest(resource: Resource, ignored: readonly Decision[], answer: RemoteRecord): RemainingEdit {
  const rest = { attributes: {}, relationships: {} }
  const base = { attributes: {}, relationships: {} }
  const decisions = ignored.map((decision) => {
    const { member, entry, local } = decision
    const column = resource.columns.find((one) => one.member === member)!
    const held = remoteValueOf(answer, column, entry) ?? null
    put(rest, column, entry, local)
    put(base, column, entry, held)
    return { ...decision, base: held, remote: held }
  })
  return { ...rest, base, decisions }
}

type Sides = Record<'attributes' | 'relationships', Record<string, unknown>>

function put(sides: Sides, { from, member, entries }: Column, entry: string | undefined, value: unknown): void {
  const side = from === 'attribute' ? sides.attributes : sides.relationships
  if (entry === undefined) side[member] = value
  else side[member] = [...((side[member] ?? []) as Entry[]), { [entries![0]]: entry, [entries![1]]: value }]
}
