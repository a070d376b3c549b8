import type { RemoteRecord, Resource } from '../../catalog/resource.ts'
/** One edit on its way: held against what ScopeStack holds, sent, and settled by what was answered. */
import { conflictFound, partlyHidden, recordGone, unsupported } from '../../errors/parked-changes.ts'
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
 * Each try is behind a look of its own: while a PATCH is repeated, somebody else may edit what it writes. A 429 makes the look
 * wait, and the try comes right behind it.
 *
 * @param remote what ScopeStack holds of it; null when it is not there.
 */
export async function sendEdit(deps: PushDeps, sending: Attempt, remote: RemoteRecord | null): Promise<ChangeResult> {
  const { change, resource, signal } = sending
  let held = remote
  let trying = sending
  const patience = createRetrySchedule(deps.policy)
  for (;;) {
    try {
      return await sendOver(deps, trying, held)
    } catch (error) {
      const ms = isForLater(error) ? null : patience.delayAfter(error)
      if (ms === null) throw error
      if (await wasRequestSent(deps.sql, change))
        trying = { ...sending, change: { ...change, requestedAt: new Date() } }
      await sleep(ms, signal)
    }
    held = (await readRecords(deps, resource, [change.recordId], signal)).get(change.recordId) ?? null
  }
}

/** A look came behind the write, or an answer was of another record: at once again it would be the same. */
const isForLater = (error: unknown): boolean => hasCode(error, 'SYNC_PUSH_NO_EFFECT', 'SYNC_ANSWER_FOREIGN')

async function sendOver(deps: PushDeps, sending: Attempt, remote: RemoteRecord | null): Promise<ChangeResult> {
  const { change, resource, term } = sending
  const mayHaveLeft = change.requestedAt !== null
  const aside = async (error: SyncError, rest?: Parameters<typeof parkChange>[3]): Promise<ChangeResult> => {
    // What came of it has been seen.
    if (mayHaveLeft) await withdrawRequest(deps.sql, change, term)
    return await parkChange(deps, sending, error, rest)
  }
  if (remote === null) {
    // Somebody else deleted it: that is what was wanted.
    if (change.op !== 'delete') return await aside(recordGone({ what: recordName(change) }))
    await settleSent(deps, change, term, null, null)
    return { change, fate: 'sent', error: null }
  }
  if (!resource.writes.includes(change.op)) {
    const verb = change.op === 'delete' ? 'deleted' : 'changed'
    return await aside(unsupported({ what: recordName(change), verb }))
  }
  const { fate, decisions } = decide(resource, change, remote, deps.rules, possibleWrites(change))
  if (fate === 'park') {
    const both = decisions.filter(({ decision }) => decision === 'park')
    const error = conflictFound({ what: recordName(change), columns: namesOf(resource, both) })
    return await aside(error, { decisions })
  }
  if (fate === 'nothing' && mayHaveLeft && decisions.some(({ decision }) => decision === 'same')) {
    await settleSent(deps, change, term, remote, decisions)
    return { change, fate: 'sent', error: null }
  }
  if (fate === 'nothing') {
    await settleSuperseded(deps, change, term, remote, decisions)
    return { change, fate: 'superseded', error: null }
  }
  return await sendDecided(deps, sending, remote, decisions)
}

async function sendDecided(
  deps: PushDeps,
  sending: Attempt,
  remote: RemoteRecord,
  decisions: readonly Decision[],
): Promise<ChangeResult> {
  const { change, resource, term, signal } = sending
  const unseen = change.op === 'delete' ? [] : unseenColumns(resource, decisions, remote)
  if (unseen.length > 0) {
    const error = partlyHidden({ what: changeName(change), columns: unseen.join(', ') })
    return await parkChange(deps, sending, error, { decisions })
  }
  const request = await listRequest(deps, resource)
  const path = `${request.path}/${encodeURIComponent(change.recordId)}`
  const beforeSend = (): Promise<void> => recordDeparture(deps.sql, change, term)
  const outcome = await withdrawIfUnsent(
    deps,
    sending,
    deps.client.write(
      change.op === 'delete'
        ? { method: 'DELETE', path, beforeSend }
        : {
            method: 'PATCH',
            path: path + includeOf(request),
            body: updateBody(resource, change, decisions, remote),
            beforeSend,
          },
      writeOutcomeOf(deps, sending),
      signal,
    ),
  )
  if ('unproved' in outcome) return await proveWrite(deps, sending, decisions, outcome.unproved)
  if ('refusal' in outcome) {
    const { refusal } = outcome
    // It was found a moment ago.
    if (refusal.status === 404 || refusal.status === 405)
      return await proveRefusedWrite(deps, sending, refusal, decisions)
    return await parkRefused(deps, sending, refusal, decisions)
  }
  if (outcome.record !== null) {
    const record = await newestOf(deps, sending, decisions, outcome.record)
    return await settleResponse(deps, sending, { record, decisions })
  }
  await settleSent(deps, change, term, null, decisions)
  return { change, fate: 'sent', error: null }
}

const namesOf = (resource: Resource, decisions: readonly Decision[]): string =>
  decisions.map((one) => memberName(resource, one)).join(', ')

/**
 * An answer that holds old values may be of a copy that lags behind, or of before the write: it is looked at once more before
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
    // It has been answered: that nobody can be asked now changes nothing.
    if (error instanceof SyncError && !endsTheRun(error)) return answered
    throw error
  }
}
