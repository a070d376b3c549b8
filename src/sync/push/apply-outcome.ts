/** Writes what an attempt came to: to the outbox, and to the row. The only place of a push that ends a change. */
import { UNKNOWN } from '../../errors/codes/changes.ts'
import { arrivalUnknown, arrivedUnsettled } from '../../errors/parked-changes.ts'
import { factOf, isCode, type SyncError } from '../../errors/sync-error.ts'
import { claimLost } from '../../errors/waiting-changes.ts'
import { latestValues } from '../../store/changes/coalesce.ts'
import { answerEdit, postpone, unsend, type Ending } from '../../store/changes/writes.ts'
import { settle } from '../../store/outbox/settle.ts'
import { changeName, possibleWrites, type Attempt, type PushDeps } from './attempt.ts'
import { failureOf, outcomeOfFailure } from './on-failure.ts'
import type { ChangeResult, Outcome } from './outcome.ts'

/**
 * Where the row cannot be written now, the response is stored, and the next attempt settles the change with it: nothing is sent
 * again, and later edits are rebased onto that response.
 *
 * @returns null where the change is not ours any more.
 * @throws what every other change would meet, too.
 */
export async function applyOutcome(deps: PushDeps, attempt: Attempt, outcome: Outcome): Promise<ChangeResult | null> {
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
      return { change, fate: outcome.fate, error: outcome.error }
    case 'park': {
      const { ending, error } = endingOf(attempt, outcome)
      await settle({ ...deps, mirror }, change, lease, { ending, row: 'restore' })
      return { change, fate: 'parked', error }
    }
    case 'postpone':
      await postponed(deps, attempt, outcome)
      if (outcome.ends === true) throw outcome.error
      return { change, fate: 'postponed', error: outcome.error }
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

/** A request that certainly did not arrive is not in flight, unless an earlier one is. */
async function postponed(
  { sql }: PushDeps,
  { change, lease, flight }: Attempt,
  { error, seconds, attempts }: OutcomeOf<'postpone'>,
): Promise<void> {
  const event = didNotArrive(flight) ? 'unsend' : 'postpone'
  const spent = attempts === undefined ? {} : { attempts }
  const written = await postpone(
    sql,
    change,
    lease,
    { seconds, code: error.code, reason: error.message, ...spent },
    event,
  )
  if (written !== 1) throw claimLost({ change: change.id, term: lease.term })
}

/**
 * A create that was sent stays unknown whatever followed: no later change may be coalesced into it or sent after it. An edit
 * keeps the values that may have arrived.
 */
function endingOf(
  { change, resource, flight }: Attempt,
  { error, errors = [], decisions, applied }: OutcomeOf<'park'>,
): { ending: Ending; error: SyncError } {
  if (change.op !== 'create') {
    const isKnown = applied === 'nothing' || flight.state === 'waiting'
    const doubts = possibleWrites(change, change.op === 'update' && !isKnown)
    const reason = { code: error.code, text: error.message, errors }
    return {
      ending: { event: 'park', decisions: decisions ?? null, reason, inDoubt: latestValues(resource, doubts) },
      error,
    }
  }
  const event = createEventOf(flight, applied)
  const because = explained(event, error, { what: changeName(change), record: flight.answerId ?? '' })
  return {
    ending: { event, decisions: decisions ?? null, reason: { code: because.code, text: because.message, errors } },
    error: because,
  }
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
