/**
 * Encodes a JSON value as Postgres' text input, by kind. A value that does not fit its kind is a `MISFIT` and never an error:
 * it is kept in `sync_extra`, and its row loads.
 */
import type { Kind } from '../../catalog/resource.ts'
import { isRawJSON } from '../../exact-json.ts'
import { arrayLiteral } from '../connection/literals.ts'

export const MISFIT = Symbol('does not fit its column')

export type Encoded = string | null | typeof MISFIT

/** `null` and a missing member are NULL in every kind. */
export function encode(kind: Kind, value: unknown): Encoded {
  if (value === null || value === undefined) return null
  return ENCODE[kind](value)
}

const ENCODE: Readonly<Record<Kind, (value: unknown) => Encoded>> = {
  text: (value) => (typeof value === 'string' ? (isStorable(value) ? value : MISFIT) : (numberText(value) ?? MISFIT)),
  boolean: (value) => (value === true || value === 'true' ? 't' : value === false || value === 'false' ? 'f' : MISFIT),
  integer: (value) => {
    const text = numberText(value) ?? value
    return typeof text === 'string' && /^-?\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text)) ? text : MISFIT
  },
  decimal: (value) => {
    const text = numberText(value) ?? value
    // Bounded so that it cannot pass numeric's own limits (131,072 digits before the point).
    return typeof text === 'string' && /^[+-]?\d{1,1000}(\.\d{1,1000})?(e[+-]?\d{1,3})?$/i.test(text) ? text : MISFIT
  },
  date: (value) => (typeof value === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(value) && isDay(value) ? value : MISFIT),
  timestamp: (value) => (typeof value === 'string' && isDateTime(value) ? value : MISFIT),
  json: encodeJson,
  texts: encodeTexts,
}

/** A number in digits: of its own spelling where a double would not hold it; undefined when it is no number. */
export const numberText = (value: unknown): string | undefined =>
  typeof value === 'number' ? String(value) : isRawJSON(value) ? value.rawJSON : undefined

/** Postgres stores neither U+0000 nor half a surrogate pair; both mean the text is not text. */
export const isStorable = (value: string): boolean => !value.includes('\0') && value.isWellFormed()

/** The same text with U+FFFD for what Postgres does not store. */
export const storable = (text: string): string => text.toWellFormed().replaceAll('\0', '\uFFFD')

/** A real day of the calendar: `2026-02-31` passes `Date.parse` and fails in Postgres. A `Date` costs three times as much. */
function isDay(text: string): boolean {
  const [year, month, day] = [Number(text.slice(0, 4)), Number(text.slice(5, 7)), Number(text.slice(8, 10))]
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
  return year > 0 && day > 0 && day <= (month === 2 && leap ? 29 : (DAYS[month - 1] ?? 0))
}

const DAYS: readonly number[] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

const DATE_TIME =
  /^(\d{4}-\d{2}-\d{2})[T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?(Z|[+-](0\d|1[0-4]):?[0-5]\d)?$/

function isDateTime(text: string): boolean {
  const day = DATE_TIME.exec(text)?.[1]
  return day !== undefined && isDay(day)
}

/**
 * JSON text that `jsonb` takes: `\u0000` and unpaired surrogates inside strings, which it refuses, become U+FFFD. Nested
 * JSON has no column of its own to be null, and losing one character beats losing the document.
 */
export function encodeJson(value: unknown): string {
  const text = JSON.stringify(value)
  return text.includes('\\u') && /\\u(0000|d[89a-f])/.test(text) ? JSON.stringify(value, repairStrings) : text
}

function repairStrings(_key: string, value: unknown): unknown {
  if (typeof value === 'string') return storable(value)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const entries = Object.entries(value)
  return entries.some(([key]) => !isStorable(key))
    ? Object.fromEntries(entries.map(([k, v]) => [storable(k), v]))
    : value
}

function encodeTexts(value: unknown): Encoded {
  if (!Array.isArray(value)) return MISFIT
  const items = value.map((item) => encode('text', item))
  return items.some((item) => item === MISFIT) ? MISFIT : arrayLiteral(items as (string | null)[])
}

export type Members = Readonly<Record<string, unknown>>

export const isMembers = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const membersOf = (value: unknown): Members => (isMembers(value) ? value : NONE)
const NONE: Members = {}
