/** What `start` runs, from the first response of /healthz until all parts have ended. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { hostname } from 'node:os'
import { VERSION } from '../../assemble/remote.ts'
import type { Store } from '../../assemble/store.ts'
import { openPusher, openWorker } from '../../assemble/worker.ts'
import type { Config } from '../../config/config.ts'
import { SyncError } from '../../errors/sync-error.ts'
import { startAlerts } from '../../jobs/alerts/alert-loop.ts'
import { openClock, type Clock } from '../../jobs/clock.ts'
import type { OpenTracing } from '../../jobs/open-tracing.ts'
import type { Outages } from '../../jobs/outage-log.ts'
import { startHeartbeat } from '../../jobs/presence.ts'
import { startPusher } from '../../jobs/push.ts'
import type { Queues } from '../../jobs/queues.ts'
import { startSavingRequests } from '../../jobs/save-requests.ts'
import type { Schedule } from '../../jobs/schedule.ts'
import type { SchedulerDeps } from '../../jobs/scheduler.ts'
import { startScheduler, startWorker, type Part } from '../../jobs/service.ts'
import { type Logger, noteRetries } from '../../logger.ts'
import { createMeter, type Meter } from '../../meter.ts'
import { backoff, RETRY, sleep } from '../../remote/http/retry.ts'
import { createRequestLog, type RequestLog } from '../../request-log.ts'
import { exitAtOnce } from '../../signals.ts'
import { connectionsTo } from '../../store/connection/database.ts'
import { shortenPatience } from '../../store/connection/watch.ts'
import { openPresence, type Presence } from '../../store/fleet/presence.ts'
import { withDbRetry } from '../../sync/with-db-retry.ts'
import { UNTRACED, type Tracing } from '../../tracing.ts'
import type { Web } from '../../web/health.ts'
import { withPages } from '../../web/log-pages.ts'
import { openQueue } from './open-queue.ts'
import { openWeb } from './open-web.ts'

export const PARTS = ['scheduler', 'worker', 'web'] as const
export type PartName = (typeof PARTS)[number]

export interface Service {
  readonly config: Config
  readonly schedules: readonly Schedule[]
  readonly resources: SchedulerDeps['resources']
  readonly log: Logger
  readonly outages: Outages
  readonly store: Store
  readonly parts: ReadonlySet<PartName>
}

/** What was started so far; `stop` ends it. */
export interface Running {
  /** In sync.processes, and in traces. */
  readonly id: string
  readonly holder: string
  /** Whose lines name the page that shows what they are about, where the dashboard is served. */
  log: Logger
  tracing?: OpenTracing | undefined
  readonly meter: Meter
  readonly parts: Pick<Part, 'drain'>[]
  readonly liveness: Record<string, () => Promise<string>>
  /** Closes what the parts use, in the order in which it was opened. */
  readonly closers: (() => Promise<void>)[]
  queues?: Queues
  clock?: Clock
  web?: Web
  /** Why /readyz is not ok; null once all parts run. */
  notReady: string | null
}

const STARTING = 'still starting'

/** Resolves when the signal has fired and everything has ended. */
export async function serve(service: Service, signal: AbortSignal): Promise<void> {
  const { config, log, parts } = service
  const running: Running = {
    id: randomUUID(),
    holder: `${hostname()}, process ${process.pid}`,
    log,
    meter: createMeter(),
    parts: [],
    liveness: {},
    closers: [],
    notReady: STARTING,
  }
  let grace: NodeJS.Timeout | undefined
  // Begins with the signal, wherever the start is by then: a statement of it may wait for a lock, too.
  const stopping = (): void => {
    grace ??= setTimeout(() => {
      log.warn('SYNC_GRACE is over: another process will take over what is still under way')
      void exitAtOnce()
    }, config.graceSeconds * 1000)
    shortenPatience()
  }
  if (signal.aborted) stopping()
  else signal.addEventListener('abort', stopping, { once: true })
  try {
    running.web = await openWeb(service, running)
    // Before anything waits for the database, so that one that is away at boot does not get the process killed.
    log.info(
      { url: running.web.url },
      `answers ${parts.has('web') ? 'the dashboard, ' : ''}/healthz, /readyz and /metrics`,
    )
    if (parts.has('web')) running.log = withPages(log, running.web.url)
    const queue = await startParts({ ...service, log: running.log }, running, signal)
    running.notReady = null
    log.info({ version: VERSION, parts: [...parts], queue }, 'started')
    if (!signal.aborted) await once(signal, 'abort')
  } finally {
    running.notReady = STARTING
    if (signal.aborted) log.info('stopping: what is under way is handed over')
    stopping()
    await stop(running)
    signal.removeEventListener('abort', stopping)
    clearTimeout(grace)
    if (signal.aborted) log.info('stopped')
  }
}

