/**
 * What a process has done since it began, as counts that only grow. Plain numbers: they cost nothing until someone reads them
 * (web/metrics.ts), so every process counts.
 */

/** Each with the names of its labels; web/metrics.ts says what they mean. */
export interface Counts {
  readonly requests: 'target' | 'method' | 'status'
  readonly requestSeconds: 'target' | 'method'
  readonly retries: 'code'
  readonly waitSeconds: never
  /** Goes up and down. */
  readonly inFlightLimit: never
  readonly tokens: 'outcome'
  readonly pulls: 'resource' | 'outcome'
  readonly pullSeconds: 'resource'
  readonly rows: 'resource' | 'action'
  readonly changes: 'outcome'
  readonly signIns: 'outcome'
}

export type CountName = keyof Counts
export type LabelsOf<N extends CountName> = Readonly<Record<Counts[N], string>>

export interface Count {
  readonly labels: Readonly<Record<string, string>>
  value: number
}

export interface Meter {
  add<N extends CountName>(name: N, labels: LabelsOf<N>, by?: number): void
  read(name: CountName): readonly Count[]
}

export function createMeter(): Meter {
  const counts = new Map<CountName, Map<string, Count>>()
  return {
    add(name, labels, by = 1) {
      let series = counts.get(name)
      if (series === undefined) counts.set(name, (series = new Map()))
      const key = Object.values<string>(labels).join('\n')
      const count = series.get(key)
      if (count === undefined) series.set(key, { labels, value: by })
      else count.value += by
    },
    read: (name) => [...(counts.get(name)?.values() ?? [])],
  }
}
