/** Reads what /metrics shows, by the rules of Prometheus' text format, and of nothing of ours. */

export interface Exposition {
  /** Names of metrics to their types. */
  readonly types: ReadonlyMap<string, string>
  /** By `name{label="value"}`, the labels sorted. */
  readonly samples: ReadonlyMap<string, number>
}

export async function scrape(url: string): Promise<Exposition> {
  const response = await fetch(`${url}/metrics`)
  const text = await response.text()
  if (!response.ok) throw new Error(`/metrics: ${response.status} ${text}`)
  const types = new Map<string, string>()
  const samples = new Map<string, number>()
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const [, name, type] = /^# TYPE (\w+) (\w+)$/.exec(line) ?? []
    if (name !== undefined) types.set(name, type!)
    if (line.startsWith('#')) continue
    const [, metric, , labels = '', value] = /^([a-z_]+)(\{(.*)\})? (\S+)$/.exec(line) ?? []
    if (metric === undefined || !types.has(metric)) throw new Error(`Not a sample: ${line}`)
    const sorted = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([pair]) => pair).sort()
    samples.set(
      metric + (sorted.length === 0 ? '' : `{${sorted.join(',')}}`),
      Number(value!.replace('+Inf', 'Infinity')),
    )
  }
  return { types, samples }
}

/** The samples of a metric that have these labels, added up. */
export const sumOf = ({ samples }: Exposition, name: string, ...labels: readonly string[]): number =>
  [...samples]
    .filter(([key]) => key.split('{', 1)[0] === name && labels.every((label) => key.includes(label)))
    .reduce((sum, [, value]) => sum + value, 0)
