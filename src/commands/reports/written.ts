/** Values of a report as a person reads them, rounded; and in CSV, with every digit. */
import type { Rows } from './read-report.ts'

export interface Written {
  readonly text: string
  readonly right: boolean
}

const NUMBER = /^(numeric|bigint|integer|double precision|smallint)/
/** Fractions, which people read as percent. */
const FRACTION = /(^|_)(margin|share)$|^share_|^win_rate|^probability$/
const FORMULA = /^[=+\-@\t\r\n|%]/
const QUOTED = /[",\r\n]|^\s|\s$/
/** Amounts of one hour or unit: their cents matter. */
const OF_ONE = /_rate$|^effective_|^unit_|^hourly_|(^|_)days(_|$)/

/** @param by what its first column was cut to: `2026-Q3`. */
export function written(value: string | null, column: Rows['columns'][number], by: string | undefined): Written {
  const { name, type } = column
  const right = NUMBER.test(type)
  if (value === null) return { text: '–', right }
  if (right) return { text: rounded(value, name), right }
  if (type === 'boolean') return { text: value === 'true' ? 'yes' : 'no', right }
  if (name === by || name === 'month' || name.endsWith('_month')) return { text: periodOf(value, by), right }
  if (type.startsWith('timestamp')) return { text: value.slice(0, 16), right }
  return { text: value, right }
}

function rounded(value: string, name: string): string {
  const size = Math.abs(Number(value))
  // A string keeps all its digits here; its type does not know that.
  const exact = value as `${number}`
  if (FRACTION.test(name)) {
    return new Intl.NumberFormat('en-US', { style: 'percent', maximumFractionDigits: size > 0 && size < 0.1 ? 1 : 0 })
      .format(exact)
      .replace('%', ' %')
  }
  const digits = OF_ONE.test(name) ? 2 : Number.isInteger(size) || size >= 100 ? 0 : 1
  return new Intl.NumberFormat('en-US', {
    minimumFractionDigits: OF_ONE.test(name) ? 2 : 0,
    maximumFractionDigits: digits,
  }).format(exact)
}

function periodOf(day: string, by: string | undefined): string {
  const [year = '', month = ''] = day.split('-')
  if (by === 'year') return year
  if (by === 'quarter') return `${year}-Q${Math.ceil(Number(month) / 3)}`
  return `${year}-${month}`
}

/**
 * CSV by RFC 4180. A spreadsheet takes a text that begins like a formula for one, and runs it; names of clients and projects
 * are of other people. Such a text gets an apostrophe in front, which spreadsheets hide; numbers stay as they are.
 */
export function* csvOf({ columns, values }: Rows): Generator<string> {
  yield record(columns.map(({ name }) => name))
  for (const row of values) {
    yield record(row.map((value, at) => (value === null ? '' : NUMBER.test(columns[at]!.type) ? value : inert(value))))
  }
}

const inert = (text: string): string => (FORMULA.test(text) ? `'${text}` : text)

const record = (cells: readonly string[]): string =>
  `${cells.map((cell) => (QUOTED.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(',')}\r\n`
