/**
 * Creates a record (S14) without ever creating it twice. Before the POST, the ids of the records with its natural key are
 * saved with the change. When the response is lost or the process dies, the next attempt finds that note and searches for
 * the record before anything is sent again.
 *
 *   save known ids ──► POST ──response──► its id saved ──► settled
 *         │              └──lost──► search ──┬─ one new record, as it was sent ──► adopted
 *         └──killed──────────────────┘       ├─ none, for less than 90 s ───────► later
 *                                            ├─ none, for 90 s ─────────────────► sent again
 *                                            └─ anything else ──────────────────► parked as unknown
 */
import type { RemoteRecord } from '../../catalog/resource.ts'
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
 * How long ScopeStack, or a proxy before it, may still process a request. Its own connector waits 30 s (API notes §6); nginx
 * and load balancers give up after 60 s by default, as we do, while the request goes on behind them. Half as much again
 * is for a queue there.
 */
const ARRIVES_WITHIN_SECONDS = 90
const SHORTEST_PAUSE_SECONDS = 2

export async function sendCreate(deps: PushDeps, attempt: Attempt): Promise<ChangeResult> {
  const { change, resource, signal } = attempt
  if (change.answerId !== null) return await settleCreated(deps, attempt, change.answerId)
  if (change.requestedAt !== null) return await findLost(deps, attempt)
  const key = naturalKeyOf(resource, change)
  const before = key === null ? [] : await findByNaturalKey(deps, resource, key, signal)
  return await post(deps, attempt, before)
}

