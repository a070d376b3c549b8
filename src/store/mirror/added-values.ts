/**
 * The columns of members that no file declares. A row is encoded, and its digest computed, as if there were none: all such
 * members in `sync_extra`. Then their values move from there into their columns. So a row has one digest, whichever of its members
 * have become columns since, in every process and release: a column that is added, dropped or renamed makes no row different.
 */
import type { Column, Kind, RemoteRecord, Resource } from '../../catalog/resource.ts'
import {
  encode,
  encodeJson,
  isMembers,
  membersOf,
  MISFIT,
  numberText,
  storable,
  type Encoded,
} from '../values/codec.ts'
import { linkageEncoder, linkageOf, NOT_REPORTED } from './relationship-keys.ts'

/** A row while it is made, of which every undeclared member is in `extra`. */
interface Encoding {
  readonly values: (string | null)[]
  readonly extra: Record<string, unknown>
}

export interface AddedColumns {
  readonly attributes: ReadonlySet<string>
  readonly relationships: ReadonlySet<string>
  /** The values of the columns, in their order, and what the record does not report. */
  encode(record: RemoteRecord): AddedValues
  /** Moves the values from `extra` into `values`, which end with `extra` as text before and after. */
  place(row: Encoding, values: AddedValues): void
}

export interface AddedValues {
  readonly encoded: readonly (Encoded | typeof NOT_REPORTED)[]
  /** Names of the columns of which the record says nothing, joined by commas: they keep their values. */
  readonly unreported: string
  /** Members whose value does not fit its column. */
  readonly misfits: readonly string[]
}

/** The index of a to-one has a limit of 2,704 bytes, and an id has a dozen. The same as in `sync.column_text`. */
const LONGEST_ID = 1000
/** Of a decimal, likewise. */
const LONGEST_NUMBER = 1000

/** Undefined where there are none. */
export function addedColumns({ columns, added }: Resource): AddedColumns | undefined {
  if (added.length === 0) return undefined
  const encoders = added.map(encoderOf)
  const names = (isAttribute: boolean) =>
    new Set(added.filter(({ from }) => (from === 'attribute') === isAttribute).map(({ member }) => member))
  const [attributes, relationships] = [names(true), names(false)]
  // A later release has declared the member, and the column stays beside its own.
  const declared = new Set(columns.map(nameOf))
  return {
    attributes,
    relationships,
    encode(record) {
      const [its, ends] = [membersOf(record.attributes), membersOf(record.relationships)]
      const encoded = added.map(({ member, from }, at) => {
        const those = from === 'attribute' ? its : ends
        // A member may have the name of what every object inherits.
        return encoders[at]!(Object.hasOwn(those, member) ? those[member] : undefined)
      })
      const those = (what: symbol) => added.filter((_, at) => encoded[at] === what)
      return {
        encoded,
        unreported: those(NOT_REPORTED)
          .map(({ name }) => name)
          .join(),
        misfits: those(MISFIT).flatMap((one) => (declared.has(nameOf(one)) ? [] : one.member)),
      }
    },
    place({ values, extra }, { encoded }) {
      values.pop()
      added.forEach((one, at) => {
        const { member, from } = one
        const value = encoded[at]!
        values.push(typeof value === 'string' ? value : null)
        if (value === MISFIT || declared.has(nameOf(one))) return
        delete extra[from !== 'attribute' && attributes.has(member) ? `${member}-relationship` : member]
      })
      values.push(Object.keys(extra).length === 0 ? null : encodeJson(extra))
    },
  }
}

/** An attribute and a relationship may share a name. */
const nameOf = ({ member, from }: Column): string => (from === 'attribute' ? member : `relationship ${member}`)

function encoderOf(column: Column): (value: unknown) => Encoded | typeof NOT_REPORTED {
  return column.from === 'attribute' ? attributeEncoder(column.kind) : addedLinkageEncoder(column)
}

function attributeEncoder(kind: Kind): (value: unknown) => Encoded | typeof NOT_REPORTED {
  return (value) => {
    if (value === undefined) return NOT_REPORTED
    if (kind === 'json') return encode(kind, value)
    const encoded = encode(kind, Array.isArray(value) ? value.map(asStored) : asStored(value))
    const isLong = kind === 'decimal' && typeof encoded === 'string' && encoded.length > LONGEST_NUMBER
    return isLong ? MISFIT : encoded
  }
}

function addedLinkageEncoder(column: Column): (value: unknown) => Encoded | typeof NOT_REPORTED {
  const linkage = linkageEncoder(column)
  return (value) => {
    const encoded = linkage(withStoredIds(value))
    // `sync_extra` has no empty relationship, so a fill finds none.
    if (encoded === NO_IDS) return null
    const isLong = typeof encoded === 'string' && column.from === 'to-one' && Buffer.byteLength(encoded) > LONGEST_ID
    return isLong ? MISFIT : encoded
  }
}

const NO_IDS = '{}'

function withStoredIds(value: unknown): unknown {
  const linkage = linkageOf(value)
  return { data: Array.isArray(linkage) ? linkage.map(withStoredId) : withStoredId(linkage) }
}

function withStoredId(end: unknown): unknown {
  if (!isMembers(end)) return end
  const id = asStored(end['id'])
  return id === end['id'] ? end : { ...end, id }
}

/** As `sync_extra` holds it, from which a fill takes it: a text without what Postgres does not store, a number in plain digits. */
function asStored(value: unknown): unknown {
  if (typeof value === 'string') return storable(value)
  const number = numberText(value)
  return number === undefined ? value : plainDigits(number)
}

/** As `jsonb` spells a number. Its exponent has three digits at most (`parseExact`). */
function plainDigits(number: string): string {
  const [, sign, whole, fraction = '', exponent] = /^(-?)(\d+)(?:\.(\d+))?e([+-]?\d+)$/i.exec(number) ?? []
  if (sign === undefined || whole === undefined) return number
  const digits = whole + fraction
  const point = whole.length + Number(exponent)
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`
  const before = digits
    .slice(0, point)
    .padEnd(point, '0')
    .replace(/^0+(?=\d)/, '')
  return point >= digits.length ? sign + before : `${sign}${before}.${digits.slice(point)}`
}
