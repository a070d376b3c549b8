/** Encodes a relationship as the id, or the ids, in its column. */
import { catalog } from '../../catalog/registry.ts'
import type { Column } from '../../catalog/resource.ts'
import { encode, isMembers, MISFIT, type Encoded } from '../values/codec.ts'

/** The relationship has no linkage, as when it was not included: the record does not report it. */
export const NOT_REPORTED = Symbol('not reported')

export type LinkageEncoder = (value: unknown) => Encoded | typeof NOT_REPORTED

/**
 * Linkage of another type than the declared one is a misfit: its id would join a row of the wrong table. Linkage without a type
 * is not JSON:API, and counts as the declared type.
 */
export function linkageEncoder({ from, target = '' }: Column): LinkageEncoder {
  const others = new Set<unknown>([...(catalog.get(target)?.aliases ?? []), undefined])
  const idOf = (end: unknown): unknown => {
    if (!isMembers(end)) return undefined
    return end['type'] === target || others.has(end['type']) ? end['id'] : undefined
  }
  return (value) => {
    const linkage = linkageOf(value)
    if (linkage === undefined) return NOT_REPORTED
    if (from === 'to-one') return linkage === null ? null : encode('text', idOf(linkage) ?? MISFIT)
    // A to-many that is null is an empty set.
    const ids = linkage === null ? [] : Array.isArray(linkage) ? linkage.map(idOf) : undefined
    if (ids === undefined) return MISFIT
    // Sorted: linkage is a set, and another order must not make another row.
    return ids.every((id) => typeof id === 'string') ? encode('texts', ids.sort()) : MISFIT
  }
}

/** The `data` of a relationship; a relationship that is no object counts as its own linkage. */
export const linkageOf = (value: unknown): unknown =>
  value === null || value === undefined ? undefined : isMembers(value) ? value['data'] : value

/** Types that the linkage names; undefined if it names none. */
export function typesIn(linkage: unknown): string[] | undefined {
  const ends: unknown[] = Array.isArray(linkage) ? linkage : [linkage]
  const types = ends.map((end) => (isMembers(end) ? end['type'] : undefined))
  return types.length > 0 && types.every((type) => typeof type === 'string') ? [...new Set(types)] : undefined
}
