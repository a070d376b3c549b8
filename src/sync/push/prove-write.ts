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
import type { Answer } from '../../remote/client.ts'
import { withdrawRequest } from '../../store/outbox/in-flight.ts'
import { settleSent } from '../../store/outbox/settle.ts'
import { changeName, recordName, type PushDeps, type Attempt, type ChangeResult } from './attempt.ts'
import { remoteValueOf, type Decision } from './conflict.ts'
import { isNearlySame, isSame } from './equality.ts'
import { parkChange } from './park.ts'
import { isReadRefused, readRecords } from './read-remote.ts'
import { problemsOf } from './refused-columns.ts'
import { settleResponse } from './settle-response.ts'

/**
 * @param why the response, as part of a sentence.
 * @throws SyncError SYNC_PUSH_NO_EFFECT, or the failure of the read.
 */
export async function proveWrite(
  deps: PushDeps,
  attempt: Attempt,
  decisions: readonly Decision[],
  why: string,
): Promise<ChangeResult> {
  const { change, resource } = attempt
  const left = { ...attempt, change: { ...change, requestedAt: new Date() } }
  let held: RemoteRecord | null
  try {
    held = await look(deps, attempt)
  } catch (error) {
    if (!isReadRefused(error)) throw error
    const facts = { what: changeName(change), why, look: `ScopeStack does not say what it holds (${causeText(error)})` }
    return await parkChange(deps, left, writeUnproved(facts), { decisions })
  }
  if (held === null) return await isGone(deps, attempt, decisions)
  if (change.op === 'delete') throw withoutEffect({ what: changeName(change), why })
  switch (cameOf(resource, decisions, held)) {
    case 'arrived':
      return await settleResponse(deps, attempt, { record: held, decisions })
    case 'missing': {
      const facts = { what: changeName(change), why, look: 'ScopeStack does not say what it holds in those columns' }
      return await parkChange(deps, left, writeUnproved(facts), { decisions })
    }
    case 'unchanged':
      throw withoutEffect({ what: changeName(change), why })
  }
}

/** The write of a record that was found a moment ago was refused with 404 or 405. */
export async function proveRefusedWrite(
  deps: PushDeps,
  attempt: Attempt,
  { status, body }: Answer,
  decisions: readonly Decision[],
): Promise<ChangeResult> {
  const { change, resource, term } = attempt
  await withdrawRequest(deps.sql, change, term)
  const held = await look(deps, attempt)
  if (held === null) return await isGone(deps, attempt, decisions)
  const { problems: errors, said } = problemsOf(resource, body)
  return await parkChange(deps, attempt, writeNotOffered({ what: changeName(change), status, said }), {
    errors,
    decisions,
  })
}

const look = async (deps: PushDeps, { change, resource, signal }: Attempt): Promise<RemoteRecord | null> =>
  (await readRecords(deps, resource, [change.recordId], signal)).get(change.recordId) ?? null

async function isGone(deps: PushDeps, attempt: Attempt, decisions: readonly Decision[]): Promise<ChangeResult> {
  const { change, term } = attempt
  if (change.op !== 'delete') {
    await withdrawRequest(deps.sql, change, term)
    return await parkChange(deps, attempt, recordGone({ what: recordName(change) }), { decisions })
  }
  await settleSent(deps, change, term, null, decisions)
  return { change, fate: 'sent', error: null }
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
  const sent = decisions
    .filter(({ decision }) => decision === 'send' || decision === 'local-wins')
    .map((one) => {
      const column = resource.columns.find(({ member }) => member === one.member)!
      return { ...one, kind: column.kind, now: remoteValueOf(held, column, one.entry) }
    })
  const differed = ({ kind, local, remote }: (typeof sent)[number]): boolean => !isSame(kind, local, remote)
  if (sent.some((one) => one.now !== undefined && differed(one) && isNearlySame(one.kind, one.now, one.local))) {
    return 'arrived'
  }
  return sent.every(({ now }) => now === undefined) ? 'missing' : 'unchanged'
}
