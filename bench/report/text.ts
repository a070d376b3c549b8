/** A series as a table for a terminal. */
import { textTable } from '../../src/commands/output/format.ts'
import type { Measured } from '../machine/measure.ts'
import { median, spreadOf } from '../machine/statistics.ts'
import type { Round, Series } from '../series.ts'

export const ABOUT: Readonly<Record<string, string>> = {
  download: 'limit: download of the same pages',
  parse: 'limit: download + JSON.parse',
  copy: 'limit: COPY of the same rows',
  loop: 'loop, 1,000-row upserts: first',
  loopAgain: 'loop, 1,000-row upserts: again',
  upsert: 'one upsert a row: first',
  upsertAgain: 'one upsert a row: again',
  stripe: 'stripe-sync-engine: first',
  stripeAgain: 'stripe-sync-engine: again',
  first: 'ours: first load',
  unchanged304: 'ours: unchanged, 304',
  unchanged: 'ours: unchanged, no ETag',
  changed304: 'ours: 1 % changed, 304',
  changed: 'ours: 1 % changed, no ETag',
  tick: 'tick: nothing changed',
  tickWithoutEtags: 'tick: nothing changed, no ETags',
  tickChanged: 'tick: 10 projects changed',
  push: 'push',
  workers1: '1 worker',
  workers2: '2 workers',
  workers4: '4 workers',
  idle: 'start, nothing to do',
  commitToPatch: 'start: COMMIT to PATCH',
}

const rowsPerSecond = ({ records, ms }: Measured): number => records / (ms / 1000)

/** The median, over the rounds, of a ratio within each. */
const ratioOf = (rounds: readonly Round[], of: (phases: Round['phases']) => number | undefined): number | undefined => {
  const ratios = rounds.map(({ phases }) => of(phases)).filter((ratio) => ratio !== undefined)
  return ratios.length === 0 ? undefined : median(ratios)
}

const seconds = (ms: number): string => (ms / 1000).toFixed(2)
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)
const optional = (numbers: readonly (number | null | undefined)[], show: (n: number) => string): string | null => {
  const known = numbers.filter((one) => one !== null && one !== undefined)
  return known.length === 0 ? null : show(median(known))
}

export const HEAD = [
  'phase',
  's (least–most)',
  'rows/s',
  'CPU s',
  '÷ parse',
  'CPU Postgres',
  'CPU simulator',
  'RSS peak / median MB',
  'WAL / mirror MB',
  'requests',
  'MB',
  'more',
]

export const cellsOf = ({ rounds }: Series) => Object.keys(rounds[0]?.phases ?? {}).map((name) => rowFor(name, rounds))

export function tableOf(series: Series): string {
  const { rounds, circumstances, section } = series
  const loads = rounds.map(({ load }) => load)
  const title = Object.entries(circumstances).map(([name, value]) => `${name} ${value}`)
  return `${section}: ${title.join(', ')}; median of ${rounds.length}, load ${Math.min(...loads)}–${Math.max(...loads)}\n\n${textTable([HEAD, ...cellsOf(series)]).join('\n')}\n`
}

function rowFor(name: string, rounds: readonly Round[]) {
  const all = rounds.map(({ phases }) => phases[name]!)
  const time = spreadOf(all.map(({ ms }) => ms))
  const cpuRatio = ratioOf(rounds, ({ parse, [name]: own }) => parse && own!.cpuMs / parse.cpuMs)
  const [peak, middle] = [
    median(all.map(({ peakRss }) => peakRss)),
    optional(
      all.map((one) => one.medianRss),
      megabytes,
    ),
  ]
  const wal = all[0]!.wal === undefined ? null : (part: 'all' | 'mirror') => median(all.map((one) => one.wal![part]))
  return [
    ABOUT[name] ?? name,
    `${seconds(time.median)} (${seconds(time.least)}–${seconds(time.most)})`,
    all[0]!.records === 0 ? null : Math.round(median(all.map(rowsPerSecond))),
    seconds(median(all.map(({ cpuMs }) => cpuMs))),
    cpuRatio === undefined ? null : cpuRatio.toFixed(2),
    optional(
      all.map((one) => one.postgresCpuMs),
      seconds,
    ),
    optional(
      all.map((one) => one.remoteCpuMs),
      seconds,
    ),
    `${megabytes(peak)} / ${middle ?? '–'}`,
    wal === null ? null : `${megabytes(wal('all'))} / ${megabytes(wal('mirror'))}`,
    median(all.map(({ requests }) => requests)),
    megabytes(median(all.map(({ bytes }) => bytes))),
    moreOf(all),
  ]
}

/** Further figures of a phase, by name. */
function moreOf(all: readonly Measured[]): string | null {
  const names = Object.keys(all[0]!.more ?? {}).filter((name) => name !== 'resources')
  const shown = names.map((name) => {
    const value = median(all.map(({ more }) => more![name]!))
    return `${name} ${value >= 100 ? Math.round(value) : Math.round(value * 100) / 100}`
  })
  return shown.length === 0 ? null : shown.join(', ')
}
