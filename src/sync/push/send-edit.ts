/**
 * Sends one edit or deletion, compared with what ScopeStack holds. Where the response to the write is not its record, the record
 * is read before anything is written to the mirror.
 *
 *   response of another kind ──► read ──┬─ it holds what was sent ────► settled with it
 *                                       ├─ it holds the old values ───► tried again later, parked at last
 *                                       ├─ those columns are missing ─► parked
 *                                       └─ no response ───────────────► as if the response to the write was lost
 */
import type { RemoteRecord, Resource } from '../../catalog/resource.ts'
import {
  conflictFound,
  partlyHidden,
  recordGone,
  unsupported,
  writeNotOffered,
  writeUnproved,
} from '../../errors/parked-changes.ts'
import { causeText, endsTheRun, SyncError } from '../../errors/sync-error.ts'
import { withoutEffect } from '../../errors/waiting-changes.ts'
import type { WriteRequest } from '../../remote/client.ts'
import type { HttpResponse } from '../../remote/http/http.ts'
import { isSent, type Decision } from '../../store/changes/change.ts'
import { isNearlySame, isSame } from '../../store/changes/equality.ts'
import { columnOf, memberName, remoteValueOf } from '../../store/changes/fields.ts'
import {
  changeName,
  park,
  possibleWrites,
  recordName,
  responded,
  sent,
  superseded,
  type Attempt,
  type Outcome,
  type PushDeps,
} from './attempt.ts'
import { decide, ignoredValues } from './conflict.ts'
import { includeOf, isReadRefused, readRecord } from './read-remote.ts'
import { problemsOf, refused } from './refusal.ts'
import { sendWrite, unseenColumns, updateBody } from './send-write.ts'

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
  const { action, decisions, hasArrived } = decide(resource, change, remote, deps.rules, doubts)
  if (action === 'park') {
    const both = decisions.filter(({ decision }) => decision === 'park')
    const error = conflictFound({ what: recordName(change), columns: namesOf(resource, both) })
    return park(error, { ...known, decisions })
  }
  if (action === 'nothing') return hasArrived ? sent(attempt, remote, decisions) : superseded(remote, decisions)
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
  attempt: Attempt,
  decisions: readonly Decision[],
  inResponse: RemoteRecord,
): Promise<RemoteRecord> {
  if (ignoredValues(attempt.resource, decisions, inResponse).length === 0) return inResponse
  try {
    return (await readRecord(deps, attempt, attempt.change.recordId)) ?? inResponse
  } catch (error) {
    // The write has succeeded; a failed read does not change that.
    if (error instanceof SyncError && !endsTheRun(error)) return inResponse
    throw error
  }
}

/**
 * @param why the response, as part of a sentence.
 * @throws SyncError SYNC_PUSH_NO_EFFECT, or the failure of the read.
 */
async function proveWrite(
  deps: PushDeps,
  attempt: Attempt,
  decisions: readonly Decision[],
  why: string,
): Promise<Outcome> {
  const { change, resource, flight } = attempt
  const what = changeName(change)
  flight.mayHaveArrived = true
  let held: RemoteRecord | null
  try {
    held = await readRecord(deps, attempt, change.recordId)
  } catch (error) {
    if (!isReadRefused(error)) throw error
    const seen = `ScopeStack does not say what it holds (${causeText(error)})`
    return park(writeUnproved({ what, why, look: seen }), { decisions })
  }
  if (held === null) return isGone(attempt, decisions)
  if (change.op === 'delete') throw withoutEffect({ what, why })
  switch (cameOf(resource, decisions, held)) {
    case 'arrived':
      return responded(attempt, { record: held, decisions })
    case 'missing': {
      const seen = 'ScopeStack does not say what it holds in those columns'
      return park(writeUnproved({ what, why, look: seen }), { decisions })
    }
    case 'unchanged':
      throw withoutEffect({ what, why })
  }
}

/** The write of a record that was found a moment ago was refused with 404 or 405. */
async function proveRefusedWrite(
  deps: PushDeps,
  attempt: Attempt,
  { status, body }: HttpResponse,
  decisions: readonly Decision[],
): Promise<Outcome> {
  const { change, resource, flight } = attempt
  flight.mayHaveArrived = false
  const held = await readRecord(deps, attempt, change.recordId)
  if (held === null) return isGone(attempt, decisions)
  const { problems: errors, summary: said } = problemsOf(resource, body)
  const error = writeNotOffered({ what: changeName(change), status, said })
  return park(error, { errors, decisions, applied: 'nothing' })
}

function isGone(attempt: Attempt, decisions: readonly Decision[]): Outcome {
  const { change } = attempt
  if (change.op === 'delete') return sent(attempt, null, decisions)
  return park(recordGone({ what: recordName(change) }), { decisions, applied: 'nothing' })
}

/**
 * One of the sent values is proof: a write is applied as a whole, and settling finds the values it ignored. A third value is
 * none: the record may have been edited since.
 */
function cameOf(
  resource: Resource,
  decisions: readonly Decision[],
  held: RemoteRecord,
): 'arrived' | 'unchanged' | 'missing' {
  const written = decisions.filter(isSent).map((one) => {
    const column = columnOf(resource, one.member)
    return { ...one, kind: column.kind, now: remoteValueOf(held, column, one.entry) }
  })
  const differed = ({ kind, local, remote }: (typeof written)[number]): boolean => !isSame(kind, local, remote)
  if (written.some((one) => one.now !== undefined && differed(one) && isNearlySame(one.kind, one.now, one.local))) {
    return 'arrived'
  }
  return written.every(({ now }) => now === undefined) ? 'missing' : 'unchanged'
}
