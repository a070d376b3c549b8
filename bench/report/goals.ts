/** The goals, and how far the measured figures are from them. */
import type { Measured } from '../machine/measure.ts'
import { spreadOf, type Spread } from '../machine/statistics.ts'
import type { Phases, Series } from '../series.ts'
import { CAUSES } from './causes.ts'

export interface Goal {
  readonly about: string
  readonly goal: string
  readonly reached: string
  /** Null: not measured. */
  readonly met: boolean | null
  readonly distance: string
  readonly cause: string
}

interface Rule {
  readonly id: string
  readonly about: string
  readonly least?: number
  readonly most?: number
  readonly unit?: string
  readonly digits?: number
  /** The figure of one round; undefined where the round does not have it. */
  readonly series: (series: Series) => boolean
  readonly of: (phases: Phases) => number | undefined
}

export const speed = (one: Measured | undefined): number | undefined => one && one.records / one.ms
export const ratio = (of: number | undefined, to: number | undefined): number | undefined =>
  of === undefined || to === undefined || to === 0 ? undefined : of / to

/** Series of a section, and those with these circumstances only. */
export const isOf =
  (section: Series['section'], wanted: Readonly<Record<string, string | number>> = {}) =>
  ({ section: own, circumstances }: Series): boolean =>
    own === section && Object.entries(wanted).every(([name, value]) => circumstances[name] === value)

const more = (name: string, figure: string) => (phases: Phases) => phases[name]?.more?.[figure]

const RICH = isOf('load', { shape: 'rich', latency: 0 })
const PLAIN = isOf('load', { shape: 'plain', latency: 0 })
const PEERS = isOf('peers', { latency: 0 })
const MB = { unit: ' MB', digits: 0 }

const RULES: readonly Rule[] = [
  {
    id: 'first-cpu',
    about: 'first load, rich: CPU ÷ download + parse of the same bytes',
    most: 1.25,
    series: RICH,
    of: ({ first, parse }) => ratio(first?.cpuMs, parse?.cpuMs),
  },
  {
    id: 'plain-speed',
    about: 'first load, plain: rows/s ÷ the 1,000-row loop',
    least: 1,
    series: PLAIN,
    of: ({ first, loop }) => ratio(speed(first), speed(loop)),
  },
  {
    id: 'plain-cpu',
    about: 'first load, plain: CPU ÷ the 1,000-row loop',
    most: 1.3,
    series: PLAIN,
    of: ({ first, loop }) => ratio(first?.cpuMs, loop?.cpuMs),
  },
  {
    id: 'unchanged-speed',
    about: 'unchanged, plain, no ETag: rows/s ÷ the loop',
    least: 3,
    series: PLAIN,
    of: ({ unchanged, loopAgain }) => ratio(speed(unchanged), speed(loopAgain)),
  },
  {
    id: 'unchanged-304-speed',
    about: 'unchanged, plain, 304: rows/s ÷ the loop',
    least: 3,
    series: PLAIN,
    of: ({ unchanged304, loopAgain }) => ratio(speed(unchanged304), speed(loopAgain)),
  },
  {
    id: 'stripe-first',
    about: 'first load, plain: rows/s ÷ stripe-sync-engine',
    least: 10,
    digits: 1,
    series: PEERS,
    of: ({ first, stripe }) => ratio(speed(first), speed(stripe)),
  },
  {
    id: 'stripe-again',
    about: 'unchanged, plain, no ETag: rows/s ÷ stripe-sync-engine',
    least: 10,
    digits: 1,
    series: PEERS,
    of: ({ unchanged, stripeAgain }) => ratio(speed(unchanged), speed(stripeAgain)),
  },
  {
    id: 'mirror-wal',
    about: 'unchanged, rich, no ETag: WAL of the mirror',
    most: 0,
    unit: ' B',
    digits: 0,
    series: RICH,
    of: ({ unchanged }) => unchanged?.wal?.mirror,
  },
]

/** The series that lies furthest from its goal. */
const LATENCY = [20, 50, 200].flatMap((latency): Rule[] =>
  (['plain', 'rich'] as const).map((shape) => ({
    id: `latency-${shape}`,
    about: `${latency} ms, ${shape}: rows/s ÷ download alone, the least of all in flight`,
    least: 0.9,
    series: isOf('latency', { latency, shape }),
    of: ({ first, download }) => ratio(speed(first), speed(download)),
  })),
)

