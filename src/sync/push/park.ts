/** A change that cannot be settled now: parked for a person, or postponed. */
import { UNKNOWN } from '../../errors/codes/changes.ts'
import {
  memberNotWritable,
  arrivalUnknown,
  arrivedUnsettled,
  keepsFailing,
  writeForbidden,
  writeNotOffered,
  writeRefused,
} from '../../errors/parked-changes.ts'
import { causeText, factOf, hasCode, type SyncError } from '../../errors/sync-error.ts'
import { rowLocked, rowRejected } from '../../errors/waiting-changes.ts'
import type { Answer } from '../../remote/client.ts'
import { requestedWaitMs, isRateLimited } from '../../remote/http/retry.ts'
import type { Change } from '../../store/outbox/claim.ts'
import { readSentCreate, postpone, withdrawRequest } from '../../store/outbox/in-flight.ts'
import { settleParked, type FieldProblem } from '../../store/outbox/settle.ts'
import { type PushDeps, type Attempt, type ChangeResult, changeName, isNoResponse } from './attempt.ts'
import type { Decision } from './conflict.ts'
import { problemsOf } from './refused-columns.ts'

export async function parkRefused(
  deps: PushDeps,
  attempt: Attempt,
  { status, body }: Answer,
  decisions?: readonly Decision[],
): Promise<ChangeResult> {
  const { change, resource } = attempt
  const what = changeName(change)
  const { problems: errors, said, notWritable: columns } = problemsOf(resource, body)
  // A new row that was sent twice may have been refused because the first request arrived late: it stays in flight.
  if (change.op !== 'create' || change.requestedAt === null) await withdrawRequest(deps.sql, change, attempt.term)
  if (status === 403) return await parkChange(deps, attempt, writeForbidden({ what, said }), { errors, decisions })
  if (status === 400 && columns.length > 0) {
    const facts = { what, isNew: change.op === 'create', columns: columns.join(', '), said }
    return await parkChange(deps, attempt, memberNotWritable(facts), { errors, decisions })
  }
  if (change.op === 'create' && (status === 405 || (status === 404 && /^(not found)?$/i.test(said)))) {
    return await parkChange(deps, attempt, writeNotOffered({ what, status, said }), { errors, decisions })
  }
  return await parkChange(deps, attempt, writeRefused({ what, status, said }), { errors, decisions })
}

/** A create that was sent stays unknown whatever followed: no later change may be coalesced into it or sent after it. */
export async function parkChange(
  deps: PushDeps,
  { change, term }: Attempt,
  because: SyncError,
  { errors = [], decisions }: { errors?: readonly FieldProblem[]; decisions?: readonly Decision[] | undefined } = {},
): Promise<ChangeResult> {
  const error = change.op === 'create' ? await asUnknown(deps, change, because) : because
  await settleParked(deps, change, term, { code: error.code, reason: error.message, errors }, decisions ?? null)
  return { change, fate: 'parked', error }
}

async function asUnknown({ sql }: PushDeps, change: Change, because: SyncError): Promise<SyncError> {
  const left = hasCode(because, UNKNOWN) ? undefined : await readSentCreate(sql, change)
  if (left === undefined) return because
  const facts = { what: changeName(change), why: (factOf(because, 'last') ?? because.sentence).replace(/\.$/, '') }
  return left.answer === null ? arrivalUnknown(facts) : arrivedUnsettled({ ...facts, record: left.answer })
}

/** Failures of ScopeStack at one change; a missing response does not count. */
const MOST_ATTEMPTS = 5
const LONGEST_DELAY_SECONDS = 300

/** It failed after all retries: postponed, and parked after too many failures. */
export async function retryOrPark(deps: PushDeps, attempt: Attempt, error: SyncError): Promise<ChangeResult> {
  const { change, term } = attempt
  // A search for a lost create that gets no response has not sent it again.
  const looking = change.op === 'create' && change.requestedAt !== null
  const spends = !isRateLimited(error) && !(looking && isNoResponse(error))
  const attempts = change.attempts + (spends ? 1 : 0)
  if (!isNoResponse(error) && attempts >= MOST_ATTEMPTS) {
    const last = factOf(error, 'last') ?? error.sentence
    return await parkChange(deps, attempt, keepsFailing({ what: changeName(change), attempts, last }))
  }
  const seconds = Math.max(Math.min(LONGEST_DELAY_SECONDS, 2 ** attempts), requestedWaitMs(error) / 1000)
  await postpone(deps.sql, change, term, { seconds, attempts, code: error.code, reason: error.message })
  return { change, fate: 'postponed', error }
}

const HELD_SECONDS = 5

/** The response is stored already. */
export async function postponeHeldRow(deps: PushDeps, { change, term }: Attempt): Promise<ChangeResult> {
  const error = rowLocked({ what: changeName(change) })
  await postpone(deps.sql, change, term, { seconds: HELD_SECONDS, code: error.code, reason: error.message })
  return { change, fate: 'postponed', error }
}

const REFUSED_SECONDS = 30

/** The table rejects the row. Once a person has corrected that, the change goes on by itself. */
export async function postponeRejectedRow(
  deps: PushDeps,
  { change, term }: Attempt,
  because: unknown,
): Promise<ChangeResult> {
  const error = hasCode(because, 'SYNC_PUSH_ROW_REFUSED')
    ? because
    : rowRejected({ what: changeName(change), said: causeText(because) }, because)
  await postpone(deps.sql, change, term, { seconds: REFUSED_SECONDS, code: error.code, reason: error.message })
  return { change, fate: 'postponed', error }
}
