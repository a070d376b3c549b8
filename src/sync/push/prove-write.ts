import type { RemoteRecord, Resource } from '../../catalog/resource.ts'
import { recordGone, writeNotOffered, writeUnproved } from '../../errors/parked-changes.ts'
import { reason } from '../../errors/sync-error.ts'
/**
 * A write that was answered, though not with its record: what came of it is looked up before anything is written.
 *
 *   answered with something else ──► look ──┬─ it holds what was sent ──► settled with that
 *                                           ├─ it holds what it held ───► later again, and for a person at last
 *                                           ├─ it does not say ─────────► for a person
 *                                           └─ nobody answers ──────────► as if the answer was lost
 */
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
 * @param why what it was answered with, in the middle of a sentence.
 * @throws SyncError SYNC_PUSH_NO_EFFECT, or what the look failed with.
 */
export async function proveWrite(
  deps: PushDeps,
  sending: Attempt,
  decisions: readonly Decision[],
  why: string,
): Promise<ChangeResult> {
  const { change, resource } = sending
  const left = { ...sending, change: { ...change, requestedAt: new Date() } }
  let held: RemoteRecord | null
  try {
    held = await look(deps, sending)
  } catch (error) {
    if (!isReadRefused(error)) throw error
    const facts = { what: changeName(change), why, look: `ScopeStack does not say what it holds (${reason(error)})` }
    return await parkChange(deps, left, writeUnproved(facts), { decisions })
  }
  if (held === null) return await isGone(deps, sending, decisions)
  if (change.op === 'delete') throw withoutEffect({ what: changeName(change), why })
  switch (cameOf(resource, decisions, held)) {
    case 'arrived':
      return await settleResponse(deps, sending, { record: held, decisions })
    case 'untold': {
      const facts = { what: changeName(change), why, look: 'ScopeStack does not say what it holds in those columns' }
      return await parkChange(deps, left, writeUnproved(facts), { decisions })
    }
    case 'unchanged':
      throw withoutEffect({ what: changeName(change), why })
  }
}

/** A record that was found a moment ago, and whose write was answered with 404 or 405. */
export async function proveRefusedWrite(
  deps: PushDeps,
  sending: Attempt,
  { status, body }: Answer,
  decisions: readonly Decision[],
): Promise<ChangeResult> {
  const { change, resource, term } = sending
  await withdrawRequest(deps.sql, change, term)
  const held = await look(deps, sending)
  if (held === null) return await isGone(deps, sending, decisions)
  const { problems: errors, said } = problemsOf(resource, body)
  return await parkChange(deps, sending, writeNotOffered({ what: changeName(change), status, said }), {
    errors,
    decisions,
  })
}

const look = async (deps: PushDeps, { change, resource, signal }: Attempt): Promise<RemoteRecord | null> =>
  (await readRecords(deps, resource, [change.recordId], signal)).get(change.recordId) ?? null

async function isGone(deps: PushDeps, sending: Attempt, decisions: readonly Decision[]): Promise<ChangeResult> {
  const { change, term } = sending
  if (change.op !== 'delete') {
    await withdrawRequest(deps.sql, change, term)
    return await parkChange(deps, sending, recordGone({ what: recordName(change) }), { decisions })
  }
  await settleSent(deps, change, term, null, decisions)
  return { change, fate: 'sent', error: null }
}

/**
 * One value of those that were sent is proof: a write is taken as a whole, and what it left out is found out by whoever
 * settles it. A third value is none: somebody may have edited it since.
 */
function cameOf(
  resource: Resource,
  decisions: readonly Decision[],
  held: RemoteRecord,
): 'arrived' | 'unchanged' | 'untold' {
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
  return sent.every(({ now }) => now === undefined) ? 'untold' : 'unchanged'
}
