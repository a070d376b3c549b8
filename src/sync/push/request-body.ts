/** The JSON:API body of a change (API notes §5). */
import type { Column, RemoteRecord, Resource } from '../../catalog/resource.ts'
import { isSent, type Change, type ChangeValues, type Decision } from '../../store/changes/change.ts'
import { remoteValueOf, valuesOf, withEntries } from '../../store/changes/fields.ts'
import { fieldOf } from './conflict.ts'

export const createBody = (resource: Resource, change: ChangeValues): string => documentOf(resource, undefined, change)

/** Only what was decided to be sent: everything else stays as ScopeStack has it. */
export function updateBody(
  resource: Resource,
  { recordId }: Change,
  decisions: readonly Decision[],
  remote: RemoteRecord,
): string {
  const fields = decisions.filter(isSent).map((decision) => fieldOf(resource, decision))
  const { attributes, relationships } = valuesOf(fields, 'local')
  const written = fields.filter(isWrittenWhole).map(({ column }) => {
    const [held, given] = [remoteValueOf(remote, column), attributes[column.member]]
    return [column.member, Array.isArray(held) ? withEntries(column, held, given as unknown[]) : given]
  })
  return documentOf(resource, recordId, {
    attributes: { ...attributes, ...(Object.fromEntries(written) as object) },
    relationships,
  })
}

/** Columns of which only some entries are to change, that are written whole, and of which ScopeStack does not say what it has. */
export const unseenColumns = (resource: Resource, decisions: readonly Decision[], remote: RemoteRecord): string[] => [
  ...new Set(
    decisions
      .filter(isSent)
      .map((decision) => fieldOf(resource, decision))
      .filter((field) => isWrittenWhole(field) && remoteValueOf(remote, field.column) === undefined)
      .map(({ column }) => column.name),
  ),
]

/** User-defined fields are written one by one; `custom-attributes` are taken whole by all that is known, so what ScopeStack has of them goes along. */
const isWrittenWhole = ({ column, entry }: { column: Column; entry?: string }): boolean =>
  entry !== undefined && column.entries?.[0] === 'key'

function documentOf(resource: Resource, id: string | undefined, { attributes, relationships }: ChangeValues): string {
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
