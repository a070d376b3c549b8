/** From a record to its row: columns in Postgres' text form, and everything that has no column in `sync_extra`. */
import { hash } from 'node:crypto'
import type { Column, RemoteRecord, Resource } from '../resource.ts'
import { encode, encodeJson, MISFIT, numberText, type Encoded } from './codec.ts'

export interface Row {
  readonly id: string
  /** In the order of `rowColumns`, without `sync_hash`. */
  readonly values: readonly (string | null)[]
  /** `values` as one line of COPY text, without its line end. */
  readonly line: string
  readonly hash: string
  /** Names of the columns it says nothing of, joined by commas: they stay as they are in the mirror. */
  readonly untold: string
  readonly drift: readonly Drift[]
}

/** Where a record differs from the catalog. */
export interface Drift {
  readonly member: string
  readonly kind: 'undeclared' | 'misfit'
  /** What it looked like, without its content: `string`, `array of object`. */
  readonly sample: string
}

/** Names of a row's columns, in the order of its values. */
export const rowColumns = (resource: Resource): string[] => [
  'id',
  ...resource.columns.map(({ name }) => name),
  'sync_extra',
]

type Members = Readonly<Record<string, unknown>>

/** Counted up when rows are made otherwise of the same records: then every row is made and written once more. */
export const ROW_FORMAT = 1

/** A function made once for each resource, since it runs once for each record. */
export interface RowMaker {
  (record: RemoteRecord): Row
  /** Declared attributes that no record carried so far. */
  readonly unmet: () => readonly string[]
}

export function rowMaker(resource: Resource): RowMaker {
  const { columns } = resource
  const attributes = new Set(columns.filter(({ from }) => from === 'attribute').map(({ member }) => member))
  const relationships = new Set(columns.filter(({ from }) => from !== 'attribute').map(({ member }) => member))
  // Another declaration makes another digest, so that a changed catalog writes every row again.
  const fingerprint = hash(
    'sha1',
    JSON.stringify([ROW_FORMAT, columns.map(({ name, member, kind }) => [name, member, kind])]),
  )

  const unmet = new Set(attributes)

  const toRow = (record: RemoteRecord): Row => {
    const own = membersOf(record.attributes)
    const related = membersOf(record.relationships)
    const values: (string | null)[] = [record.id]
    const drift: Drift[] = []
    // Without a prototype: a member may be called `__proto__`.
    const extra = Object.create(null) as Record<string, unknown>
    const misfitEnds: string[] = []
    let untold = ''
    for (const column of columns) {
      const isAttribute = column.from === 'attribute'
      const value = isAttribute ? own[column.member] : related[column.member]
      if (isAttribute && unmet.size > 0 && value !== undefined) unmet.delete(column.member)
      const encoded = isAttribute ? encode(column.kind, value) : encodeEnds(column, value)
      if (encoded === UNTOLD) untold += untold === '' ? column.name : `,${column.name}`
      values.push(typeof encoded === 'string' ? encoded : null)
      if (encoded !== MISFIT) continue
      if (isAttribute) extra[column.member] = value
      else misfitEnds.push(column.member)
      drift.push({ member: column.member, kind: 'misfit', sample: shapeOf(value) })
    }
    for (const member in own) {
      if (attributes.has(member)) continue
      extra[member] = own[member]
      drift.push({ member, kind: 'undeclared', sample: shapeOf(own[member]) })
    }
    for (const member of misfitEnds) extra[freeName(extra, member)] = related[member]
    for (const member in related) {
      if (relationships.has(member)) continue
      const linkage = linkageOf(related[member])
      // Without linkage a relationship is only links, which hold no data.
      if (linkage === undefined) continue
      extra[freeName(extra, member)] = linkage
      drift.push({ member, kind: 'undeclared', sample: 'relationship' })
    }
    values.push(isEmpty(extra) ? null : encodeJson(extra))
    const line = copyLine(values)
    return { id: record.id, values, line, hash: hash('sha1', fingerprint + untold + line, 'base64'), untold, drift }
  }
  return Object.assign(toRow, { unmet: () => [...unmet] })
}

/** A relationship without linkage, as one that was not included is: that says nothing of who is at its end. */
const UNTOLD = Symbol('not told')

function encodeEnds({ from }: Column, value: unknown): Encoded | typeof UNTOLD {
  const linkage = linkageOf(value)
  if (linkage === undefined) return UNTOLD
  if (linkage === null) return null
  if (from === 'to-one') return encode('text', membersOf(linkage)['id'] ?? MISFIT)
  if (!Array.isArray(linkage)) return MISFIT
  const ids = linkage.map((end) => membersOf(end)['id'])
  // Sorted: linkage is a set, and another order must not make another row.
  return ids.every((id) => typeof id === 'string') ? encode('texts', ids.sort()) : MISFIT
}

/** The `data` of a relationship; one that is no object at all is its own. */
const linkageOf = (value: unknown): unknown =>
  value === null || value === undefined ? undefined : isMembers(value) ? value['data'] : value

/** An attribute and a relationship may share a name. */
function freeName(extra: object, member: string): string {
  let name = member
  while (name in extra) name += '-relationship'
  return name
}

/** A record whose `attributes` is not an object simply has none; the row still loads. */
const membersOf = (value: unknown): Members => (isMembers(value) ? value : NONE)
const isMembers = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const NONE: Members = {}

function isEmpty(object: object): boolean {
  for (const _ in object) return false
  return true
}

function shapeOf(value: unknown, levels = 3): string {
  if (Array.isArray(value) && levels > 0)
    return value.length === 0 ? 'empty array' : `array of ${shapeOf(value[0], levels - 1)}`
  return numberText(value) !== undefined ? 'number' : value === null ? 'null' : typeof value
}

const copyLine = (values: readonly (string | null)[]): string => values.map(copyField).join('\t')

/** COPY's text format: backslash, tab and line ends are escaped, NULL is `\N`. */
const copyField = (value: string | null): string =>
  value === null ? '\\N' : /[\\\t\n\r]/.test(value) ? value.replace(/[\\\t\n\r]/g, (c) => COPY_ESCAPE[c]!) : value

const COPY_ESCAPE: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }
