/** One resource of a run: read under its lease, with an outcome on record at the end whatever happened. */
import { accountNotFound, forbidden, leaseLost, listNotFound } from '../errors.ts'
import { fetchPage } from '../remote/pages.ts'
import type { Resource } from '../resource.ts'
import { confirmLease, type Lease, type Leases, RENEW_EVERY_MS } from '../store/leases.ts'
import { recordOutcome, type Outcome, type ResourceOutcome } from '../store/runs.ts'
import { reconnecting } from './reconnect.ts'
import { pullSnapshot, type SnapshotDeps, type SnapshotProgress } from './snapshot.ts'
import { reason, SyncError } from '../sync-error.ts'

export interface PullDeps extends SnapshotDeps {
  readonly leases: Leases
  /** `host, process 123`. */
  readonly holder: string
  readonly version: string
}

export interface ResourceOptions {
  readonly runId: number
  readonly resource: Resource
  readonly restart: boolean
  readonly signal: AbortSignal
  readonly onEvent: (event: PullEvent) => void
  /** The failures that are this resource's outcome; the others are the caller's business, and nothing is recorded. */
  readonly settles: (error: unknown) => boolean
}

export type PullEvent =
  | { readonly type: 'begin'; readonly resource: string }
  | ({ readonly type: 'progress'; readonly resource: string } & SnapshotProgress)
  | ({ readonly type: 'end' } & ResourceOutcome)

/** @throws what does not settle. */
export async function pullResource(deps: PullDeps, options: ResourceOptions): Promise<ResourceOutcome> {
  const { runId, resource, signal, settles, onEvent } = options
  const startedAt = new Date()
  onEvent({ type: 'begin', resource: resource.type })
  const outcome = await underLease(deps, options, async (held, lease) => {
    const found = await readWhole(deps, { ...options, signal: held }, lease, startedAt).catch(
      async (error: unknown) => {
        const explained = await explain(deps, resource, error, held)
        if (!settles(explained)) throw explained
        return failure(resource, startedAt, explained)
      },
    )
    // By the holder only: a failure on the way here may be what losing the lease looks like.
    const record = () =>
      deps.sql.begin(async (tx) => {
        await confirmLease(tx, lease)
        await recordOutcome(tx, runId, found)
      })
    await reconnecting(record, held)
    return found
  }).catch(async (error: unknown) => {
    if (!settles(error)) throw error
    const failed = failure(resource, startedAt, error)
    await reconnecting(() => recordOutcome(deps.sql, runId, failed), signal)
    return failed
  })
  onEvent({ type: 'end', ...outcome })
  return outcome
}

async function readWhole(
  deps: PullDeps,
  { resource, restart, signal, onEvent }: ResourceOptions,
  lease: Lease,
  startedAt: Date,
): Promise<ResourceOutcome> {
  const onProgress = (progress: SnapshotProgress): void =>
    onEvent({ type: 'progress', resource: resource.type, ...progress })
  const result = await pullSnapshot(deps, { resource, lease, restart, signal, onProgress })
  const code = result.outcome === 'ok' ? null : 'SYNC_INCOMPLETE'
  return { ...result, resource: resource.type, startedAt, code }
}

const NOTHING = { expected: null, seen: 0, inserted: 0, updated: 0, unchanged: 0, parked: 0, pages: 0 }

const failure = ({ type }: Resource, startedAt: Date, error: unknown): ResourceOutcome => ({
  ...NOTHING,
  resource: type,
  outcome: failedAs(error),
  startedAt,
  code: error instanceof SyncError ? error.code : null,
  message: reason(error),
})

const failedAs = (error: unknown): Outcome =>
  error instanceof SyncError && error.code === 'SYNC_FORBIDDEN' ? 'forbidden' : 'failed'

/** Holds the lease while `act` runs, renews it, and stops `act` when it is lost. */
async function underLease<T>(
  { leases }: PullDeps,
  { resource, signal }: ResourceOptions,
  act: (signal: AbortSignal, lease: Lease) => Promise<T>,
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

/** A 403 or 404 in words that say what is missing; anything else as it is. */
async function explain(
  { client, slug }: PullDeps,
  resource: Resource,
  error: unknown,
  signal: AbortSignal,
): Promise<unknown> {
  if (error instanceof SyncError && error.code === 'SYNC_FORBIDDEN') {
    return forbidden({ url: String(error.facts['url']), resource: resource.type })
  }
  if (!isNotFound(error)) return error
  const url = String(error.facts['url'])
  try {
    await fetchPage(client, { path: `/${slug}/v1/${EVERY_ACCOUNT_HAS}`, query: {}, pageSize: 1 }, 1, signal)
  } catch (probe) {
    if (isNotFound(probe)) return accountNotFound({ url, slug })
  }
  return listNotFound({ url, resource: resource.type })
}
