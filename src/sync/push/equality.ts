/** When two values are one. */
import { isDeepStrictEqual } from 'node:util'
import type { Kind } from '../../catalog/resource.ts'
import { encode, isMembers, storable } from '../../store/mirror/codec.ts'
import { stripSignatures } from '../../store/mirror/signed-urls.ts'

/**
 * The same value in two spellings: `"10.0"` and `10`, `""` or an empty list and null (API notes §8), line ends of either kind,
 * one instant by two clocks. An entry of a user-defined field has no kind of its own.
 */
export function isSame(kind: Kind, a: unknown, b: unknown): boolean {
  const [left, right] = [spelling(kind, a), spelling(kind, b)]
  return isDeepStrictEqual(left, right)
}

/** The same, though an address in it may have been signed anew since: that is nobody's edit. */
export const isSameUnsigned = (kind: Kind, now: unknown, before: unknown): boolean =>
  isSame(kind, now, before) || isSame(kind, withoutSignatures(now), withoutSignatures(before))

function withoutSignatures(value: unknown): unknown {
  if (typeof value === 'string') return stripSignatures(value)
  if (Array.isArray(value)) return value.map(withoutSignatures)
  return isMembers(value)
    ? Object.fromEntries(Object.entries(value).map(([key, held]) => [key, withoutSignatures(held)]))
    : value
}

function spelling(kind: Kind, held: unknown): unknown {
  if (held === null || held === undefined || held === '') return null
  // What was noted of it is spelled so.
  const value = typeof held === 'string' ? storable(held) : held
  if (kind === 'json') return typeof value === 'string' ? value.replaceAll('\r\n', '\n') : value
  const encoded = encode(kind, value)
  if (typeof encoded !== 'string') return value
  if (kind === 'decimal') return plainDecimal(encoded)
  if (kind === 'timestamp') return instant(encoded)
  if (kind === 'texts') return encoded === '{}' ? null : encoded
  return kind === 'text' ? encoded.replaceAll('\r\n', '\n') : encoded
}

/** From the first of them: tried at each one, a long row that something follows takes the square of its length. */
const ZEROS_AT_THE_END = /(?<!0)0+$/

/** Without the zeros that say nothing; an exponent, which hardly any decimal has, is left to a double. */
function plainDecimal(text: string): string {
  if (/e/i.test(text)) return String(Number(text))
  const [, sign = '', before = '', behind = ''] = /^([+-]?)(\d*)(?:\.(\d*))?$/.exec(text) ?? []
  const whole = before.replace(/^0+/, '') || '0'
  const fraction = behind.replace(ZEROS_AT_THE_END, '')
  const digits = fraction === '' ? whole : `${whole}.${fraction}`
  return sign === '-' && digits !== '0' ? `-${digits}` : digits
}

/** Milliseconds, and what is finer. As Postgres reads it for us, a time without an offset is one of UTC. */
function instant(text: string): string {
  const [, whole = '', fraction = '', offset] = /^(.*?)(?:\.(\d+))?(Z|[+-]\d\d:?\d\d)?$/.exec(text) ?? []
  const seconds = /:\d\d:/.test(whole) ? whole : `${whole}:00`
  return `${Date.parse(`${seconds.replace(' ', 'T')}${offset ?? 'Z'}`)}.${fraction.replace(ZEROS_AT_THE_END, '')}`
}

/** What ScopeStack may have made of what it was given: rounded or cut to the places it keeps, without blanks that say nothing; of a list, in an order of its own, each once. */
export function isNearlySame(kind: Kind, held: unknown, given: unknown): boolean {
  if (isSame(kind, held, given)) return true
  const [kept, sent] = [spelling(kind, held), spelling(kind, given)]
  if (kind === 'texts') return isDeepStrictEqual(asSet(held), asSet(given))
  if (kind !== 'decimal') return isSame(kind, withoutBlanks(kept), withoutBlanks(sent))
  if (typeof kept !== 'string' || typeof sent !== 'string') return false
  return sent.length > kept.length && NUMBER.test(kept) && NUMBER.test(sent) && isRounded(kept, sent)
}

/** A text that is none, `n/a`, may stand where one is expected; and one beyond all doubles is spelled Infinity. */
const NUMBER = /^-?\d/

/** In whole numbers of the smallest place: doubles would take long numbers for one. */
function isRounded(kept: string, sent: string): boolean {
  const places = kept.split('.')[1]?.length ?? 0
  if (/e/.test(kept + sent)) return Math.abs(Number(kept) - Number(sent)) < 10 ** -places
  const finest = Math.max(places, sent.split('.')[1]?.length ?? 0)
  const whole = (text: string): bigint =>
    BigInt(text.replace('.', '') + '0'.repeat(finest - (text.split('.')[1]?.length ?? 0)))
  const apart = whole(kept) - whole(sent)
  return (apart < 0n ? -apart : apart) < 10n ** BigInt(finest - places)
}

const asSet = (value: unknown): unknown =>
  Array.isArray(value)
    ? new Set(value.map((one) => (typeof one === 'string' ? one.trim() : one)).filter(Boolean))
    : value

const withoutBlanks = (value: unknown): unknown =>
  typeof value === 'string' ? value.trim().replaceAll(/\s+/g, ' ') : value
