/** What one attempt comes to. A step returns it, and it is written once, at the end (`apply-outcome.ts`). */
import type { RemoteRecord } from '../../catalog/resource.ts'
import { valueIgnored } from '../../errors/parked-changes.ts'
import type { SyncError } from '../../errors/sync-error.ts'
import type { Change, Decision, FieldProblem, StoredResponse } from '../../store/changes/change.ts'
import { memberName } from '../../store/changes/fields.ts'
import type { Settlement } from '../../store/outbox/settle.ts'
import { changeName, type Attempt } from './attempt.ts'
import { ignoredRest, ignoredValues, sentValues } from './ignored-values.ts'

export type ChangeOutcome = 'sent' | 'superseded' | 'parked' | 'postponed'

export interface ChangeResult {
  readonly change: Change
  readonly fate: ChangeOutcome
  /** Why it was parked or postponed. */
  readonly error: SyncError | null
}

export type Outcome =
  /** The row becomes what ScopeStack has. `response`: of an edit, stored where the row cannot be written now. */
  | {
      readonly do: 'settle'
      readonly fate: 'sent' | 'superseded' | 'parked'
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
  fate: 'superseded',
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
  fate: 'sent',
  settlement: {
    ending: { event: 'settle', decisions, answerId: change.recordId },
    row: record ?? 'delete',
    ...(record === null ? {} : { answered: { record, decisions, wasFound: false } }),
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
  const settlement = { row: now, answered: { record, decisions, wasFound } }
  const stored = isCreate ? {} : { response }
  // The new record exists, so nothing is parked; the ignored values are reported all the same.
  if (error === null || isCreate) {
    const ending = { event: 'settle', decisions, answerId: now.id } as const
    return { do: 'settle', fate: 'sent', settlement: { ...settlement, ending }, error, ...stored }
  }
  const { rest, decisions: left } = ignoredRest(resource, ignored, record)
  const reason = { code: error.code, text: error.message, errors: [] }
  const ending = { event: 'park', decisions: left, reason, rest } as const
  return { do: 'settle', fate: 'parked', settlement: { ...settlement, ending }, error, ...stored }
}
