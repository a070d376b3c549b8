/**
 * Finds values that ScopeStack ignored. It responds with 200 also where it does not apply a member: a user-defined field that
 * is not defined, or a value of the wrong kind.
 */
import type { RemoteRecord, Resource } from '../../catalog/resource.ts'
import { isSent, type ChangeContent, type Decision } from '../../store/changes/change.ts'
import { isNearlySame, isSame, isSameUnsigned } from '../../store/changes/equality.ts'
import { columnOf, remoteValueOf, valuesOf } from '../../store/changes/fields.ts'
import { decide, fieldOf } from './conflict.ts'

/**
 * The sent members whose old value, or null, the response holds. Another spelling or a rounded number is not ignored.
 *
 * @param sent with the values that ScopeStack held before.
 */
export function ignoredValues(resource: Resource, sent: readonly Decision[], answer: RemoteRecord): Decision[] {
  return sent.filter(isSent).filter(({ member, entry, local, remote }) => {
    const column = columnOf(resource, member)
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
export function ignoredRest(
  resource: Resource,
  ignored: readonly Decision[],
  answer: RemoteRecord,
): { rest: ChangeContent; decisions: Decision[] } {
  const decisions = ignored.map((decision) => {
    const held = remoteValueOf(answer, columnOf(resource, decision.member), decision.entry) ?? null
    return { ...decision, base: held, remote: held }
  })
  const fields = decisions.map((decision) => fieldOf(resource, decision))
  return { rest: { op: 'update', ...valuesOf(fields, 'local'), base: valuesOf(fields, 'base') }, decisions }
}
