/** One attempt to send a change, under its claim; and what the response to a write means. */
import type { RemoteRecord, Resource } from '../../catalog/resource.ts'
import { SyncError, hasCode } from '../../errors/sync-error.ts'
import type { Answer } from '../../remote/client.ts'
import { primaryDataOf, isObject } from '../../remote/documents/document.ts'
import { wasNeverSent } from '../../remote/http/arrival.ts'
import type { RetryPolicy } from '../../remote/http/retry.ts'
import type { Change, Outbox } from '../../store/outbox/claim.ts'
import { withdrawRequest } from '../../store/outbox/in-flight.ts'
import type { Rebase } from '../../store/outbox/settle.ts'
import { mismatchOf } from '../list/same-record.ts'
import type { ChangeValues } from './coalesce.ts'
import type { Rules } from './conflict.ts'
import type { RemoteAccess } from './read-remote.ts'

export interface PushDeps extends RemoteAccess {
  readonly catalog: ReadonlyMap<string, Resource>
  readonly outbox: Outbox
  readonly rules: Rules
  readonly rebase: Rebase
  readonly concurrency: number
  /** For writes that failed and may be tried again. */
  readonly policy: RetryPolicy
}

export type ChangeOutcome = 'sent' | 'superseded' | 'parked' | 'postponed'

export interface ChangeResult {
  readonly change: Change
  readonly fate: ChangeOutcome
  /** Why it was parked or postponed. */
  readonly error: SyncError | null
}

export interface Attempt {
  readonly change: Change
  readonly resource: Resource
  readonly term: number
  readonly signal: AbortSignal
}

const VERB = { create: 'the new row', update: 'the change', delete: 'the deletion' } as const

export const changeName = (change: Change): string => `${VERB[change.op]} of ${recordName(change)}`

export const recordName = ({ resource, recordId }: Change): string => `${resource} ${recordId}`

/** An id of this database's own, which ScopeStack does not know. */
export const isLocal = (id: unknown): id is string => typeof id === 'string' && id.startsWith('local-')

/** The first local id that the change refers to. */
export const localReference = ({ columns }: Resource, { attributes, relationships }: Change): string | undefined =>
  columns
    .filter(({ target }) => target !== undefined)
    .map(({ member, from }) => (from === 'attribute' ? attributes : relationships)[member])
    .find(isLocal)

/** Values that earlier requests may have written to ScopeStack. */
export const possibleWrites = (change: Change): ChangeValues[] => [
  ...(change.inDoubt === null ? [] : [change.inDoubt]),
  ...(change.requestedAt === null ? [] : [change]),
]

/** No response: the error says nothing about the change. */
export const isNoResponse = (error: SyncError): boolean =>
  wasNeverSent(error) || hasCode(error, 'SYNC_REMOTE_UNREACHABLE', 'SYNC_REMOTE_TIMEOUT')

/** The request may have taken effect without a response. */
export const mayHaveArrived = (error: unknown): boolean => error instanceof SyncError && !wasNeverSent(error)

/** A request that certainly did not arrive is not in flight, unless an earlier one is. */
export async function withdrawIfUnsent<T>(
  { sql }: PushDeps,
  { change, term }: Attempt,
  writing: Promise<T>,
): Promise<T> {
  try {
    return await writing
  } catch (error) {
    if (change.requestedAt === null && !mayHaveArrived(error)) await withdrawRequest(sql, change, term)
    throw error
  }
}

/** The response to a write: a refusal, the record, or something that proves nothing. */
export type WriteOutcome =
  | { readonly refusal: Answer }
  /** Null after a deletion. */
  | { readonly record: RemoteRecord | null; readonly answer: Answer }
  | {
      /** The response, as part of a sentence. */
      readonly unproved: string
      readonly isDocument: boolean
      /** The id of the record in it. */
      readonly claimed: string | null
      readonly answer: Answer
    }

/** A success counts where the body holds the same record; a deletion only as 204. */
export const writeOutcomeOf =
  (deps: RemoteAccess, { change, resource }: Attempt) =>
  (answer: Answer, url: string): WriteOutcome => {
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
