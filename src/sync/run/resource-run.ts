/** Reads one resource of a run under its lease, and records an outcome in any case. */
import type { Resource } from '../../catalog/resource.ts'
import { errorCodeOf, hasCode, isCode, reason, type SyncError, withCode } from '../../errors/sync-error.ts'
import type { ErrorCode } from '../../errors/table.ts'
import type { Lease, Leases } from '../../store/fleet/leases.ts'
import { closeEmptySnapshot, wasEverServed } from '../../store/progress/checkpoint.ts'
import { databaseTime } from '../../store/progress/watermark.ts'
import { NOTHING_READ, recordOutcome, type Outcome, type ResourceOutcome } from '../../store/runs/runs.ts'
import { checkTable, explainTableError } from '../check-table.ts'
import { pullIncremental } from '../incremental/incremental.ts'
import { explainRefusal } from '../list/explain-refusal.ts'
import { isBadRequest } from '../list/list-request.ts'
import type { SnapshotDeps, SnapshotProgress } from '../snapshot/snapshot-options.ts'
import { pullSnapshot } from '../snapshot/snapshot.ts'
import { withDbRetry } from '../with-db-retry.ts'
import { withLease } from '../with-lease.ts'
import { forgetAbsence, knownAbsence, rememberAbsence } from './absent-resource.ts'

export interface PullDeps extends SnapshotDeps {
  readonly leases: Leases
  /** `host, process 123`. */
  readonly holder: string
  readonly version: string
}

/** How a resource is read. Every option defaults to false. */
export interface ReadOptions {
  /** Only what changed, where the server allows it and the resource was read completely before. */
  readonly changesOnly?: boolean
  /** Begin each list again, even where an interrupted read could go on. */
  readonly restart?: boolean
  /** Parse and load every page, even those that did not change. */
  readonly reloadAll?: boolean
  /** Mark deleted what a complete list no longer holds, however much it is. */
  readonly allowMassDelete?: boolean
  /** Accept that records lack members that every record had. */
  readonly acceptWithheld?: boolean
  /** An interrupted read that began then or later goes on, however old; else only a young one does. */
  readonly resumeFrom?: Date
  /** Request also resources that were absent within the last day. */
  readonly retryAbsent?: boolean
  /** With `changesOnly`: changes since this day, and all children of the changed projects. */
  readonly since?: Date | undefined
  /** Wait while another process works on it. */
  readonly waitForLease?: boolean
}

export interface ResourceOptions extends ReadOptions {
  readonly runId: number
  readonly resource: Resource
  readonly signal: AbortSignal
  readonly onEvent: (event: PullEvent) => void
  /** The failures that become this resource's outcome; others are thrown, and nothing is recorded. */
  readonly isResourceError: (error: unknown) => boolean
}

export type PullEvent =
  | { readonly type: 'begin'; readonly resource: string }
  | ({ readonly type: 'progress'; readonly resource: string } & SnapshotProgress)
  /** For another process that has it. */
  | { readonly type: 'wait'; readonly resource: string; readonly message: string }
  /** `tookMs` is measured by a monotonic clock. */
  | ({ readonly type: 'end'; readonly tookMs: number } & ResourceOutcome)

/** @throws errors that are not this resource's own. */
export async function pullResource(deps: PullDeps, options: ResourceOptions): Promise<ResourceOutcome> {
  const { runId, resource, signal, isResourceError: settles, onEvent, waitForLease: patient = false } = options
  const begun = performance.now()
  const startedAt = await withDbRetry(() => databaseTime(deps.sql), signal)
  onEvent({ type: 'begin', resource: resource.type })
  const act = async (held: AbortSignal, lease: Lease): Promise<ResourceOutcome> => {
    const found =
      (await asKnown(deps, options, startedAt, held)) ??
      (await read(deps, { ...options, signal: held }, lease, startedAt).catch(async (error: unknown) => {
        const explained = await explainTableError(deps.sql, resource, await explainRefusal(deps, resource, error, held))
        if (!settles(explained)) throw explained
        return await failure(deps, resource, startedAt, explained, held)
      }))
    // Under the lease only: the failure may be an effect of losing it.
    await lease.transaction(async (tx) => {
      if (found.code !== null)
        await closeEmptySnapshot(tx, resource.type, isCode(found.code, 'SYNC_TABLE_UNFIT', 'SYNC_TABLE_REFUSED'))
      await recordOutcome(tx, runId, found)
    })
    return found
  }
  const onWait = ({ message }: SyncError): void => onEvent({ type: 'wait', resource: resource.type, message })
  const outcome = await withLease(deps.leases, resource.type, signal, act, { patient, onWait }).catch(
    async (error: unknown) => {
      if (!settles(error)) throw error
      const failed = outcomeOf(resource, startedAt, error, 'failed')
      await withDbRetry(() => recordOutcome(deps.sql, runId, failed), signal)
      return failed
    },
  )
  onEvent({ type: 'end', tookMs: Math.round(performance.now() - begun), ...outcome })
  return outcome
}

