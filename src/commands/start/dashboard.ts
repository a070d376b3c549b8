/** What the dashboard has of a process of `start`. */
import { VERSION } from '../../assemble/remote.ts'
import type { Store } from '../../assemble/store.ts'
import type { Config } from '../../config/config.ts'
import type { Queues } from '../../jobs/queues.ts'
import type { Schedule } from '../../jobs/schedule.ts'
import type { SchedulerDeps } from '../../jobs/scheduler.ts'
import type { Dashboard } from '../../web/dashboard.ts'

interface Service {
  readonly config: Config
  readonly store: Store
  readonly schedules: readonly Schedule[]
  readonly resources: SchedulerDeps['resources']
  readonly holder: string
}

/** Loaded with the first page that is asked for: a tenth of a second of CPU, which no start without a reader pays. */
export function dashboardOf(
  { config, store, schedules, resources, holder }: Service,
  queues: () => Queues | undefined,
): Dashboard['handle'] {
  let loaded: Promise<Dashboard> | undefined
  const load = async (): Promise<Dashboard> => {
    const { createDashboard } = await import('../../web/dashboard.ts')
    return createDashboard({
      sql: store.sql,
      databaseUrl: store.url,
      access: { host: config.httpHost, tokens: config.dashboardTokens },
      schedules,
      patterns: { full: config.schedule, incremental: config.incrementalSchedule },
      timezone: config.timezone,
      resources,
      holder,
      queues,
      rate: config.rate,
      push: config.push,
      queue: config.redisUrl === undefined ? 'postgres' : 'redis',
      version: VERSION,
    })
  }
  return async (request, response) => {
    loaded ??= load()
    await (await loaded).handle(request, response)
  }
}
