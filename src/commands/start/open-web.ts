/** The HTTP port of `start`: what each of its pages reads. */
import { VERSION } from '../../assemble/remote.ts'
import type { Store } from '../../assemble/store.ts'
import type { Queues } from '../../jobs/queues.ts'
import { readLostEdits, readOverview } from '../../report/overview.ts'
import { connectionsTo, explainDatabase } from '../../store/connection/database.ts'
import { isMigrated } from '../../store/schema/migrate.ts'
import { createWriteCheck } from '../../store/server/fitness.ts'
import { cachedFor, KEPT_MS } from '../../web/cached-for.ts'
import { startWeb, type Checks, type Web } from '../../web/health.ts'
import { readFleetFacts } from '../../web/metrics-facts.ts'
import { createMetrics } from '../../web/metrics.ts'
import { fleetStateOf } from '../settings.ts'
import { dashboardOf } from './dashboard.ts'
import type { Running, Service } from './serve.ts'

export async function openWeb(service: Service, running: Running): Promise<Web> {
  const { config, store, parts } = service
  const { sql } = store
  const fleet = fleetStateOf(config, sql)
  running.closers.push(() => fleet.close())
  const checkWrites = createWriteCheck(sql)
  const lostEdits = cachedFor(LOST_EDITS_KEPT_MS, () => readLostEdits(sql))
  const overview = cachedFor(KEPT_MS, () => readOverview(sql, { ...service, rate: config.rate, fleet, lostEdits }))
  const started = async (): Promise<void> => {
    if (running.notReady !== null) throw new Error(running.notReady)
  }
  return await startWeb({
    host: config.httpHost,
    port: config.httpPort,
    // Every process has its own /healthz; a worker beside a web part takes another port when this one is taken.
    elsewhere: config.httpPort === undefined || !parts.has('web'),
    checks: () => ({
      ...(running.queues && serverChecks(store, running.queues, checkWrites)),
      ...running.liveness,
      started,
    }),
    pages: {
      '/metrics': createMetrics({
        version: VERSION,
        meter: running.meter,
        connections: () => connectionsTo(store.url),
        isStarted: () => running.notReady === null,
        readFleet: () => readFleetFacts({ sql, overview, queues: () => running.queues }),
      }),
    },
    notices: () => (running.clock === undefined ? {} : { clock: running.clock.notice() }),
    otherwise: parts.has('web') ? dashboardOf(service, running, { fleet, overview }) : undefined,
  })
}

/** A trigger that was dropped is shown that late, and so is one that "migrate" has made again. */
const LOST_EDITS_KEPT_MS = 15_000

function serverChecks({ sql, url }: Store, queues: Queues, checkWrites: () => Promise<void>): Checks {
  return {
    async database() {
      try {
        if (!(await isMigrated(sql))) throw new Error('the schema is of an older version; run "migrate"')
        await checkWrites()
      } catch (error) {
        throw explainDatabase(error, url)
      }
    },
    queue: () => queues.ping(),
  }
}
