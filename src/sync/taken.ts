/**
 * What ScopeStack made of what it was sent. It answers 200 also where it takes no notice of a member: a user-defined field
 * that nobody defined, a value that is none of its kind.
 */
import type { RemoteRecord, Resource } from '../resource.ts'
import { decide, heldBy, isSame, type Decision } from './conflict.ts'
import type { Content } from './fold.ts'

/**
 * Those of the members sent that the answer holds as they were before, or holds nothing of. Another spelling, or a rounded
 * number, is ScopeStack's to choose.
 *
 * @param sent with what ScopeStack held before.
 */
export function ignoredOf(resource: Resource, sent: readonly Decision[], answer: RemoteRecord): Decision[] {
  return sent.filter(({ member, entry, local, remote, decision }) => {
    if (decision !== 'send' && decision !== 'local-wins') return false
    const column = resource.columns.find((one) => one.member === member)!
    // Not told: nothing is known of it.
    if (column.from === 'attribute' && !Object.hasOwn(answer.attributes ?? {}, member)) return false
    const held = heldBy(answer, column, entry)
    if (held === undefined || isSame(column.kind, held, local)) return false
    return held === null || isSame(column.kind, held, remote)
  })
}

/** Of a creation: everything that it gave, before which there was nothing. */
export const givenBy = (resource: Resource, change: Content): readonly Decision[] =>
  decide(resource, change, { type: resource.type, id: '' }, () => 'local-wins').decisions
