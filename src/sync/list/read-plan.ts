/**
 * How a resource is read, of all the ways that are declared and all the parts that are wished for. It is found out by
 * asking: the first answer that is not a refusal stays, and is remembered in `sync.capabilities` for good. Whoever opens a
 * question later gets one that has worked; whether more is taken by now is looked at now and then.
 */
import { isDeepStrictEqual } from 'node:util'
import type { ReadMethod, Resource } from '../../catalog/resource.ts'
import { factOf } from '../../errors/sync-error.ts'
import type { Client } from '../../remote/client.ts'
import type { ListRequest } from '../../remote/pages/pages.ts'
import type { Database } from '../../store/connection/database.ts'
import { readCapability, saveCapability } from '../../store/progress/capabilities.ts'
import { clearRefusedDrift, recordDrift } from '../../store/progress/drift.ts'
import { databaseTime } from '../../store/progress/watermark.ts'
import { withDbRetry } from '../with-db-retry.ts'
import { tryForMore, stillIncludes, isRecheckDue } from './ask-again.ts'
import { applyScope, negotiatedRequest, type FilterScope } from './filter-scope.ts'
import { freshFacts, isFresh, applyFacts, type ListFacts } from './list-facts.ts'
import { isBadRequest, requestFor, type ListContext } from './list-request.ts'
import { isAccepted, negotiate } from './negotiate.ts'
import { isNotFound } from './read-nested.ts'
import { isNotInOrder } from './read-small-list.ts'
import { missingParts, partName, partsOf, requestWith, type Part } from './request-parts.ts'

export interface ReadPlan {
  readonly read: ReadMethod
  readonly wanted: ListRequest | null
  /** What of it is asked for; null where there is no list. */
  readonly request: ListRequest | null
  /** The list comes ordered by id, by itself or because it was asked to. */
  readonly ordered: boolean
  readonly learned?: ListFacts
  /** It answered before, and 404 the last time. */
  readonly doubted?: boolean
  /** As it was negotiated, where another list than that is read. */
  readonly base?: ListRequest
  /** Where no one list is proved to hold all: the other one. */
  readonly also?: ListRequest
  /** Which lists there are, and which of them is read. */
  readonly scope?: FilterScope
  /** How often it was looked at whether more is taken by now. */
  readonly looks?: number
  /** When it was found not to come ordered by id. */
  readonly misordered?: string
  /** Of lists below others, where something was refused: the list that refused it. */
  readonly sample?: string
}

interface Deps extends ListContext {
  readonly sql: Database
  readonly client: Client
}

export interface OpenReadPlan {
  readonly plan: ReadPlan
  /** When it was opened, by the database's clock: what is learned of it is of that time. */
  readonly now: Date
  /** What to ask after this failure; undefined when there is nothing left to try. */
  next(error: unknown, failed: ReadPlan): Promise<ReadPlan | undefined>
  /** Something of its answer is written: what is remembered is what has worked. */
  remember(answered: ReadPlan): Promise<void>
}

