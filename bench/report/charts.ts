/** Which charts are drawn of which series; one whose series was not measured is left out. */
import type { Measured } from '../machine/measure.ts'
import { median } from '../machine/statistics.ts'
import type { Series } from '../series.ts'
import { isOf, ratio, speed } from './goals.ts'
import { bars, lines, type Bar, type BarGroup } from './svg.ts'
import { ABOUT } from './text.ts'

interface Chart {
  readonly file: string
  readonly about: string
  readonly svg: string
}

export function chartsOf(all: readonly Series[]): Chart[] {
  return [cpu(all), peers(all), latency(all), memory(all), workers(all)].filter((chart) => chart !== undefined)
}

const middle = (series: Series, name: string, of: (measured: Measured) => number): number | undefined => {
  const found = series.rounds.flatMap(({ phases }) => (phases[name] === undefined ? [] : [of(phases[name])]))
  return found.length === 0 ? undefined : median(found)
}

const kindOf = (name: string): Bar['kind'] =>
  ['download', 'parse', 'copy'].includes(name) ? 'limit' : /^(?:loop|upsert|stripe)/.test(name) ? 'other' : 'ours'

function barsOf(
  series: Series,
  names: readonly string[],
  of: (measured: Measured) => number,
  show: (value: number) => string,
): Bar[] {
  return names.flatMap((name) => {
    const value = middle(series, name, of)
    return value === undefined ? [] : [{ label: ABOUT[name] ?? name, value, text: show(value), kind: kindOf(name) }]
  })
}

const newest = (all: readonly Series[]): Series | undefined =>
  all.toSorted((a, b) => Number(b.circumstances['postgres']) - Number(a.circumstances['postgres']))[0]

const records = (series: Series): string => Number(series.circumstances['records']).toLocaleString('en-US')

/** Microseconds a record, so that both kinds fit in one picture. */
function cpu(all: readonly Series[]): Chart | undefined {
  const names = ['download', 'parse', 'loop', 'first', 'changed', 'unchanged', 'unchanged304']
  const groups = (['rich', 'plain'] as const).flatMap((shape): BarGroup[] => {
    const series = newest(all.filter(isOf('load', { shape, latency: 0 })))
    if (series === undefined) return []
    const own = barsOf(
      series,
      names,
      (one) => (one.cpuMs * 1000) / one.records,
      (value) => `${value.toFixed(0)} µs`,
    )
    return [{ label: `${records(series)} ${shape} records`, bars: own }]
  })
  if (groups.length === 0) return undefined
  const title = 'CPU of a record, in the process that reads'
  return { file: 'cpu.svg', about: title, svg: bars(title, 'microseconds, user and system; less is better', groups) }
}

function peers(all: readonly Series[]): Chart | undefined {
  const names = ['first', 'loop', 'stripe', 'upsert', 'unchanged', 'loopAgain', 'stripeAgain', 'upsertAgain']
  const groups = all.filter(isOf('peers')).map((series): BarGroup => {
    const own = barsOf(
      series,
      names,
      (one) => (speed(one) ?? 0) * 1000,
      (value) => Math.round(value).toLocaleString('en-US'),
    )
    return { label: `${series.circumstances['latency']} ms latency, ${records(series)} records`, bars: own }
  })
  if (groups.length === 0) return undefined
  const title = 'The same plain records by others'
  return { file: 'peers.svg', about: title, svg: bars(title, 'rows a second; more is better', groups) }
}

function latency(all: readonly Series[]): Chart | undefined {
  const found = all.filter(isOf('latency'))
  const inFlight = [...new Set(found.map(({ circumstances }) => Number(circumstances['inFlight'])))].toSorted(
    (a, b) => a - b,
  )
  const kinds = [...new Set(found.map(({ circumstances: { shape, latency: ms } }) => `${shape}, ${ms} ms`))]
  const shares = kinds.map((label) => ({
    label,
    values: inFlight.map((count) => {
      const series = found.find(
        ({ circumstances: { shape, latency: ms, inFlight: own } }) => `${shape}, ${ms} ms` === label && own === count,
      )
      const own = series?.rounds.map(({ phases }) => ratio(speed(phases['first']), speed(phases['download'])) ?? 0)
      return own === undefined ? 0 : median(own)
    }),
  }))
  if (shares.length === 0) return undefined
  const title = 'A first load where responses take time'
  const about = 'rows a second ÷ download alone of the same pages, by requests in flight'
  const svg = lines({ title, about, labels: inFlight.map(String), lines: shares, top: 1, goal: 0.9 })
  return { file: 'latency.svg', about: title, svg }
}

function memory(all: readonly Series[]): Chart | undefined {
  const groups = all.filter(isOf('memory')).map((series): BarGroup => {
    const show = (value: number): string => `${value.toFixed(0)} MB`
    const names = ['first', 'unchanged304']
    const peak = barsOf(series, names, ({ peakRss }) => peakRss / 1e6, show)
    const usual = barsOf(series, names, ({ medianRss }) => (medianRss ?? 0) / 1e6, show)
    const own = peak.flatMap((bar, at) => [
      { ...bar, label: `${bar.label}, peak` },
      { ...usual[at]!, label: 'median', kind: 'limit' as const },
    ])
    return { label: `${records(series)} records`, bars: own }
  })
  if (groups.length === 0) return undefined
  const title = 'Resident memory of the worker'
  return {
    file: 'memory.svg',
    about: title,
    svg: bars(title, 'MB; the same for ten times the records is the goal', groups),
  }
}

function workers(all: readonly Series[]): Chart | undefined {
  const series = all.find(isOf('workers'))
  if (series === undefined) return undefined
  const names = ['workers1', 'workers2', 'workers4']
  const values = names.map((name) => {
    const own = series.rounds.map(({ phases }) => ratio(speed(phases[name]), speed(phases['workers1'])) ?? 0)
    return own.length === 0 ? 0 : median(own)
  })
  const title = 'Several workers on one list, 200 ms latency'
  const about = 'times as fast as one worker, by number of workers'
  const own = [
    { label: 'ours', values },
    { label: 'no loss at all', values: [1, 2, 4] },
  ]
  return {
    file: 'workers.svg',
    about: title,
    svg: lines({ title, about, labels: ['1', '2', '4'], lines: own, top: 4 }),
  }
}
