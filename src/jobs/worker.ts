/**
 * Runs the jobs. Each first reads from Postgres whether there is anything left to do, so that it may run twice, late, or
 * beside another (S9).
 */
import { parentNotRead } from '../errors/resources.ts'
import { reason } from '../errors/sync-error.ts'
import type { Logger } from '../logger.ts'
import type { Meter } from '../meter.ts'
import { clientFor } from '../remote/client.ts'
import type { Transaction } from '../store/connection/database.ts'
import { countOtherWorkers } from '../store/fleet/processes.ts'
import { isSuccess, type ResourceOutcome } from '../store/runs/runs.ts'
import { closeRun, readOpenRun, type ClosedRun, type OpenRun } from '../store/runs/scheduled-runs.ts'
import { retryLiveViews } from '../store/schema/live/live-views.ts'
import { RESOURCES_AT_ONCE } from '../sync/run/connections.ts'
import { parentTypesOf } from '../sync/run/dependency-order.ts'
import { pullResource, type PullDeps } from '../sync/run/resource-run.ts'
import { helpRead } from '../sync/snapshot/help-read.ts'
import { withDbRetry } from '../sync/with-db-retry.ts'
import { UNTRACED, type Tracing } from '../tracing.ts'
import { isLastAttempt, applyToJob, actionOn } from './job-outcome.ts'
import type { LivenessCheck } from './liveness.ts'
import type { Queues, SyncJob } from './queues.ts'

export interface WorkerDeps {
  readonly pull: PullDeps
  readonly queues: Queues
  readonly log: Logger
  readonly meter: Meter
  readonly tracing?: Tracing
  readonly closing: Closing
  /** SYNC_SHARE_PAGES */
  readonly sharePages: number
}

/** What happens when a run ends, in the process that sees it first. */
export interface Closing {
  /** In the transaction that ends it. */
  within(tx: Transaction, run: ClosedRun): Promise<void>
  after(run: ClosedRun): void
}

export interface JobWorker {
  readonly liveness: LivenessCheck
  /** Takes nothing new, ends what runs at its next page and hands it back. */
  drain(): Promise<void>
}

export function startJobWorker(deps: WorkerDeps): JobWorker {
  const stopping = new AbortController()
  const reading = new Map<string, number>()
  const working = { ...deps, reading, pull: withSharing(deps) }
  const worker = deps.queues.startWorker(async (job, token = '') => {
    // It is for another process.
    if (job.name === 'help' && reading.has(job.data.resource!)) {
      return await applyToJob({ do: 'wait', ms: HAND_ON_MS }, { job, token, error: undefined })
    }
    try {
      await work(working, job, stopping.signal)
    } catch (error) {
      const action = actionOn(error, { lastAttempt: isLastAttempt(job) })
      deps.log.debug({ job: job.id, run: job.data.runId, resource: job.data.resource, action }, reason(error))
      await applyToJob(action, { job, token, error })
    }
  }, RESOURCES_AT_ONCE)
  worker.run().catch((error: unknown) => deps.log.error(reason(error)))
  return {
    liveness: worker.liveness,
    async drain() {
      // In this order, or it would take a job that is handed back at once.
      const closed = worker.close()
      stopping.abort()
      await closed
    },
  }
}

/** Until another process may take a job that is not for this one. */
const HAND_ON_MS = 250

/** Long lists are read together with those who take jobs from the same queue. */
const withSharing = ({ pull, queues, sharePages: fromPages }: WorkerDeps): PullDeps => ({
  ...pull,
  sharing: {
    leases: pull.leases,
    holder: pull.holder,
    version: pull.version,
    fromPages,
    others: () => countOtherWorkers(pull.sql, pull),
    call: (runId, resource, most) => queues.addHelp(runId, resource, most),
  },
})

interface Working extends WorkerDeps {
  /** Resources that this process pulls or helps with, by how many jobs: a helper may become the coordinator. */
  readonly reading: Map<string, number>
}

async function work(deps: Working, job: SyncJob, signal: AbortSignal): Promise<void> {
  const { runId, resource } = job.data
  if (resource === undefined) return await close(deps, runId, null, signal)
  if (job.name !== 'help') return await once(deps, resource, () => pullForRun(deps, job, resource, signal))
  await once(deps, resource, () => help(deps, runId, resource, signal))
}

