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
import { SyncError } from '../../errors/sync-error.ts'
import { responseLost } from '../../errors/waiting-changes.ts'
import { accept, answerCreate, isDuplicateCreate } from '../../store/changes/writes.ts'
import { hasConcurrentTwin, idsOfOtherCreates } from '../../store/outbox/similar-creates.ts'
import { changeName, park, recordName, responded, type Attempt, type Outcome, type PushDeps } from './attempt.ts'
import { findByNaturalKey, holdsWhatWasSent, idInLocation, mismatchWithCreated, naturalKeyOf } from './find-created.ts'
import { includeOf, readRecord, readRecords, listRequest } from './read-remote.ts'
import { refused } from './refusal.ts'
import { createBody, sendWrite } from './send-write.ts'

/**
 * How long ScopeStack, or a proxy before it, may still process a request. Its own connector waits 30 s (API notes §6); nginx
 * and load balancers give up after 60 s by default, as we do, while the request goes on behind them. Half as much again
 * is for a queue there.
 */
const ARRIVES_WITHIN_SECONDS = 90
const SHORTEST_PAUSE_SECONDS = 2

export async function sendCreate(deps: PushDeps, attempt: Attempt): Promise<Outcome> {
  const { change, resource } = attempt
  if (change.state === 'answered') return await settleCreated(deps, attempt)
  if (change.state !== 'waiting') return await findLost(deps, attempt)
  const key = naturalKeyOf(resource, change)
  const before = key === null ? [] : await findByNaturalKey(deps, attempt, key)
  return await post(deps, attempt, before)
}

