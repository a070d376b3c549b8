/** One change on its way: checked, sent, and settled by what was answered. */
import {
  arrivalUnknown,
  arrivedUnsettled,
  conflictFound,
  keepsFailing,
  recordGone,
  rowHeld,
  UNKNOWN,
  unsupported,
  valueIgnored,
  writeForbidden,
  writeRefused,
} from '../errors/push.ts'
import { bodyUnreadable } from '../errors.ts'
import { wasNeverSent, type Answer } from '../remote/client.ts'
import { documentErrors, parseDocument } from '../remote/document.ts'
import { backoff, RETRY, sleep } from '../remote/retry.ts'
import type { RemoteRecord, Resource } from '../resource.ts'
import { confirmClaim, type Change, type Outbox } from '../store/outbox.ts'
import { departed, postpone, withdrawRequest } from '../store/requests.ts'
import { park, settleSent, settleSuperseded, type Rebase } from '../store/settle.ts'
import { includeOf, listRequest, readRecords, type Asking } from './check.ts'
import { decide, memberName, type Decision, type Rules } from './conflict.ts'
import { ignoredOf } from './taken.ts'
import { problemsOf, updateBody } from './write-document.ts'
import { reason, SyncError } from '../sync-error.ts'

export interface PushDeps extends Asking {
  readonly catalog: ReadonlyMap<string, Resource>
  readonly outbox: Outbox
  readonly rules: Rules
  readonly rebase: Rebase
  readonly concurrency: number
}

export type Fate = 'sent' | 'superseded' | 'parked' | 'postponed'

export interface Settled {
  readonly change: Change
  readonly fate: Fate
  /** Why it was parked or postponed. */
  readonly error: SyncError | null
}

/** Under its claim. */
export interface Sending {
  readonly change: Change
  readonly resource: Resource
  readonly term: number
  readonly signal: AbortSignal
}

/**
 * Each try is behind a look of its own: while a PATCH is repeated, somebody else may edit what it writes. A 429 makes the look
 * wait, and the try comes right behind it.
 *
 * @param remote what ScopeStack holds of it; null when it is not there.
 */
export async function sendChecked(deps: PushDeps, sending: Sending, remote: RemoteRecord | null): Promise<Settled> {
  const { change, resource, signal } = sending
  const interrupted = change.state === 'sending' || change.attempts > 0
  let held = remote
  for (let tried = 0; ;) {
    try {
      return await sendOver(deps, sending, held, interrupted || tried > 0)
    } catch (error) {
      if (!isRepeatable(error) || ++tried >= RETRY.attempts) throw error
      await sleep(error.code === 'SYNC_RATE_LIMITED' ? 0 : backoff(tried - 1, RETRY), signal)
    }
    held = (await readRecords(deps, resource, [change.recordId], signal)).get(change.recordId) ?? null
  }
}

const isRepeatable = (error: unknown): error is SyncError =>
  error instanceof SyncError && (error.remedy === 'retry' || error.code === 'SYNC_RATE_LIMITED')

/** @param mayHaveLeft what is found may be what was sent before. */
async function sendOver(
  deps: PushDeps,
  sending: Sending,
  remote: RemoteRecord | null,
  mayHaveLeft: boolean,
): Promise<Settled> {
  const { change, resource, term } = sending
  if (remote === null) {
    // Somebody else deleted it: that is what was wanted.
    if (change.op !== 'delete') return await setAside(deps, sending, recordGone({ what: recordOf(change) }))
    await settleSent(deps, change, term, null, null)
    return { change, fate: 'sent', error: null }
  }
  if (!resource.writes.includes(change.op)) {
    const verb = change.op === 'delete' ? 'deleted' : 'changed'
    return await setAside(deps, sending, unsupported({ what: recordOf(change), verb }))
  }
  const { fate, decisions } = decide(resource, change, remote, deps.rules)
  if (fate === 'park') {
    const both = decisions.filter(({ decision }) => decision === 'park')
    const error = conflictFound({ what: recordOf(change), columns: namesOf(resource, both) })
    return await setAside(deps, sending, error, { decisions })
  }
  if (fate === 'nothing' && mayHaveLeft && decisions.some(({ decision }) => decision === 'same')) {
    await settleSent(deps, change, term, remote, decisions)
    return { change, fate: 'sent', error: null }
  }
  if (fate === 'nothing') {
    await settleSuperseded(deps, change, term, remote, decisions)
    return { change, fate: 'superseded', error: null }
  }
  return await sendDecided(deps, sending, remote, decisions)
}

async function sendDecided(
  deps: PushDeps,
  sending: Sending,
  remote: RemoteRecord,
  decisions: readonly Decision[],
): Promise<Settled> {
  const { change, resource, term, signal } = sending
  const request = await listRequest(deps, resource)
  await confirmClaim(deps.sql, change, term)
  const path = `${request.path}/${encodeURIComponent(change.recordId)}`
  const answer = await deps.client.write(
    change.op === 'delete'
      ? { method: 'DELETE', path }
      : { method: 'PATCH', path: path + includeOf(request), body: updateBody(resource, change, decisions, remote) },
    judgeOf(change),
    signal,
  )
  // Gone between the check and now, and by an answer that speaks of the record.
  const deleted =
    change.op === 'delete' && 'status' in answer && answer.status === 404 && documentErrors(answer.body) !== null
  if ('status' in answer && !deleted) return await refused(deps, sending, answer, decisions)
  const record = 'record' in answer ? answer.record : null
  const ignored = record === null ? [] : ignoredOf(resource, decisions, record)
  if (ignored.length > 0) return await setAside(deps, sending, ignoredBy(sending, ignored), { decisions })
  await settleSent(deps, change, term, record, decisions)
  return { change, fate: 'sent', error: null }
}

