/** A run in this process: every resource read, several at once; one that fails does not stop the others. */
import type { Resource } from '../resource.ts'
import { beginRun, endRun, worst, type Outcome, type ResourceOutcome } from '../store/runs.ts'
import { pullResource, type PullDeps, type PullEvent } from './pull-resource.ts'
import { reconnecting } from './reconnect.ts'
import { endsTheRun, reason } from '../sync-error.ts'

export interface PullOptions {
  readonly resources: readonly Resource[]
  readonly restart: boolean
  readonly signal: AbortSignal
  readonly onEvent: (event: PullEvent) => void
}

export interface PullReport {
  readonly runId: number
  readonly outcome: Outcome
  readonly outcomes: readonly ResourceOutcome[]
}

/** Each holds a connection while it writes; more lists at once would only queue behind the pace. */
export const RESOURCES_AT_ONCE = 4

/** @throws SyncError what ended the whole run (credentials, account, database, a stop on request); it is on record then. */
export async function pull(deps: PullDeps, options: PullOptions): Promise<PullReport> {
  const run = { kind: 'pull', holder: deps.holder, version: deps.version }
  const runId = await reconnecting(() => beginRun(deps.sql, run), options.signal)
  const ending = new AbortController()
  const signal = AbortSignal.any([options.signal, ending.signal])
  const outcomes: ResourceOutcome[] = []
  let fatal: unknown
  const settles = (error: unknown): boolean => !endsTheRun(error)

  const work = async (resource: Resource): Promise<void> => {
    try {
      outcomes.push(await pullResource(deps, { ...options, signal, runId, resource, settles }))
    } catch (error) {
      fatal ??= error
      ending.abort()
    }
  }

  // Documents that hang on another resource's records come after it.
  for (const wave of [
    options.resources.filter(({ read }) => read.from !== 'each'),
    options.resources.filter(({ read }) => read.from === 'each'),
  ]) {
    await inParallel(wave, RESOURCES_AT_ONCE, async (resource) => {
      if (fatal === undefined) await work(resource)
    })
  }
  const outcome = fatal === undefined ? worst(outcomes) : 'failed'
  // With the database gone the run cannot be closed on record; it then shows as never finished, which is true.
  const error = fatal === undefined ? null : reason(fatal)
  await reconnecting(() => endRun(deps.sql, runId, outcome, error), options.signal).catch((failure: unknown) => {
    fatal ??= failure
  })
  if (fatal !== undefined) throw fatal
  return { runId, outcome, outcomes }
}

async function inParallel<T>(items: readonly T[], limit: number, act: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values()
  await Promise.all(
    Array.from({ length: Math.min(limit, items.length) }, async () => {
      for (const item of queue) await act(item)
    }),
  )
}
