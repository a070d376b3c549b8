/** What a report is to the command "reports", and the three kinds of reports. */

/** A column that is a fraction of sums: `margin` is `profit / revenue`. */
export type Ratio = readonly [column: string, numerator: string, denominator: string]

export interface Report {
  /** `revenue-by-client`: the name of its view without `report_`. */
  readonly name: string
  readonly view: string
  /** What a row is about, beside its period. */
  readonly keys: readonly string[]
  readonly sums: readonly string[]
  readonly ratios: readonly Ratio[]
  /** What a person sees of a report whose rows are records; null where the rows are sums. */
  readonly shown: readonly string[] | null
  /** The day by which a row belongs to a period. */
  readonly period: string | null
  /** Its rows are how things stood, or medians: they cannot be added up over a period. */
  readonly isState?: boolean
  /** Its order: a column, the largest first; or `+column`, the smallest first. */
  readonly order: string
  /** What a bar of a chart is as long as. */
  readonly measure: string
}

const AMOUNTS = ['projects', 'revenue', 'cost', 'profit'] as const
export const CONVERTED = [
  'revenue_in_default_currency',
  'cost_in_default_currency',
  'profit_in_default_currency',
] as const
export const MARGIN: Ratio = ['margin', 'profit', 'revenue']

const viewOf = (name: string): string => `report_${name.replaceAll('-', '_')}`

/** Rows that are sums of whole projects. */
export const ofProjects = (name: string, keys: readonly string[], rest: Partial<Report> = {}): Report => ({
  name,
  view: viewOf(name),
  keys: [...keys, 'outcome', 'currency'],
  sums: [...AMOUNTS, ...CONVERTED],
  ratios: [MARGIN],
  shown: null,
  period: 'month',
  order: 'revenue',
  measure: 'revenue',
  ...rest,
})

/** Rows that are sums of lines, as ScopeStack's own pricing screens have them. */
export const ofLines = (name: string, keys: readonly string[]): Report =>
  ofProjects(name, keys, {
    sums: ['hours', 'revenue', 'cost', 'gross_profit', 'projects', ...CONVERTED],
    ratios: [
      ['effective_rate', 'revenue', 'hours'],
      ['effective_cost', 'cost', 'hours'],
      ['margin', 'gross_profit', 'revenue'],
    ],
    measure: name.startsWith('hours') ? 'hours' : 'revenue',
    order: name.startsWith('hours') ? 'hours' : 'revenue',
  })

/** Rows that are records. */
export const ofRecords = (
  name: string,
  shown: readonly string[],
  rest: Partial<Report> & Pick<Report, 'order'>,
): Report => ({
  name,
  view: viewOf(name),
  keys: [],
  sums: [],
  ratios: [],
  shown,
  period: null,
  measure: 'revenue',
  ...rest,
})