const namesOf = (resource: Resource, decisions: readonly Decision[]): string =>
  decisions.map((one) => memberName(resource, one)).join(', ')

export const ignoredBy = ({ change, resource }: Sending, ignored: readonly Decision[]): SyncError =>
  valueIgnored({ what: nameOf(change), columns: namesOf(resource, ignored) })

/** A refusal is handed on; a success must carry what it made. */
export const judgeOf =
  ({ op }: Change) =>
  ({ status, body }: Answer, url: string): Answer | { readonly record: RemoteRecord | null } => {
    if (status >= 400) return { status, body }
    if (op === 'delete') return { record: null }
    const record = parseDocument(body, url).records[0]
    if (record === undefined) throw bodyUnreadable({ url, problem: 'it holds no record' })
    return { record }
  }

export async function refused(
  deps: PushDeps,
  sending: Sending,
  { status, body }: Answer,
  decisions?: readonly Decision[],
): Promise<Settled> {
  const { change, resource } = sending
  const what = nameOf(change)
  const errors = problemsOf(resource, documentErrors(body) ?? [])
  if (change.op === 'create') await withdrawRequest(deps.sql, change, sending.term)
  if (status === 403) return await setAside(deps, sending, writeForbidden({ what }), { errors, decisions })
  if (status === 404 && change.op === 'update') {
    return await setAside(deps, sending, recordGone({ what: recordOf(change) }), { errors, decisions })
  }
  const said = errors.map(({ column, message }) => (column === null ? message : `${column} ${message}`)).join('; ')
  return await setAside(deps, sending, writeRefused({ what, status, said }), { errors, decisions })
}

/** A creation that left is unknown whatever happened to it since: nothing may be folded into it, or sent behind it. */
export async function setAside(
  deps: PushDeps,
  { change, term }: Sending,
  because: SyncError,
  { errors = [], decisions }: { errors?: readonly Problem[]; decisions?: readonly Decision[] | undefined } = {},
): Promise<Settled> {
  const error = change.op === 'create' ? await asUnknown(deps, change, because) : because
  await park(deps, change, term, { code: error.code, reason: error.message, errors }, decisions ?? null)
  return { change, fate: 'parked', error }
}

async function asUnknown({ sql }: PushDeps, change: Change, because: SyncError): Promise<SyncError> {
  const left = because.code === UNKNOWN ? undefined : await departed(sql, change)
  if (left === undefined) return because
  const facts = { what: nameOf(change), why: String(because.facts['last'] ?? because.message).replace(/\.$/, '') }
  return left.answer === null ? arrivalUnknown(facts) : arrivedUnsettled({ ...facts, record: left.answer })
}

type Problem = ReturnType<typeof problemsOf>[number]

/** So often ScopeStack may fail at one change; an answer that never came does not count. */
const MOST_ATTEMPTS = 5
const LONGEST_DELAY_SECONDS = 300

/** It failed after all retries: later again, and for a person at last. */
export async function failed(deps: PushDeps, sending: Sending, error: SyncError): Promise<Settled> {
  const { change, term } = sending
  // Whoever looks for what left, and hears nothing, has not sent it once more.
  const attempts = change.attempts + (change.requestedAt !== null && isSilence(error) ? 0 : 1)
  if (!isSilence(error) && attempts >= MOST_ATTEMPTS) {
    const last = reason(error)
    return await setAside(deps, sending, keepsFailing({ what: nameOf(change), attempts, last }))
  }
  const seconds = Math.min(LONGEST_DELAY_SECONDS, 2 ** attempts)
  await postpone(deps.sql, change, term, { seconds, attempts, code: error.code, reason: error.message })
  return { change, fate: 'postponed', error }
}

const HELD_SECONDS = 5

/** What came of it is not lost: it is looked at again, or by its id. */
export async function putOff(deps: PushDeps, { change, term }: Sending): Promise<Settled> {
  const error = rowHeld({ what: nameOf(change) })
  const how = {
    seconds: HELD_SECONDS,
    code: error.code,
    reason: error.message,
    attempts: Math.max(1, change.attempts),
    left: true,
  }
  await postpone(deps.sql, change, term, how)
  return { change, fate: 'postponed', error }
}

/** Nobody answered: it says nothing about the change. */
export const isSilence = (error: SyncError): boolean =>
  wasNeverSent(error) || error.code === 'SYNC_REMOTE_UNREACHABLE' || error.code === 'SYNC_REMOTE_TIMEOUT'

const VERB = { create: 'the new row', update: 'the change', delete: 'the deletion' } as const

export const nameOf = (change: Change): string => `${VERB[change.op]} of ${recordOf(change)}`

export const recordOf = ({ resource, recordId }: Change): string => `${resource} ${recordId}`
