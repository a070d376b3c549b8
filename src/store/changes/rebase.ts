/**
 * Rebases later edits of a record. Their base is what an earlier edit had written, and that was agreed on only as far as
 * ScopeStack accepted it: `12.34567` is kept as `12.3457`, a new record gets default values, and a discarded edit was never
 * agreed on.
 *
 * Only values that were written are rebased. Any other difference in a response may be an edit made in ScopeStack, which the
 * later edit did not see.
 */
import type { RemoteRecord, Resource } from '../../catalog/resource.ts'
import { isSent, type ChangeContent, type Decision } from './change.ts'
import { isSame } from './equality.ts'
import { fieldsOf, keyOf, remoteValueOf, valueIn, valuesOf, type Field } from './fields.ts'

type Base = ChangeContent['base']
/** The value of a field; undefined where it is not known. */
type Value = (field: Field) => unknown

/** The response to a change. */
export interface ChangeResponse {
  readonly change: ChangeContent
  readonly record: RemoteRecord
  readonly decisions: readonly Decision[] | null
  /** The create was found by a search: other values of it may be later edits made in ScopeStack. */
  readonly wasFound: boolean
}

/** The bases of later changes once a change was settled with a response. */
export function rebaseOntoResponse(
  resource: Resource,
  { change, record, decisions, wasFound }: ChangeResponse,
  later: readonly ChangeContent[],
): Base[] {
  const responded: Value = ({ column, entry }) => remoteValueOf(record, column, entry)
  if (change.op !== 'create') return rebased(resource, decided(decisions ?? []), responded, later)
  // Members that the create left out count as null.
  const created: Value = (field) => (wasFound ? undefined : (valueIn(change, field) ?? null))
  return rebased(resource, created, responded, later)
}

/** The bases of later changes once a change was discarded. */
export function rebaseOntoBase(
  resource: Resource,
  { attributes, relationships, base }: ChangeContent,
  later: readonly ChangeContent[],
): Base[] {
  const wrote: Value = (field) => valueIn({ attributes, relationships }, field)
  return rebased(resource, wrote, (field) => valueIn(base, field) ?? null, later)
}

function decided(decisions: readonly Decision[]): Value {
  // `same` after an earlier request means that it was written by that one.
  const sent = decisions.filter((one) => isSent(one) || one.decision === 'same')
  return ({ column, entry }) => sent.find((one) => one.member === column.member && one.entry === entry)?.local
}

/** Only the first change of each field is rebased; a later one has that first one as its base. */
function rebased(resource: Resource, wrote: Value, agreed: Value, later: readonly ChangeContent[]): Base[] {
  const seen = new Set<string>()
  return later.map((change) => {
    const fields = fieldsOf(resource, change).map((field) => {
      if (seen.has(keyOf(field))) return field
      seen.add(keyOf(field))
      const [was, now] = [wrote(field), agreed(field)]
      if (was === undefined || now === undefined || !isSame(field.column.kind, field.base, was)) return field
      return { ...field, base: now }
    })
    return change.op === 'create' ? change.base : valuesOf(fields, 'base')
  })
}
