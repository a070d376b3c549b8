/**
 * /metrics, for Prometheus. Loads prom-client at the first request, since that costs 50 ms of CPU and most processes are never
 * asked.
 */
import type { Meter } from '../meter.ts'
import { withinLimit } from '../within-limit.ts'
import type { Page } from './health.ts'
import type { FleetFacts } from './metrics-facts.ts'
import { OF_FLEET, type Metric } from './metrics-table.ts'
import { OF_PROCESS, type ProcessFacts } from './process-metrics.ts'

interface Deps {
  readonly version: string
  readonly meter: Meter
  readonly connections: () => ProcessFacts['connections']
  readonly isStarted: () => boolean
  /** Once for all who ask at the same time: cached-for.ts. Null where the database answers, and the state cannot be read. */
  readonly readFleet: () => Promise<FleetFacts | null>
}

/** Then it is shown without the fleet. Prometheus gives up after ten seconds. */
const PATIENCE_MS = 4_000

/** The database does not answer. */
const AWAY = 'away' as const

export function createMetrics({ version, meter, connections, isStarted, readFleet }: Deps): () => Promise<Page> {
  return async () => {
    const fleet = await withinLimit(
      readFleet().catch(() => AWAY),
      PATIENCE_MS,
      () => AWAY,
    )
    const databaseUp = fleet !== AWAY
    const own: ProcessFacts = { version, meter, connections: connections(), databaseUp, isStarted: isStarted() }
    return await render(fleet === AWAY ? null : fleet, own)
  }
}

const PREFIX = 'scopestack_sync_'

/** A registry for each page: what is gone since the last one, such as a run, is not shown any more. */
async function render(fleet: FleetFacts | null, own: ProcessFacts): Promise<Page> {
  const { default: prometheus } = await import('prom-client')
  const registry = new prometheus.Registry()
  const show = <F>(facts: F, metrics: readonly Metric<F>[]): void => {
    for (const { name, type, help, labels, of } of metrics) {
      const options = { name: PREFIX + name, help, labelNames: [...labels], registers: [registry] }
      const shown = type === 'gauge' ? new prometheus.Gauge(options) : new prometheus.Counter(options)
      for (const [given, value] of of(facts)) shown.inc(given, value)
    }
  }
  if (fleet !== null) show(fleet, OF_FLEET)
  show(own, OF_PROCESS)
  return { contentType: registry.contentType, text: await registry.metrics() }
}
