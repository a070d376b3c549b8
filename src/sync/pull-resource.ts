/** One resource of a run: read under its lease, with an outcome on record at the end whatever happened. */
import type { Resource } from '../resource.ts'
import { confirmLease, type Lease, type Leases } from '../store/leases.ts'
import { recordOutcome, type Outcome, type ResourceOutcome } from '../store/runs.ts'
import { reconnecting } from './reconnect.ts'
import { explain } from './explain.ts'
import { pullIncrement } from './incremental.ts'
import type { SnapshotProgress } from './passes.ts'
import { isRefusal } from './request.ts'
import { pullSnapshot, type SnapshotDeps } from './snapshot.ts'
import { underLease } from './under-lease.ts'
import { reason, SyncError } from '../sync-error.ts'

export interface PullDeps extends SnapshotDeps {
  readonly leases: Leases
  /** `host, process 123`. */
  readonly holder: string
  readonly version: string
}

/** How a resource is read. What is left out is false. */
export interface How {
  /** Only what changed, where that can be asked for and the resource was read whole before. */
  readonly changesOnly?: boolean
  /** Begin each list anew, even where an interrupted reading could go on. */
  readonly restart?: boolean
  /** Parse and load every page, even those that did not change. */
  readonly afresh?: boolean
  /** Bury what a whole list no longer holds, however much it is. */
  readonly allowMassDelete?: boolean
  /** An interrupted reading that began then or later goes on, however old; else only a young one does. */
  readonly resumeFrom?: Date
  /** With `changesOnly`: what changed since this day, and all that belongs to it. */
  readonly since?: Date | undefined
  /** Wait while another process works on it. */
  readonly patient?: boolean
}

export interface ResourceOptions extends How {
  readonly runId: number
  readonly resource: Resource
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
  const { runId, resource, signal, settles, onEvent, patient = false } = options
  const startedAt = new Date()
  onEvent({ type: 'begin', resource: resource.type })
  const act = async (held: AbortSignal, lease: Lease): Promise<ResourceOutcome> => {
    const found = await read(deps, { ...options, signal: held }, lease, startedAt).catch(async (error: unknown) => {
      const explained = await explain(deps, resource, error, held)
      if (!settles(explained)) throw explained
      return failure(resource, startedAt, explained)
    })
    // By the holder only: a failure on the way here may be what losing the lease looks like.
    const record = () =>
      deps.sql.begin(async (tx) => {
        await confirmLease(tx, lease)
        await recordOutcome(tx, runId, found)
      })
    await reconnecting(record, held)
    return found
  }
  const outcome = await underLease(deps.leases, resource.type, signal, act, { patient }).catch(
    async (error: unknown) => {
      if (!settles(error)) throw error
      const failed = failure(resource, startedAt, error)
      await reconnecting(() => recordOutcome(deps.sql, runId, failed), signal)
      return failed
    },
  )
  onEvent({ type: 'end', ...outcome })
  return outcome
}

async function read(
  deps: PullDeps,
  { resource, signal, onEvent, ...how }: ResourceOptions,
  lease: Lease,
  startedAt: Date,
): Promise<ResourceOutcome> {
  const { changesOnly = false, restart = false, afresh = false, allowMassDelete = false } = how
  const onProgress = (progress: SnapshotProgress): void =>
    onEvent({ type: 'progress', resource: resource.type, ...progress })
  const { resumeFrom = null, since = null } = how
  const reading = { restart, afresh, allowMassDelete, resumeFrom, since }
  const options = { resource, lease, ...reading, signal, onProgress }
  const result = await (changesOnly ? pullIncrement : pullSnapshot)(deps, options)
  return { ...result, resource: resource.type, startedAt, code: CODE[result.outcome] ?? null }
}

const CODE: Readonly<Partial<Record<Outcome, string>>> = {
  incomplete: 'SYNC_INCOMPLETE',
  suspect: 'SYNC_SUSPECT',
}

const NOTHING = { expected: null, seen: 0, inserted: 0, updated: 0, unchanged: 0, deleted: 0, parked: 0, pages: 0 }

const failure = ({ type, confidence }: Resource, startedAt: Date, error: unknown): ResourceOutcome => ({
  ...NOTHING,
  resource: type,
  outcome: failedAs(error, confidence),
  startedAt,
  code: error instanceof SyncError ? error.code : null,
  message: reason(error),
})

/** A resource that nobody is sure of, and that no way of reading it finds, is one this account does not have. */
function failedAs(error: unknown, confidence: Resource['confidence']): Outcome {
  if (!(error instanceof SyncError)) return 'failed'
  if (error.code === 'SYNC_FORBIDDEN') return 'forbidden'
  const notOffered = error.code === 'SYNC_LIST_NOT_FOUND' || isRefusal(error)
  return notOffered && confidence === 'low' ? 'absent' : 'failed'
}
