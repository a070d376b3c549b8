/**
 * A record that ScopeStack does not have yet (S14). Who has its natural key is asked before it leaves, and both are noted; an
 * answer that is lost, or a process that dies, leaves that note, and whoever comes next looks before anything is sent again.
 *
 *   note ──► POST ──answered──► settled
 *     │        └──lost──► look: one that is new, and as it was sent ──► adopted
 *     └──killed──────┘          none ──► sent again          else ──► parked as unknown
 */
import { arrivalUnknown } from '../errors/push.ts'
import { wasNeverSent } from '../remote/client.ts'
import { answeredIds, hasTwinUnderWay, noteRequest, postpone, withdrawRequest } from '../store/outbox.ts'
import { isAnsweredTwice, settleSent } from '../store/settle.ts'
import { includeOf, listRequest } from './check.ts'
import { isWhatWasSent, keyOf, lookUp } from './natural-key.ts'
import { judgeOf, nameOf, refused, setAside, type PushDeps, type Sending, type Settled } from './send.ts'
import { createBody } from './write-document.ts'
import { SyncError } from '../sync-error.ts'

export async function create(deps: PushDeps, sending: Sending): Promise<Settled> {
  if (sending.change.requestedAt === null) return await sendNew(deps, sending)
  return (await findLost(deps, sending)) ?? (await sendNew(deps, sending))
}

async function sendNew(deps: PushDeps, sending: Sending): Promise<Settled> {
  const { change, resource, term, signal } = sending
  const request = await listRequest(deps, resource)
  const key = keyOf(resource, change)
  const before = key === null ? [] : ((await lookUp(deps, resource, key, signal)) ?? [])
  await noteRequest(
    deps.sql,
    change,
    term,
    before.map(({ id }) => id),
  )
  const answer = await deps.client
    .write(
      { method: 'POST', path: request.path + includeOf(request), body: createBody(resource, change) },
      judgeOf(change),
      signal,
    )
    .catch(async (error: unknown) => {
      const arrived = error instanceof SyncError && error.remedy === 'retry' && !wasNeverSent(error)
      if (!arrived) await withdrawRequest(deps.sql, change, term)
      throw error
    })
  if ('status' in answer) return await refused(deps, sending, answer)
  return await adopt(deps, sending, answer.record!)
}

/** Null: it did not arrive, and may be sent. */
async function findLost(deps: PushDeps, sending: Sending): Promise<Settled | null> {
  const { change, resource, term, signal } = sending
  const unclear = (why: string): Promise<Settled> =>
    setAside(deps, sending, arrivalUnknown({ what: nameOf(change), why }))
  const key = keyOf(resource, change)
  if (key === null) return await unclear(`${resource.type} have nothing to be found by`)
  if (await hasTwinUnderWay(deps.sql, change, key)) {
    const why = 'Another new row like it is under way; it is looked for after that.'
    await postpone(deps.sql, change, term, { seconds: TWIN_SECONDS, code: 'SYNC_PUSH_UNANSWERED', reason: why })
    return { change, fate: 'postponed', error: null }
  }
  const found = await lookUp(deps, resource, key, signal)
  if (found === null) return await unclear('too many records look like it')
  const taken = await answeredIds(
    deps.sql,
    resource.type,
    found.map(({ id }) => id),
  )
  const fresh = found.filter(({ id }) => !taken.has(id) && !change.knownIds?.includes(id))
  if (fresh.length === 0) return null
  if (fresh.length > 1)
    return await unclear(`${fresh.length} new records could be it (${fresh.map(({ id }) => id).join(', ')})`)
  const [one] = fresh
  if (!isWhatWasSent(resource, one!, change))
    return await unclear(`a new record, ${one!.id}, has its name and other values`)
  return await adopt(deps, sending, one!)
}

const TWIN_SECONDS = 2

async function adopt(
  deps: PushDeps,
  sending: Sending,
  record: Parameters<typeof settleSent>[3] & object,
): Promise<Settled> {
  const { change, term } = sending
  try {
    await settleSent(deps, change, term, record, null)
    return { change, fate: 'sent', error: null }
  } catch (error) {
    // Another creation has it for its answer; one of both cannot be right.
    if (!isAnsweredTwice(error)) throw error
    const why = `record ${record.id} is the answer to another new row as well`
    return await setAside(deps, sending, arrivalUnknown({ what: nameOf(change), why }))
  }
}
