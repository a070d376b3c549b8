import type { RemoteRecord } from '../../catalog/resource.ts'
/**
 * A record that ScopeStack does not have yet (S14). Who has its natural key is asked before it leaves, and both are noted; an
 * answer that is lost, or a process that dies, leaves that note, and whoever comes next looks before anything is sent again.
 *
 *   note ──► POST ──answered──► its id noted ──► settled
 *     │        └──lost──► look: one that is new, and as it was sent ──► adopted
 *     └──killed──────┘          none ──► later ──► sent again          else ──► parked as unknown
 */
import { arrivalUnknown, recordGone } from '../../errors/parked-changes.ts'
import { unanswered } from '../../errors/waiting-changes.ts'
import type { StoredResponse } from '../../store/outbox/claim.ts'
import * as requests from '../../store/outbox/in-flight.ts'
import { isDuplicateCreate } from '../../store/outbox/settle.ts'
import {
  writeOutcomeOf,
  changeName,
  recordName,
  withdrawIfUnsent,
  type PushDeps,
  type Attempt,
  type ChangeResult,
} from './attempt.ts'
import { mismatchWithCreated, idInLocation } from './created-record.ts'
import { holdsWhatWasSent, naturalKeyOf, findByNaturalKey } from './natural-key.ts'
import { parkRefused, parkChange } from './park.ts'
import { includeOf, listRequest, readRecords, searchRequest } from './read-remote.ts'
import { createBody } from './request-body.ts'
import { settleResponse, settleStoredResponse } from './settle-response.ts'

/**
 * So long ScopeStack, or a proxy before it, may still work on what it was sent. Its own connector waits 30 s (API notes §6);
 * nginx and load balancers give up after 60 s unless told otherwise, as we do, and what they gave up goes on behind them.
 * Half as much again is for a queue there.
 */
const ARRIVES_WITHIN_SECONDS = 90
const SHORTEST_PAUSE_SECONDS = 2

export async function sendCreate(deps: PushDeps, sending: Attempt): Promise<ChangeResult> {
  const { change, resource, signal } = sending
  if (change.answerId !== null) return await takeAnswer(deps, sending, change.answerId)
  if (change.requestedAt !== null) return await findLost(deps, sending)
  const key = naturalKeyOf(resource, change)
  const before = key === null ? [] : await findByNaturalKey(deps, resource, key, signal)
  return await post(deps, sending, before)
}

/** @param before who has its natural key; null when nobody can be sure. */
async function post(deps: PushDeps, sending: Attempt, before: readonly RemoteRecord[] | null): Promise<ChangeResult> {
  const { change, resource, term, signal } = sending
  const request = await listRequest(deps, resource)
  const knownIds = before?.map(({ id }) => id) ?? null
  await requests.recordCreateRequest(deps.sql, change, term, knownIds)
  const outcome = await withdrawIfUnsent(
    deps,
    sending,
    deps.client.write(
      {
        method: 'POST',
        path: request.path + includeOf(request),
        body: createBody(resource, change),
        beforeSend: () => requests.recordDeparture(deps.sql, change, term),
      },
      writeOutcomeOf(deps, sending),
      signal,
    ),
  )
  if ('refusal' in outcome) return await parkRefused(deps, sending, outcome.refusal)
  const left = { ...sending, change: { ...change, knownIds } }
  const { status } = outcome.answer
  const located = idInLocation(outcome.answer, resource, request.path)
  if ('unproved' in outcome) {
    return await findAnswered(deps, left, [located, outcome.claimed], {
      why: outcome.unproved,
      // Nothing of ScopeStack's own: a page in its place, or an answer that was cut.
      isLost: status === 200 && !outcome.isDocument,
    })
  }
  const record = outcome.record!
  const doubt =
    located !== null && located !== record.id
      ? `its Location names ${JSON.stringify(located.slice(0, 60))}`
      : ((await mismatchWithCreated(deps, left, record)) ??
        (holdsWhatWasSent(resource, record, change) ? null : 'it holds other values than were sent'))
  if (doubt === null) return await adoptAnswered(deps, left, record)
  const why = `it was answered with ${status}, as ${resource.type} ${JSON.stringify(record.id.slice(0, 60))}, and ${doubt}`
  return await findAnswered(deps, left, [located, record.id], { why, isLost: false })
}

interface Answered {
  /** What it was answered with, in the middle of a sentence. */
  readonly why: string
  /** A record that the answer named, and that speaks of what was sent, though not in every value. */
  readonly named?: RemoteRecord
  /** By something that is not ScopeStack, as it seems: whether it was done is not known. */
  readonly isLost: boolean
}

/** It was answered, and not with its record: those that the answer names are looked at first. */
async function findAnswered(
  deps: PushDeps,
  sending: Attempt,
  ids: readonly (string | null)[],
  answered: Answered,
): Promise<ChangeResult> {
  const { change, resource, signal } = sending
  // Whoever looks later, when this look fails, has to know.
  if (!answered.isLost) await requests.recordCreateDone(deps.sql, change, sending.term, answered.why)
  const left = { ...sending, change: { ...change, requestedAt: new Date(), silentFor: 0 } }
  for (const id of new Set(ids)) {
    if (id === null || id === '') continue
    const named = (await readRecords(deps, resource, [id], signal, () => {})).get(id) ?? null
    if (named === null || (await mismatchWithCreated(deps, left, named)) !== null) continue
    // Of two new rows with one name, the other one may be it.
    if (naturalKeyOf(resource, change) !== null && !holdsWhatWasSent(resource, named, change)) {
      return await findLost(deps, left, { ...answered, named })
    }
    return await adoptAnswered(deps, sending, named)
  }
  return await findLost(deps, left, answered)
}

