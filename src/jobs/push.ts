/**
 * Carries local edits to ScopeStack as they are made: woken by Postgres, and by a check now and then, for what was postponed
 * or whose worker died. The job means only that there may be something; the outbox knows what.
 */
import { errorCodeOf, reason } from '../errors/sync-error.ts'
import type { Logger } from '../logger.ts'
import type { Meter } from '../meter.ts'
import type { Presence } from '../store/fleet/presence.ts'
import { pruneSettledChanges, listenForChanges, readDue } from '../store/outbox/notify.ts'
import type { ChangeOutcome, ChangeResult, PushDeps } from '../sync/push/attempt.ts'
import { push } from '../sync/push/push.ts'
import { actionOnPush, applyToJob } from './job-outcome.ts'
import { allAlive } from './liveness.ts'
import { startLoop } from './loop.ts'
import type { Outages } from './outage-log.ts'
import type { PushDelay, Queues } from './queues.ts'
import { LATE_MS } from './reconcile.ts'
import type { Part } from './service.ts'

interface Deps {
  readonly pusher: PushDeps
  readonly presence: Presence
  readonly queues: Queues
  readonly log: Logger
  readonly meter: Meter
  readonly outages: Outages
}

/** While a change is open: one that was postponed, and a lease whose holder died, are noticed after this long. */
const LOOK_EVERY_MS = 2_000
/** While none is: each that is made is notified, and looked at again until it has ended. */
const REST_MS = 30_000
/**
 * Less often, half a minute at last, while all that is due is kept back by what waits for a person: finding that out for
 * 10,000 changes costs Postgres 0.4 s.
 */
const lookAgainIn = (inVain: number): number => LOOK_EVERY_MS * 2 ** Math.min(inVain, 4)
const TIDY_EVERY_MS = 6 * 3_600_000

export function startPusher({ pusher, presence, queues, log, meter, outages }: Deps): Part {
  const stopping = new AbortController()
  const worker = queues.startPushWorker(async (job, token = '') => {
    const tally = new Map<ChangeOutcome, number>()
    const onSettled = (settled: ChangeResult): void => {
      tally.set(settled.outcome, (tally.get(settled.outcome) ?? 0) + 1)
      meter.add('changes', { outcome: settled.outcome })
      logResult(log, settled)
    }
    try {
      await push(pusher, { signal: stopping.signal, onResult: onSettled })
    } catch (error) {
      const action = actionOnPush(error)
      if (action.do === 'wait' && action.failed) {
        log.error({ code: errorCodeOf(error) ?? undefined }, `local edits wait: ${reason(error)}`)
      }
      await applyToJob(action, { job, token, error })
    } finally {
      if (tally.size > 0) log.info(Object.fromEntries(tally), 'local edits')
    }
  })
  worker.run().catch((error: unknown) => log.error(reason(error)))
  const isOver = createDelayWatch()
  let tidiedAt = -Infinity
  let newest = -1
  let inVain = 0
  let isOpen = true
  const look = async (): Promise<void> => {
    const { due, open, batches } = await readDue(pusher.sql)
    isOpen = open
    inVain = due && batches === newest ? inVain + 1 : 0
    newest = batches
    if (due) {
      await queues.wakePush()
      await queues.endPushDelay(isOver)
    }
    if (performance.now() - tidiedAt < TIDY_EVERY_MS) return
    tidiedAt = performance.now()
    await pruneSettledChanges(pusher.sql)
  }
  const pause = (): number => (isOpen ? lookAgainIn(inVain) : REST_MS)
  const loop = startLoop('looking for local edits', look, pause, { log, outages })
  void listenForChanges(presence, async () => {
    loop.within(LOOK_EVERY_MS)
    await queues.wakePush()
  })
  return {
    liveness: allAlive([loop.liveness, worker.liveness]),
    async drain() {
      await loop.stop()
      const closed = worker.close()
      stopping.abort()
      await closed
    },
  }
}

/**
 * Whether a pause has lasted: the queue may know its end by another clock than the database's, as `reconcile.ts` has it of the
 * jobs of runs.
 */
export function createDelayWatch(elapsed = (): number => performance.now()): (pause: PushDelay) => boolean {
  let known = { key: '', since: 0 }
  return ({ key, delayedMs }) => {
    if (known.key !== key) known = { key, since: elapsed() }
    return elapsed() - known.since >= delayedMs + LATE_MS
  }
}

function logResult(log: Logger, { change, outcome, error }: ChangeResult): void {
  const facts = { change: change.id, resource: change.resource, record: change.recordId, code: error?.code }
  if (error !== null && outcome !== 'postponed') log.warn(facts, error.message)
  else log.debug(facts, outcome)
}
