/**
 * Makes the jobs that a run still needs and no queue has: it was wiped, or failed over to an older copy, or the process
 * that opened the run died before it had added them.
 */
import type { Logger } from '../logger.ts'
import type { Database } from '../store/database.ts'
import { readOpenRuns, type OpenRun } from '../store/planned-runs.ts'
import { recordOutcome } from '../store/runs.ts'
import type { Queues } from './queues.ts'
import { close, type Closing } from './worker.ts'

interface Deps {
  readonly sql: Database
  readonly queues: Queues
  readonly log: Logger
  readonly closing: Closing
}

/** Until then whoever opened the run may still be adding its jobs. */
const BEGINNING_SECONDS = 3

export async function reconcile(deps: Deps, signal: AbortSignal): Promise<void> {
  for (const run of await readOpenRuns(deps.sql, BEGINNING_SECONDS)) await reconcileRun(deps, run, signal)
}

async function reconcileRun({ sql, queues, log, closing }: Deps, run: OpenRun, signal: AbortSignal): Promise<void> {
  const lost: string[] = []
  for (const resource of run.missing) {
    const state = await queues.stateOf(run.id, resource)
    if (state === 'live') continue
    if (typeof state === 'object') await recordOutcome(sql, run.id, givenUp(resource, state.failed))
    else {
      // A job that has ended without an outcome on record did not do what it was for.
      if (state === 'completed') await queues.forget(run.id, resource)
      lost.push(resource)
    }
  }
  if (lost.length > 0) {
    log.warn({ run: run.id, resources: lost }, 'jobs of a run that goes on were lost and are made again')
    await queues.addRun(run.id, lost)
  } else await close({ pull: { sql }, closing }, run.id, null, signal)
}

/** The queue has stopped trying, and nobody was left to say so. */
const givenUp = (resource: string, why: string) => ({
  resource,
  outcome: 'failed' as const,
  startedAt: new Date(),
  expected: null,
  seen: 0,
  inserted: 0,
  updated: 0,
  unchanged: 0,
  deleted: 0,
  parked: 0,
  pages: 0,
  code: 'SYNC_JOB_FAILED',
  message: `Its job was given up: ${why}. If workers were killed while they were at it, look for their memory limit.`,
})