const adoptAnswered = (deps: PushDeps, sending: Attempt, record: RemoteRecord): Promise<ChangeResult> =>
  adopt(deps, { ...sending, change: { ...sending.change, requestedAt: null } }, record, { record, decisions: null })

/** @param just undefined: it was not answered now. */
async function findLost(deps: PushDeps, sending: Attempt, just?: Answered): Promise<ChangeResult> {
  const { change, resource, signal } = sending
  const { answeredWith } = change
  const answered = just ?? (answeredWith === null ? undefined : { why: answeredWith, isLost: false })
  const key = naturalKeyOf(resource, change)
  const doubtful = (why: string): Promise<ChangeResult> => unclear(deps, sending, why, answered)
  if (key === null) return await doubtful('it has nothing that it could be found by')
  if (change.knownIds === null) return await doubtful('what looked like it before could not be found out')
  if (await requests.hasConcurrentTwin(deps.sql, change, key)) {
    return await later(deps, sending, SHORTEST_PAUSE_SECONDS, 'Another new row like it is under way.', answered)
  }
  const found = await findByNaturalKey(deps, resource, key, signal)
  if (found === null) return await doubtful('too many records look like it, or do not say whether they do')
  const ids = found.map(({ id }) => id)
  const taken = await requests.idsOfOtherCreates(deps.sql, change, ids)
  const fresh = found.filter(({ id }) => !taken.has(id) && !change.knownIds?.includes(id))
  const [one] = fresh
  if (one === undefined) {
    // ScopeStack itself said that it is done: it is not sent again.
    if (answered?.isLost === false) return await doubtful('no record like it is found')
    const silentFor = change.silentFor ?? 0
    if (silentFor >= ARRIVES_WITHIN_SECONDS) {
      if (await mayBeHidden(deps, sending)) return await doubtful('ScopeStack may hide a record that is like it')
      return await post(deps, sending, found)
    }
    const why = 'ScopeStack does not have it, and may still be working on it.'
    return await later(deps, sending, untilNextLook(silentFor), why, answered)
  }
  if (fresh.length > 1) {
    const all = fresh.map(({ id }) => id).join(', ')
    return await doubtful(`${fresh.length} new records could be it (${all})`)
  }
  if (answered?.named?.id === one.id) return await adoptAnswered(deps, sending, answered.named)
  if (!holdsWhatWasSent(resource, one, change))
    return await doubtful(`a new record, ${one.id}, has its name and other values`)
  return await adopt(deps, sending, one, null)
}

/** Where the filter by which its own value is shown is refused, not found is not "not there". */
async function mayBeHidden(deps: PushDeps, { change, resource }: Attempt): Promise<boolean> {
  const { query } = await searchRequest(deps, resource)
  return Object.keys(resource.completeFilters).some(
    (name) => name in change.attributes && !(`filter[${name}]` in query),
  )
}

/** Pauses grow as the silence does, and the last one ends when it may be sent again. */
const untilNextLook = (silentFor: number): number =>
  Math.ceil(Math.min(Math.max(SHORTEST_PAUSE_SECONDS, silentFor), Math.max(1, ARRIVES_WITHIN_SECONDS - silentFor)))

const unclear = (deps: PushDeps, sending: Attempt, why: string, answered?: Answered): Promise<ChangeResult> => {
  const what = changeName(sending.change)
  return parkChange(deps, sending, arrivalUnknown({ what, why, ...(answered && { answer: answered.why }) }))
}

async function later(
  deps: PushDeps,
  sending: Attempt,
  seconds: number,
  why: string,
  answered?: Answered,
): Promise<ChangeResult> {
  const { change, term } = sending
  const error = unanswered({ what: changeName(change), why, ...(answered && { answer: answered.why }) })
  await requests.postpone(deps.sql, change, term, { seconds, code: error.code, reason: error.message })
  return { change, fate: 'postponed', error }
}

/** It was answered, and its row could not be settled then. */
async function takeAnswer(deps: PushDeps, sending: Attempt, id: string): Promise<ChangeResult> {
  const { change, resource, term, signal } = sending
  const record = (await readRecords(deps, resource, [id], signal)).get(id) ?? null
  if (record !== null && change.answer !== null) return await settleStoredResponse(deps, sending, change.answer, record)
  if (record !== null) return await settleResponse(deps, sending, { record, decisions: null })
  // Somebody deleted it there since.
  await requests.withdrawRequest(deps.sql, change, term)
  const gone = { ...sending, change: { ...change, answerId: null } }
  return await parkChange(deps, gone, recordGone({ what: recordName(change) }))
}

async function adopt(
  deps: PushDeps,
  sending: Attempt,
  record: RemoteRecord,
  answer: StoredResponse | null,
): Promise<ChangeResult> {
  try {
    // By itself: a row that somebody holds keeps it from being settled, and must not make it unknown.
    await requests.recordCreatedId(deps.sql, sending.change, record.id, answer)
    return await settleResponse(deps, sending, { record, decisions: null })
  } catch (error) {
    // Another creation has it for its answer; one of both cannot be right.
    if (!isDuplicateCreate(error)) throw error
    return await unclear(deps, sending, `record ${record.id} is the answer to another new row as well`)
  }
}
