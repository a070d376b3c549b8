/** A report as lines for a person. */
import { wrapped, WIDTH } from '../output/format.ts'
import { chartOf, tableOf } from './layout.ts'
import type { ReportFacts, Rows } from './read-report.ts'
import type { Report } from './report.ts'
import type { Period } from './statement.ts'
import { written } from './written.ts'

export interface Showing {
  /** Rows that are shown; undefined: all. */
  readonly most: number | undefined
  readonly chart: boolean
  /** Of the terminal; undefined where there is none. */
  readonly width: number | undefined
}

export function showRows(
  report: Report,
  by: Period | undefined,
  { about, grain }: Pick<ReportFacts, 'about' | 'grain'>,
  rows: Rows,
  { most, chart, width }: Showing,
): string[] {
  const { columns, values } = rows
  const kept = values.slice(0, most)
  const text = Math.max(40, (width ?? WIDTH + 2) - 2)
  const head = [
    ...wrapped(about, '', text),
    ...(report.shown !== null && by === undefined ? wrapped(grain, '', text) : []),
    '',
  ]
  if (kept.length === 0) return [...head, 'No rows.']
  const currencies = new Set(valuesOf(rows, 'currency', kept))
  const seen = seenColumns(report, by, columns, currencies)
  const cells = kept.map((row) => seen.map((at) => written(row[at]!, columns[at]!, by)))
  const headings = seen.map((at) => columns[at]!.name.replaceAll('_', ' '))
  const notes =
    values.length > kept.length ? [`There are more rows: --limit N shows so many, --csv and --json all.`] : []
  const [only] = currencies
  if (currencies.size === 1 && only !== null && only !== undefined && only !== 'account default')
    notes.push(`Amounts are in ${only}.`)
  const measured = columns.findIndex(({ name }) => name === report.measure)
  if (chart && measured >= 0) {
    const labels = seen.flatMap((at, place) => (isLabel(report, by, columns[at]!.name) ? [place] : []))
    const bars = kept.map((row, at) => ({
      label: labels.map((place) => cells[at]![place]!.text).join(' · ') || 'all',
      value: Number(row[measured] ?? 0),
      text: written(row[measured]!, columns[measured]!, by).text,
    }))
    return [...head, report.measure.replaceAll('_', ' '), ...chartOf(bars, width ?? WIDTH), ...tailOf(notes)]
  }
  const { lines, left } = tableOf(headings, cells, width)
  if (left.length > 0) notes.push(`Left out, since the terminal is too narrow: ${left.join(', ')}.`)
  return [...head, ...lines, ...tailOf(notes)]
}

const tailOf = (notes: readonly string[]): string[] => (notes.length === 0 ? [] : ['', ...notes])

const valuesOf = ({ columns }: Rows, name: string, values: Rows['values']): (string | null)[] => {
  const at = columns.findIndex((column) => column.name === name)
  return at < 0 ? [] : values.map((row) => row[at]!)
}

/** Ids are for machines; a column that says the same in every row, or what another one says, is left out. */
function seenColumns(
  { shown, keys }: Report,
  by: Period | undefined,
  columns: Rows['columns'],
  currencies: ReadonlySet<string | null>,
): number[] {
  const oneCurrency = currencies.size <= 1
  const names = shown !== null && by === undefined ? shown : columns.map(({ name }) => name)
  const wanted = names.filter(
    (name) =>
      !(name === 'currency' && oneCurrency) &&
      !(keys.includes('currency') && oneCurrency && name.endsWith('_in_default_currency')) &&
      !(keys.includes(name) && name.endsWith('_id') && keys.includes(name.replace(/_id$/, '_name'))),
  )
  return wanted.map((name) => columns.findIndex((column) => column.name === name)).filter((at) => at >= 0)
}

/** What names a bar. */
const isLabel = ({ keys, shown }: Report, by: Period | undefined, name: string): boolean =>
  name === by || (by === undefined && shown !== null ? name === shown[0] : keys.includes(name) && name !== 'stage')
