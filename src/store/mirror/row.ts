/** Encodes a record as its row: columns in Postgres' text form, and everything that has no column in `sync_extra`. */
import { impliedNull } from '../../catalog/implied-null.ts'
import type { Kind, RemoteRecord, Resource } from '../../catalog/resource.ts'
import { copyField, copyLine, NULL_FIELD } from '../connection/literals.ts'
import { encode, encodeJson, membersOf, MISFIT, type Encoded, type Members } from '../values/codec.ts'
import { addedColumns, type AddedColumns } from './added-values.ts'
import { rowHash } from './digest.ts'
import { linkageEncoder, linkageOf, NOT_REPORTED, type LinkageEncoder } from './relationship-keys.ts'
import { sampleOf, sampleOfMisfit, shapeOfValue } from './samples.ts'
import { createMemberCounter, NO_SEEN_MEMBERS, type MemberCounter, type SeenMembers } from './seen-members.ts'
import { shapesOf, type Shape } from './shapes.ts'

export interface Row {
  readonly id: string
  /** In the order of `rowColumns`, without `sync_hash`. */
  readonly values: readonly (string | null)[]
  /** `values` as one line of COPY text, without its line end. */
  readonly line: string
  readonly hash: string
  /** Which columns the record does not report. */
  readonly shape: Shape
  /** It holds something that differs in every response, which its digest leaves out. */
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
  ...resource.added.map(({ name }) => name),
  'sync_extra',
]

export interface RowEncoder {
  (record: RemoteRecord): Row
  /** Declared attributes that no record has carried, neither so far nor in earlier reads. */
  readonly unseenAttributes: () => readonly string[]
  /** Members that every record has carried so far. */
  readonly seenMembers: () => SeenMembers
}

/**
 * @param expected what every record carried before: a record that lacks a member of it is reported by its drift.
 * @returns a function made once for each resource, since it runs once for each record.
 */
export function createRowEncoder(resource: Resource, expected: SeenMembers = NO_SEEN_MEMBERS): RowEncoder {
  const members = declaredMembers(resource, expected)
  const counter = createMemberCounter(resource, (member) => members.attributes.has(member))
  const unseen = new Set(members.attributes).difference(new Set(expected.attributes))
  const shapeOf = shapesOf(resource, expected)
  const hashOf = rowHash(resource)
  const added = addedColumns(resource)

  const encodeRow = (record: RemoteRecord): Row => {
    const draft: Draft = {
      attributes: membersOf(record.attributes),
      relationships: membersOf(record.relationships),
      values: [record.id],
      line: copyField(record.id),
      // Without a prototype: a member may be called `__proto__`.
      extra: Object.create(null) as Record<string, unknown>,
      drift: [],
      misfitRelationships: [],
      unreported: '',
      attributesFound: 0,
      relationshipsFound: 0,
    }
    encodeMembers(draft, members, unseen, counter)
    collectExtra(draft, members, added)
    const { attributes, values, extra, drift, unreported } = draft
    const rest = isEmpty(extra) ? null : encodeJson(extra)
    values.push(rest)
    const line = `${draft.line}\t${copyField(rest)}`
    counter.count(unreported, attributes)
    const missed =
      expected.undeclared.length === 0 ? '' : expected.undeclared.filter((name) => !(name in attributes)).join()
    if (added === undefined) {
      const shape = shapeOf(unreported, missed)
      const { hash: digest, fleeting } = hashOf(values, line, unreported, shape)
      return { id: record.id, values, line, hash: digest, shape, fleeting, drift }
    }
    const own = added.encode(record)
    const shape = shapeOf(unreported, missed, own.unreported)
    const hashed = hashOf(values, line, unreported, shape)
    added.place(draft, own)
    for (const member of own.misfits) drift.push({ member, kind: 'misfit', sample: sampleOfMisfit(record, member) })
    return { id: record.id, values, line: copyLine(values), shape, drift, ...hashed }
  }

  return Object.assign(encodeRow, { unseenAttributes: () => [...unseen], seenMembers: () => counter.seenMembers() })
}

interface DeclaredMembers {
  readonly columns: readonly {
    readonly member: string
    readonly name: string
    readonly kind: Kind
    /** Its text has no character that COPY needs escaped. */
    readonly plain: boolean
    /** Of a relationship. */
    readonly encodeLinkage: LinkageEncoder | undefined
    /** Every record carried its linkage before, also an empty one: a left-out linkage says nothing now. */
    readonly explicit: boolean
  }[]
  readonly attributes: ReadonlySet<string>
  readonly relationships: ReadonlySet<string>
  /** A record that has as many members as were found for the columns has no others. */
  readonly countable: boolean
}

/** Kinds of values that are digits, signs and letters. */
const PLAIN: ReadonlySet<Kind> = new Set(['boolean', 'integer', 'decimal', 'date', 'timestamp'])

