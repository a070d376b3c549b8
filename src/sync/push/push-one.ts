/** One change, from the batch to its end. Each step returns an outcome, or fails; the outcome is written once, by `applyOutcome`. */
import type { RemoteRecord } from '../../catalog/resource.ts'
import { UNKNOWN } from '../../errors/codes/changes.ts'
import { arrivalUnknown, arrivedUnsettled, newRowDiscarded, parentDiscarded } from '../../errors/parked-changes.ts'
import { factOf, hasCode, isCode, SyncError } from '../../errors/sync-error.ts'
import { createRetrySchedule, sleep } from '../../remote/http/retry.ts'
import { isLocal } from '../../store/changes/change.ts'
import { latestValues } from '../../store/changes/coalesce.ts'
import { answerEdit, postpone, unsend, type Ending } from '../../store/changes/writes.ts'
import { settle } from '../../store/outbox/settle.ts'
import {
  changeName,
  localReference,
  park,
  possibleWrites,
  responded,
  type Attempt,
  type ChangeResult,
  type Outcome,
  type PushDeps,
} from './attempt.ts'
import { failureOf, outcomeOfFailure } from './on-failure.ts'
import { readRecord } from './read-remote.ts'
import { sendCreate } from './send-create.ts'
import { sendEdit } from './send-edit.ts'

/**
 * @param remote the record in ScopeStack as the batch was read; null where there is none, an error where that was refused.
 * @returns null where the change is not ours any more.
 * @throws what every other change would meet, too.
 */
export async function pushOne(
  deps: PushDeps,
  attempt: Attempt,
  remote: RemoteRecord | SyncError | null,
): Promise<ChangeResult | null> {
  let outcome: Outcome
  try {
    outcome = withoutRecord(attempt) ?? (await send(deps, attempt, remote))
  } catch (error) {
    outcome = await outcomeOfFailure(deps, attempt, error)
  }
  try {
    return await applyOutcome(deps, attempt, outcome)
  } catch (error) {
    // A person discarded it meanwhile.
    if (hasCode(error, 'SYNC_CLAIM_LOST')) return null
    throw error
  }
}

/** What cannot be sent, since its own row or one that it refers to never got an id of ScopeStack. */
function withoutRecord({ change, resource }: Attempt): Outcome | null {
  const what = changeName(change)
  const parent = localReference(resource, change)
  // The parent create is no longer queued, so it was discarded.
  if (parent !== undefined) return park(parentDiscarded({ what, parent }))
  // The row's own create would have come before this change, so it was discarded.
  return change.op !== 'create' && isLocal(change.recordId) ? park(newRowDiscarded({ what })) : null
}

async function send(deps: PushDeps, attempt: Attempt, remote: RemoteRecord | SyncError | null): Promise<Outcome> {
  const { change } = attempt
  if (change.op === 'create') return await sendCreate(deps, attempt)
  if (remote instanceof SyncError) throw remote
  // The record by now; null when it was deleted in ScopeStack since, which the next pull finds.
  if (change.answer !== null) return responded(attempt, change.answer, { now: remote ?? change.answer.record })
  return await sendRepeatedly(deps, attempt, remote)
}

/**
 * Each try begins with a read of its own, since the record may be edited in ScopeStack between two tries. A 429 delays the
 * read, and the write follows right behind it.
 */
async function sendRepeatedly(deps: PushDeps, attempt: Attempt, remote: RemoteRecord | null): Promise<Outcome> {
  const schedule = createRetrySchedule(deps.policy)
  for (let held = remote; ;) {
    try {
      return await sendEdit(deps, attempt, held)
    } catch (error) {
      // The write had no effect, or the response held another record: an immediate try would end the same.
      const isForLater = hasCode(error, 'SYNC_PUSH_NO_EFFECT', 'SYNC_ANSWER_FOREIGN')
      const ms = isForLater ? null : schedule.delayAfter(error)
      if (ms === null) throw error
      await sleep(ms, attempt.signal)
    }
    held = await readRecord(deps, attempt, attempt.change.recordId)
  }
}

/**
 * Where the row cannot be written now, the response is stored, and the next attempt settles the change with it: nothing is sent
 * again, and later edits are rebased onto that response.
 *
 * @returns null where the change is not ours any more.
 * @throws what every other change would meet, too.
 */
