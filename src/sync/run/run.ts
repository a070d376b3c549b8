/** A run in this process: every resource read, several at once; one that fails does not stop the others. */
import type { Resource } from '../../catalog/resource.ts'
import { endsTheRun, reason } from '../../errors/sync-error.ts'
import { beginRun, endRun, worstOutcome, type Outcome, type ResourceOutcome } from '../../store/runs/runs.ts'
import { retryLiveViews } from '../../store/schema/live/live-views.ts'
import { canReadIncrementally } from '../incremental/can-read.ts'
import { withDbRetry } from '../with-db-retry.ts'
import { resourcesAtOnce } from './connections.ts'
import { afterParents, type WhenRead } from './dependency-order.ts'
import { pullResource, type ReadOptions, type PullDeps, type PullEvent } from './resource-run.ts'

export interface PullOptions extends ReadOptions {
  readonly resources: readonly Resource[]
  /** Types of the whole run, where an earlier process did some of them. */
  readonly planned?: readonly string[]
  readonly signal: AbortSignal
  readonly onEvent: (event: PullEvent) => void
}

export interface PullReport {
  readonly runId: number
  readonly outcome: Outcome
  readonly outcomes: readonly ResourceOutcome[]
}

/** @throws SyncError what ended the whole run (credentials, account, database, a stop on request); it is on record then. */
export async function pull(deps: PullDeps, options: PullOptions): Promise<PullReport> {
  const run = { kind: 'pull', holder: deps.holder, version: deps.version }
  const runId = await withDbRetry(() => beginRun(deps.sql, run), options.signal)
  const { outcomes, fatal } = await pullAll(deps, runId, options)
  const outcome = fatal === undefined ? worstOutcome(outcomes) : 'failed'
  const error = fatal === undefined ? null : reason(fatal.error)
  const end = withDbRetry(() => endRun(deps.sql, runId, outcome, error), options.signal)
  // With the database gone the run cannot be closed on record; it then shows as never finished, which is true.
  await end.catch((failure: unknown) => {
    throw fatal === undefined ? failure : fatal.error
  })
  if (fatal !== undefined) throw fatal.error
  await retryLiveViews(deps.sql)
  return { runId, outcome, outcomes }
}

interface Pulled {
  readonly outcomes: readonly ResourceOutcome[]
  /** What ended it before all were done. */
  readonly fatal: { readonly error: unknown } | undefined
}

/** Works through the resources of a run that is on record. */
export async function pullAll(deps: PullDeps, runId: number, options: PullOptions): Promise<Pulled> {
  const ending = new AbortController()
  const signal = AbortSignal.any([options.signal, ending.signal])
  const outcomes: ResourceOutcome[] = []
  let fatal: { error: unknown } | undefined
  const settles = (error: unknown): boolean => !endsTheRun(error)
  const types = new Set(options.planned ?? options.resources.map(({ type }) => type))

  const work = async (resource: Resource, whenRead: WhenRead): Promise<void> => {
    try {
      const changesOnly = options.changesOnly === true && canReadIncrementally(resource, types)
      outcomes.push(
        await pullResource(
          { ...deps, whenRead },
          { ...options, changesOnly, signal, runId, resource, isResourceError: settles },
        ),
      )
    } catch (error) {
      fatal ??= { error }
      ending.abort()
    }
  }

  await afterParents(options.resources, options, resourcesAtOnce(deps.concurrency), async (resource, whenRead) => {
    if (fatal === undefined) await work(resource, whenRead)
  })
  return { outcomes, fatal }
}
