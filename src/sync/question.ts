/**
 * How a resource is read, of all the ways that are declared and all the parts that are wished for. It is found out by
 * asking: the first answer that is not a refusal stays, and is remembered in `sync.capabilities`.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Client } from '../remote/client.ts'
import type { ListRequest } from '../remote/pages.ts'
import type { Read, Resource } from '../resource.ts'
import type { Database } from '../store/database.ts'
import { noteDrift, readCapability, saveCapability } from '../store/findings.ts'
import { isNotFound } from './below.ts'
import { isTaken, negotiate } from './negotiate.ts'
import { reconnecting } from './reconnect.ts'
import { isRefusal, requestFor, type Place } from './request.ts'
import { isNotInOrder } from './whole-list.ts'

export interface Question {
  readonly read: Read
  readonly wanted: ListRequest | null
  /** What of it is asked for; null where there is no list. */
  readonly request: ListRequest | null
  /** The list comes ordered by id, by itself or because it was asked to. */
  readonly ordered: boolean
  /** It answered before, and 404 the last time. */
  readonly doubted?: boolean
}

/** What is missing from the mirror because of a refusal is asked for again soon; a smaller page costs nothing. */
const HOUR_MS = 60 * 60_000
const DAY_MS = 24 * HOUR_MS

interface Deps extends Place {
  readonly sql: Database
  readonly client: Client
}

export interface Asking {
  readonly question: Question
  /** What to ask after this failure; undefined when there is nothing left to try. */
  after(error: unknown, failed: Question): Promise<Question | undefined>
  /** Something of its answer is written: what is remembered is what has worked. */
  settle(answered: Question): Promise<void>
}

export async function openQuestion(deps: Deps, resource: Resource, signal: AbortSignal): Promise<Asking> {
  const { sql, client } = deps
  const first = (read: Read): Question => {
    const wanted = requestFor(deps, resource, read)
    return { read, wanted, request: wanted, ordered: true }
  }
  const remembered = await reconnecting(() => readCapability(sql, resource.type, 'question'), signal)
  const before = remembered?.value as Question | undefined
  const known = before === undefined ? undefined : stillGood(before, remembered!.ageMs)

  function stillGood(found: Question, ageMs: number): Question | undefined {
    const read = resource.reads.find((way) => isDeepStrictEqual(way, found.read))
    if (read === undefined || !isDeepStrictEqual(found.wanted, requestFor(deps, resource, read))) return undefined
    const { sort: _, ...asked } = found.request?.query ?? {}
    const lasts = isDeepStrictEqual(asked, found.wanted?.query ?? {}) ? DAY_MS : HOUR_MS
    const { doubted: _doubted, ...good } = found
    if (ageMs >= lasts) return undefined
    const { request, wanted } = first(read)
    return { ...good, read, wanted, request: found.request && request && inOrderOf(request, found.request) }
  }

  const refused = async (members: readonly string[]): Promise<void> => {
    const notes = members.map((member) => ({ member, kind: 'refused', sample: 'answered with status 400' }) as const)
    await reconnecting(() => noteDrift(sql, resource.type, notes), signal)
  }

  /** Ways that were found not to answer, in this run. */
  const closed = new Set<Read>()
  let negotiated: Read | undefined

  async function another({ read, wanted, request }: Question, error: unknown): Promise<Question | undefined> {
    if (request !== null && isNotInOrder(error)) {
      const sorted = { ...request, query: { ...request.query, sort: 'id' } }
      if (request.query['sort'] === undefined && (await isTaken(client, sorted, signal))) {
        return { read, wanted, request: sorted, ordered: true }
      }
      return { read, wanted, request, ordered: false }
    }
    if (isRefusal(error) && wanted !== null && read.from !== 'below' && negotiated !== read) {
      negotiated = read
      const found = await negotiate(client, wanted, signal)
      await refused(found.refused)
      // Without the include there is nothing to read: an empty answer must not pass for an empty resource.
      const carries = found.request.query['include']?.split(',').includes(read.from === 'included' ? read.include : '')
      if (read.from !== 'included' || carries === true) return { read, wanted, request: found.request, ordered: true }
    }
    if (!isNotFound(error) && !isRefusal(error)) return undefined
    // Another way may hold less. One that has answered is not left for a single 404, but for the second in a row.
    if (isDeepStrictEqual(read, before?.read) && before?.doubted !== true && closed.size === 0) {
      await save({ ...before!, doubted: true })
      return undefined
    }
    closed.add(read)
    const next = resource.reads.find((way) => !closed.has(way))
    return next === undefined ? undefined : first(next)
  }

  const save = (question: Question): Promise<void> =>
    reconnecting(() => saveCapability(sql, resource.type, 'question', question), signal)
  const opening = known ?? first(resource.read)

  return {
    question: opening,
    after: (error, failed) => another(failed, error),
    async settle(answered) {
      // Not at each answer, or it would never be looked at again whether something better is taken by now.
      if (answered !== known || before?.doubted === true) await save(answered)
    },
  }
}

/** Postgres keeps members in an order of its own. Another order is another address: no page would be known again by it. */
function inOrderOf(wanted: ListRequest, { query, pageSize }: ListRequest): ListRequest {
  const names = new Set([...Object.keys(wanted.query), ...Object.keys(query)])
  const ordered = [...names].flatMap((name) => (name in query ? [[name, query[name]!] as const] : []))
  return { ...wanted, query: Object.fromEntries(ordered), pageSize }
}
