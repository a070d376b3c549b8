import { UNKNOWN } from '../../errors/codes/changes.ts'
import {
  arrivalUnknown,
  arrivedUnsettled,
  keepsFailing,
  memberNotWritable,
  writeForbidden,
  writeNotOffered,
  writeRefused,
} from '../../errors/parked-changes.ts'
import { factOf, hasCode, reason, type SyncError } from '../../errors/sync-error.ts'
import { rowLocked, rowRejected } from '../../errors/waiting-changes.ts'
/** A change that does not go on: set aside for a person, or put off for later. */
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
  sending: Attempt,
  { status, body }: Answer,
  decisions?: readonly Decision[],
): Promise<ChangeResult> {
  const { change, resource } = sending
  const what = changeName(change)
  const { problems: errors, said, notWritable: columns } = problemsOf(resource, body)
  // Of a new row that was sent a second time: what it met may be the first one, which arrived late.
  if (change.op !== 'create' || change.requestedAt === null) await withdrawRequest(deps.sql, change, sending.term)
  if (status === 403) return await parkChange(deps, sending, writeForbidden({ what, said }), { errors, decisions })
  if (status === 400 && columns.length > 0) {
    const facts = { what, isNew: change.op === 'create', columns: columns.join(', '), said }
    return await parkChange(deps, sending, memberNotWritable(facts), { errors, decisions })
  }
  if (change.op === 'create' && (status === 405 || (status === 404 && /^(not found)?$/i.test(said)))) {
    return await parkChange(deps, sending, writeNotOffered({ what, status, said }), { errors, decisions })
  }
  return await parkChange(deps, sending, writeRefused({ what, status, said }), { errors, decisions })
}

/** A creation that left is unknown whatever happened to it since: nothing may be folded into it, or sent behind it. */
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
  const facts = { what: changeName(change), why: (factOf(because, 'last') ?? because.message).replace(/\.$/, '') }
  return left.answer === null ? arrivalUnknown(facts) : arrivedUnsettled({ ...facts, record: left.answer })
}

/** So often ScopeStack may fail at one change; an answer that never came does not count. */
const MOST_ATTEMPTS = 5
const LONGEST_DELAY_SECONDS = 300

/** It failed after all retries: later again, and for a person at last. */
export async function retryOrPark(deps: PushDeps, sending: Attempt, error: SyncError): Promise<ChangeResult> {
  const { change, term } = sending
  // Whoever looks for what left, and hears nothing, has not sent it once more.
  const looking = change.op === 'create' && change.requestedAt !== null
  const spends = !isRateLimited(error) && !(looking && isNoResponse(error))
  const attempts = change.attempts + (spends ? 1 : 0)
  if (!isNoResponse(error) && attempts >= MOST_ATTEMPTS) {
    const last = factOf(error, 'last') ?? error.message
    return await parkChange(deps, sending, keepsFailing({ what: changeName(change), attempts, last }))
  }
  const seconds = Math.max(Math.min(LONGEST_DELAY_SECONDS, 2 ** attempts), requestedWaitMs(error) / 1000)
  await postpone(deps.sql, change, term, { seconds, attempts, code: error.code, reason: error.message })
  return { change, fate: 'postponed', error }
}

const HELD_SECONDS = 5

/** What was answered is kept. */
export async function postponeHeldRow(deps: PushDeps, { change, term }: Attempt): Promise<ChangeResult> {
  const error = rowLocked({ what: changeName(change) })
  await postpone(deps.sql, change, term, { seconds: HELD_SECONDS, code: error.code, reason: error.message })
  return { change, fate: 'postponed', error }
}

const REFUSED_SECONDS = 30

/** Its table is in the way: a person mends that, and it goes on by itself. */
export async function postponeRejectedRow(
  deps: PushDeps,
  { change, term }: Attempt,
  because: unknown,
): Promise<ChangeResult> {
  const error = hasCode(because, 'SYNC_PUSH_ROW_REFUSED')
    ? because
    : rowRejected({ what: changeName(change), said: reason(because) }, because)
  await postpone(deps.sql, change, term, { seconds: REFUSED_SECONDS, code: error.code, reason: error.message })
  return { change, fate: 'postponed', error }
}