/** Loaded only here: it costs 0.2 s of CPU. */
async function openTracingIfSet(
  { otlpEndpoint: endpoint }: Config,
  instance: string,
): Promise<OpenTracing | undefined> {
  if (endpoint === undefined) return undefined
  const { openTracing } = await import('../../jobs/open-tracing.ts')
  return await openTracing({ endpoint, version: VERSION, instance })
}

/** @returns what the queue is kept in. */
async function startParts(service: Service, running: Running, signal: AbortSignal): Promise<Queues['kind']> {
  const { config, log, store, parts } = service
  const begin = (name: string, part: Part): void => {
    running.parts.push(part)
    running.liveness[name] = async () => part.liveness()
  }
  running.tracing = await openTracingIfSet(config, running.id)
  const tracing = running.tracing?.tracing ?? UNTRACED
  const presence = openPresence(store.sql)
  running.closers.push(() => presence.close())
  const queues = await openQueue(service, presence, running.tracing, (words) => (running.notReady = words), signal)
  running.queues = queues
  running.notReady = STARTING
  const clock = await withDbRetry(() => openClock({ sql: presence.session, log }), signal)
  running.clock = clock
  const { alerts: settings, proxy, push } = config
  const identity = { id: running.id, holder: running.holder, version: VERSION }
  const { meter } = running
  const common = {
    ...service,
    meter,
    tracing,
    sql: store.sql,
    presence,
    session: presence.session,
    clock,
    queues,
    alerts: settings,
  }
  running.parts.push(startHeartbeat({ ...common, ...identity, connections: () => countConnections(store) }))
  const alerts = startAlerts({ ...common, proxy, pushes: push === 'on', processId: identity.id })
  running.parts.push(alerts)
  if (parts.has('scheduler'))
    begin('scheduler', startScheduler({ ...common, ...identity, historyDays: config.historyDays }))
  if (parts.has('worker')) {
    const requests = createRequestLog()
    running.parts.push(startSavingRequests({ ...common, ...identity, requests }))
    const pull = await openPatiently(service, { meter, tracing, requests, presence }, signal)
    clock.compareWith(() => pull.client.time())
    alerts.watch(pull.readToken)
    running.closers.push(() => pull.close())
    begin('worker', startWorker({ ...common, pull, sharePages: config.sharePages }))
    if (push === 'on') {
      const pusher = openPusher(pull, config)
      begin('push', startPusher({ ...common, pusher }))
    } else log.info('local edits wait for "push", since SYNC_PUSH is off')
  }
  return queues.kind
}

/** All parts at once, so that those that wait for the same silent server wait together; then what their last pages used. */
async function stop({ parts, closers, queues, tracing, web }: Running): Promise<void> {
  await Promise.all(parts.map((part) => part.drain()))
  for (const close of closers.toReversed()) await close()
  await queues?.close()
  await tracing?.close()
  await web?.close()
}

function countConnections({ url }: Store): number {
  const { busy, idle } = connectionsTo(url)
  return busy + idle
}

/** Waits for a ScopeStack that is away; wrong credentials or another account end it. */
async function openPatiently(
  { config, store, log }: Service,
  shared: { meter: Meter; tracing: Tracing; requests: RequestLog; presence: Presence },
  signal: AbortSignal,
) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await openWorker(config, store, signal, noteRetries(log), RETRY, shared)
    } catch (error) {
      const later = error instanceof SyncError && (error.remedy === 'retry' || error.remedy === 'wait')
      if (!later) throw error
      log.warn({ code: error.code }, `Trying again. ${error.message}`)
      await sleep(1_000 + backoff(attempt, { baseMs: 1_000, capMs: 60_000, attempts: 0 }), signal)
    }
  }
}
