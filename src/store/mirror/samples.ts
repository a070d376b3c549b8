/** What a value looks like, without its content: `string`, `array of object`, `of type clients`. */
import type { RemoteRecord } from '../../catalog/resource.ts'
import { membersOf, numberText, storable } from '../values/codec.ts'
import { linkageOf, typesIn } from './relationship-keys.ts'

/** Of a value, or of a relationship. */
export const sampleOf = (value: unknown, isEnd: boolean): string => {
  const types = isEnd ? typesIn(linkageOf(value)) : undefined
  return types === undefined ? shapeOfValue(value) : storable(`of type ${types.join(', ').slice(0, LONGEST_SAMPLE)}`)
}

const LONGEST_SAMPLE = 100

/** Of the member of a record, whichever it is. */
export function sampleOfMisfit({ attributes, relationships }: RemoteRecord, member: string): string {
  const value = membersOf(attributes)[member]
  return value === undefined ? sampleOf(membersOf(relationships)[member], true) : sampleOf(value, false)
}

export function shapeOfValue(value: unknown, levels = 3): string {
  if (Array.isArray(value) && levels > 0)
    return value.length === 0 ? 'empty array' : `array of ${shapeOfValue(value[0], levels - 1)}`
  return numberText(value) !== undefined ? 'number' : value === null ? 'null' : typeof value
}
