/**
 * A write: its JSON:API body (API notes §5), the note of it in the outbox before it leaves, and what its response means.
 */
import type { Column, RemoteRecord, Resource } from '../../catalog/resource.ts'
import { hasCode } from '../../errors/sync-error.ts'
import { isObject } from '../../exact-json.ts'
import type { WriteRequest } from '../../remote/client.ts'
import { primaryDataOf } from '../../remote/documents/document.ts'
import type { HttpResponse } from '../../remote/http/http.ts'
import { isSent, type Change, type ChangeValues, type Decision } from '../../store/changes/change.ts'
import { remoteValueOf, valuesOf, withEntries } from '../../store/changes/fields.ts'
import { depart } from '../../store/changes/writes.ts'
import { mismatchOf } from '../list/same-record.ts'
import { mayHaveArrived, type Attempt, type PushDeps } from './attempt.ts'
import { fieldOf } from './conflict.ts'
import type { RemoteAccess } from './read-remote.ts'

export const createBody = (resource: Resource, change: ChangeValues): string => documentOf(resource, undefined, change)

/** Only what was decided to be sent: everything else stays as ScopeStack has it. */
export function updateBody(
  resource: Resource,
  { recordId }: Change,
  decisions: readonly Decision[],
  remote: RemoteRecord,
): string {
  const fields = decisions.filter(isSent).map((decision) => fieldOf(resource, decision))
  const { attributes, relationships } = valuesOf(fields, 'local')
  const written = fields.filter(isWrittenWhole).map(({ column }) => {
    const [held, given] = [remoteValueOf(remote, column), attributes[column.member]]
    return [column.member, Array.isArray(held) ? withEntries(column, held, given as unknown[]) : given]
  })
  return documentOf(resource, recordId, {
    attributes: { ...attributes, ...(Object.fromEntries(written) as object) },
    relationships,
  })
}

/** Columns of which only some entries are to change, that are written whole, and of which ScopeStack does not say what it has. */
export const unseenColumns = (resource: Resource, decisions: readonly Decision[], remote: RemoteRecord): string[] => [
  ...new Set(
    decisions
      .filter(isSent)
      .map((decision) => fieldOf(resource, decision))
      .filter((field) => isWrittenWhole(field) && remoteValueOf(remote, field.column) === undefined)
      .map(({ column }) => column.name),
  ),
]

/** User-defined fields are written one by one; `custom-attributes` are taken whole by all that is known, so what ScopeStack has of them goes along. */
const isWrittenWhole = ({ column, entry }: { column: Column; entry?: string }): boolean =>
  entry !== undefined && column.entries?.[0] === 'key'

function documentOf(resource: Resource, id: string | undefined, { attributes, relationships }: ChangeValues): string {
  const targets = new Map(resource.columns.map(({ member, target }) => [member, target]))
  const kinds = new Map(resource.columns.map(({ member, kind }) => [member, kind]))
  // Numbers are cleared by an empty text (API notes §5).
  const cleared = (member: string): boolean => kinds.get(member) === 'decimal' || kinds.get(member) === 'integer'
  const given = Object.entries(attributes).map(([member, value]) => [
    member,
    value === null && cleared(member) ? '' : value,
  ])
  const linked = Object.entries(relationships).map(([member, end]) => [
    member,
    { data: end === null ? null : { type: targets.get(member), id: end } },
  ])
  return JSON.stringify({
    data: {
      type: resource.type,
      ...(id === undefined ? {} : { id }),
      ...(given.length > 0 ? { attributes: Object.fromEntries(given) } : {}),
      ...(linked.length > 0 ? { relationships: Object.fromEntries(linked) } : {}),
    },
  })
}

/**
 * Sends a write, noted in the outbox before it leaves: a worker that lost the lease must not send an outdated change, and after
 * a crash the note is the only trace of the request.
 *
 * @param knownIds of a create: records that have its natural key already; null when that is not known.
 */
export async function sendWrite(
  deps: PushDeps,
  attempt: Attempt,
  request: WriteRequest,
  knownIds: Change['knownIds'] = null,
): Promise<WriteOutcome> {
  const { change, lease, flight, signal } = attempt
  let hasLeft = false
  const beforeSend = async (): Promise<void> => {
    await depart(deps.sql, change, lease, knownIds)
    flight.state = 'in_flight'
    hasLeft = true
  }
  try {
    const outcome = await deps.client.write({ ...request, beforeSend }, writeOutcomeOf(deps, attempt), signal)
    flight.mayHaveArrived ||= !('refusal' in outcome)
    return outcome
  } catch (error) {
    flight.mayHaveArrived ||= hasLeft && mayHaveArrived(error)
    throw error
  }
}

/** The response to a write: a refusal, the record, or something that proves nothing. */
export type WriteOutcome =
  | { readonly refusal: HttpResponse }
  /** Null after a deletion. */
  | { readonly record: RemoteRecord | null; readonly response: HttpResponse }
  | {
      /** The response, as part of a sentence. */
      readonly unproved: string
      readonly isDocument: boolean
      /** The id of the record in it. */
      readonly claimed: string | null
      readonly response: HttpResponse
    }

/** A success counts where the body holds the same record; a deletion only as 204. */
const writeOutcomeOf =
  (deps: RemoteAccess, { change, resource }: Attempt) =>
  (response: HttpResponse, url: string): WriteOutcome => {
    const { status, body } = response
    if (status >= 400) return { refusal: response }
    if (change.op === 'delete' && status === 204) return { record: null, response }
    const unproved = (problem: string, data?: unknown): WriteOutcome => ({
      unproved: `it was answered with ${status}: ${problem}`,
      isDocument: data !== undefined,
      claimed: isObject(data) && data['type'] === resource.type && typeof data['id'] === 'string' ? data['id'] : null,
      response,
    })
    // 202 is accepted, not done; and redirects are not followed.
    if (change.op === 'delete' || (status !== 200 && status !== 201)) return unproved('nothing says that it is done')
    let data: unknown
    try {
      data = primaryDataOf(body, url)
    } catch (error) {
      if (!hasCode(error, 'SYNC_BODY_UNREADABLE')) throw error
      return unproved(error.facts.problem)
    }
    const id = change.op === 'create' ? null : change.recordId
    const problem = mismatchOf(data, { ...deps, resource, id })
    return problem === null ? { record: data as RemoteRecord, response } : unproved(problem, data)
  }
