/**
 * Whether a local edit may be written, field by field: the value both sides last agreed on (base), the edited value (local),
 * and the value in ScopeStack now (remote).
 *
 *   local = base ──────────────────────► undone   nothing to send
 *   remote = local ────────────────────► same     nothing to send
 *   remote = base ─────────────────────► send
 *   all three differ ──────────────────► the resource's rule: park, remote-wins, local-wins
 */
import type { Kind, RemoteRecord, Resource } from '../../catalog/resource.ts'
import { isSent, type ChangeContent, type ChangeValues, type Decision, type Rule } from '../../store/changes/change.ts'
import { isNearlySame, isSame, isSameUnsigned } from '../../store/changes/equality.ts'
import { columnOf, fieldsOf, remoteValueOf, valueIn, valuesOf, type Field } from '../../store/changes/fields.ts'

/** The rule for a conflict in a member of a resource. */
export type Rules = (type: string, member: string) => Rule

export type FieldComparison = 'undone' | 'same' | 'send' | 'conflict'

export interface Decided {
  readonly action: 'send' | 'nothing' | 'park'
  readonly decisions: readonly Decision[]
  /** ScopeStack holds a value of the change that an earlier request may have written: that one arrived. */
  readonly hasArrived: boolean
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
  let hasArrived = false
  const decisions = fieldsOf(resource, change).map((field): Decision => {
    const { column, entry, local } = field
    const { kind, member } = column
    const held = remoteValueOf(remote, column, entry)
    const isOurs = doubts.some((side) => {
      const written = valueIn(side, field)
      return written !== undefined && held !== undefined && isNearlySame(kind, held, written)
    })
    const base = isOurs && (change.op === 'delete' || !isSame(kind, held, local)) ? held : field.base
    const comparison = change.op === 'delete' ? compareDeleted(kind, base, held) : compareField(kind, base, local, held)
    const decision = comparison === 'conflict' ? rules(resource.type, member) : comparison
    hasArrived ||= isOurs && decision === 'same'
    return { member, ...(entry === undefined ? {} : { entry }), base, local, remote: held ?? null, decision }
  })
  return { action: actionOf(change, decisions), decisions, hasArrived }
}

const compareDeleted = (kind: Kind, base: unknown, held: unknown): FieldComparison =>
  held === undefined || isSameUnsigned(kind, held, base) ? 'send' : 'conflict'

/** A decided field again. */
export const fieldOf = (resource: Resource, { member, entry, base, local }: Decision): Field => ({
  column: columnOf(resource, member),
  ...(entry === undefined ? {} : { entry }),
  base,
  local,
})

function actionOf({ op }: ChangeContent, decisions: readonly Decision[]): Decided['action'] {
  const any = (...wanted: readonly Decision['decision'][]): boolean =>
    decisions.some(({ decision }) => wanted.includes(decision))
  if (any('park')) return 'park'
  // A record cannot be deleted in part.
  if (op === 'delete') return any('remote-wins') ? 'nothing' : 'send'
  return decisions.some(isSent) ? 'send' : 'nothing'
}

/**
 * The sent members whose old value, or null, the response holds. Another spelling or a rounded number is not ignored.
 *
 * @param sent with the values that ScopeStack held before.
 */
export function ignoredValues(resource: Resource, sent: readonly Decision[], response: RemoteRecord): Decision[] {
  return sent.filter(isSent).filter(({ member, entry, local, remote }) => {
    const column = columnOf(resource, member)
    const held = remoteValueOf(response, column, entry)
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
  response: RemoteRecord,
): { rest: ChangeContent; decisions: Decision[] } {
  const decisions = ignored.map((decision) => {
    const held = remoteValueOf(response, columnOf(resource, decision.member), decision.entry) ?? null
    return { ...decision, base: held, remote: held }
  })
  const fields = decisions.map((decision) => fieldOf(resource, decision))
  return { rest: { op: 'update', ...valuesOf(fields, 'local'), base: valuesOf(fields, 'base') }, decisions }
}
