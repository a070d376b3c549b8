/**
 * From a failure to what BullMQ does with the job, for runs and for pushes: `actionOn` decides, `applyToJob` does it.
 *
 *   a failure                              a run's job                    the push's job
 *   stopped                                hand-back                      hand-back
 *   a lease, Postgres or the queue away,   wait: later                    wait: later
 *   or ScopeStack sends Retry-After
 *   may pass (5xx, a time-out, a bug)      retry, with backoff;           wait half a minute, logged: what it is for
 *                                          the last time: record          is in the outbox, and stays there
 *   the resource's own (403, 404)          record, and done with it       the same
 *   of every resource (credentials)        end-run                        the same
 *
 * Waiting and stopping spend no attempt: the job is moved first, and then the error is thrown that stands for the move. A plain
 * error spends one, and is a retry; an UnrecoverableError fails the job for good.
 */
import { DelayedError, UnrecoverableError, WaitingError } from 'bullmq'
import { errorCodeOf, endsTheRun, factOf, hasCode, reason, SyncError } from '../errors/sync-error.ts'
import { isConnectionLoss } from '../store/connection/database.ts'
import type { PushJob, SyncJob } from './queues.ts'
import { withTimeout } from './with-timeout.ts'

/**
 * `retry`: with backoff, spends an attempt · `wait`: later, spends none · `hand-back`: another worker, at once · `record`:
 * it is the resource's outcome · `end-run`: every other resource would meet it too.
 */
export type JobAction =
  | { readonly do: 'retry' | 'hand-back' | 'record' | 'end-run' }
  | { readonly do: 'wait'; readonly ms: number; readonly failed?: true }

/** Between two tries to obtain a lease that another worker holds, or a database that is away. */
const WAIT_MS = 2_000
/** A server that demands a longer wait is tried again after this. */
const LONGEST_WAIT_MS = 60 * 60_000
/** A push that failed as every other change would, too. */
const PUSH_FAILED_MS = 30_000

/** The queue is away, not the work: no attempt is spent on it, however long it takes. */
const AWAY = ['SYNC_REDIS_UNREACHABLE', 'SYNC_REDIS_UNWRITABLE', 'SYNC_QUEUE_UNREACHABLE'] as const

export function actionOn(error: unknown, { lastAttempt }: { lastAttempt: boolean }): JobAction {
  if (isConnectionLoss(error)) return { do: 'wait', ms: WAIT_MS }
  if (!(error instanceof SyncError)) return { do: lastAttempt ? 'record' : 'retry' }
  if (hasCode(error, 'SYNC_STOPPED')) return { do: 'hand-back' }
  // The holder does the work; this job only has to see that it was done.
  if (hasCode(error, 'SYNC_LEASE_LOST')) return { do: 'wait', ms: WAIT_MS }
  if (hasCode(error, ...AWAY)) return { do: 'wait', ms: WAIT_MS }
  if (error.remedy === 'wait') return { do: 'wait', ms: waitOf(error) }
  if (error.remedy === 'retry') return { do: lastAttempt ? 'record' : 'retry' }
  return { do: endsTheRun(error) ? 'end-run' : 'record' }
}

/** The job of a push is never given up. @returns `failed` for a failure that waiting alone does not explain. */
export function actionOnPush(error: unknown): JobAction {
  const action = actionOn(error, { lastAttempt: false })
  return action.do === 'hand-back' || action.do === 'wait' ? action : { do: 'wait', ms: PUSH_FAILED_MS, failed: true }
}

function waitOf(error: SyncError): number {
  const ms = (factOf(error, 'seconds') ?? 0) * 1000
  return ms > 0 ? Math.min(ms, LONGEST_WAIT_MS) : WAIT_MS
}

/** True while the job runs for the last time. */
export const isLastAttempt = ({ attemptsMade, opts }: SyncJob): boolean => attemptsMade + 1 >= (opts.attempts ?? 1)

interface Failed {
  readonly job: SyncJob | PushJob
  /** Of the worker's lock on the job. */
  readonly token: string
  readonly error: unknown
}

/**
 * A queue that does not respond must not block a process that is to end: the job's lock expires then, and another worker's check
 * for expired locks puts it back, which spends no attempt either.
 *
 * @throws always: the error that BullMQ understands. A job whose work throws nothing is done.
 */
export async function applyToJob(action: JobAction, { job, token, error }: Failed): Promise<never> {
  switch (action.do) {
    case 'wait':
      await withTimeout(job.moveToDelayed(Date.now() + action.ms, token))
      throw new DelayedError()
    case 'hand-back':
      await withTimeout(job.moveToWait(token))
      throw new WaitingError()
    case 'retry':
      throw new Error(codeAndReason(error))
    case 'record':
    case 'end-run':
      throw new UnrecoverableError(codeAndReason(error))
  }
}

/** Only a message: the queue keeps it, and must not hold data of ScopeStack. */
const codeAndReason = (error: unknown): string => errorCodeOf(error) ?? reason(error)
