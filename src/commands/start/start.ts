import { once } from 'node:events'
import { hostname } from 'node:os'
import { VERSION } from '../../assemble/remote.ts'
import { explainStoreError, openStore, type Store } from '../../assemble/store.ts'
import { openPusher, openWorker } from '../../assemble/worker.ts'
import { catalog } from '../../catalog/registry.ts'
import type { Config } from '../../config/config.ts'
import { usage } from '../../errors/commands.ts'
import { EXIT, hasCode, reason, SyncError } from '../../errors/sync-error.ts'
import { connectionsToStart } from '../../jobs/backends.ts'
import { openClock, type Clock } from '../../jobs/clock.ts'
import { createOutages, type Outages } from '../../jobs/outage-log.ts'
import { startHeartbeat } from '../../jobs/presence.ts'
import { startPusher } from '../../jobs/push.ts'
import { migrateQueue } from '../../jobs/queue-tables.ts'
import { openQueues, type Queues } from '../../jobs/queues.ts'
import { readSchedules, type Schedule } from '../../jobs/schedule.ts'
import type { SchedulerDeps } from '../../jobs/scheduler.ts'
import { startScheduler, startWorker, watchClock, type Part } from '../../jobs/service.ts'
import { createLogger, type Logger, noteRetries } from '../../logger.ts'
import { backoff, sleep } from '../../remote/http/retry.ts'
import { stderr, stdout } from '../../screen/streams.ts'
import { explainDatabase } from '../../store/connection/database.ts'
import { shortenPatience } from '../../store/connection/watch.ts'
import { installationName } from '../../store/fleet/account.ts'
import { checkRedis } from '../../store/redis/redis-check.ts'
import { describeCheck } from '../../store/schema/capture-state.ts'
import { isMigrated, migrate } from '../../store/schema/migrate.ts'
import { checkSurroundings } from '../../store/server/surroundings.ts'
import { createWriteCheck } from '../../store/server/writable.ts'
import { canReadIncrementally } from '../../sync/incremental/incremental.ts'
import { withDbRetry } from '../../sync/with-db-retry.ts'
import { startWeb, type Web } from '../../web/health.ts'
import { chooseResources } from '../choose-resources.ts'
import { embeddedNote } from '../output/embedded-note.ts'
import { readSettings } from '../settings.ts'
import type { Call } from '../verb.ts'
import { awaitServer, reportingLockWaits } from './await-server.ts'
import { drain } from './drain.ts'
import { createGrace } from './grace.ts'

const PARTS = ['scheduler', 'worker', 'web'] as const
type PartName = (typeof PARTS)[number]

export async function run({ options, signal }: Call): Promise<number> {
  const parts = partsOf(options['only'])
  const config = readSettings({ credentials: parts.has('worker') })
  const schedules = readSchedules(config)
  const chosen = chooseResources(catalog, config.resources)
  const types = new Set(chosen.map(({ type }) => type))
  const resources = {
    full: [...types],
    incremental: chosen.filter((resource) => canReadIncrementally(resource, types)).map(({ type }) => type),
  }
  const log = createLogger({ level: config.logLevel, terminal: stderr.terminal && !config.production })
  if (signal.aborted) return EXIT.ok
  const store = await openStore(config, signal).catch(unlessStopped)
  if (store === undefined) return EXIT.ok
  stdout.say(embeddedNote(store, 'this does'))
  const service: Service = { config, schedules, resources, log, outages: createOutages(log), store, parts }
  try {
    await serve(service, signal)
    return EXIT.ok
  } catch (error) {
    unlessStopped(await explainStoreError(error, store))
    return EXIT.ok
  } finally {
    await store.close()
    // What a peer that is gone keeps open is to keep nobody waiting: all is said and done.
    setTimeout(() => process.exit(), 1_000).unref()
  }
}

/** Stopped on request is how it ends well. */
function unlessStopped(error: unknown): undefined {
  if (!hasCode(error, 'SYNC_STOPPED')) throw error
}

function partsOf(only: string | boolean | undefined): ReadonlySet<PartName> {
  if (only === undefined) return new Set(PARTS)
  const part = PARTS.find((name) => name === only)
  if (part === undefined) throw usage(`--only is one of ${PARTS.join(', ')}, not "${String(only)}".`)
  return new Set([part])
}

interface Service {
  readonly config: Config
  readonly schedules: readonly Schedule[]
  readonly resources: SchedulerDeps['resources']
  readonly log: Logger
  readonly outages: Outages
  readonly store: Store
  readonly parts: ReadonlySet<PartName>
}