const OTHERS: readonly Rule[] = [
  {
    id: 'workers-2',
    about: '2 workers on one list at 200 ms: × as fast as one',
    least: 1.8,
    series: isOf('workers'),
    of: ({ workers1, workers2 }) => ratio(speed(workers2), speed(workers1)),
  },
  {
    id: 'workers-4',
    about: '4 workers on one list at 200 ms: × as fast as one',
    least: 3.4,
    series: isOf('workers'),
    of: ({ workers1, workers4 }) => ratio(speed(workers4), speed(workers1)),
  },
  {
    id: 'tick',
    about: 'a tick with nothing changed: requests ÷ resources that it reads',
    most: 1,
    series: isOf('incremental'),
    of: ({ tick }) => ratio(tick?.requests, tick?.more?.['resources']),
  },
  {
    id: 'idle-transactions',
    about: 'idle: transactions a second',
    most: 1,
    series: isOf('idle', { queue: 'in Postgres' }),
    of: more('idle', 'transactionsPerSecond'),
  },
  {
    id: 'idle-wal',
    about: 'idle: WAL an hour',
    most: 1,
    unit: ' MB',
    series: isOf('idle', { queue: 'in Postgres' }),
    of: more('idle', 'walMbPerHour'),
  },
  {
    id: 'idle-connections',
    about: 'idle: connections',
    most: 6,
    digits: 0,
    series: isOf('idle', { queue: 'in Postgres' }),
    of: more('idle', 'connections'),
  },
  {
    id: 'idle-memory',
    about: 'idle: resident memory',
    most: 120,
    ...MB,
    series: isOf('idle', { queue: 'in Postgres' }),
    of: more('idle', 'rssMb'),
  },
]

export function goalsOf(all: readonly Series[]): Goal[] {
  const newest = [...new Set(all.map(({ circumstances }) => String(circumstances['postgres'])))].toSorted().at(-1)
  const found = all.filter(({ circumstances }) => circumstances['postgres'] === newest)
  const goalOf = (rule: Rule): Goal => {
    const figures = found.filter(rule.series).flatMap(({ rounds }) => {
      const own = rounds.map(({ phases }) => rule.of(phases)).filter((figure) => figure !== undefined)
      return own.length === 0 ? [] : [spreadOf(own)]
    })
    // Of several series the one that is furthest from the goal.
    return compared(
      rule,
      figures.toSorted((a, b) => (rule.least === undefined ? b.median - a.median : a.median - b.median))[0],
    )
  }
  return [...RULES.map(goalOf), ...memoryGoals(found), ...[...LATENCY, ...OTHERS].map(goalOf)]
}

type Bounds = Pick<Rule, 'id' | 'about' | 'least' | 'most' | 'unit' | 'digits'>

function compared({ id, about, least, most, unit = '', digits = 2 }: Bounds, figure: Spread | undefined): Goal {
  const show = (value: number): string => `${value.toFixed(digits)}${unit}`
  const goal = least === undefined ? `≤ ${most}${unit}` : `≥ ${least}${unit}`
  if (figure === undefined) return { about, goal, reached: 'not measured', met: null, distance: '', cause: '' }
  const { median } = figure
  const met = least === undefined ? median <= most! : median >= least
  const spread = figure.least === figure.most ? '' : ` (${show(figure.least)}–${show(figure.most)})`
  return {
    about,
    goal,
    reached: show(median) + spread,
    met,
    distance: show(median - (least ?? most!)),
    cause: CAUSES[id] ?? '',
  }
}

/** Between two series: a hundred thousand records, and a million. */
function memoryGoals(found: readonly Series[]): Goal[] {
  const sizes = found
    .filter(isOf('memory'))
    .toSorted((a, b) => Number(a.circumstances['records']) - Number(b.circumstances['records']))
  const peakOf = (series: Series | undefined): number | undefined =>
    series &&
    Math.max(...series.rounds.flatMap(({ phases }) => Object.values(phases).map(({ peakRss }) => peakRss / 1e6)))
  const [few, many] = [peakOf(sizes[0]), peakOf(sizes[1])]
  const spread = (value: number | undefined): Spread | undefined =>
    value === undefined ? undefined : { median: value, least: value, most: value }
  return [
    compared({ id: 'memory', about: 'resident memory, peak, 100,000 rich records', most: 200, ...MB }, spread(few)),
    compared(
      { id: 'memory-growth', about: 'resident memory, peak, a million ÷ 100,000', most: 1.15 },
      spread(ratio(many, few)),
    ),
  ]
}
