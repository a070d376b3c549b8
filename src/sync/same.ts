/** When two values are one. */
import { isDeepStrictEqual } from 'node:util'
import type { Kind } from '../resource.ts'
import { encode, storable } from '../store/codec.ts'

/**
 * The same value in two spellings: `"10.0"` and `10`, `""` and null (API notes §8), line ends of either kind. An entry of a
 * user-defined field has no kind of its own.
 */
export function isSame(kind: Kind, a: unknown, b: unknown): boolean {
  const [left, right] = [spelling(kind, a), spelling(kind, b)]
  return isDeepStrictEqual(left, right)
}

function spelling(kind: Kind, held: unknown): unknown {
  if (held === null || held === undefined || held === '') return null
  // What was noted of it is spelled so.
  const value = typeof held === 'string' ? storable(held) : held
  if (kind === 'json') return typeof value === 'string' ? value.replaceAll('\r\n', '\n') : value
  const encoded = encode(kind, value)
  if (typeof encoded !== 'string') return value
  if (kind === 'decimal') return plainDecimal(encoded)
  return kind === 'text' ? encoded.replaceAll('\r\n', '\n') : encoded
}

/** Without the zeros that say nothing; an exponent, which hardly any decimal has, is left to a double. */
function plainDecimal(text: string): string {
  if (/e/i.test(text)) return String(Number(text))
  const [, sign = '', whole = '', fraction = ''] = /^([+-]?)0*(\d*)(?:\.(\d*?)0*)?$/.exec(text) ?? []
  const digits = `${whole || '0'}${fraction === '' ? '' : `.${fraction}`}`
  return sign === '-' && digits !== '0' ? `-${digits}` : digits
}

/** What ScopeStack may have made of what it was given: rounded or cut to the places it keeps, without blanks that say nothing. */
export function isNearly(kind: Kind, held: unknown, given: unknown): boolean {
  if (isSame(kind, held, given)) return true
  const [kept, sent] = [spelling(kind, held), spelling(kind, given)]
  if (kind !== 'decimal') return isSame(kind, withoutBlanks(kept), withoutBlanks(sent))
  if (typeof kept !== 'string' || typeof sent !== 'string') return false
  const places = kept.split('.')[1]?.length ?? 0
  return sent.length > kept.length && Math.abs(Number(kept) - Number(sent)) < 10 ** -places
}

const withoutBlanks = (value: unknown): unknown =>
  typeof value === 'string' ? value.trim().replaceAll(/\s+/g, ' ') : value
