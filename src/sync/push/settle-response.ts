import type { RemoteRecord } from '../../catalog/resource.ts'
/**
 * What ScopeStack answered to an edit, or to a new row. Where somebody holds the row, the answer is kept, and whoever takes
 * the change next settles it with that: nothing is sent again, and what waits behind it stands on what was answered then.
 */
import { valueIgnored } from '../../errors/parked-changes.ts'
import type { SyncError } from '../../errors/sync-error.ts'
import { isRejectedByDatabase } from '../../store/mirror/refusals.ts'
import type { StoredResponse } from '../../store/outbox/claim.ts'
import { storeResponse } from '../../store/outbox/in-flight.ts'
import { isRowLocked, settlePartly, settleSent } from '../../store/outbox/settle.ts'
import { changeName, type PushDeps, type Attempt, type ChangeResult } from './attempt.ts'
import { memberName, type Decision } from './conflict.ts'
import { sentValues, ignoredValues, ignoredRest } from './ignored-values.ts'

export async function settleResponse(deps: PushDeps, sending: Attempt, answer: StoredResponse): Promise<ChangeResult> {
  try {
    return await settle(deps, sending, answer, answer.record)
  } catch (error) {
    const { change, term } = sending
    if ((isRowLocked(error) || isRejectedByDatabase(error)) && change.op !== 'create')
      await storeResponse(deps.sql, change, term, answer)
    throw error
  }
}

/** @param now what ScopeStack holds by now; null when somebody has deleted it since, which the next pull notes. */
export async function settleStoredResponse(
  deps: PushDeps,
  sending: Attempt,
  answer: StoredResponse,
  now: RemoteRecord | null,
): Promise<ChangeResult> {
  const answered = { ...sending, change: { ...sending.change, requestedAt: null } }
  return await settle(deps, answered, answer, now ?? answer.record)
}

/** @param row what the row becomes. */
async function settle(
  deps: PushDeps,
  sending: Attempt,
  { record, decisions }: StoredResponse,
  row: RemoteRecord,
): Promise<ChangeResult> {
  const { change, resource, term } = sending
  const onto: PushDeps = {
    ...deps,
    rebase: (one, answered, later) => deps.rebase(one, { ...answered, record }, later),
  }
  const sent = change.op === 'create' ? sentValues(resource, change) : (decisions as readonly Decision[])
  const ignored = ignoredValues(resource, sent, record)
  if (ignored.length === 0 || change.op === 'create') {
    await settleSent(onto, change, term, row, decisions)
    // It is there, so there is nothing to set aside; but somebody should know.
    return { change, fate: 'sent', error: ignored.length === 0 ? null : ignoredBy(sending, ignored) }
  }
  const error = ignoredBy(sending, ignored)
  const rest = ignoredRest(resource, ignored, record)
  const because = { code: error.code, reason: error.message, errors: [] }
  await settlePartly(onto, change, term, { record: row, decisions, rest, because })
  return { change, fate: 'parked', error }
}

const ignoredBy = ({ change, resource }: Attempt, ignored: readonly Decision[]): SyncError =>
  valueIgnored({
    what: changeName(change),
    columns: ignored.map((one) => memberName(resource, one)).join(', '),
  })
