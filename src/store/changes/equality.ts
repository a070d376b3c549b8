/** When two values count as equal. */
import { isDeepStrictEqual } from 'node:util'
import type { Kind } from '../../catalog/resource.ts'
import { encode, isMembers, storable } from '../values/codec.ts'
import { stripSignatures } from '../values/signed-urls.ts'

/**
 * The same value in two spellings: `"10.0"` and `10`, `""` or an empty list and null (API notes §8), line ends of either kind,
 * one instant by two clocks. An entry of a user-defined field has no kind of its own.
 */
export function isSame(kind: Kind, a: unknown, b: unknown): boolean {
  const [left, right] = [spelling(kind, a), spelling(kind, b)]
  return isDeepStrictEqual(left, right)
}

/** Equal but for the signatures of URLs, which ScopeStack renews: that is no edit. */
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
  // Captured values have this spelling.
  const value = typeof held === 'string' ? storable(held) : held
  if (kind === 'json') return typeof value === 'string' ? value.replaceAll('\r\n', '\n') : value
  const encoded = encode(kind, value)
  if (typeof encoded !== 'string') return value
  if (kind === 'decimal') return plainDecimal(encoded)
  if (kind === 'timestamp') return instant(encoded)
  if (kind === 'texts') return encoded === '{}' ? null : encoded
  return kind === 'text' ? encoded.replaceAll('\r\n', '\n') : encoded
}

/** Anchored at the first zero: without that, a long run of zeros takes quadratic time. */
const ZEROS_AT_THE_END = /(?<!0)0+$/

/** Without insignificant zeros; a decimal with an exponent is read as a double. */
function plainDecimal(text: string): string {
  if (/e/i.test(text)) return String(Number(text))
  const [, sign = '', before = '', behind = ''] = /^([+-]?)(\d*)(?:\.(\d*))?$/.exec(text) ?? []
  const whole = before.replace(/^0+/, '') || '0'
  const fraction = behind.replace(ZEROS_AT_THE_END, '')
  const digits = fraction === '' ? whole : `${whole}.${fraction}`
  return sign === '-' && digits !== '0' ? `-${digits}` : digits
}

/** Milliseconds and the finer digits. A time without an offset is UTC, as in our sessions of Postgres. */
function instant(text: string): string {
  const [, whole = '', fraction = '', offset] = /^(.*?)(?:\.(\d+))?(Z|[+-]\d\d:?\d\d)?$/.exec(text) ?? []
  const seconds = /:\d\d:/.test(whole) ? whole : `${whole}:00`
  return `${Date.parse(`${seconds.replace(' ', 'T')}${offset ?? 'Z'}`)}.${fraction.replace(ZEROS_AT_THE_END, '')}`
}

/** Equal to what ScopeStack may store for a value: rounded or cut to its decimal places, blanks collapsed; lists unordered, without duplicates. */
export function isNearlySame(kind: Kind, held: unknown, given: unknown): boolean {
  if (isSame(kind, held, given)) return true
  const [kept, sent] = [spelling(kind, held), spelling(kind, given)]
  if (kind === 'texts') return isDeepStrictEqual(asSet(held), asSet(given))
  if (kind !== 'decimal') return isSame(kind, withoutBlanks(kept), withoutBlanks(sent))
  if (typeof kept !== 'string' || typeof sent !== 'string') return false
  return sent.length > kept.length && NUMBER.test(kept) && NUMBER.test(sent) && isRounded(kept, sent)
}

/** Excludes text such as `n/a`, and Infinity for numbers beyond a double. */
const NUMBER = /^-?\d/

/** In integers of the smallest place: as doubles, two long numbers could be equal. */
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