async function serve(service: Service, signal: AbortSignal): Promise<void> {
  const { config, log, store, parts } = service
  const running: Pick<Part, 'drain'>[] = []
  /** What they need, in the order in which it was opened. */
  const opened: (() => Promise<void>)[] = []
  const livenessChecks: Record<string, () => Promise<string>> = {}
  const proveWrites = createWriteCheck(store.sql)
  let queues: Queues | undefined
  let clock: Clock | undefined
  let web: Web | undefined
  let ready = false
  let missing = 'still starting'
  // From the signal on, wherever it is by then: a statement at start may wait for a lock as well.
  const grace = createGrace({ log, seconds: config.graceSeconds })
  const ending = (): void => {
    grace.begin()
    shortenPatience()
  }
  if (signal.aborted) ending()
  else signal.addEventListener('abort', ending, { once: true })
  try {
    const begin = (name: string, part: Part): void => {
      running.push(part)
      livenessChecks[name] = async () => part.liveness()
    }
    const started = async (): Promise<void> => {
      if (!ready) throw new Error(missing)
    }
    web = await startWeb({
      host: config.httpHost,
      port: config.httpPort,
      // Every part answers for itself; one that is beside the others takes another port where it must.
      elsewhere: config.httpPort === undefined || !parts.has('web'),
      checks: () => ({ ...(queues && checksOf(store, queues, proveWrites)), ...livenessChecks, started }),
      notices: () => (clock === undefined ? {} : { clock: clock.notice() }),
    })
    // From now on, so that a database that is away at boot does not get the process killed.
    log.info({ url: web.url }, 'answers /healthz and /readyz')
    queues = await openQueue(service, (words) => (missing = words), signal)
    missing = 'still starting'
    clock = await withDbRetry(() => openClock({ sql: store.sql, log }), signal)
    running.push(watchClock({ ...service, clock }))
    const holder = `${hostname()}, process ${process.pid}`
    const { alertWebhookUrl, proxy } = config
    const common = { ...service, sql: store.sql, clock, queues, alertWebhookUrl, proxy }
    running.push(startHeartbeat({ ...common, holder, version: VERSION }))
    if (parts.has('scheduler')) begin('scheduler', startScheduler({ ...common, holder, version: VERSION }))
    if (parts.has('worker')) {
      const pull = await openPatiently(service, signal)
      clock.compareWith(() => pull.client.time())
      opened.push(() => pull.close())
      begin('worker', startWorker({ ...common, pull }))
      if (config.push === 'on') {
        const pusher = openPusher(pull, config)
        opened.push(() => pusher.close())
        begin('push', startPusher({ ...common, pusher, presence: pull.presence }))
      } else log.info('local edits wait for "push", since SYNC_PUSH is off')
    }
    ready = true
    log.info({ version: VERSION, parts: [...parts], queue: queues.kind }, 'started')
    if (!signal.aborted) await once(signal, 'abort')
  } finally {
    ready = false
    if (signal.aborted) log.info('stopping: what is under way is handed over')
    ending()
    await drain({ running, opened, web, queues })
    signal.removeEventListener('abort', ending)
    grace.end()
    if (signal.aborted) log.info('stopped')
  }
}

async function openQueue(
  { config, store, log, outages, parts }: Service,
  onWait: (words: string) => void,
  signal: AbortSignal,
): Promise<Queues> {
  const { redisUrl, takeoverSeconds } = config
  const waiting = { store, log, onWait, signal }
  const works = parts.has('worker')
  const need = connectionsToStart(config.concurrency, redisUrl, works)
  await awaitServer(() => checkSurroundings(store.url, need), waiting)
  const changing = reportingLockWaits(waiting)
  const lost = describeCheck(await awaitServer(() => migrate(store.url, changing), waiting))
  if (lost !== null) log.warn(lost)
  if (redisUrl === undefined) await awaitServer(() => migrateQueue(store.url, changing), waiting)
  else await awaitServer(() => checkRedis(redisUrl), waiting)
  const installation = await awaitServer(() => installationName(store.sql), waiting)
  const place = { databaseUrl: store.url, redisUrl, installation, works }
  let said = ''
  return openQueues(place, { takeoverSeconds, retryMs: RETRY_MS }, (error) => {
    if (redisUrl === undefined && (outages.note(error) || outages.isAway())) return
    // A server that is away is told of once, not at every try.
    if (reason(error) !== said) log.warn(`queue: ${reason(error)}`)
    said = reason(error)
  })
}

/** Four more attempts, a quarter of an hour in all: beside the retries of each request, which ride out shorter failures. */
const RETRY_MS = 60_000

function checksOf({ sql, url }: Store, queues: Queues, proveWrites: () => Promise<void>) {
  return {
    async database() {
      try {
        if (!(await isMigrated(sql))) throw new Error('the schema is of an older version; run "migrate"')
        await proveWrites()
      } catch (error) {
        throw explainDatabase(error, url)
      }
    },
    queue: () => queues.ping(),
  }
}

/** Waits for a ScopeStack that is away; wrong credentials or another account end it. */
async function openPatiently({ config, store, log }: Service, signal: AbortSignal) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await openWorker(config, store, signal, noteRetries(log))
    } catch (error) {
      const later = error instanceof SyncError && (error.remedy === 'retry' || error.remedy === 'wait')
      if (!later) throw error
      log.warn({ code: error.code }, `${error.message} Trying again.`)
      await sleep(1_000 + backoff(attempt, { baseMs: 1_000, capMs: 60_000, attempts: 0 }), signal)
    }
  }
}
