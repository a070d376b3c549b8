/** Reads one resource of a run under its lease, and records an outcome in any case. */
import { isDeepStrictEqual } from 'node:util'
import type { Resource } from '../../catalog/resource.ts'
import { errorCodeOf, hasCode, isCode, reason, type SyncError, withCode } from '../../errors/sync-error.ts'
import type { ErrorCode } from '../../errors/table.ts'
import type { Lease, Leases } from '../../store/fleet/leases.ts'
import { closeEmptySnapshot, wasEverServed } from '../../store/progress/checkpoint.ts'
import { readKnown, type Capabilities, type Known } from '../../store/progress/known.ts'
import { NOTHING_READ, recordOutcome, type Outcome, type ResourceOutcome } from '../../store/runs/runs.ts'
import { followFields } from '../../store/schema/live/live-views.ts'
import { checkTable, explainTableError, writeAllAgain } from '../check-table.ts'
import { openColumns, type NewFields } from '../columns/open-columns.ts'
import { pullIncremental } from '../incremental/incremental.ts'
import { explainRefusal } from '../list/explain-refusal.ts'
import { isBadRequest } from '../list/list-request.ts'
import { DAY_MS } from '../list/retry-refused.ts'
import { clockAheadMs } from '../record-times.ts'
import type { SnapshotDeps, SnapshotProgress } from '../snapshot/snapshot-options.ts'
import { pullSnapshot } from '../snapshot/snapshot.ts'
import { withDbRetry } from '../with-db-retry.ts'
import { withLease } from '../with-lease.ts'

