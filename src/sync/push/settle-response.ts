/**
 * Settles a change with ScopeStack's response. Where another transaction locks the row, the response is stored, and the next
 * attempt settles the change with it: nothing is sent again, and later edits are rebased onto that response.
 */
import type { RemoteRecord } from '../../catalog/resource.ts'
import { valueIgnored } from '../../errors/parked-changes.ts'
import type { SyncError } from '../../errors/sync-error.ts'
import { isRejectedByDatabase } from '../../store/mirror/rejections.ts'
import type { StoredResponse } from '../../store/outbox/claim.ts'
import { storeResponse } from '../../store/outbox/in-flight.ts'
import { isRowLocked, settlePartly, settleSent } from '../../store/outbox/settle.ts'
import { changeName, type PushDeps, type Attempt, type ChangeResult } from './attempt.ts'
import { memberName, type Decision } from './conflict.ts'
import { sentValues, ignoredValues, ignoredRest } from './ignored-values.ts'

export async function settleResponse(deps: PushDeps, attempt: Attempt, answer: StoredResponse): Promise<ChangeResult> {
  try {
    return await settle(deps, attempt, answer, answer.record)
  } catch (error) {
    const { change, term } = attempt
    if ((isRowLocked(error) || isRejectedByDatabase(error)) && change.op !== 'create')
      await storeResponse(deps.sql, change, term, answer)
    throw error
  }
}

/** @param now the record by now; null when it was deleted in ScopeStack since, which the next pull finds. */
export async function settleStoredResponse(
  deps: PushDeps,
  attempt: Attempt,
  answer: StoredResponse,
  now: RemoteRecord | null,
): Promise<ChangeResult> {
  const answered = { ...attempt, change: { ...attempt.change, requestedAt: null } }
  return await settle(deps, answered, answer, now ?? answer.record)
}

/** @param row the record to write to the mirror. */
async function settle(
  deps: PushDeps,
  attempt: Attempt,
  { record, decisions }: StoredResponse,
  row: RemoteRecord,
): Promise<ChangeResult> {
  const { change, resource, term } = attempt
  const onto: PushDeps = {
    ...deps,
    rebase: (one, answered, later) => deps.rebase(one, { ...answered, record }, later),
  }
  const sent = change.op === 'create' ? sentValues(resource, change) : (decisions as readonly Decision[])
  const ignored = ignoredValues(resource, sent, record)
  if (ignored.length === 0 || change.op === 'create') {
    await settleSent(onto, change, term, row, decisions)
    // The record exists, so nothing is parked; the ignored values are reported all the same.
    return { change, fate: 'sent', error: ignored.length === 0 ? null : ignoredBy(attempt, ignored) }
  }
  const error = ignoredBy(attempt, ignored)
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
