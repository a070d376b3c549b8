/** From a relationship to the key, or the keys, that its column holds. */
import { catalog } from '../../catalog/registry.ts'
import type { Column } from '../../catalog/resource.ts'
import { encode, isMembers, MISFIT, type Encoded } from './codec.ts'

/** A relationship without linkage, as one that was not included is: that says nothing of who is at its end. */
export const NOT_REPORTED = Symbol('not told')

export type LinkageEncoder = (value: unknown) => Encoded | typeof NOT_REPORTED

/**
 * An end of another type than the declared one does not fit: its id would join the row of somebody else. One without a
 * type, as no JSON:API server sends it, is taken for the declared.
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
    // Nobody at the end of a to-many is a set without members.
    const ids = linkage === null ? [] : Array.isArray(linkage) ? linkage.map(idOf) : undefined
    if (ids === undefined) return MISFIT
    // Sorted: linkage is a set, and another order must not make another row.
    return ids.every((id) => typeof id === 'string') ? encode('texts', ids.sort()) : MISFIT
  }
}

/** The `data` of a relationship; one that is no object at all is its own. */
export const linkageOf = (value: unknown): unknown =>
  value === null || value === undefined ? undefined : isMembers(value) ? value['data'] : value

/** Types that linkage names; undefined where it names none. */
export function typesIn(linkage: unknown): string[] | undefined {
  const ends: unknown[] = Array.isArray(linkage) ? linkage : [linkage]
  const types = ends.map((end) => (isMembers(end) ? end['type'] : undefined))
  return types.length > 0 && types.every((type) => typeof type === 'string') ? [...new Set(types)] : undefined
}
