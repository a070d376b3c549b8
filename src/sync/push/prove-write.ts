/**
 * A write whose response was not its record: the record is read before anything is written to the mirror.
 *
 *   response of another kind ──► read ──┬─ it holds what was sent ────► settled with it
 *                                       ├─ it holds the old values ───► tried again later, parked at last
 *                                       ├─ those columns are missing ─► parked
 *                                       └─ no response ───────────────► as if the response to the write was lost
 */
import type { RemoteRecord, Resource } from '../../catalog/resource.ts'
import { recordGone, writeNotOffered, writeUnproved } from '../../errors/parked-changes.ts'
import { causeText } from '../../errors/sync-error.ts'
import { withoutEffect } from '../../errors/waiting-changes.ts'
import type { HttpResponse } from '../../remote/http/http.ts'
import { isSent, type Decision } from '../../store/changes/change.ts'
import { isNearlySame, isSame } from '../../store/changes/equality.ts'
import { columnOf, remoteValueOf } from '../../store/changes/fields.ts'
import { changeName, recordName, type Attempt, type PushDeps } from './attempt.ts'
import { park, responded, sent, type Outcome } from './outcome.ts'
import { isReadRefused, readRecords } from './read-remote.ts'
import { problemsOf } from './refused-columns.ts'

/**
 * @param why the response, as part of a sentence.
 * @throws SyncError SYNC_PUSH_NO_EFFECT, or the failure of the read.
 */
export async function proveWrite(
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
    held = await look(deps, attempt)
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
export async function proveRefusedWrite(
  deps: PushDeps,
  attempt: Attempt,
  { status, body }: HttpResponse,
  decisions: readonly Decision[],
): Promise<Outcome> {
  const { change, resource, flight } = attempt
  flight.mayHaveArrived = false
  const held = await look(deps, attempt)
  if (held === null) return isGone(attempt, decisions)
  const { problems: errors, said } = problemsOf(resource, body)
  const error = writeNotOffered({ what: changeName(change), status, said })
  return park(error, { errors, decisions, applied: 'nothing' })
}

const look = async (deps: PushDeps, { change, resource, signal }: Attempt): Promise<RemoteRecord | null> =>
  (await readRecords(deps, resource, [change.recordId], signal)).get(change.recordId) ?? null

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
