/** What the dashboard has of a process of `start`. */
import { VERSION } from '../../assemble/remote.ts'
import type { Dashboard, DashboardDeps } from '../../web/dashboard.ts'
import type { Running, Service } from './serve.ts'

/** Loaded with the first page that is asked for: a tenth of a second of CPU, which no start without a reader pays. */
export function dashboardOf(
  { config, store, schedules, resources }: Service,
  running: Running,
  { fleet, overview }: Pick<DashboardDeps, 'fleet' | 'overview'>,
): Dashboard['handle'] {
  let loaded: Promise<Dashboard> | undefined
  const load = async (): Promise<Dashboard> => {
    const { createDashboard } = await import('../../web/dashboard.ts')
    return createDashboard({
      sql: store.sql,
      databaseUrl: store.url,
      overview,
      access: { host: config.httpHost, tokens: config.dashboardTokens },
      schedules,
      patterns: { full: config.schedule, incremental: config.incrementalSchedule },
      timezone: config.timezone,
      resources,
      holder: running.holder,
      now: () => ({ queues: running.queues, tracing: running.tracing?.tracing, log: running.log }),
      rate: config.rate,
      fleet,
      push: config.push,
      meter: running.meter,
      version: VERSION,
    })
  }
  return async (request, response) => {
    loaded ??= load()
    await (await loaded).handle(request, response)
  }
}
