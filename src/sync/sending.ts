/** A change on its way, under its claim. */
import { bodyUnreadable } from '../errors.ts'
import { wasNeverSent, type Answer } from '../remote/client.ts'
import { parseDocument } from '../remote/document.ts'
import type { RemoteRecord, Resource } from '../resource.ts'
import type { Change, Outbox } from '../store/outbox.ts'
import { withdrawRequest } from '../store/requests.ts'
import type { Rebase } from '../store/settle.ts'
import type { Asking } from './check.ts'
import type { Rules } from './conflict.ts'
import type { Side } from './fold.ts'
import { SyncError } from '../sync-error.ts'

export interface PushDeps extends Asking {
  readonly catalog: ReadonlyMap<string, Resource>
  readonly outbox: Outbox
  readonly rules: Rules
  readonly rebase: Rebase
  readonly concurrency: number
}

export type Fate = 'sent' | 'superseded' | 'parked' | 'postponed'

export interface Settled {
  readonly change: Change
  readonly fate: Fate
  /** Why it was parked or postponed. */
  readonly error: SyncError | null
}

/** Under its claim. */
export interface Sending {
  readonly change: Change
  readonly resource: Resource
  readonly term: number
  readonly signal: AbortSignal
}

const VERB = { create: 'the new row', update: 'the change', delete: 'the deletion' } as const

export const nameOf = (change: Change): string => `${VERB[change.op]} of ${recordOf(change)}`

export const recordOf = ({ resource, recordId }: Change): string => `${resource} ${recordId}`

/** Values that ScopeStack may hold since they were sent from here. */
export const doubtsOf = (change: Change): Side[] => [
  ...(change.inDoubt === null ? [] : [change.inDoubt]),
  ...(change.requestedAt === null ? [] : [change]),
]

/** Nobody answered: it says nothing about the change. */
export const isSilence = (error: SyncError): boolean =>
  wasNeverSent(error) || error.code === 'SYNC_REMOTE_UNREACHABLE' || error.code === 'SYNC_REMOTE_TIMEOUT'

/** It may have been done, though nobody was told. */
export const mayHaveArrived = (error: unknown): boolean => error instanceof SyncError && !wasNeverSent(error)

/** What certainly did not arrive has not left, unless another try did. */
export async function withdrawing<T>({ sql }: PushDeps, { change, term }: Sending, writing: Promise<T>): Promise<T> {
  try {
    return await writing
  } catch (error) {
    if (change.requestedAt === null && !mayHaveArrived(error)) await withdrawRequest(sql, change, term)
    throw error
  }
}

/** A refusal is handed on; a success must carry what it made. */
export const judgeOf =
  ({ op }: Change) =>
  (answer: Answer, url: string): Answer | { readonly record: RemoteRecord | null } => {
    if (answer.status >= 400) return answer
    if (op === 'delete') return { record: null }
    const record = parseDocument(answer.body, url).records[0]
    if (record === undefined) throw bodyUnreadable({ url, problem: 'it holds no record' })
    return { record }
  }
