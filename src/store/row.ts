/** From a record to its row: columns in Postgres' text form, and everything that has no column in `sync_extra`. */
import { hash } from 'node:crypto'
import type { Column, RemoteRecord, Resource } from '../resource.ts'
import { encode, encodeJson, MISFIT, type Encoded } from './codec.ts'

export interface Row {
  readonly id: string
  /** In the order of `rowColumns`, without `sync_hash`. */
  readonly values: readonly (string | null)[]
  /** `values` as one line of COPY text, without its line end. */
  readonly line: string
  readonly hash: string
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

/** A function made once for each resource, since it runs once for each record. */
export function rowMaker(resource: Resource): (record: RemoteRecord) => Row {
  const { columns } = resource
  const attributes = new Set(columns.filter(({ from }) => from === 'attribute').map(({ member }) => member))
  const relationships = new Set(columns.filter(({ from }) => from !== 'attribute').map(({ member }) => member))
  // Another declaration makes another digest, so that a changed catalog writes every row again.
  const fingerprint = hash('sha1', JSON.stringify(columns.map(({ name, member, kind }) => [name, member, kind])))

  return (record) => {
    const own = membersOf(record.attributes)
    const related = membersOf(record.relationships)
    const values: (string | null)[] = [record.id]
    const drift: Drift[] = []
    // Without a prototype: a member may be called `__proto__`.
    const extra = Object.create(null) as Record<string, unknown>
    for (const column of columns) {
      const value = column.from === 'attribute' ? own[column.member] : related[column.member]
      const encoded = encodeColumn(column, value)
      if (encoded !== MISFIT) values.push(encoded)
      else {
        values.push(null)
        extra[column.member] = value
        drift.push({ member: column.member, kind: 'misfit', sample: shapeOf(value) })
      }
    }
    for (const member in own) {
      if (attributes.has(member)) continue
      extra[member] = own[member]
      drift.push({ member, kind: 'undeclared', sample: shapeOf(own[member]) })
    }
    for (const member in related) {
      const linkage = membersOf(related[member])['data']
      // Without linkage a relationship is only links, which hold no data.
      if (linkage === undefined || relationships.has(member)) continue
      extra[member] = linkage
      drift.push({ member, kind: 'undeclared', sample: 'relationship' })
    }
    values.push(isEmpty(extra) ? null : encodeJson(extra))
    const line = copyLine(values)
    return { id: record.id, values, line, hash: hash('sha1', fingerprint + line, 'base64'), drift }
  }
}

function encodeColumn({ from, kind }: Column, value: unknown): Encoded {
  if (from === 'attribute') return encode(kind, value)
  const linkage = membersOf(value)['data']
  if (linkage === undefined || linkage === null) return null
  if (from === 'to-one') return encode('text', membersOf(linkage)['id'] ?? MISFIT)
  if (!Array.isArray(linkage)) return MISFIT
  const ids = linkage.map((end) => membersOf(end)['id'])
  // Sorted: linkage is a set, and another order must not make another row.
  return ids.every((id) => typeof id === 'string') ? encode('texts', ids.sort()) : MISFIT
}

/** A record whose `attributes` is not an object simply has none; the row still loads. */
const membersOf = (value: unknown): Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : NONE
const NONE: Members = {}

function isEmpty(object: object): boolean {
  for (const _ in object) return false
  return true
}

function shapeOf(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'empty array' : `array of ${shapeOf(value[0])}`
  return value === null ? 'null' : typeof value
}

const copyLine = (values: readonly (string | null)[]): string => values.map(copyField).join('\t')

/** COPY's text format: backslash, tab and line ends are escaped, NULL is `\N`. */
const copyField = (value: string | null): string =>
  value === null ? '\\N' : /[\\\t\n\r]/.test(value) ? value.replace(/[\\\t\n\r]/g, (c) => COPY_ESCAPE[c]!) : value

const COPY_ESCAPE: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }
