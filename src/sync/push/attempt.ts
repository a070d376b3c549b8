/** One attempt to send a change, under the lease of the push; and what the response to a write means. */
import type { RemoteRecord, Resource } from '../../catalog/resource.ts'
import { hasCode, SyncError } from '../../errors/sync-error.ts'
import { claimLost } from '../../errors/waiting-changes.ts'
import { isObject } from '../../exact-json.ts'
import type { WriteRequest } from '../../remote/client.ts'
import { primaryDataOf } from '../../remote/documents/document.ts'
import type { HttpResponse } from '../../remote/http/http.ts'
import { wasNeverSent, type RetryPolicy } from '../../remote/http/retry.ts'
import type { ListRequest } from '../../remote/pages/pages.ts'
import type { Change, ChangeValues } from '../../store/changes/change.ts'
import type { State } from '../../store/changes/states.ts'
import { depart } from '../../store/changes/writes.ts'
import type { Lease, Leases } from '../../store/fleet/leases.ts'
import type { Mirror } from '../../store/mirror/load.ts'
import { mismatchOf } from '../list/same-record.ts'
import type { Rules } from './conflict.ts'
import type { RemoteAccess } from './read-remote.ts'

export interface PushDeps extends RemoteAccess {
  readonly catalog: ReadonlyMap<string, Resource>
  readonly leases: Leases
  readonly rules: Rules
  readonly concurrency: number
  /** For writes that failed and may be tried again. */
  readonly policy: RetryPolicy
}

export interface Attempt {
  readonly change: Change
  readonly resource: Resource
  /** The resource's list, as its records are read. */
  readonly list: ListRequest
  readonly mirror: Mirror
  readonly lease: Lease
  /** Ids of the changes that are sent together. */
  readonly batch: readonly number[]
  readonly signal: AbortSignal
  readonly flight: Flight
}

/** How far the attempt is. */
export interface Flight {
  /** As the outbox has it by now. */
  state: State
  /** A request of it may have taken effect. */
  mayHaveArrived: boolean
  /** Of a create: the id that was stored for it. */
  answerId: string | null
}

export const beginFlight = ({ state, answerId }: Change): Flight => ({
  state,
  mayHaveArrived: state === 'in_flight' || state === 'lost' || state === 'accepted',
  answerId,
})

const VERB = { create: 'the new row', update: 'the change', delete: 'the deletion' } as const

export const changeName = (change: Pick<Change, 'op' | 'resource' | 'recordId'>): string =>
  `${VERB[change.op]} of ${recordName(change)}`

export const recordName = ({ resource, recordId }: Pick<Change, 'resource' | 'recordId'>): string =>
  `${resource} ${recordId}`

/** An id of this database's own, which ScopeStack does not know. */
export const isLocal = (id: unknown): id is string => typeof id === 'string' && id.startsWith('local-')

/** The first local id that the change refers to. */
export const localReference = ({ columns }: Resource, { attributes, relationships }: Change): string | undefined =>
  columns
    .filter(({ target }) => target !== undefined)
    .map(({ member, from }) => (from === 'attribute' ? attributes : relationships)[member])
    .find(isLocal)

/** Values that earlier requests may have written to ScopeStack. */
export const possibleWrites = (change: Change, mayHaveArrived: boolean): ChangeValues[] => [
  ...(change.inDoubt === null ? [] : [change.inDoubt]),
  ...(mayHaveArrived ? [change] : []),
]

/** No response: the error says nothing about the change. */
export const isNoResponse = (error: SyncError): boolean =>
  wasNeverSent(error) || hasCode(error, 'SYNC_REMOTE_UNREACHABLE', 'SYNC_REMOTE_TIMEOUT')

/** The request may have taken effect without a response. */
export const mayHaveArrived = (error: unknown): boolean => error instanceof SyncError && !wasNeverSent(error)

/**
 * Sends a write, noted in the outbox before it leaves: a worker that lost the lease must not send an outdated change, and after
 * a crash the note is the only trace of the request.
 *
 * @param knownIds of a create: records that have its natural key already; null when that is not known.
 */
export async function sendWrite(
  deps: PushDeps,
  attempt: Attempt,
  request: WriteRequest,
  knownIds: Change['knownIds'] = null,
): Promise<WriteOutcome> {
  const { change, lease, flight, signal } = attempt
  let hasLeft = false
  const beforeSend = async (): Promise<void> => {
    if (!(await depart(deps.sql, change, lease, knownIds))) throw claimLost({ change: change.id, term: lease.term })
    flight.state = 'in_flight'
    hasLeft = true
  }
  try {
    const outcome = await deps.client.write({ ...request, beforeSend }, writeOutcomeOf(deps, attempt), signal)
    flight.mayHaveArrived ||= !('refusal' in outcome)
    return outcome
  } catch (error) {
    flight.mayHaveArrived ||= hasLeft && mayHaveArrived(error)
    throw error
  }
}

/** The response to a write: a refusal, the record, or something that proves nothing. */
export type WriteOutcome =
  | { readonly refusal: HttpResponse }
  /** Null after a deletion. */
  | { readonly record: RemoteRecord | null; readonly answer: HttpResponse }
  | {
      /** The response, as part of a sentence. */
      readonly unproved: string
      readonly isDocument: boolean
      /** The id of the record in it. */
      readonly claimed: string | null
      readonly answer: HttpResponse
    }

/** A success counts where the body holds the same record; a deletion only as 204. */
const writeOutcomeOf =
  (deps: RemoteAccess, { change, resource }: Attempt) =>
  (answer: HttpResponse, url: string): WriteOutcome => {
    const { status, body } = answer
    if (status >= 400) return { refusal: answer }
    if (change.op === 'delete' && status === 204) return { record: null, answer }
    const unproved = (problem: string, data?: unknown): WriteOutcome => ({
      unproved: `it was answered with ${status}: ${problem}`,
      isDocument: data !== undefined,
      claimed: isObject(data) && data['type'] === resource.type && typeof data['id'] === 'string' ? data['id'] : null,
      answer,
    })
    // 202 is accepted, not done; and redirects are not followed.
    if (change.op === 'delete' || (status !== 200 && status !== 201)) return unproved('nothing says that it is done')
    let data: unknown
    try {
      data = primaryDataOf(body, url)
    } catch (error) {
      if (!hasCode(error, 'SYNC_BODY_UNREADABLE')) throw error
      return unproved(error.facts.problem)
    }
    const id = change.op === 'create' ? null : change.recordId
    const problem = mismatchOf(data, { ...deps, resource, id })
    return problem === null ? { record: data as RemoteRecord, answer } : unproved(problem, data)
  }
