/** From the members of a declaration to the columns of its table. */
import type { Attribute, Column, Relationship } from './resource.ts'

/** `custom-hours?` → `custom_hours`. */
export const snakeCase = (member: string): string => member.replaceAll('-', '_').replace(/\?$/, '')

/** @param suffix of the column's name: `_id` of a to-one, `_ids` of a to-many. */
export function columnsOf(
  members: Readonly<Record<string, Attribute | Relationship>>,
  from: Column['from'],
  suffix: string,
): Column[] {
  return Object.entries(members).map(([member, declared]) => ({
    name: declared.column ?? snakeCase(member) + suffix,
    member,
    from,
    kind: 'kind' in declared ? declared.kind : from === 'to-many' ? 'texts' : 'text',
    target: 'type' in declared ? declared.type : declared.target,
    keyOf: 'keyOf' in declared ? declared.keyOf : undefined,
    nameOf: 'nameOf' in declared ? declared.nameOf : undefined,
    writable: declared.writable,
    comment: declared.comment,
    entries: 'entries' in declared ? declared.entries : undefined,
    volatile: 'volatile' in declared && declared.volatile,
  }))
}
