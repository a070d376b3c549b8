/** Sends one edit or deletion: compared with what ScopeStack holds, written, and settled with the response. */
import type { RemoteRecord, Resource } from '../../catalog/resource.ts'
import { partlyHidden, conflictFound, recordGone, unsupported } from '../../errors/parked-changes.ts'
import { endsTheRun, hasCode, SyncError } from '../../errors/sync-error.ts'
import { createRetrySchedule, sleep } from '../../remote/http/retry.ts'
import { wasRequestSent, recordDeparture, withdrawRequest } from '../../store/outbox/in-flight.ts'
import { settleSent, settleSuperseded } from '../../store/outbox/settle.ts'
import {
  type PushDeps,
  type Attempt,
  type ChangeResult,
  changeName,
  recordName,
  possibleWrites,
  withdrawIfUnsent,
  writeOutcomeOf,
} from './attempt.ts'
import { decide, memberName, type Decision } from './conflict.ts'
import { ignoredValues } from './ignored-values.ts'
import { parkChange, parkRefused } from './park.ts'
import { proveRefusedWrite, proveWrite } from './prove-write.ts'
import { includeOf, listRequest, readRecords } from './read-remote.ts'
import { unseenColumns, updateBody } from './request-body.ts'
import { settleResponse } from './settle-response.ts'

/**
 * Each try begins with a read of its own, since the record may be edited in ScopeStack between two tries. A 429 delays the
 * read, and the write follows right behind it.
 *
 * @param remote the record in ScopeStack; null when there is none.
 */
export async function sendEdit(deps: PushDeps, attempt: Attempt, remote: RemoteRecord | null): Promise<ChangeResult> {
  const { change, resource, signal } = attempt
  let held = remote
  let trying = attempt
  const patience = createRetrySchedule(deps.policy)
  for (;;) {
    try {
      return await sendOver(deps, trying, held)
    } catch (error) {
      const ms = isForLater(error) ? null : patience.delayAfter(error)
      if (ms === null) throw error
      if (await wasRequestSent(deps.sql, change))
        trying = { ...attempt, change: { ...change, requestedAt: new Date() } }
      await sleep(ms, signal)
    }
    held = (await readRecords(deps, resource, [change.recordId], signal)).get(change.recordId) ?? null
  }
}

/** The write had no effect, or the response held another record: an immediate try would end the same. */
const isForLater = (error: unknown): boolean => hasCode(error, 'SYNC_PUSH_NO_EFFECT', 'SYNC_ANSWER_FOREIGN')

async function sendOver(deps: PushDeps, attempt: Attempt, remote: RemoteRecord | null): Promise<ChangeResult> {
  const { change, resource, term } = attempt
  const mayHaveLeft = change.requestedAt !== null
  const park = async (error: SyncError, rest?: Parameters<typeof parkChange>[3]): Promise<ChangeResult> => {
    // The record was read since, so the result of the earlier write is known.
    if (mayHaveLeft) await withdrawRequest(deps.sql, change, term)
    return await parkChange(deps, attempt, error, rest)
  }
  if (remote === null) {
    if (change.op !== 'delete') return await park(recordGone({ what: recordName(change) }))
    // Deleted in ScopeStack already: nothing is left to do.
    await settleSent(deps, change, term, null, null)
    return { change, fate: 'sent', error: null }
  }
  if (!resource.writes.includes(change.op)) {
    const verb = change.op === 'delete' ? 'deleted' : 'changed'
    return await park(unsupported({ what: recordName(change), verb }))
  }
  const { fate, decisions } = decide(resource, change, remote, deps.rules, possibleWrites(change))
  if (fate === 'park') {
    const both = decisions.filter(({ decision }) => decision === 'park')
    const error = conflictFound({ what: recordName(change), columns: namesOf(resource, both) })
    return await park(error, { decisions })
  }
  if (fate === 'nothing' && mayHaveLeft && decisions.some(({ decision }) => decision === 'same')) {
    await settleSent(deps, change, term, remote, decisions)
    return { change, fate: 'sent', error: null }
  }
  if (fate === 'nothing') {
    await settleSuperseded(deps, change, term, remote, decisions)
    return { change, fate: 'superseded', error: null }
  }
  return await sendDecided(deps, attempt, remote, decisions)
}

async function sendDecided(
  deps: PushDeps,
  attempt: Attempt,
  remote: RemoteRecord,
  decisions: readonly Decision[],
): Promise<ChangeResult> {
  const { change, resource, term, signal } = attempt
  const unseen = change.op === 'delete' ? [] : unseenColumns(resource, decisions, remote)
  if (unseen.length > 0) {
    const error = partlyHidden({ what: changeName(change), columns: unseen.join(', ') })
    return await parkChange(deps, attempt, error, { decisions })
  }
  const request = await listRequest(deps, resource)
  const path = `${request.path}/${encodeURIComponent(change.recordId)}`
  const beforeSend = (): Promise<void> => recordDeparture(deps.sql, change, term)
  const outcome = await withdrawIfUnsent(
    deps,
    attempt,
    deps.client.write(
      change.op === 'delete'
        ? { method: 'DELETE', path, beforeSend }
        : {
            method: 'PATCH',
            path: path + includeOf(request),
            body: updateBody(resource, change, decisions, remote),
            beforeSend,
          },
      writeOutcomeOf(deps, attempt),
      signal,
    ),
  )
  if ('unproved' in outcome) return await proveWrite(deps, attempt, decisions, outcome.unproved)
  if ('refusal' in outcome) {
    const { refusal } = outcome
    // The record was found a moment ago, so the path may be refused for other reasons.
    if (refusal.status === 404 || refusal.status === 405)
      return await proveRefusedWrite(deps, attempt, refusal, decisions)
    return await parkRefused(deps, attempt, refusal, decisions)
  }
  if (outcome.record !== null) {
    const record = await newestOf(deps, attempt, decisions, outcome.record)
    return await settleResponse(deps, attempt, { record, decisions })
  }
  await settleSent(deps, change, term, null, decisions)
  return { change, fate: 'sent', error: null }
}

const namesOf = (resource: Resource, decisions: readonly Decision[]): string =>
  decisions.map((one) => memberName(resource, one)).join(', ')

/**
 * A response with old values may come from a lagging replica, or from before the write: the record is read once more before
 * a value counts as ignored.
 */
async function newestOf(
  deps: PushDeps,
  { change, resource, signal }: Attempt,
  decisions: readonly Decision[],
  answered: RemoteRecord,
): Promise<RemoteRecord> {
  if (ignoredValues(resource, decisions, answered).length === 0) return answered
  try {
    return (await readRecords(deps, resource, [change.recordId], signal)).get(change.recordId) ?? answered
  } catch (error) {
    // The write has succeeded; a failed read does not change that.
    if (error instanceof SyncError && !endsTheRun(error)) return answered
    throw error
  }
}
