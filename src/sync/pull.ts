/** One run: every resource read, several at once, each with its own outcome; one that fails does not stop the others. */
import { accountNotFound, leaseLost, listNotFound } from '../errors.ts'
import { fetchPage } from '../remote/pages.ts'
import type { Resource } from '../resource.ts'
import { type Leases, RENEW_EVERY_MS } from '../store/leases.ts'
import { beginRun, endRun, recordOutcome, type Outcome, type ResourceOutcome } from '../store/runs.ts'
import { reconnecting } from './reconnect.ts'
import { pullSnapshot, type SnapshotDeps, type SnapshotProgress } from './snapshot.ts'
import { endsTheRun, reason, SyncError } from '../sync-error.ts'

export interface PullDeps extends SnapshotDeps {
  readonly leases: Leases
  /** `host, process 123`. */
  readonly holder: string
  readonly version: string
}

export interface PullOptions {
  readonly resources: readonly Resource[]
  readonly restart: boolean
  readonly signal: AbortSignal
  readonly onEvent: (event: PullEvent) => void
}

export type PullEvent =
  | { readonly type: 'begin'; readonly resource: string }
  | ({ readonly type: 'progress'; readonly resource: string } & SnapshotProgress)
  | ({ readonly type: 'end' } & ResourceOutcome)

export interface PullReport {
  readonly runId: number
  readonly outcome: Outcome
  readonly outcomes: readonly ResourceOutcome[]
}

/** Each holds a connection while it writes; more lists at once would only queue behind the pace. */
const RESOURCES_AT_ONCE = 4

/** @throws SyncError what ended the whole run (credentials, account, database, a stop on request); it is on record then. */
export async function pull(deps: PullDeps, options: PullOptions): Promise<PullReport> {
  const run = { kind: 'pull', holder: deps.holder, version: deps.version }
  const runId = await reconnecting(() => beginRun(deps.sql, run), options.signal)
  const ending = new AbortController()
  const signal = AbortSignal.any([options.signal, ending.signal])
  const outcomes: ResourceOutcome[] = []
  let fatal: unknown

  const work = async (resource: Resource): Promise<void> => {
    const outcome = await pullResource(deps, { ...options, signal }, resource).catch((error: unknown) => {
      fatal ??= error
      ending.abort()
    })
    if (outcome === undefined) return
    outcomes.push(outcome)
    await reconnecting(() => recordOutcome(deps.sql, runId, outcome), signal)
    options.onEvent({ type: 'end', ...outcome })
  }

  try {
    // Documents that hang on another resource's records come after it.
    for (const wave of [
      options.resources.filter(({ read }) => read.from !== 'each'),
      options.resources.filter(({ read }) => read.from === 'each'),
    ]) {
      await inParallel(wave, RESOURCES_AT_ONCE, async (resource) => {
        if (fatal === undefined) await work(resource)
      })
    }
  } catch (error) {
    fatal ??= error
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

/** @throws only what ends the whole run. */
async function pullResource(deps: PullDeps, options: PullOptions, resource: Resource): Promise<ResourceOutcome> {
  const startedAt = new Date()
  const failed = (outcome: Outcome, error: unknown): ResourceOutcome => ({
    ...NOTHING,
    resource: resource.type,
    outcome,
    startedAt,
    code: error instanceof SyncError ? error.code : null,
    message: reason(error),
  })
  options.onEvent({ type: 'begin', resource: resource.type })
  try {
    return await underLease(deps, options, resource, async (signal, lease) => {
      const result = await pullSnapshot(deps, {
        resource,
        lease,
        restart: options.restart,
        signal,
        onProgress: (progress) => options.onEvent({ type: 'progress', resource: resource.type, ...progress }),
      })
      const code = result.outcome === 'ok' ? null : 'SYNC_INCOMPLETE'
      return { ...result, resource: resource.type, startedAt, code }
    })
  } catch (error) {
    if (endsTheRun(error)) throw error
    if (error instanceof SyncError && error.code === 'SYNC_FORBIDDEN') return failed('forbidden', error)
    if (isNotFound(error)) return failed('failed', await explainNotFound(deps, resource, error, options.signal))
    return failed('failed', error)
  }
}

const NOTHING = { expected: null, seen: 0, inserted: 0, updated: 0, unchanged: 0, parked: 0, pages: 0 }

/** Holds the lease while `act` runs, renews it, and stops `act` when it is lost. */
async function underLease<T>(
  { leases }: PullDeps,
  { signal }: PullOptions,
  resource: Resource,
  act: (signal: AbortSignal, lease: Awaited<ReturnType<Leases['acquire']>>) => Promise<T>,
): Promise<T> {
  const lease = await reconnecting(() => leases.acquire(resource.type), signal)
  const lost = new AbortController()
  const renewal = setInterval(() => {
    // A renewal that cannot be sent is tried again; the lease outlives three of them.
    leases.renew(lease).then(
      (held) => held || lost.abort(),
      () => {},
    )
  }, RENEW_EVERY_MS)
  try {
    return await act(AbortSignal.any([signal, lost.signal]), lease)
  } catch (error) {
    throw lost.signal.aborted ? leaseLost({ resource: resource.type, term: lease.term }) : error
  } finally {
    clearInterval(renewal)
    await reconnecting(() => leases.release(lease), signal).catch(() => {})
  }
}

const isNotFound = (error: unknown): error is SyncError =>
  error instanceof SyncError && error.code === 'SYNC_REQUEST_REFUSED' && error.facts['status'] === 404

/** A list that every account has tells a missing list from a wrong account. */
const EVERY_ACCOUNT_HAS = 'projects'

/** @throws SyncError SYNC_ACCOUNT_NOT_FOUND, which ends the run. */
async function explainNotFound(
  { client, slug }: PullDeps,
  resource: Resource,
  error: SyncError,
  signal: AbortSignal,
): Promise<SyncError> {
  const url = String(error.facts['url'])
  try {
    await fetchPage(client, { path: `/${slug}/v1/${EVERY_ACCOUNT_HAS}`, query: {}, pageSize: 1 }, 1, signal)
  } catch (probe) {
    if (isNotFound(probe)) throw accountNotFound({ url, slug })
  }
  return listNotFound({ url, resource: resource.type })
}

const FROM_BEST: readonly Outcome[] = ['ok', 'forbidden', 'suspect', 'incomplete', 'failed']

function worst(outcomes: readonly ResourceOutcome[]): Outcome {
  return FROM_BEST[Math.max(0, ...outcomes.map(({ outcome }) => FROM_BEST.indexOf(outcome)))]!
}

async function inParallel<T>(items: readonly T[], limit: number, act: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values()
  await Promise.all(
    Array.from({ length: Math.min(limit, items.length) }, async () => {
      for (const item of queue) await act(item)
    }),
  )
}