/** @param before the records with its natural key; null when that is not certain. */
async function post(deps: PushDeps, attempt: Attempt, before: readonly RemoteRecord[] | null): Promise<Outcome> {
  const { change, resource, list } = attempt
  const knownIds = before?.map(({ id }) => id) ?? null
  const path = list.path + includeOf(list)
  const write = { method: 'POST', path, body: createBody(resource, change) } as const
  const outcome = await sendWrite(deps, attempt, write, knownIds)
  if ('refusal' in outcome) return refused(attempt, outcome.refusal)
  const left = { ...attempt, change: { ...change, knownIds } }
  const { status } = outcome.response
  const located = idInLocation(outcome.response, resource, list.path)
  if ('unproved' in outcome) {
    return await findNamed(deps, left, [located, outcome.claimed], {
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
  if (doubt === null) return await adopt(deps, left, record, { wasFound: false })
  const why = `it was answered with ${status}, as ${resource.type} ${JSON.stringify(record.id.slice(0, 60))}, and ${doubt}`
  return await findNamed(deps, left, [located, record.id], { why, isLost: false })
}

/** What came back, where it does not prove which record was created. */
interface UnclearResponse {
  /** The response, as part of a sentence. */
  readonly why: string
  /** The record that the response named and that holds what was sent, though not in every value. */
  readonly named?: RemoteRecord
  /** The response seems not to be from ScopeStack, so whether it was created is not known. */
  readonly isLost: boolean
}

/** The response was not the created record: the records that it names are read first. */
async function findNamed(
  deps: PushDeps,
  attempt: Attempt,
  ids: readonly (string | null)[],
  response: UnclearResponse,
): Promise<Outcome> {
  const { change, resource, lease, flight } = attempt
  flight.mayHaveArrived = true
  // From here on the record is looked for, and the create is never sent again.
  if (!response.isLost) {
    await accept(deps.sql, change, lease, response.why)
    flight.state = 'accepted'
  }
  const left = { ...attempt, change: { ...change, silentFor: 0 } }
  for (const id of new Set(ids)) {
    if (id === null || id === '') continue
    const named = (await readRecords(deps, attempt, [id])).get(id) ?? null
    if (named === null || named instanceof SyncError || (await mismatchWithCreated(deps, left, named)) !== null)
      continue
    // It may belong to another new row with the same name.
    if (naturalKeyOf(resource, change) !== null && !holdsWhatWasSent(resource, named, change)) {
      return await findLost(deps, left, { ...response, named })
    }
    return await adopt(deps, attempt, named, { wasFound: false })
  }
  return await findLost(deps, left, response)
}

/** @param just the response of this attempt; undefined where there was none. */
async function findLost(deps: PushDeps, attempt: Attempt, just?: UnclearResponse): Promise<Outcome> {
  const { change, resource, batch } = attempt
  const { acceptedWith } = change
  const response = just ?? (acceptedWith === null ? undefined : { why: acceptedWith, isLost: false })
  const key = naturalKeyOf(resource, change)
  const unknown = (why: string): Outcome => parkUnknown(attempt, why, response)
  if (key === null) return unknown('it has nothing that it could be found by')
  if (change.knownIds === null) return unknown('what looked like it before could not be found out')
  if (await hasConcurrentTwin(deps.sql, change, key, batch)) {
    return later(attempt, SHORTEST_PAUSE_SECONDS, 'Another new row like it is under way.', response)
  }
  const found = await findByNaturalKey(deps, attempt, key)
  if (found === null) return unknown('too many records look like it, or do not say whether they do')
  const ids = found.map(({ id }) => id)
  const taken = await idsOfOtherCreates(deps.sql, change, ids)
  const fresh = found.filter(({ id }) => !taken.has(id) && !change.knownIds?.includes(id))
  const [one] = fresh
  if (one === undefined) return await resolveNotFound(deps, attempt, found, response)
  if (fresh.length > 1) {
    const all = fresh.map(({ id }) => id).join(', ')
    return unknown(`${fresh.length} new records could be it (${all})`)
  }
  if (response?.named?.id === one.id) return await adopt(deps, attempt, response.named, { wasFound: false })
  if (!holdsWhatWasSent(resource, one, change)) {
    return unknown(`a new record, ${one.id}, has its name and other values`)
  }
  return await adopt(deps, attempt, one, { wasFound: true })
}

/** No new record looks like it. It is sent again only after it has left no trace for as long as it may take to arrive. */
async function resolveNotFound(
  deps: PushDeps,
  attempt: Attempt,
  before: readonly RemoteRecord[],
  response: UnclearResponse | undefined,
): Promise<Outcome> {
  // ScopeStack itself responded that it is created.
  if (response?.isLost === false) return parkUnknown(attempt, 'no record like it is found', response)
  const silentFor = attempt.change.silentFor ?? 0
  if (silentFor < ARRIVES_WITHIN_SECONDS) {
    const why = 'ScopeStack does not have it, and may still be working on it.'
    return later(attempt, untilNextLook(silentFor), why, response)
  }
  if (await mayBeHidden(deps, attempt)) {
    return parkUnknown(attempt, 'ScopeStack may hide a record that is like it', response)
  }
  return await post(deps, attempt, before)
}

/** Where the server refuses the filter that shows the record's own value, the record may exist unseen. */
async function mayBeHidden(deps: PushDeps, { change, resource }: Attempt): Promise<boolean> {
  const { query } = await listRequest(deps, resource, { toSearch: true })
  return Object.keys(resource.completeFilters).some(
    (name) => name in change.attributes && !(`filter[${name}]` in query),
  )
}

/** Pauses grow with the time without a trace; the last one ends when the change may be sent again. */
const untilNextLook = (silentFor: number): number =>
  Math.ceil(Math.min(Math.max(SHORTEST_PAUSE_SECONDS, silentFor), Math.max(1, ARRIVES_WITHIN_SECONDS - silentFor)))

const parkUnknown = ({ change }: Attempt, why: string, response?: UnclearResponse): Outcome =>
  park(arrivalUnknown({ what: changeName(change), why, ...(response && { answer: response.why }) }))

const later = ({ change, flight }: Attempt, seconds: number, why: string, response?: UnclearResponse): Outcome => {
  flight.mayHaveArrived = true
  const error = responseLost({ what: changeName(change), why, ...(response && { answer: response.why }) })
  return { do: 'postpone', error, seconds }
}

/** The record was created earlier, and the change could not be settled then. */
async function settleCreated(deps: PushDeps, attempt: Attempt): Promise<Outcome> {
  const { change } = attempt
  const id = change.answerId!
  const record = await readRecord(deps, attempt, id)
  // It was deleted in ScopeStack since.
  if (record === null) return park(recordGone({ what: recordName(change) }), { applied: 'gone' })
  if (change.answer !== null) return responded(attempt, change.answer, { now: record })
  return responded(attempt, { record, decisions: null }, { wasFound: true })
}

async function adopt(
  deps: PushDeps,
  attempt: Attempt,
  record: RemoteRecord,
  { wasFound }: { wasFound: boolean },
): Promise<Outcome> {
  const { change, flight } = attempt
  const response = { record, decisions: null }
  try {
    // In a transaction of its own: a locked row delays settling, and must not make the result unknown.
    await answerCreate(deps.sql, change, attempt.lease, record.id, wasFound ? null : response)
    Object.assign(flight, { state: 'answered', answerId: record.id })
    return responded(attempt, response, { wasFound })
  } catch (error) {
    // Another create has the same record as its result; one of the two is wrong.
    if (!isDuplicateCreate(error)) throw error
    return parkUnknown(attempt, `record ${record.id} is the answer to another new row as well`)
  }
}
