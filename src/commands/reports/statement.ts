/** The statement of a report: its rows as they are, or added up over its periods. */
import { quote } from '../../store/connection/database.ts'
import type { Report } from './report.ts'

export const PERIODS = ['month', 'quarter', 'year'] as const
export type Period = (typeof PERIODS)[number]

/** What was requested of a report. */
export interface Request {
  /** Rows from this day on. */
  readonly since: string | undefined
  readonly by: Period | undefined
  readonly outcome: string | undefined
  readonly limit: number | undefined
}

export interface Column {
  readonly name: string
  /** An expression of the view's columns. */
  readonly of: string
  /** Not a sum: rows of the same are one. */
  readonly isKey: boolean
}

export interface Statement {
  readonly text: string
  readonly parameters: readonly string[]
}

/** The columns of the answer. @param held columns of the view, for a report that shows all of them. */
export function columnsOf(report: Report, by: Period | undefined, held: readonly string[]): readonly Column[] {
  const { keys, sums, ratios, shown, period } = report
  if (shown !== null && by === undefined) return held.map((name) => ({ name, of: quote(name), isKey: true }))
  const columns: Column[] = keys.map((name) => ({ name, of: quote(name), isKey: true }))
  // A time has no month without a time zone: all reports are in UTC.
  if (by !== undefined && period !== null)
    columns.unshift({ name: by, of: `date_trunc('${by}', ${dayOf(period, held)})::date`, isKey: true })
  if (shown !== null) columns.push({ name: 'rows', of: 'count(*)', isKey: false })
  columns.push(...sums.map((name) => ({ name, of: `sum(${quote(name)})`, isKey: false })))
  for (const [name, over, under] of ratios)
    columns.push({ name, of: `${sumOf(over)} / nullif(${sumOf(under)}, 0)::numeric`, isKey: false })
  return columns
}

/** Of `won_projects + lost_projects` the sum of both; null counts as nothing there. */
const sumOf = (terms: string): string =>
  `(${terms
    .split(' + ')
    .map((name) => `sum(${quote(name)})`)
    .join(' + ')})`

const dayOf = (period: string, held: readonly string[]): string =>
  period.endsWith('_at') && held.includes(period) ? `(${quote(period)} at time zone 'UTC')` : quote(period)

export function statementOf(
  report: Report,
  { since, by, outcome, limit }: Request,
  held: readonly string[],
): Statement {
  const columns = columnsOf(report, by, held)
  const parameters: string[] = []
  const conditions: string[] = []
  const bound = (value: string): string => `$${parameters.push(value)}`
  if (since !== undefined) conditions.push(`${dayOf(report.period!, held)} >= ${bound(since)}::date`)
  if (outcome !== undefined) conditions.push(`outcome = ${bound(outcome)}`)
  const isSummed = report.shown === null || by !== undefined
  const grouped = columns.flatMap(({ isKey }, at) => (isKey ? [at + 1] : []))
  return {
    text: [
      `select ${columns.map(({ name, of }) => `${of} as ${quote(name)}`).join(', ')}`,
      `from scopestack.${quote(report.view)}`,
      ...(conditions.length > 0 ? [`where ${conditions.join(' and ')}`] : []),
      ...(isSummed && grouped.length > 0 ? [`group by ${grouped.join(', ')}`] : []),
      `order by ${orderOf(report, by, columns).join(', ')}`,
      ...(limit === undefined ? [] : [`limit ${limit}`]),
    ].join('\n'),
    parameters,
  }
}

/** By period first; then as the report wants it, and by all other columns, so that two calls show the same. */
function orderOf({ order }: Report, by: Period | undefined, columns: readonly Column[]): string[] {
  const wanted = order.replace(/^\+/, '')
  const known = columns.findIndex(({ name }) => name === wanted) + 1
  const first = by === undefined ? [] : ['1']
  if (known > 0) first.push(`${known} ${order.startsWith('+') ? 'asc nulls last' : 'desc nulls last'}`)
  const rest = columns.flatMap((_, at) => (at + 1 === known || (by !== undefined && at === 0) ? [] : [String(at + 1)]))
  return [...first, ...rest]
}