export interface PullDeps extends SnapshotDeps {
  readonly leases: Leases
  /** `host, process 123`. */
  readonly holder: string
  readonly version: string
  /** SYNC_NEW_FIELDS: whether members that no file declares become columns. */
  readonly newFields: NewFields
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
  | ({ readonly type: 'end' } & ResourceOutcome)

/** An outcome without what is known here only. */
type Found = Omit<ResourceOutcome, 'resource' | 'tookMs'>

/** @throws errors that are not this resource's own. */
export async function pullResource(deps: PullDeps, options: ResourceOptions): Promise<ResourceOutcome> {
  const { runId, resource, signal, isResourceError: settles, onEvent, waitForLease: patient = false } = options
  const { sql } = deps
  const { type } = resource
  const begun = performance.now()
  const outcomeOf = (found: Found) => ({ ...found, resource: type, tookMs: Math.round(performance.now() - begun) })
  onEvent({ type: 'begin', resource: type })
  const act = async (held: AbortSignal, lease: Lease): Promise<ResourceOutcome> => {
    const known = await withDbRetry(() => readKnown(sql, type), held)
    const found =
      (await asKnown(deps, options, known.capabilities, held)) ??
      (await read(deps, { ...options, signal: held }, lease, known).catch(async (error: unknown) => {
        const explained = await explainTableError(sql, resource, await explainRefusal(deps, resource, error, held))
        if (!settles(explained)) throw explained
        return await failure(deps, resource, known.capabilities, explained, held)
      }))
    const ended = outcomeOf(found)
    // Under the lease only: the failure may be an effect of losing it.
    await lease.transaction(async (tx) => {
      if (found.code !== null)
        await closeEmptySnapshot(tx, type, isCode(found.code, 'SYNC_TABLE_UNFIT', 'SYNC_TABLE_REFUSED'))
      await recordOutcome(tx, runId, ended)
    })
    return ended
  }
  const onWait = ({ message }: SyncError): void => onEvent({ type: 'wait', resource: type, message })
  const outcome = await withLease(deps.leases, type, signal, act, { patient, onWait, runId }).catch(
    async (error: unknown) => {
      if (!settles(error)) throw error
      const failed = outcomeOf(failedBy(error, 'failed'))
      await withDbRetry(() => recordOutcome(sql, runId, failed), signal)
      return failed
    },
  )
  if (outcome.inserted + outcome.updated + outcome.deleted > 0) await followFields(sql, resource.table)
  onEvent({ type: 'end', ...outcome })
  return outcome
}

async function read(deps: PullDeps, options: ResourceOptions, lease: Lease, known: Known): Promise<Found> {
  const { changesOnly = false, signal, onEvent } = options
  const { resource, anew } = await openTable(deps, options, lease, known)
  const reading = {
    runId: options.runId,
    resource,
    lease,
    known,
    aheadMs: clockAheadMs(deps, known.now),
    restart: options.restart === true || anew,
    reloadAll: options.reloadAll === true || anew,
    allowMassDelete: options.allowMassDelete === true,
    acceptWithheld: options.acceptWithheld === true,
    resumeFrom: options.resumeFrom ?? null,
    since: options.since ?? null,
    signal,
    onProgress: (progress: SnapshotProgress): void =>
      onEvent({ type: 'progress', resource: resource.type, ...progress }),
  }
  const changes = changesOnly ? await pullIncremental(deps, reading) : undefined
  const result = changes ?? (await pullSnapshot(deps, reading))
  const code = CODE[result.outcome] ?? null
  return { ...result, code, message: result.message === null ? null : withCode(result.message, code) }
}

/** The resource with all columns that its table has, and whether all of it has to be read, whatever was read before. */
async function openTable(
  { sql, newFields }: PullDeps,
  { runId, resource, signal }: ResourceOptions,
  lease: Lease,
  { capabilities }: Known,
): Promise<{ readonly resource: Resource; readonly anew: boolean }> {
  const isAnother = await withDbRetry(() => checkTable(sql, resource, lease, capabilities), signal)
  const onLost = () => writeAllAgain(resource, lease, capabilities)
  const opened = await openColumns({ sql, newFields, lease, by: `run ${runId}`, signal, onLost }, resource)
  return { resource: opened.resource, anew: isAnother || opened.isLost }
}

const CODE: Readonly<Partial<Record<Outcome, ErrorCode>>> = {
  incomplete: 'SYNC_INCOMPLETE',
  suspect: 'SYNC_SUSPECT',
}

const failedBy = (error: unknown, otherwise: Outcome): Found => ({
  ...NOTHING_READ,
  outcome: hasCode(error, 'SYNC_FORBIDDEN') ? 'forbidden' : otherwise,
  code: errorCodeOf(error),
  message: reason(error),
})

/** A resource that the account does not have is not requested again within the day: each costs a dozen requests. */
interface Absence extends Pick<Found, 'code' | 'message'> {
  /** The ways that were tried: where others are declared since, they are tried too. */
  readonly reads: Resource['readMethods']
  readonly slug: string
}

/** Where it is kept. */
const ABSENT = 'absent'

/**
 * An unconfirmed resource that no read method finds is one that this account does not have; that is no failure. Where it
 * gave records before, something is wrong.
 */
async function failure(
  { sql, slug }: PullDeps,
  { type, table, confidence, readMethods: reads }: Resource,
  capabilities: Capabilities,
  error: unknown,
  signal: AbortSignal,
): Promise<Found> {
  const isOffered = !hasCode(error, 'SYNC_LIST_NOT_FOUND') && !isBadRequest(error)
  if (isOffered || confidence !== 'low' || (await withDbRetry(() => wasEverServed(sql, type, table), signal))) {
    return failedBy(error, 'failed')
  }
  const absent = failedBy(error, 'absent')
  const absence: Absence = { code: absent.code, message: absent.message, reads, slug }
  await withDbRetry(() => capabilities.save(ABSENT, absence), signal)
  return absent
}

/** Undefined when it has to be requested. */
async function asKnown(
  { slug }: PullDeps,
  { resource, retryAbsent: anew = false, restart = false, resumeFrom }: ResourceOptions,
  capabilities: Capabilities,
  signal: AbortSignal,
): Promise<Found | undefined> {
  const known = capabilities.get(ABSENT)
  if (resource.confidence !== 'low' || known === undefined) return undefined
  const { code, message, ...asked } = known.value as Absence
  const isAnew = anew || restart || resumeFrom !== undefined || known.ageMs >= DAY_MS
  if (!isAnew && isDeepStrictEqual(asked, { reads: [...resource.readMethods], slug })) {
    return { ...NOTHING_READ, code, message, outcome: 'absent' }
  }
  await withDbRetry(() => capabilities.forget(ABSENT), signal)
  return undefined
}