async function applyOutcome(deps: PushDeps, attempt: Attempt, outcome: Outcome): Promise<ChangeResult | null> {
  try {
    return await apply(deps, attempt, outcome)
  } catch (error) {
    if (outcome.do !== 'settle' && outcome.do !== 'park') throw error
    const failure = failureOf(error)
    const isRow = failure === 'row locked' || failure === 'row rejected'
    if (isRow && outcome.do === 'settle' && outcome.response !== undefined && attempt.flight.state === 'in_flight') {
      await answerEdit(deps.sql, attempt.change, attempt.lease, outcome.response)
      attempt.flight.state = 'answered'
    }
    return await apply(deps, attempt, await outcomeOfFailure(deps, attempt, error))
  }
}

async function apply(deps: PushDeps, attempt: Attempt, outcome: Outcome): Promise<ChangeResult | null> {
  const { change, lease, mirror } = attempt
  switch (outcome.do) {
    case 'settle':
      await settle({ ...deps, mirror }, change, lease, outcome.settlement)
      return { change, outcome: outcome.as, error: outcome.error }
    case 'park': {
      const ending = endingOf(attempt, outcome)
      await settle({ ...deps, mirror }, change, lease, { ending, row: 'restore' })
      return { change, outcome: 'parked', error: ending.error }
    }
    case 'postpone':
      // A request that certainly did not arrive is not in flight, unless an earlier one is.
      await postpone(deps.sql, change, lease, outcome, didNotArrive(attempt.flight) ? 'unsend' : 'postpone')
      if (outcome.ends === true) throw outcome.error
      return { change, outcome: 'postponed', error: outcome.error }
    case 'stop':
      await unsendUnarrived(deps, attempt)
      throw outcome.error
    case 'drop':
      return null
  }
}

type OutcomeOf<K extends Outcome['do']> = Extract<Outcome, { readonly do: K }>

/** No request of it did, though one was to leave. */
const didNotArrive = ({ state, mayHaveArrived }: Attempt['flight']): boolean => state === 'in_flight' && !mayHaveArrived

/** Else the next push would look for it, and would park a new row that nothing can find. */
async function unsendUnarrived({ sql }: PushDeps, { change, lease, flight }: Attempt): Promise<void> {
  // What ended the push is thrown, and not that Postgres is away.
  if (didNotArrive(flight)) await unsend(sql, change, lease).catch(() => {})
}

/**
 * A create that was sent stays unknown whatever followed: no later change may be coalesced into it or sent after it. An edit
 * keeps the values that may have arrived.
 */
function endingOf(
  { change, resource, flight }: Attempt,
  { error, errors = [], decisions: decided, applied }: OutcomeOf<'park'>,
): Ending & { readonly error: SyncError } {
  const decisions = decided ?? null
  if (change.op !== 'create') {
    const isKnown = applied === 'nothing' || flight.state === 'waiting'
    const doubts = possibleWrites(change, change.op === 'update' && !isKnown)
    return { event: 'park', decisions, error, errors, inDoubt: latestValues(resource, doubts) }
  }
  const event = createEventOf(flight, applied)
  const because = explained(event, error, { what: changeName(change), record: flight.answerId ?? '' })
  return { event, decisions, error: because, errors }
}

function createEventOf({ state, mayHaveArrived }: Attempt['flight'], applied: OutcomeOf<'park'>['applied']) {
  if (applied === 'gone') return 'vanish'
  if (state === 'waiting') return 'park'
  if (state === 'answered') return 'strand'
  // One that was sent twice may have been refused because the first request arrived late.
  return state === 'in_flight' && applied === 'nothing' && !mayHaveArrived ? 'refuse' : 'doubt'
}

function explained(event: Ending['event'], error: SyncError, { what, record }: { what: string; record: string }) {
  if (isCode(error.code, UNKNOWN) || (event !== 'doubt' && event !== 'strand')) return error
  const why = (factOf(error, 'last') ?? error.sentence).replace(/\.$/, '')
  return event === 'doubt' ? arrivalUnknown({ what, why }) : arrivedUnsettled({ what, record, why })
}
