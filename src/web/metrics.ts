/**
 * /metrics, for Prometheus. Loads prom-client at the first request, since that costs 50 ms of CPU and most processes are never
 * asked.
 */
import type { Meter } from '../meter.ts'
import { withinLimit } from '../within-limit.ts'
import type { Page } from './health.ts'
import type { FleetFacts } from './metrics-facts.ts'
import { OF_FLEET, OF_PROCESS, type Metric, type ProcessFacts } from './metrics-table.ts'

interface Deps {
  readonly version: string
  readonly meter: Meter
  readonly connections: () => ProcessFacts['connections']
  /** Once for all who ask at the same time: cached-for.ts. */
  readonly readFleet: () => Promise<FleetFacts | null>
}

/** Then it is shown without the fleet. Prometheus gives up after ten seconds. */
const PATIENCE_MS = 4_000

export function createMetrics({ version, meter, connections, readFleet }: Deps): () => Promise<Page> {
  return async () => {
    const fleet = await withinLimit(
      readFleet().catch(() => null),
      PATIENCE_MS,
      () => null,
    )
    const own: ProcessFacts = { version, meter, connections: connections(), databaseUp: fleet !== null }
    return await render(fleet, own)
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
