/** From a record to its row: columns in Postgres' text form, and everything that has no column in `sync_extra`. */
import { hash } from 'node:crypto'
import { impliedNull } from '../../catalog/left-out.ts'
import type { RemoteRecord, Resource } from '../../catalog/resource.ts'
import { copyLine } from '../connection/literals.ts'
import { encode, encodeJson, isMembers, MISFIT, numberText, storable, type Members } from './codec.ts'
import { digestOf } from './digest.ts'
import { linkageEncoder, linkageOf, typesIn, NOT_REPORTED } from './relationship-keys.ts'
import { createMemberCounter, NO_SEEN_MEMBERS, type SeenMembers } from './seen-members.ts'
import { shapesOf, type Shape } from './shapes.ts'
import { stripSignatures } from './signed-urls.ts'

export interface Row {
  readonly id: string
  /** In the order of `rowColumns`, without `sync_hash`. */
  readonly values: readonly (string | null)[]
  /** `values` as one line of COPY text, without its line end. */
  readonly line: string
  readonly hash: string
  /** What the record says nothing of. */
  readonly shape: Shape
  /** It holds something that is another in every answer, of which its digest knows nothing. */
  readonly fleeting: boolean
  readonly drift: readonly Drift[]
}

/** Where a record differs from the catalog. */
export interface Drift {
  readonly member: string
  readonly kind: 'undeclared' | 'misfit' | 'withheld'
  /** What it looked like, without its content: `string`, `array of object`. */
  readonly sample: string
}

/** Names of a row's columns, in the order of its values. */
export const rowColumns = (resource: Resource): string[] => [
  'id',
  ...resource.columns.map(({ name }) => name),
  'sync_extra',
]

/** Counted up when rows are made otherwise of the same records: then every row is made and written once more. */
export const ROW_FORMAT = 1

/** A function made once for each resource, since it runs once for each record. */
export interface RowEncoder {
  (record: RemoteRecord): Row
  /** Declared attributes that no record carried so far, nor those of an earlier reading. */
  readonly unseenAttributes: () => readonly string[]
  /** Members that every record carried so far. */
  readonly seenMembers: () => SeenMembers
}

/** @param expected what every record carried before: one that lacks it is told by its drift. */
export function createRowEncoder(resource: Resource, expected: SeenMembers = NO_SEEN_MEMBERS): RowEncoder {
  const { columns } = resource
  const attributes = new Set(columns.filter(({ from }) => from === 'attribute').map(({ member }) => member))
  const relationships = new Set(columns.filter(({ from }) => from !== 'attribute').map(({ member }) => member))
  const readers = columns.map((column) => ({
    member: column.member,
    name: column.name,
    kind: column.kind,
    ends: column.from === 'attribute' ? undefined : linkageEncoder(column),
    explicit: expected.explicit.includes(column.member),
  }))
  // Another declaration makes another digest, so that a changed catalog writes every row again.
  const fingerprint = hash('sha1', JSON.stringify([ROW_FORMAT, columns.map(named)]))
  const volatile = columns.flatMap((column, at) => (column.volatile ? [at + 1] : []))

  const unmet = new Set(attributes).difference(new Set(expected.attributes))
  const teller = createMemberCounter(resource, (member) => attributes.has(member))
  const shapeOf = shapesOf(resource, expected)

  const toRow = (record: RemoteRecord): Row => {
    const own = membersOf(record.attributes)
    const related = membersOf(record.relationships)
    const values: (string | null)[] = [record.id]
    const drift: Drift[] = []
    // Without a prototype: a member may be called `__proto__`.
    const extra = Object.create(null) as Record<string, unknown>
    const misfitEnds: string[] = []
    let untold = ''
    for (const { member, name, kind, ends, explicit } of readers) {
      const value = ends === undefined ? own[member] : related[member]
      const encoded = ends === undefined ? (value === undefined ? NOT_REPORTED : encode(kind, value)) : ends(value)
      if (ends === undefined && unmet.size > 0 && value !== undefined) unmet.delete(member)
      const left = ends !== undefined && (encoded === null || encoded === NOBODY) ? impliedNull(value) : undefined
      if (left !== undefined) teller.implied(member)
      if (encoded === NOT_REPORTED || (left === 'own' && explicit)) untold += untold === '' ? name : `,${name}`
      values.push(typeof encoded === 'string' ? encoded : null)
      if (encoded !== MISFIT) continue
      if (ends === undefined) extra[member] = value
      else misfitEnds.push(member)
      drift.push({ member, kind: 'misfit', sample: sampleOf(value, ends !== undefined) })
    }
    for (const member in own) {
      if (attributes.has(member)) continue
      extra[member] = own[member]
      drift.push({ member, kind: 'undeclared', sample: shapeOfValue(own[member]) })
    }
    for (const member of misfitEnds) extra[freeName(extra, member)] = linkageOf(related[member])
    for (const member in related) {
      if (relationships.has(member)) continue
      const linkage = linkageOf(related[member])
      // Without linkage a relationship is only links, which hold no data.
      if (linkage === undefined) continue
      drift.push({ member, kind: 'undeclared', sample: 'relationship' })
      // Where nobody is at the end, one way of reading says so and another leaves it out.
      if (linkage !== null && !isEmptyList(linkage)) extra[freeName(extra, member)] = linkage
    }
    values.push(isEmpty(extra) ? null : encodeJson(extra))
    teller.count(untold, own)
    const missed = expected.undeclared.length === 0 ? '' : expected.undeclared.filter((name) => !(name in own)).join()
    const shape = shapeOf(untold, missed)
    const line = copyLine(values)
    const lasting = stripSignatures(volatile.length === 0 ? line : copyLine(values.map(withoutVolatile)))
    return {
      id: record.id,
      values,
      line,
      hash: digestOf(fingerprint + untold + lasting, shape.suffix),
      shape,
      fleeting: lasting !== line,
      drift,
    }
  }
  /** That there is a value is not fleeting. */
  const withoutVolatile = (value: string | null, at: number): string | null =>
    value !== null && volatile.includes(at) ? '' : value

  return Object.assign(toRow, { unseenAttributes: () => [...unmet], seenMembers: () => teller.seenMembers() })
}

const named = ({ name, member, kind, volatile }: Resource['columns'][number]): readonly string[] =>
  volatile ? [name, member, kind, 'volatile'] : [name, member, kind]

/** An attribute and a relationship may share a name. */
function freeName(extra: object, member: string): string {
  let name = member
  while (name in extra) name += '-relationship'
  return name
}

/** A record whose `attributes` is not an object simply has none; the row still loads. */
const membersOf = (value: unknown): Members => (isMembers(value) ? value : NONE)
const NONE: Members = {}

/** What a to-many without members is in its column. */
const NOBODY = '{}'

const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0

function isEmpty(object: object): boolean {
  for (const _ in object) return false
  return true
}

const sampleOf = (value: unknown, isEnd: boolean): string => {
  const types = isEnd ? typesIn(linkageOf(value)) : undefined
  return types === undefined ? shapeOfValue(value) : storable(`of type ${types.join(', ').slice(0, LONGEST_SAMPLE)}`)
}

const LONGEST_SAMPLE = 100

function shapeOfValue(value: unknown, levels = 3): string {
  if (Array.isArray(value) && levels > 0)
    return value.length === 0 ? 'empty array' : `array of ${shapeOfValue(value[0], levels - 1)}`
  return numberText(value) !== undefined ? 'number' : value === null ? 'null' : typeof value
}