export async function openReadPlan(deps: Deps, resource: Resource, signal: AbortSignal): Promise<OpenReadPlan> {
  const { sql, client } = deps
  const { type, readMethods } = resource
  const first = (read: ReadMethod): ReadPlan => {
    const wanted = requestFor(deps, resource, read)
    return { read, wanted, request: wanted, ordered: true }
  }
  const save = (question: ReadPlan): Promise<void> =>
    withDbRetry(() => saveCapability(sql, type, 'question', question), signal)
  const recall = () => Promise.all([readCapability(sql, type, 'question'), databaseTime(sql)])
  const [remembered, now] = await withDbRetry(recall, signal)
  const before = remembered?.value as ReadPlan | undefined
  const known = before === undefined ? undefined : asToday(deps, resource, before, now)

  const refused = async (members: readonly string[]): Promise<void> => {
    const notes = members.map((member) => ({ member, kind: 'refused', sample: 'answered with status 400' }) as const)
    await withDbRetry(() => recordDrift(sql, type, notes), signal)
  }

  async function lookAgain(question: ReadPlan): Promise<ReadPlan> {
    const better = await tryForMore(client, question, resource, first, signal)
    if (better === undefined) {
      // Its age is renewed: that is when it was looked at last.
      await save({ ...before!, looks: (question.looks ?? 0) + 1 })
      return question
    }
    await save(better)
    const gained = partsOf(negotiatedRequest(better)!).map(partName)
    await withDbRetry(() => clearRefusedDrift(sql, type, gained), signal)
    return better
  }

  /** Ways that were found not to answer, in this run. */
  const closed = new Set<ReadMethod>()
  let negotiated: ReadMethod | undefined

  /** By leaving out what is refused; undefined when not even the bare list is answered. */
  async function narrowed({ read, wanted }: ReadPlan, error: unknown): Promise<ReadPlan | undefined> {
    // Below others it was the list of one of them that refused.
    const sample = read.from === 'below' ? pathOf(error) : undefined
    const asked = sample === undefined ? wanted! : { ...wanted!, path: sample }
    try {
      const found = await negotiate(client, asked, error, signal)
      await refused(found.refused)
      if (!stillIncludes(read, found.request)) return undefined
      const request = { ...found.request, path: wanted!.path }
      return { read, wanted, request, ordered: true, ...(sample === undefined ? {} : { sample }) }
    } catch (failure) {
      if (isBadRequest(failure) || isNotFound(failure)) return undefined
      throw failure
    }
  }

  async function another(failed: ReadPlan, error: unknown): Promise<ReadPlan | undefined> {
    const { read, wanted, request } = failed
    if (request !== null && isNotInOrder(error)) return await inAnotherOrder(client, failed, now, signal)
    if (isBadRequest(error) && wanted !== null && negotiated !== read) {
      negotiated = read
      const found = await narrowed(failed, error)
      if (found !== undefined) return found
    }
    if (!isNotFound(error) && !isBadRequest(error)) return undefined
    // Another way may hold less. One that has answered is not left for a single 404, but for the second in a row.
    if (isDeepStrictEqual(read, before?.read) && before?.doubted !== true && closed.size === 0) {
      await save({ ...before!, doubted: true })
      return undefined
    }
    closed.add(read)
    const next = readMethods.find((way) => !closed.has(way))
    return next === undefined ? undefined : first(next)
  }

  const due = known !== undefined && isRecheckDue(known, resource, remembered!.ageMs)
  return {
    now,
    plan: applyFacts(due ? await lookAgain(known) : (known ?? first(resource.read))),
    next: (error, failed) => another(failed, error),
    async remember(answered) {
      // Not at each answer, or it would never be looked at again whether something better is taken by now.
      if (answered !== known || before?.doubted === true) await save(answered)
    },
  }
}

/** Sorted by id where that is taken; else it is read in the order it has. */
async function inAnotherOrder(client: Client, failed: ReadPlan, now: Date, signal: AbortSignal): Promise<ReadPlan> {
  const request = negotiatedRequest(failed)!
  const sorted = { ...request, query: { ...request.query, sort: 'id' } }
  const { base: _base, also: _also, ...rest } = failed
  const found = { ...rest, misordered: now.toISOString() }
  return request.query['sort'] === undefined && (await isAccepted(client, sorted, signal))
    ? applyScope({ ...found, request: sorted })
    : applyScope({ ...found, request, ordered: false })
}

/**
 * What is remembered, as the catalog, the slug and the settings of today have it: what was refused stays left out, what is
 * declared since is asked for. Undefined when that way of reading is not declared any more.
 */
function asToday(place: ListContext, resource: Resource, found: ReadPlan, now: Date): ReadPlan | undefined {
  const read = resource.readMethods.find((way) => isDeepStrictEqual(way, found.read))
  if (read === undefined) return undefined
  const { doubted: _doubted, base: _base, also: _also, misordered, learned, ...rest } = found
  const good = learned === undefined ? rest : { ...rest, learned: freshFacts(learned, now) }
  const wanted = requestFor(place, resource, read)
  if (wanted === null || found.wanted === null || found.request === null) {
    return { ...good, read, wanted, request: wanted }
  }
  const before = negotiatedRequest(found)!
  const refused = new Set(missingParts(found.wanted, before).map(partName))
  const kept = partsOf(wanted).filter((part) => !refused.has(partName(part)))
  const smaller = before.pageSize !== found.wanted.pageSize
  const parts = smaller ? [...kept.filter(({ kind }) => kind !== 'size'), ...sizeOf(wanted, before)] : kept
  const request = requestWith(wanted, parts)
  // The order a list comes in may be another one by now: it is found out by reading it.
  if (misordered === undefined || !isFresh(misordered, now)) {
    return applyScope({ ...good, read, wanted, request, ordered: true })
  }
  const { sort } = before.query
  const sorted = sort === undefined ? request : { ...request, query: { ...request.query, sort } }
  return applyScope({ ...good, misordered, read, wanted, request: sorted })
}

const sizeOf = (wanted: ListRequest, { pageSize }: ListRequest): Part[] =>
  pageSize === null ? [] : [{ kind: 'size', size: Math.min(pageSize, wanted.pageSize ?? pageSize) }]

const pathOf = (error: unknown): string | undefined => {
  const url = factOf(error, 'url')
  return url === undefined ? undefined : new URL(url).pathname
}
