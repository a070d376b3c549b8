/** Sends one edit or deletion, compared with what ScopeStack holds. */
import type { RemoteRecord, Resource } from '../../catalog/resource.ts'
import { conflictFound, partlyHidden, recordGone, unsupported } from '../../errors/parked-changes.ts'
import { endsTheRun, SyncError } from '../../errors/sync-error.ts'
import type { WriteRequest } from '../../remote/client.ts'
import type { Decision } from '../../store/changes/change.ts'
import { memberName } from '../../store/changes/fields.ts'
import { changeName, possibleWrites, recordName, sendWrite, type Attempt, type PushDeps } from './attempt.ts'
import { decide } from './conflict.ts'
import { ignoredValues } from './ignored-values.ts'
import { park, responded, sent, superseded, type Outcome } from './outcome.ts'
import { proveRefusedWrite, proveWrite } from './prove-write.ts'
import { includeOf, readRecords } from './read-remote.ts'
import { refused } from './refusal.ts'
import { unseenColumns, updateBody } from './request-body.ts'

/** @param remote the record in ScopeStack, read a moment ago; null when there is none. */
export async function sendEdit(deps: PushDeps, attempt: Attempt, remote: RemoteRecord | null): Promise<Outcome> {
  const { change, resource, flight } = attempt
  // The record was read since, so the result of an earlier write is known.
  const known = { applied: 'nothing' } as const
  if (remote === null) {
    // Deleted in ScopeStack already: nothing is left to do.
    if (change.op === 'delete') return sent(attempt, null, null)
    return park(recordGone({ what: recordName(change) }), known)
  }
  if (!resource.writes.includes(change.op)) {
    const verb = change.op === 'delete' ? 'deleted' : 'changed'
    return park(unsupported({ what: recordName(change), verb }), known)
  }
  const doubts = possibleWrites(change, flight.mayHaveArrived)
  const { fate, decisions, hasArrived } = decide(resource, change, remote, deps.rules, doubts)
  if (fate === 'park') {
    const both = decisions.filter(({ decision }) => decision === 'park')
    const error = conflictFound({ what: recordName(change), columns: namesOf(resource, both) })
    return park(error, { ...known, decisions })
  }
  if (fate === 'nothing') return hasArrived ? sent(attempt, remote, decisions) : superseded(remote, decisions)
  return await sendDecided(deps, attempt, remote, decisions)
}

async function sendDecided(
  deps: PushDeps,
  attempt: Attempt,
  remote: RemoteRecord,
  decisions: readonly Decision[],
): Promise<Outcome> {
  const { change, resource, list } = attempt
  const unseen = change.op === 'delete' ? [] : unseenColumns(resource, decisions, remote)
  if (unseen.length > 0) {
    return park(partlyHidden({ what: changeName(change), columns: unseen.join(', ') }), { decisions })
  }
  const path = `${list.path}/${encodeURIComponent(change.recordId)}`
  const write: WriteRequest =
    change.op === 'delete'
      ? { method: 'DELETE', path }
      : { method: 'PATCH', path: path + includeOf(list), body: updateBody(resource, change, decisions, remote) }
  const outcome = await sendWrite(deps, attempt, write)
  if ('unproved' in outcome) return await proveWrite(deps, attempt, decisions, outcome.unproved)
  if ('refusal' in outcome) {
    const { refusal } = outcome
    // The record was found a moment ago, so the path may be refused for other reasons.
    if (refusal.status === 404 || refusal.status === 405) {
      return await proveRefusedWrite(deps, attempt, refusal, decisions)
    }
    return refused(attempt, refusal, decisions)
  }
  if (outcome.record === null) return sent(attempt, null, decisions)
  return responded(attempt, { record: await newestOf(deps, attempt, decisions, outcome.record), decisions })
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
