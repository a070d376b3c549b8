/**
 * Everything again, by a person's wish: a run that outlives its process. What it has read stays read, resource by resource
 * and page by page, until it ends or is begun anew. It ends when no resource failed; those that did are all that is left
 * for the next process.
 */
import type { Resource } from '../../catalog/resource.ts'
import { backfillDiffers } from '../../errors/commands.ts'
import { beginBackfill, clearFailedOutcomes, readBackfill, type Backfill } from '../../store/runs/backfills.ts'
import { endRun, isSuccess, worstOutcome, type Outcome, type ResourceOutcome } from '../../store/runs/runs.ts'
import { canReadIncrementally } from '../incremental/can-read.ts'
import { withDbRetry } from '../with-db-retry.ts'
import { withLease } from '../with-lease.ts'
import type { PullDeps, PullEvent } from './resource-run.ts'
import { pullAll } from './run.ts'

export interface BackfillOptions {
  readonly resources: readonly Resource[]
  /** Named by the person, rather than all there are. */
  readonly named: boolean
  readonly since: string | null
  /** Begin anew, and trust no page that was read before. */
  readonly restart: boolean
  readonly allowMassDelete: boolean
  readonly signal: AbortSignal
  /** Waited for before anything is read. */
  readonly onBegin: (begun: BackfillStart) => Promise<void>
  readonly onEvent: (event: PullEvent) => void
}

export interface BackfillStart {
  readonly startedAt: Date
  readonly since: string | null
  /** Goes on where an earlier process stopped. */
  readonly resumed: boolean
  readonly left: readonly Resource[]
  readonly done: number
}

export interface BackfillReport {
  readonly runId: number
  readonly outcome: Outcome
  /** Of this process; earlier ones are on record. */
  readonly outcomes: readonly ResourceOutcome[]
  /** Types that failed: it stays open for them. */
  readonly failed: readonly string[]
}

/** No resource has this name. Two processes at one backfill would each record what the other is at as failed. */
const LEASE = 'backfill'

/** @throws SyncError what stopped it; the run stays open, and the next one goes on with it. */
export const backfill = (deps: PullDeps, options: BackfillOptions): Promise<BackfillReport> =>
  withLease(deps.leases, LEASE, options.signal, (signal) => goOn(deps, { ...options, signal }))

async function goOn(deps: PullDeps, options: BackfillOptions): Promise<BackfillReport> {
  const { sql, catalog } = deps
  const { restart, allowMassDelete, signal, onEvent } = options
  const open = await withDbRetry(() => readBackfill(sql), signal)
  if (open !== undefined && restart) {
    await withDbRetry(() => endRun(sql, open.id, 'failed', 'Begun anew by --restart.'), signal)
  }
  const left = open !== undefined && !restart ? open : undefined
  if (left !== undefined) checkSame(left, options)
  const run = left ?? (await withDbRetry(() => beginBackfill(sql, planOf(deps, options)), signal))
  await withDbRetry(() => clearFailedOutcomes(sql, run), signal)
  const done = new Set(run.outcomes.filter(({ outcome }) => isSuccess(outcome)).map(({ resource }) => resource))
  const resources = run.planned.flatMap((type) => (done.has(type) ? [] : (catalog.get(type) ?? [])))
  const { startedAt, since, afresh, planned } = run
  await options.onBegin({ startedAt, since, resumed: left !== undefined, left: resources, done: done.size })

  const { outcomes, fatal } = await pullAll(deps, run.id, {
    resources,
    planned,
    changesOnly: since !== null,
    since: since === null ? undefined : new Date(`${since}T00:00:00Z`),
    reloadAll: afresh,
    allowMassDelete,
    resumeFrom: startedAt,
    waitForLease: true,
    signal,
    onEvent,
  })
  if (fatal !== undefined) throw fatal.error
  const all = (await withDbRetry(() => readBackfill(sql), signal))?.outcomes ?? outcomes
  const outcome = worstOutcome(all)
  const failed = all.filter((one) => one.outcome === 'failed').map(({ resource }) => resource)
  if (failed.length === 0) await withDbRetry(() => endRun(sql, run.id, outcome, null), signal)
  return { runId: run.id, outcome, outcomes, failed }
}

function planOf({ holder, version }: PullDeps, { resources, since, restart }: BackfillOptions) {
  const types = new Set(resources.map(({ type }) => type))
  const planned = resources.filter((resource) => since === null || canReadIncrementally(resource, types))
  return { planned: planned.map(({ type }) => type), since, afresh: restart, holder, version }
}

/** What was named now must be what is under way; nothing named means that. */
function checkSame(open: Backfill, { resources, named, since }: BackfillOptions): void {
  const types = resources.map(({ type }) => type).toSorted()
  const sameTypes = !named || types.join() === open.planned.toSorted().join()
  if (sameTypes && (since === null || since === open.since)) return
  throw backfillDiffers({ planned: open.planned, since: open.since, startedAt: open.startedAt })
}
