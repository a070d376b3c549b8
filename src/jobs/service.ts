/** The parts of `start`, which run until they are drained. */
import type { Logger } from '../logger.ts'
import type { Meter } from '../meter.ts'
import type { Database } from '../store/connection/database.ts'
import type { Presence } from '../store/fleet/presence.ts'
import { pruneHistory } from '../store/runs/prune-history.ts'
import { pruneRecords } from '../store/runs/prune-records.ts'
import { isSuccess } from '../store/runs/runs.ts'
import { RUNS_CHANNEL } from '../store/runs/scheduled-runs.ts'
import type { PullDeps } from '../sync/run/resource-run.ts'
import type { Tracing } from '../tracing.ts'
import { areSent, type AlertSettings } from './alerts/alert-loop.ts'
import { recordRunAlert } from './alerts/run-alerts.ts'
import type { Clock } from './clock.ts'
import { allAlive, type LivenessCheck } from './liveness.ts'
import { IDLE, startLoop, type Loop } from './loop.ts'
import type { Outages } from './outage-log.ts'
import type { Queues } from './queues.ts'
import { createReconciler } from './reconcile.ts'
import type { Schedule } from './schedule.ts'
import { tickOnce, untilNextTick, type SchedulerDeps } from './scheduler.ts'
import { startJobWorker, type Closing } from './worker.ts'

interface Common {
  readonly tracing: Tracing
  readonly sql: Database
  readonly presence: Presence
  readonly queues: Queues
  readonly log: Logger
  readonly meter: Meter
  readonly clock: Clock
  readonly outages: Outages
  readonly schedules: readonly Schedule[]
  readonly alerts: AlertSettings
}

export interface Part {
  readonly liveness: LivenessCheck
  /** Takes nothing new, and resolves when what was going on has ended. */
  drain(): Promise<void>
}

/** Jobs that a queue has lost are created again after this long at most. */
const RECONCILE_MS = 5_000
/** While no run goes on: each that begins is notified. */
const NO_RUN_MS = 30_000

export function startScheduler(deps: Common & SchedulerDeps & { readonly historyDays: number }): Part {
  const { sql, schedules, clock, presence, historyDays } = deps
  const thinning = createThinning(sql, historyDays)
  const closing = closingOf(deps)
  // The pause is computed from the time of the decision: with a later one, a tick between the two would be skipped.
  let decided = { by: clock.now(), at: performance.now() }
  const reconcile = createReconciler({ ...deps, closing })
  let isRunning = true
  const reconciling = startLoop(
    'looking after open runs',
    async (signal) => void (isRunning = await reconcile(signal)),
    () => (isRunning ? RECONCILE_MS : NO_RUN_MS),
    deps,
  )
  void presence.listen(RUNS_CHANNEL, () => reconciling.within(RECONCILE_MS))
  const loops = [
    startLoop(
      'deciding on a tick',
      async () => {
        decided = { by: await clock.read(), at: performance.now() }
        await tickOnce(deps, decided.by)
      },
      () => Math.max(0, untilNextTick(schedules, decided.by) - (performance.now() - decided.at)),
      deps,
    ),
    reconciling,
    startLoop(
      'deleting what is old',
      () => thinning.turn(),
      () => thinning.pauseMs(),
      deps,
    ),
  ]
  return partOf(loops)
}

export function startWorker(deps: Common & { readonly pull: PullDeps; readonly sharePages: number }): Part {
  return startJobWorker({ ...deps, closing: closingOf(deps) })
}

const partOf = (loops: readonly Loop[]): Part => ({
  liveness: allAlive(loops.map((loop) => loop.liveness)),
  async drain() {
    await Promise.all(loops.map((loop) => loop.stop()))
  },
})

function closingOf({ log, alerts }: Common): Closing {
  return {
    async within(tx, run) {
      if (areSent(alerts)) await recordRunAlert(tx, run, log)
    },
    after({ id, kind, outcome, error, startedAt, finishedAt, resources }) {
      const sum = (pick: (one: (typeof resources)[number]) => number): number =>
        resources.reduce((total, one) => total + pick(one), 0)
      const facts = {
        run: id,
        kind,
        outcome,
        resources: resources.length,
        notOk: resources.filter((one) => !isSuccess(one.outcome)).length,
        seen: sum(({ seen }) => seen),
        inserted: sum(({ inserted }) => inserted),
        updated: sum(({ updated }) => updated),
        deleted: sum(({ deleted }) => deleted),
        seconds: Math.round((finishedAt.getTime() - startedAt.getTime()) / 100) / 10,
        ...(error === null ? {} : { error }),
      }
      if (outcome === 'ok') log.info(facts, 'run ends')
      else if (outcome === 'failed') log.error(facts, 'run ends')
      else log.warn(facts, 'run ends')
    },
  }
}

/** What is old is deleted in small steps: SYNC_HISTORY_DAYS, and what the program has noted of itself. */
const THIN_EVERY_MS = 3_600_000
const NEXT_STEP_MS = 1_000

function createThinning(sql: Database, historyDays: number) {
  let lookedAt = -Infinity
  let isMore = false
  return {
    async turn(): Promise<void | typeof IDLE> {
      if (!isMore && performance.now() - lookedAt < THIN_EVERY_MS) return IDLE
      const isMoreHistory = historyDays > 0 && (await pruneHistory(sql, historyDays))
      isMore = (await pruneRecords(sql)) || isMoreHistory
      // Behind it: one that has failed is repeated at the next turn, and not an hour later.
      lookedAt = performance.now()
    },
    pauseMs: (): number => (isMore ? NEXT_STEP_MS : THIN_EVERY_MS),
  }
}
