/** The value that Rails makes of a written one: it converts and never refuses (API notes §12: "text in a decimal attribute,
 *  with 200"). */
import type { Attribute, Kind } from '../model/model.ts'
import { writtenDecimal } from '../records/numbers.ts'

type Cast = (value: unknown) => unknown

/** An empty string clears a number (API notes §5). */
const unlessEmpty =
  (convert: Cast): Cast =>
  (value) =>
    value === '' ? null : convert(value)

const text: Cast = (value) => (typeof value === 'string' ? value : JSON.stringify(value))

const instant = (value: unknown): string | null =>
  typeof value === 'string' && !Number.isNaN(Date.parse(value)) ? new Date(value).toISOString() : null

const asIs: Cast = (value) => value

const isTrue = (value: unknown): boolean => !['false', 'f', '0', 'off'].includes(String(value).toLowerCase())

function leadingNumber(value: unknown): number {
  const number = Number.parseFloat(String(value))
  return Number.isFinite(number) ? number : 0
}

const strings: Cast = (value) =>
  Array.isArray(value)
    ? value.map(String)
    : String(value)
        .split(',')
        .map((entry) => entry.trim())
        .filter(Boolean)

const casts: Readonly<Record<Kind, Cast>> = {
  string: text,
  text,
  boolean: unlessEmpty(isTrue),
  integer: unlessEmpty((value) => Math.trunc(leadingNumber(value))),
  number: unlessEmpty(leadingNumber),
  decimal: unlessEmpty(writtenDecimal),
  date: (value) => instant(value)?.slice(0, 10) ?? null,
  datetime: instant,
  strings,
  json: asIs,
  variables: asIs,
}

export function cast({ kind }: Attribute, value: unknown): unknown {
  return value === null || value === undefined ? null : casts[kind](value)
}
