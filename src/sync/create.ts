/**
 * A record that ScopeStack does not have yet (S14). Who has its natural key is asked before it leaves, and both are noted; an
 * answer that is lost, or a process that dies, leaves that note, and whoever comes next looks before anything is sent again.
 *
 *   note ──► POST ──answered──► its id noted ──► settled
 *     │        └──lost──► look: one that is new, and as it was sent ──► adopted
 *     └──killed──────┘          none ──► later ──► sent again          else ──► parked as unknown
 */
import { arrivalUnknown, recordGone, unanswered } from '../errors/push.ts'
import type { RemoteRecord } from '../resource.ts'
import type { Answer } from '../store/outbox.ts'
import * as requests from '../store/requests.ts'
import { isAnsweredTwice } from '../store/settle.ts'
import { settleAnswered, settleKept } from './answered.ts'
import { includeOf, listRequest, readRecords } from './check.ts'
import { isWhatWasSent, keyOf, lookUp } from './natural-key.ts'
import { refused, setAside } from './aside.ts'
import { judgeOf, nameOf, recordOf, withdrawing, type PushDeps, type Sending, type Settled } from './sending.ts'
import { createBody } from './write-document.ts'

/**
 * So long ScopeStack, or a proxy before it, may still work on what it was sent. Its own connector waits 30 s (API notes §6);
 * nginx and load balancers give up after 60 s unless told otherwise, as we do, and what they gave up goes on behind them.
 * Half as much again is for a queue there.
 */
const ARRIVES_WITHIN_SECONDS = 90
const SHORTEST_PAUSE_SECONDS = 2

export async function create(deps: PushDeps, sending: Sending): Promise<Settled> {
  const { change, resource, signal } = sending
  if (change.answerId !== null) return await takeAnswer(deps, sending, change.answerId)
  if (change.requestedAt !== null) return await findLost(deps, sending)
  const key = keyOf(resource, change)
  const before = key === null ? [] : ((await lookUp(deps, resource, key, signal)) ?? [])
  return await post(deps, sending, before)
}

/** @param before who has its natural key. */
async function post(deps: PushDeps, sending: Sending, before: readonly RemoteRecord[]): Promise<Settled> {
  const { change, resource, term, signal } = sending
  const request = await listRequest(deps, resource)
  const knownIds = before.map(({ id }) => id)
  await requests.noteRequest(deps.sql, change, term, knownIds)
  const answer = await withdrawing(
    deps,
    sending,
    deps.client.write(
      {
        method: 'POST',
        path: request.path + includeOf(request),
        body: createBody(resource, change),
        leaving: () => requests.noteLeaving(deps.sql, change, term),
      },
      judgeOf(change),
      signal,
    ),
  )
  if ('status' in answer) return await refused(deps, sending, answer)
  const answered = { ...sending, change: { ...change, requestedAt: null } }
  return await adopt(deps, answered, answer.record!, { record: answer.record!, decisions: null })
}

async function findLost(deps: PushDeps, sending: Sending): Promise<Settled> {
  const { change, resource, signal } = sending
  const key = keyOf(resource, change)
  if (key === null) return await unclear(deps, sending, 'it has nothing that it could be found by')
  if (await requests.hasTwinUnderWay(deps.sql, change, key)) {
    return await later(deps, sending, SHORTEST_PAUSE_SECONDS, 'Another new row like it is under way.')
  }
  const found = await lookUp(deps, resource, key, signal)
  if (found === null) return await unclear(deps, sending, 'too many records look like it')
  const ids = found.map(({ id }) => id)
  const taken = await requests.answeredIds(deps.sql, resource.type, ids)
  const fresh = found.filter(({ id }) => !taken.has(id) && !change.knownIds?.includes(id))
  const [one] = fresh
  if (one === undefined) {
    const silentFor = change.silentFor ?? 0
    if (silentFor >= ARRIVES_WITHIN_SECONDS) return await post(deps, sending, found)
    const why = 'ScopeStack does not have it, and may still be working on it.'
    return await later(deps, sending, untilNextLook(silentFor), why)
  }
  if (fresh.length > 1) {
    const all = fresh.map(({ id }) => id).join(', ')
    return await unclear(deps, sending, `${fresh.length} new records could be it (${all})`)
  }
  if (!isWhatWasSent(resource, one, change))
    return await unclear(deps, sending, `a new record, ${one.id}, has its name and other values`)
  return await adopt(deps, sending, one, null)
}

/** Pauses grow as the silence does, and the last one ends when it may be sent again. */
const untilNextLook = (silentFor: number): number =>
  Math.ceil(Math.min(Math.max(SHORTEST_PAUSE_SECONDS, silentFor), Math.max(1, ARRIVES_WITHIN_SECONDS - silentFor)))

const unclear = (deps: PushDeps, sending: Sending, why: string): Promise<Settled> =>
  setAside(deps, sending, arrivalUnknown({ what: nameOf(sending.change), why }))

async function later(deps: PushDeps, sending: Sending, seconds: number, why: string): Promise<Settled> {
  const { change, term } = sending
  const error = unanswered({ what: nameOf(change), why })
  await requests.postpone(deps.sql, change, term, { seconds, code: error.code, reason: error.message })
  return { change, fate: 'postponed', error }
}

/** It was answered, and its row could not be settled then. */
async function takeAnswer(deps: PushDeps, sending: Sending, id: string): Promise<Settled> {
  const { change, resource, term, signal } = sending
  const record = (await readRecords(deps, resource, [id], signal)).get(id) ?? null
  if (record !== null && change.answer !== null) return await settleKept(deps, sending, change.answer, record)
  if (record !== null) return await settleAnswered(deps, sending, { record, decisions: null })
  // Somebody deleted it there since.
  await requests.withdrawRequest(deps.sql, change, term)
  const gone = { ...sending, change: { ...change, answerId: null } }
  return await setAside(deps, gone, recordGone({ what: recordOf(change) }))
}

async function adopt(deps: PushDeps, sending: Sending, record: RemoteRecord, answer: Answer | null): Promise<Settled> {
  try {
    // By itself: a row that somebody holds keeps it from being settled, and must not make it unknown.
    await requests.noteMade(deps.sql, sending.change, record.id, answer)
    return await settleAnswered(deps, sending, { record, decisions: null })
  } catch (error) {
    // Another creation has it for its answer; one of both cannot be right.
    if (!isAnsweredTwice(error)) throw error
    return await unclear(deps, sending, `record ${record.id} is the answer to another new row as well`)
  }
}
