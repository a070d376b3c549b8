import { setTimeout as delay } from 'node:timers/promises'
/**
 * What BullMQ is to do about a failure: the one file that knows both. Waiting and stopping spend no attempt, and that is
 * said by moving the job first and then throwing the error that stands for the move; a plain error spends one.
 */
import { DelayedError, UnrecoverableError, WaitingError } from 'bullmq'
import { errorCodeOf, endsTheRun, factOf, hasCode, reason, SyncError } from '../errors/sync-error.ts'
import { isConnectionLoss } from '../store/connection/database.ts'
import type { PushJob, SyncJob } from './queues.ts'

/**
 * `retry`: with backoff, spends an attempt · `wait`: later, spends none · `hand-back`: another worker, at once · `record`:
 * it is the resource's outcome · `end-run`: every other resource would meet it too.
 */
export type JobAction =
  | { readonly do: 'retry' | 'hand-back' | 'record' | 'end-run' }
  | { readonly do: 'wait'; readonly ms: number }

/** Between two looks at a lease that somebody has, or a database that is away. */
const WAIT_MS = 2_000
/** A server that asks for more is asked again after this. */
const LONGEST_WAIT_MS = 60 * 60_000

/** What the work is done with, and not the work: however long it is away, no attempt is spent on it. */
const AWAY = ['SYNC_REDIS_UNREACHABLE', 'SYNC_REDIS_UNWRITABLE', 'SYNC_QUEUE_UNREACHABLE'] as const

export function actionOn(error: unknown, { lastAttempt }: { lastAttempt: boolean }): JobAction {
  if (isConnectionLoss(error)) return { do: 'wait', ms: WAIT_MS }
  if (!(error instanceof SyncError)) return { do: lastAttempt ? 'record' : 'retry' }
  if (hasCode(error, 'SYNC_STOPPED')) return { do: 'hand-back' }
  // Whoever has it now does the work; this job only has to see that it was done.
  if (hasCode(error, 'SYNC_LEASE_LOST')) return { do: 'wait', ms: WAIT_MS }
  if (hasCode(error, ...AWAY)) return { do: 'wait', ms: WAIT_MS }
  if (error.remedy === 'wait') return { do: 'wait', ms: waitOf(error) }
  if (error.remedy === 'retry') return { do: lastAttempt ? 'record' : 'retry' }
  return { do: endsTheRun(error) ? 'end-run' : 'record' }
}

function waitOf(error: SyncError): number {
  const ms = (factOf(error, 'seconds') ?? 0) * 1000
  return ms > 0 ? Math.min(ms, LONGEST_WAIT_MS) : WAIT_MS
}

/** True while the job runs for the last time. */
export const isLastAttempt = ({ attemptsMade, opts }: SyncJob): boolean => attemptsMade + 1 >= (opts.attempts ?? 1)

/** @throws always: the error that BullMQ understands. */
export async function applyToJob(action: JobAction, error: unknown, job: SyncJob, token: string): Promise<never> {
  if (action.do === 'wait') return await postpone(job, token, action.ms)
  if (action.do === 'hand-back') return await handBack(job, token)
  // A message and no more: it is kept in the queue, where nothing of ScopeStack's is to be.
  if (action.do === 'retry') throw new Error(codeAndReason(error))
  throw new UnrecoverableError(codeAndReason(error))
}

const codeAndReason = (error: unknown): string => errorCodeOf(error) ?? reason(error)

/** @throws always. */
export async function postpone(job: SyncJob | PushJob, token: string, ms: number): Promise<never> {
  await moved(job.moveToDelayed(Date.now() + ms, token))
  throw new DelayedError()
}

/** @throws always. */
export async function handBack(job: SyncJob | PushJob, token: string): Promise<never> {
  await moved(job.moveToWait(token))
  throw new WaitingError()
}

/**
 * A queue that does not answer holds nobody up, least of all a process that is to end: the job's lock runs out, and whoever
 * looks for such locks puts it back, which spends no attempt either.
 */
const MOVE_MS = 5_000

async function moved(work: Promise<unknown>): Promise<void> {
  const given = new AbortController()
  // Abandoned, it may still fail.
  work.catch(() => {})
  try {
    await Promise.race([work, delay(MOVE_MS, undefined, { signal: given.signal }).catch(() => {})])
  } finally {
    given.abort()
  }
}
