/** What becomes of a change at which something failed: one table, by what failed and by what is sent. */
import type { Write } from '../../catalog/resource.ts'
import { keepsFailing, lookupRefused, notStorable, writeForbidden } from '../../errors/parked-changes.ts'
import { causeText, endsTheRun, factOf, hasCode, reason, SyncError } from '../../errors/sync-error.ts'
import { rowLocked, rowRejected } from '../../errors/waiting-changes.ts'
import { isRateLimited, requestedWaitMs } from '../../remote/http/retry.ts'
import { isDataError } from '../../store/connection/database.ts'
import { isRejectedByDatabase } from '../../store/mirror/rejections.ts'
import { isRowLocked } from '../../store/outbox/settle.ts'
import { explainTableError } from '../check-table.ts'
import { explainRefusal } from '../list/explain-refusal.ts'
import { changeName, isNoResponse, mayHaveArrived, park, type Attempt, type Outcome, type PushDeps } from './attempt.ts'

/**
 * `row locked`: by another transaction · `not storable`: the database cannot store its values · `row rejected`: by a trigger, a
 * constraint or the shape of the table · `passed on`: it is not ours any more · `forbidden`, `refused`: ScopeStack refused a
 * lookup · `asked to wait`: before the request counted · `asked to wait, sent`: it may have taken effect · `no response` ·
 * `failed`: ScopeStack did, at this request · `every change`: whatever every other change would meet, too.
 */
export type Failure =
  | 'row locked'
  | 'not storable'
  | 'row rejected'
  | 'passed on'
  | 'forbidden'
  | 'refused'
  | 'asked to wait'
  | 'asked to wait, sent'
  | 'no response'
  | 'failed'
  | 'every change'

/** `later`: tried again, and parked after too many failures · `later, end`: the same, and the push ends. */
export type Reaction = 'wait for the row' | 'park' | 'ask why' | 'later' | 'later, end' | 'stop' | 'drop'

const always = (reaction: Reaction): Record<Write, Reaction> => ({
  create: reaction,
  update: reaction,
  delete: reaction,
})

/** Of a create the search for its record goes on by itself, while the other changes are sent. */
const REACTIONS: Record<Failure, Record<Write, Reaction>> = {
  'row locked': always('wait for the row'),
  'not storable': always('park'),
  'row rejected': always('wait for the row'),
  'passed on': always('drop'),
  forbidden: always('park'),
  refused: always('ask why'),
  'asked to wait': always('stop'),
  'asked to wait, sent': { create: 'later', update: 'stop', delete: 'stop' },
  // The other changes would fail alike.
  'no response': { create: 'later', update: 'later, end', delete: 'later, end' },
  failed: always('later'),
  'every change': always('stop'),
}

export const reactionTo = (failure: Failure, op: Write): Reaction => REACTIONS[failure][op]

export function failureOf(error: unknown): Failure {
  if (isRowLocked(error)) return 'row locked'
  if (isDataError(error)) return 'not storable'
  if (isRejectedByDatabase(error) || hasCode(error, 'SYNC_PUSH_ROW_REFUSED')) return 'row rejected'
  if (hasCode(error, 'SYNC_CLAIM_LOST')) return 'passed on'
  if (!(error instanceof SyncError)) return 'every change'
  if (hasCode(error, 'SYNC_FORBIDDEN')) return 'forbidden'
  if (hasCode(error, 'SYNC_REQUEST_REFUSED')) return 'refused'
  if (isRateLimited(error)) return mayHaveArrived(error) ? 'asked to wait, sent' : 'asked to wait'
  if (error.remedy !== 'retry' || endsTheRun(error)) return 'every change'
  return isNoResponse(error) ? 'no response' : 'failed'
}

const LOCKED_SECONDS = 5
/** Once a person has corrected the table, the change goes on by itself. */
const REJECTED_SECONDS = 30

export async function outcomeOfFailure(deps: PushDeps, attempt: Attempt, error: unknown): Promise<Outcome> {
  const { change, resource, signal } = attempt
  const what = changeName(change)
  const failure = failureOf(error)
  const reaction = reactionTo(failure, change.op)
  switch (reaction) {
    case 'stop':
      return { do: 'stop', error }
    case 'drop':
      return { do: 'drop' }
    case 'wait for the row':
      if (failure === 'row locked') return { do: 'postpone', error: rowLocked({ what }), seconds: LOCKED_SECONDS }
      return { do: 'postpone', error: await rejection(deps, attempt, error), seconds: REJECTED_SECONDS }
    case 'park':
      return failure === 'forbidden' ? park(writeForbidden({ what })) : park(notStorable({ what, why: reason(error) }))
    case 'ask why': {
      if (!hasCode(error, 'SYNC_REQUEST_REFUSED')) return { do: 'stop', error }
      const explained = await explainRefusal(deps, resource, error, signal)
      if (endsTheRun(explained)) return { do: 'stop', error: explained }
      const { status, detail } = error.facts
      return park(lookupRefused({ what, status, detail }))
    }
    case 'later':
    case 'later, end':
      return later(attempt, error as SyncError, reaction === 'later, end')
  }
}

async function rejection({ sql }: PushDeps, { change, resource }: Attempt, error: unknown): Promise<SyncError> {
  if (hasCode(error, 'SYNC_PUSH_ROW_REFUSED')) return error
  const explained = await explainTableError(sql, resource, error)
  return rowRejected({ what: changeName(change), said: causeText(explained) }, explained)
}

/** Failures of ScopeStack at one change; a missing response does not count. */
const MOST_ATTEMPTS = 5
const LONGEST_DELAY_SECONDS = 300

/** It failed after all retries: postponed, and parked after too many failures. */
function later({ change, flight }: Attempt, error: SyncError, ends: boolean): Outcome {
  // A search for a lost create that gets no response has not sent it again.
  const isSearch = change.op === 'create' && change.state !== 'waiting' && flight.state !== 'in_flight'
  const spends = !isRateLimited(error) && !(isSearch && isNoResponse(error))
  const attempts = change.attempts + (spends ? 1 : 0)
  if (!isNoResponse(error) && attempts >= MOST_ATTEMPTS) {
    const last = factOf(error, 'last') ?? error.sentence
    return park(keepsFailing({ what: changeName(change), attempts, last }))
  }
  const seconds = Math.max(Math.min(LONGEST_DELAY_SECONDS, 2 ** attempts), requestedWaitMs(error) / 1000)
  return { do: 'postpone', error, seconds, attempts, ends }
}