function declaredMembers({ columns }: Resource, expected: SeenMembers): DeclaredMembers {
  const membersFrom = (isAttribute: boolean) =>
    new Set(columns.filter(({ from }) => (from === 'attribute') === isAttribute).map(({ member }) => member))
  const [attributes, relationships] = [membersFrom(true), membersFrom(false)]
  return {
    columns: columns.map((column) => ({
      member: column.member,
      name: column.name,
      kind: column.kind,
      plain: column.from === 'attribute' && PLAIN.has(column.kind),
      encodeLinkage: column.from === 'attribute' ? undefined : linkageEncoder(column),
      explicit: expected.explicit.includes(column.member),
    })),
    attributes,
    relationships,
    // No two columns of one member, and none that every object inherits.
    countable:
      attributes.size + relationships.size === columns.length &&
      columns.every(({ member }) => !(member in Object.prototype)),
  }
}

/** A row while it is made. */
interface Draft {
  readonly attributes: Members
  readonly relationships: Members
  readonly values: (string | null)[]
  /** `values` as COPY text. */
  line: string
  readonly extra: Record<string, unknown>
  readonly drift: Drift[]
  readonly misfitRelationships: string[]
  /** Names of the columns of which the record says nothing, joined by commas. */
  unreported: string
  attributesFound: number
  relationshipsFound: number
}

/** The value of every declared column, in their order. A misfit becomes NULL, and drift. */
function encodeMembers(draft: Draft, { columns }: DeclaredMembers, unseen: Set<string>, counter: MemberCounter): void {
  for (const { member, name, kind, plain, encodeLinkage, explicit } of columns) {
    let value: unknown
    let encoded: Encoded | typeof NOT_REPORTED
    let isUnreported: boolean
    if (encodeLinkage === undefined) {
      value = draft.attributes[member]
      encoded = value === undefined ? NOT_REPORTED : encode(kind, value)
      isUnreported = value === undefined
      if (!isUnreported) {
        draft.attributesFound++
        if (unseen.size > 0) unseen.delete(member)
      }
    } else {
      value = draft.relationships[member]
      if (value !== undefined) draft.relationshipsFound++
      encoded = encodeLinkage(value)
      const omission = omissionOf(encoded, value)
      if (omission !== undefined) counter.implied(member)
      isUnreported = encoded === NOT_REPORTED || (omission === 'own' && explicit)
    }
    if (isUnreported) draft.unreported += draft.unreported === '' ? name : `,${name}`
    addValue(draft, typeof encoded === 'string' ? encoded : null, plain)
    if (encoded === MISFIT) keepMisfit(draft, member, value, encodeLinkage !== undefined)
  }
}

const omissionOf = (encoded: unknown, value: unknown) =>
  encoded === null || encoded === EMPTY_SET ? impliedNull(value) : undefined

function addValue(draft: Draft, text: string | null, plain: boolean): void {
  draft.values.push(text)
  draft.line += `\t${text === null ? NULL_FIELD : plain ? text : copyField(text)}`
}

function keepMisfit(
  { extra, drift, misfitRelationships }: Draft,
  member: string,
  value: unknown,
  isEnd: boolean,
): void {
  if (isEnd) misfitRelationships.push(member)
  else extra[member] = value
  drift.push({ member, kind: 'misfit', sample: sampleOf(value, isEnd) })
}

/**
 * What has no column, for `sync_extra`. The order of its members is part of the row's digest: misfit attributes, undeclared
 * attributes, misfit relationships, undeclared relationships.
 */
function collectExtra(draft: Draft, declared: DeclaredMembers, added: AddedColumns | undefined): void {
  const { attributes, relationships, extra, drift } = draft
  const hasOthers = (members: Members, found: number): boolean =>
    !declared.countable || Object.keys(members).length !== found
  for (const member in hasOthers(attributes, draft.attributesFound) ? attributes : NONE) {
    if (declared.attributes.has(member)) continue
    extra[member] = attributes[member]
    if (added?.attributes.has(member) === true) continue
    drift.push({ member, kind: 'undeclared', sample: shapeOfValue(attributes[member]) })
  }
  for (const member of draft.misfitRelationships) extra[freeName(extra, member)] = linkageOf(relationships[member])
  for (const member in hasOthers(relationships, draft.relationshipsFound) ? relationships : NONE) {
    if (declared.relationships.has(member)) continue
    const linkage = linkageOf(relationships[member])
    // Without linkage a relationship is only links, which hold no data.
    if (linkage === undefined) continue
    if (added?.relationships.has(member) !== true) drift.push({ member, kind: 'undeclared', sample: 'relationship' })
    // One read method reports an empty relationship and another leaves it out: it must not make another row.
    if (linkage !== null && !isEmptyList(linkage)) extra[freeName(extra, member)] = linkage
  }
}

const NONE: Members = {}

/** An attribute and a relationship may share a name. */
function freeName(extra: object, member: string): string {
  let name = member
  while (name in extra) name += '-relationship'
  return name
}

const EMPTY_SET = '{}'

const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0

function isEmpty(object: object): boolean {
  for (const _ in object) return false
  return true
}