async function once({ reading }: Working, resource: string, act: () => Promise<void>): Promise<void> {
  reading.set(resource, (reading.get(resource) ?? 0) + 1)
  try {
    await act()
  } finally {
    const left = reading.get(resource)! - 1
    if (left > 0) reading.set(resource, left)
    else reading.delete(resource)
  }
}

async function help({ pull, log }: Working, runId: number, resource: string, signal: AbortSignal): Promise<void> {
  const client = clientFor(pull.client, { runId, resource })
  log.debug({ run: runId, resource }, 'is called to help with a long list')
  const helped = await helpRead({ ...pull, client, sharing: pull.sharing! }, { runId, type: resource, signal })
  if (helped === undefined) return
  const facts = { run: runId, resource, seen: helped.records }
  if (helped.failed === null) log.debug(facts, 'helped to read a long list')
  else log.info(facts, `stopped helping to read a long list: ${helped.failed}`)
}

async function pullForRun(deps: Working, job: SyncJob, resource: string, signal: AbortSignal): Promise<void> {
  const { pull, closing, tracing = UNTRACED } = deps
  const { runId } = job.data

  const run = await withDbRetry(() => readOpenRun(pull.sql, runId), signal)
  if (run === undefined || !run.missing.includes(resource)) return
  const begun = performance.now()
  try {
    const facts = { 'scopestack.run': runId, 'scopestack.kind': run.kind, 'scopestack.resource': resource }
    const ended = await tracing.span('resource', facts, async (note) => {
      const found = await pullFor(deps, run, resource, job, signal)
      note({ 'scopestack.outcome': found.outcome, 'scopestack.seen': found.seen })
      return found
    })
    count(deps, ended, (performance.now() - begun) / 1000)
    report(deps, runId, ended)
  } catch (error) {
    if (actionOn(error, { lastAttempt: isLastAttempt(job) }).do !== 'end-run') throw error
    await close({ ...deps, closing }, runId, reason(error), signal)
  }
}

async function pullFor(
  { pull }: WorkerDeps,
  { id, kind, missing }: OpenRun,
  type: string,
  job: SyncJob,
  signal: AbortSignal,
): Promise<ResourceOutcome> {
  const resource = pull.catalog.get(type)!
  const changesOnly = kind === 'incremental'
  // A resource that needs another one's records is read after it.
  const parent = parentTypesOf(resource, { changesOnly }).find((one) => missing.includes(one))
  if (parent !== undefined) throw parentNotRead({ resource: type, parent, seconds: AFTER_PARENT_SECONDS })
  const client = clientFor(pull.client, { runId: id, resource: type })
  return await pullResource(
    { ...pull, client },
    {
      runId: id,
      resource,
      changesOnly,
      signal,
      onEvent: () => {},
      isResourceError: (error) => actionOn(error, { lastAttempt: isLastAttempt(job) }).do === 'record',
    },
  )
}

const AFTER_PARENT_SECONDS = 2

const ACTIONS = ['seen', 'inserted', 'updated', 'unchanged', 'deleted', 'parked'] as const

function count({ meter }: WorkerDeps, ended: ResourceOutcome, seconds: number): void {
  const { resource, outcome } = ended
  meter.add('pulls', { resource, outcome })
  meter.add('pullSeconds', { resource }, seconds)
  for (const action of ACTIONS) meter.add('rows', { resource, action }, ended[action])
}

/** A read that found nothing new is one line among sixty every quarter of an hour: it is left to the debug level. */
function report({ log }: WorkerDeps, run: number, ended: ResourceOutcome): void {
  const { resource, outcome, code, message, seen, inserted, updated, deleted, parked } = ended
  const facts = { run, resource, outcome, seen, inserted, updated, deleted, parked }
  if (!isSuccess(outcome)) log.warn({ ...facts, code }, message ?? outcome)
  else if (parked > 0) log.warn(facts, 'resource ends: records were parked')
  else if (inserted + updated + deleted > 0) log.info(facts, 'resource ends')
  else log.debug(facts, 'resource ends')
}

/** Does nothing where resources are still missing: their jobs will be created again, and the last one closes the run. */
export async function close(
  { pull: { sql }, closing }: { pull: Pick<PullDeps, 'sql'>; closing: Closing },
  runId: number,
  error: string | null,
  signal: AbortSignal,
): Promise<void> {
  const run = await withDbRetry(() => closeRun(sql, runId, error, (tx, closed) => closing.within(tx, closed)), signal)
  if (run === null) return
  closing.after(run)
  await retryLiveViews(sql)
}