async function read(
  deps: PullDeps,
  { runId, resource, signal, onEvent, ...how }: ResourceOptions,
  lease: Lease,
  startedAt: Date,
): Promise<ResourceOutcome> {
  const {
    changesOnly = false,
    restart = false,
    reloadAll: afresh = false,
    allowMassDelete = false,
    acceptWithheld = false,
  } = how
  const onProgress = (progress: SnapshotProgress): void =>
    onEvent({ type: 'progress', resource: resource.type, ...progress })
  const { resumeFrom = null, since = null } = how
  const anew = await withDbRetry(() => checkTable(deps.sql, resource, lease), signal)
  const reading = {
    restart: restart || anew,
    reloadAll: afresh || anew,
    allowMassDelete,
    acceptWithheld,
    resumeFrom,
    since,
  }
  const options = { runId, resource, lease, ...reading, signal, onProgress }
  const changes = changesOnly ? await pullIncremental(deps, options) : undefined
  const result = changes ?? (await pullSnapshot(deps, options))
  const code = CODE[result.outcome] ?? null
  const message = result.message === null ? null : withCode(result.message, code)
  return { ...result, resource: resource.type, startedAt, code, message }
}

const CODE: Readonly<Partial<Record<Outcome, ErrorCode>>> = {
  incomplete: 'SYNC_INCOMPLETE',
  suspect: 'SYNC_SUSPECT',
}

const outcomeOf = ({ type }: Resource, startedAt: Date, error: unknown, otherwise: Outcome): ResourceOutcome => ({
  ...NOTHING_READ,
  resource: type,
  outcome: hasCode(error, 'SYNC_FORBIDDEN') ? 'forbidden' : otherwise,
  startedAt,
  code: errorCodeOf(error),
  message: reason(error),
})

/**
 * An unconfirmed resource that no read method finds is one that this account does not have; that is no failure. Where it
 * gave records before, something is wrong.
 */
async function failure(
  deps: PullDeps,
  resource: Resource,
  startedAt: Date,
  error: unknown,
  signal: AbortSignal,
): Promise<ResourceOutcome> {
  const { type, table, confidence } = resource
  const isOffered = !hasCode(error, 'SYNC_LIST_NOT_FOUND') && !isBadRequest(error)
  if (isOffered || confidence !== 'low' || (await withDbRetry(() => wasEverServed(deps.sql, type, table), signal))) {
    return outcomeOf(resource, startedAt, error, 'failed')
  }
  const absent = outcomeOf(resource, startedAt, error, 'absent')
  await withDbRetry(() => rememberAbsence(deps, resource, { code: absent.code, message: absent.message }), signal)
  return absent
}

/** Undefined when it has to be requested. */
async function asKnown(
  deps: PullDeps,
  { resource, retryAbsent: anew = false, restart = false, resumeFrom }: ResourceOptions,
  startedAt: Date,
  signal: AbortSignal,
): Promise<ResourceOutcome | undefined> {
  if (resource.confidence !== 'low') return undefined
  const { type } = resource
  const isAnew = anew || restart || resumeFrom !== undefined
  const known = isAnew ? undefined : await withDbRetry(() => knownAbsence(deps, resource), signal)
  if (known !== undefined) return { ...NOTHING_READ, ...known, resource: type, outcome: 'absent', startedAt }
  await withDbRetry(() => forgetAbsence(deps.sql, type), signal)
  return undefined
}
