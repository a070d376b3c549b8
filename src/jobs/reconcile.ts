/**
 * Creates the jobs that a run still needs and the queue does not hold: it was wiped, or failed over to an older copy, or the
 * process that opened the run died before it had added them.
 */
import { withCode } from '../errors/sync-error.ts'
import type { ErrorCode } from '../errors/table.ts'
import type { Logger } from '../logger.ts'
import type { Database } from '../store/connection/database.ts'
import { NOTHING_READ, recordOutcome } from '../store/runs/runs.ts'
import { readOpenRun, readOpenRuns, type OpenRun } from '../store/runs/scheduled-runs.ts'
import type { JobState, Queues } from './queues.ts'
import { close, type Closing } from './worker.ts'

interface Deps {
  readonly sql: Database
  /** For what is asked again and again: the connections of the pool may rest meanwhile. */
  readonly session: Database
  readonly queues: Queues
  readonly log: Logger
  readonly closing: Closing
  /** Counts milliseconds, from anywhere. */
  readonly elapsed?: () => number
}

/** Until then the process that opened the run may still be adding its jobs. */
const BEGINNING_SECONDS = 3

/** After the end of a job's delay, before the job counts as forgotten. */
export const LATE_MS = 10_000

interface Missed {
  /** Jobs that no queue knew of at the last check. Under load a run is still given its jobs then. */
  readonly unknown: Set<string>
  /** Postponed jobs, and since when we know it; each start begins another delay. */
  readonly delayed: Map<string, { readonly begun: number; readonly since: number }>
}

/** @returns whether a run goes on. */
export function createReconciler(deps: Deps): (signal: AbortSignal) => Promise<boolean> {
  let before: Missed = { unknown: new Set(), delayed: new Map() }
  return async (signal) => {
    const now: Missed = { unknown: new Set(), delayed: new Map() }
    const runs = await readOpenRuns(deps.session)
    for (const run of runs.filter(({ age }) => age >= BEGINNING_SECONDS))
      await reconcileRun(deps, run, { before, now }, signal)
    before = now
    return runs.length > 0
  }
}

interface Checks {
  readonly before: Missed
  readonly now: Missed
}

async function reconcileRun(deps: Deps, run: OpenRun, checks: Checks, signal: AbortSignal): Promise<void> {
  const { sql, queues, log, closing } = deps
  const states = new Map<string, JobState>()
  for (const resource of run.missing) states.set(resource, await queues.jobState(run.id, resource))
  // Behind the states: a job leaves its outcome before it ends, so of one that has ended it is there by now.
  const missing = (await readOpenRun(sql, run.id))?.missing
  if (missing === undefined) return
  const lost: string[] = []
  for (const resource of missing) {
    const state = states.get(resource)
    if (state === undefined || state === 'live') continue
    if (state === 'none') {
      const key = `${run.id} ${resource}`
      if (checks.before.unknown.has(key)) lost.push(resource)
      checks.now.unknown.add(key)
    } else if (state === 'completed') {
      // It did not do what it was for.
      await queues.removeJob(run.id, resource)
      lost.push(resource)
    } else if ('failed' in state) {
      const outcome = givenUp(resource, state.failed)
      await recordOutcome(sql, run.id, outcome)
      log.warn({ run: run.id, resource, outcome: outcome.outcome, code: outcome.code }, outcome.message)
    } else await promoteIfLate(deps, { ...state, runId: run.id, resource }, checks)
  }
  if (lost.length > 0) {
    log.warn({ run: run.id, resources: lost }, 'jobs of a run that goes on were lost and are made again')
    await queues.addRun(run.id, lost)
  } else await close({ pull: { sql }, closing }, run.id, null, signal)
}

/**
 * The queue knows when a job is to come by some host's clock, of an older version or before the database's was set back. How
 * long it was postponed is right in any case, and so is the time for which we see it wait.
 */
async function promoteIfLate(
  { queues, log, elapsed = () => performance.now() }: Deps,
  { runId, resource, delayedMs, begun }: { runId: number; resource: string; delayedMs: number; begun: number },
  { before, now }: Checks,
): Promise<void> {
  const key = `${runId} ${resource}`
  const known = before.delayed.get(key)
  const since = known?.begun === begun ? known.since : elapsed()
  now.delayed.set(key, { begun, since })
  if (elapsed() - since < delayedMs + LATE_MS) return
  log.warn({ run: runId, resource }, "a job that was postponed by another clock than the database's is done now")
  await queues.promote(runId, resource)
}

const JOB_FAILED: ErrorCode = 'SYNC_JOB_FAILED'

/** The queue has stopped trying, and no worker was left to record it. */
const givenUp = (resource: string, why: string) => ({
  resource,
  outcome: 'failed' as const,
  tookMs: 0,
  ...NOTHING_READ,
  code: JOB_FAILED,
  message: withCode(
    `Its job was given up: ${why}. If workers were killed while they ran it, check their memory limit.`,
    JOB_FAILED,
  ),
})