/** @param before the records with its natural key; null when that is not certain. */
async function post(deps: PushDeps, attempt: Attempt, before: readonly RemoteRecord[] | null): Promise<ChangeResult> {
  const { change, resource, term, signal } = attempt
  const request = await listRequest(deps, resource)
  const knownIds = before?.map(({ id }) => id) ?? null
  await requests.recordCreateRequest(deps.sql, change, term, knownIds)
  const outcome = await withdrawIfUnsent(
    deps,
    attempt,
    deps.client.write(
      {
        method: 'POST',
        path: request.path + includeOf(request),
        body: createBody(resource, change),
        beforeSend: () => requests.recordDeparture(deps.sql, change, term),
      },
      writeOutcomeOf(deps, attempt),
      signal,
    ),
  )
  if ('refusal' in outcome) return await parkRefused(deps, attempt, outcome.refusal)
  const left = { ...attempt, change: { ...change, knownIds } }
  const { status } = outcome.answer
  const located = idInLocation(outcome.answer, resource, request.path)
  if ('unproved' in outcome) {
    return await findAnswered(deps, left, [located, outcome.claimed], {
      why: outcome.unproved,
      // The response is not from ScopeStack: a page of something in between, or a body that was cut.
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
  /** The response, as part of a sentence. */
  readonly why: string
  /** The record that the response named and that holds what was sent, though not in every value. */
  readonly named?: RemoteRecord
  /** The response seems not to be from ScopeStack, so whether it was created is not known. */
  readonly isLost: boolean
}

/** The response was not the created record: the records that it names are read first. */
async function findAnswered(
  deps: PushDeps,
  attempt: Attempt,
  ids: readonly (string | null)[],
  answered: Answered,
): Promise<ChangeResult> {
  const { change, resource, signal } = attempt
  // Saved for the next attempt, in case this search fails.
  if (!answered.isLost) await requests.recordCreateDone(deps.sql, change, attempt.term, answered.why)
  const left = { ...attempt, change: { ...change, requestedAt: new Date(), silentFor: 0 } }
  for (const id of new Set(ids)) {
    if (id === null || id === '') continue
    const named = (await readRecords(deps, resource, [id], signal, () => {})).get(id) ?? null
    if (named === null || (await mismatchWithCreated(deps, left, named)) !== null) continue
    // It may belong to another new row with the same name.
    if (naturalKeyOf(resource, change) !== null && !holdsWhatWasSent(resource, named, change)) {
      return await findLost(deps, left, { ...answered, named })
    }
    return await adoptAnswered(deps, attempt, named)
  }
  return await findLost(deps, left, answered)
}

const adoptAnswered = (deps: PushDeps, attempt: Attempt, record: RemoteRecord): Promise<ChangeResult> =>
  adopt(deps, { ...attempt, change: { ...attempt.change, requestedAt: null } }, record, { record, decisions: null })

/** @param just the response of this attempt; undefined where there was none. */
async function findLost(deps: PushDeps, attempt: Attempt, just?: Answered): Promise<ChangeResult> {
  const { change, resource, signal } = attempt
  const { answeredWith } = change
  const answered = just ?? (answeredWith === null ? undefined : { why: answeredWith, isLost: false })
  const key = naturalKeyOf(resource, change)
  const unknown = (why: string): Promise<ChangeResult> => parkUnknown(deps, attempt, why, answered)
  if (key === null) return await unknown('it has nothing that it could be found by')
  if (change.knownIds === null) return await unknown('what looked like it before could not be found out')
  if (await requests.hasConcurrentTwin(deps.sql, change, key)) {
    return await later(deps, attempt, SHORTEST_PAUSE_SECONDS, 'Another new row like it is under way.', answered)
  }
  const found = await findByNaturalKey(deps, resource, key, signal)
  if (found === null) return await unknown('too many records look like it, or do not say whether they do')
  const ids = found.map(({ id }) => id)
  const taken = await requests.idsOfOtherCreates(deps.sql, change, ids)
  const fresh = found.filter(({ id }) => !taken.has(id) && !change.knownIds?.includes(id))
  const [one] = fresh
  if (one === undefined) return await resolveNotFound(deps, attempt, found, answered)
  if (fresh.length > 1) {
    const all = fresh.map(({ id }) => id).join(', ')
    return await unknown(`${fresh.length} new records could be it (${all})`)
  }
  if (answered?.named?.id === one.id) return await adoptAnswered(deps, attempt, answered.named)
  if (!holdsWhatWasSent(resource, one, change)) {
    return await unknown(`a new record, ${one.id}, has its name and other values`)
  }
  return await adopt(deps, attempt, one, null)
}

/** No new record looks like it. It is sent again only after it has left no trace for as long as it may take to arrive. */
async function resolveNotFound(
  deps: PushDeps,
  attempt: Attempt,
  before: readonly RemoteRecord[],
  answered: Answered | undefined,
): Promise<ChangeResult> {
  // ScopeStack itself responded that it is created.
  if (answered?.isLost === false) return await parkUnknown(deps, attempt, 'no record like it is found', answered)
  const silentFor = attempt.change.silentFor ?? 0
  if (silentFor < ARRIVES_WITHIN_SECONDS) {
    const why = 'ScopeStack does not have it, and may still be working on it.'
    return await later(deps, attempt, untilNextLook(silentFor), why, answered)
  }
  if (await mayBeHidden(deps, attempt)) {
    return await parkUnknown(deps, attempt, 'ScopeStack may hide a record that is like it', answered)
  }
  return await post(deps, attempt, before)
}

/** Where the server refuses the filter that shows the record's own value, the record may exist unseen. */
async function mayBeHidden(deps: PushDeps, { change, resource }: Attempt): Promise<boolean> {
  const { query } = await searchRequest(deps, resource)
  return Object.keys(resource.completeFilters).some(
    (name) => name in change.attributes && !(`filter[${name}]` in query),
  )
}

/** Pauses grow with the time without a trace; the last one ends when the change may be sent again. */
const untilNextLook = (silentFor: number): number =>
  Math.ceil(Math.min(Math.max(SHORTEST_PAUSE_SECONDS, silentFor), Math.max(1, ARRIVES_WITHIN_SECONDS - silentFor)))

const parkUnknown = (deps: PushDeps, attempt: Attempt, why: string, answered?: Answered): Promise<ChangeResult> => {
  const what = changeName(attempt.change)
  return parkChange(deps, attempt, arrivalUnknown({ what, why, ...(answered && { answer: answered.why }) }))
}

async function later(
  deps: PushDeps,
  attempt: Attempt,
  seconds: number,
  why: string,
  answered?: Answered,
): Promise<ChangeResult> {
  const { change, term } = attempt
  const error = unanswered({ what: changeName(change), why, ...(answered && { answer: answered.why }) })
  await requests.postpone(deps.sql, change, term, { seconds, code: error.code, reason: error.message })
  return { change, fate: 'postponed', error }
}

/** The record was created earlier, and the change could not be settled then. */
async function settleCreated(deps: PushDeps, attempt: Attempt, id: string): Promise<ChangeResult> {
  const { change, resource, term, signal } = attempt
  const record = (await readRecords(deps, resource, [id], signal)).get(id) ?? null
  if (record !== null && change.answer !== null) return await settleStoredResponse(deps, attempt, change.answer, record)
  if (record !== null) return await settleResponse(deps, attempt, { record, decisions: null })
  // It was deleted in ScopeStack since.
  await requests.withdrawRequest(deps.sql, change, term)
  const gone = { ...attempt, change: { ...change, answerId: null } }
  return await parkChange(deps, gone, recordGone({ what: recordName(change) }))
}

async function adopt(
  deps: PushDeps,
  attempt: Attempt,
  record: RemoteRecord,
  answer: StoredResponse | null,
): Promise<ChangeResult> {
  try {
    // In a transaction of its own: a locked row delays settling, and must not make the result unknown.
    await requests.recordCreatedId(deps.sql, attempt.change, record.id, answer)
    return await settleResponse(deps, attempt, { record, decisions: null })
  } catch (error) {
    // Another create has the same record as its result; one of the two is wrong.
    if (!isDuplicateCreate(error)) throw error
    return await parkUnknown(deps, attempt, `record ${record.id} is the answer to another new row as well`)
  }
}
