/** One attempt to send a change: what it knows, how far it is, and what it may come to. */
import type { RemoteRecord, Resource } from '../../catalog/resource.ts'
import { valueIgnored } from '../../errors/parked-changes.ts'
import { hasCode, SyncError } from '../../errors/sync-error.ts'
import { wasNeverSent, type RetryPolicy } from '../../remote/http/retry.ts'
import {
  isLocal,
  type Change,
  type ChangeValues,
  type Decision,
  type FieldProblem,
  type StoredResponse,
} from '../../store/changes/change.ts'
import { memberName } from '../../store/changes/fields.ts'
import type { State } from '../../store/changes/states.ts'
import type { Lease, Leases } from '../../store/fleet/leases.ts'
import type { Mirror } from '../../store/mirror/load.ts'
import type { Settlement } from '../../store/outbox/settle.ts'
import { ignoredRest, ignoredValues, sentValues, type Rules } from './conflict.ts'
import type { RemoteAccess, RemoteList } from './read-remote.ts'

export interface PushDeps extends RemoteAccess {
  readonly catalog: ReadonlyMap<string, Resource>
  readonly leases: Leases
  readonly rules: Rules
  readonly concurrency: number
  /** For writes that failed and may be tried again. */
  readonly policy: RetryPolicy
}

export interface Attempt extends RemoteList {
  readonly change: Change
  readonly mirror: Mirror
  readonly lease: Lease
  /** Ids of the changes that are sent together. */
  readonly batch: readonly number[]
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

/** What one attempt comes to. A step returns an outcome, and it is written once, at the end (`push-one.ts`). */
export type ChangeOutcome = 'sent' | 'superseded' | 'parked' | 'postponed'

export interface ChangeResult {
  readonly change: Change
  readonly outcome: ChangeOutcome
  /** Why it was parked or postponed. */
  readonly error: SyncError | null
}

export type Outcome =
  /** The row becomes what ScopeStack has. `response`: of an edit, stored where the row cannot be written now. */
  | {
      readonly do: 'settle'
      readonly as: 'sent' | 'superseded' | 'parked'
      readonly settlement: Settlement
      readonly error: SyncError | null
      readonly response?: StoredResponse
    }
  | ({ readonly do: 'park'; readonly error: SyncError } & ParkFacts)
  /** `ends`: the other changes would fail alike, so the push ends here. */
  | {
      readonly do: 'postpone'
      readonly error: SyncError
      readonly seconds: number
      readonly attempts?: number
      readonly ends?: boolean
    }
  /** Every other change would meet it. */
  | { readonly do: 'stop'; readonly error: unknown }
  /** It was discarded, or passed to another worker. */
  | { readonly do: 'drop' }

interface ParkFacts {
  readonly errors?: readonly FieldProblem[]
  readonly decisions?: readonly Decision[]
  /**
   * What its requests came to: `nothing`, by ScopeStack's own words or a read since; `gone`: the record that it created was
   * deleted since; left out: what is known of the attempt.
   */
  readonly applied?: 'nothing' | 'gone'
}

export const park = (error: SyncError, facts: ParkFacts = {}): Outcome => ({ do: 'park', error, ...facts })

/** Nothing was left to send; the row gets what ScopeStack holds. */
export const superseded = (record: RemoteRecord, decisions: readonly Decision[]): Outcome => ({
  do: 'settle',
  as: 'superseded',
  settlement: { ending: { event: 'obsolete', decisions }, row: record },
  error: null,
})

/** ScopeStack holds it. @param record null after a deletion. */
export const sent = (
  { change }: Pick<Attempt, 'change'>,
  record: RemoteRecord | null,
  decisions: readonly Decision[] | null,
): Outcome => ({
  do: 'settle',
  as: 'sent',
  settlement: {
    ending: { event: 'settle', decisions, answerId: change.recordId },
    row: record ?? 'delete',
    ...(record === null ? {} : { response: { record, decisions, wasFound: false } }),
  },
  error: null,
})

/**
 * The response to a write: the change is sent, or parked with what ScopeStack left out of it.
 *
 * @param now the record that the row becomes, where it was read again since.
 * @param wasFound the new record was found by a search, and the response was lost.
 */
export function responded(
  attempt: Attempt,
  response: StoredResponse,
  { now = response.record, wasFound = false }: { now?: RemoteRecord; wasFound?: boolean } = {},
): Outcome {
  const { change, resource } = attempt
  const { record, decisions } = response
  const isCreate = change.op === 'create'
  const ignored = ignoredValues(resource, isCreate ? sentValues(resource, change) : (decisions ?? []), record)
  const columns = ignored.map((one) => memberName(resource, one)).join(', ')
  const error = ignored.length === 0 ? null : valueIgnored({ what: changeName(change), columns })
  const settlement = { row: now, response: { record, decisions, wasFound } }
  const stored = isCreate ? {} : { response }
  // The new record exists, so nothing is parked; the ignored values are reported all the same.
  if (error === null || isCreate) {
    const ending = { event: 'settle', decisions, answerId: now.id } as const
    return { do: 'settle', as: 'sent', settlement: { ...settlement, ending }, error, ...stored }
  }
  const { rest, decisions: left } = ignoredRest(resource, ignored, record)
  const ending = { event: 'park', decisions: left, error, rest } as const
  return { do: 'settle', as: 'parked', settlement: { ...settlement, ending }, error, ...stored }
}
