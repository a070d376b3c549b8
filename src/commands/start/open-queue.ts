/** Migrates the database and the queue, each once its server responds, and opens the queue. */
import { catalog } from '../../catalog/registry.ts'
import { reason } from '../../errors/sync-error.ts'
import { connectionsToStart } from '../../jobs/backends.ts'
import type { OpenTracing } from '../../jobs/open-tracing.ts'
import { migrateQueue } from '../../jobs/queue-tables.ts'
import { openQueues, type Queues } from '../../jobs/queues.ts'
import { installationName } from '../../store/fleet/account.ts'
import type { Presence } from '../../store/fleet/presence.ts'
import { describeCheck } from '../../store/schema/capture-state.ts'
import { historyTables } from '../../store/schema/history.ts'
import { migrate } from '../../store/schema/migrate.ts'
import { checkConnectionPath } from '../../store/server/connection-path.ts'
import { awaitServer, reportingLockWaits } from './await-server.ts'
import type { Service } from './serve.ts'

export async function openQueue(
  { config, store, log, outages }: Service,
  presence: Presence,
  tracing: OpenTracing | undefined,
  onWait: (words: string) => void,
  signal: AbortSignal,
): Promise<Queues> {
  const { redisUrl, takeoverSeconds } = config
  const waiting = { store, log, onWait, signal }
  const need = connectionsToStart(config.concurrency, redisUrl)
  await awaitServer(() => checkConnectionPath(store.url, need), waiting)
  const history = historyTables(config.history, catalog.values())
  const changing = { ...reportingLockWaits(waiting), history }
  const lost = describeCheck(await awaitServer(() => migrate(store.url, changing), waiting))
  if (lost !== null) log.warn(lost)
  if (redisUrl === undefined) await awaitServer(() => migrateQueue(store.url, changing), waiting)
  else {
    const { checkRedis } = await import('../../store/redis/redis-check.ts')
    await awaitServer(() => checkRedis(redisUrl), waiting)
  }
  const installation = await awaitServer(() => installationName(store.sql), waiting)
  const place = { databaseUrl: store.url, redisUrl, installation, presence, telemetry: tracing?.telemetry }
  let lastReason = ''
  return openQueues(place, { takeoverSeconds, retryMs: RETRY_MS }, (error) => {
    if (redisUrl === undefined && (outages.note(error) || outages.isAway())) return
    // Logged once, not at every try.
    if (reason(error) !== lastReason) log.warn(`queue: ${reason(error)}`)
    lastReason = reason(error)
  })
}

/** With four more attempts that is a quarter of an hour. Shorter failures are covered by the retries of each request. */
const RETRY_MS = 60_000
