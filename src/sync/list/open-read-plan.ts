/**
 * How a resource is read: by which of its declared read methods, and with which of the declared includes, filters and page
 * size. The server decides: the first request that it does not refuse becomes the plan, which is kept in `sync.capabilities`.
 * A later read opens the plan that has worked; now and then it checks whether the server accepts more by now
 * (`retry-refused.ts`).
 */
import { isDeepStrictEqual } from 'node:util'
import type { ReadMethod, Resource } from '../../catalog/resource.ts'
import { factOf } from '../../errors/sync-error.ts'
import type { Client } from '../../remote/client.ts'
import type { ListRequest } from '../../remote/pages/page.ts'
import type { Database } from '../../store/connection/database.ts'
import { clearRefusedDrift, recordDrift } from '../../store/progress/drift.ts'
import type { Known } from '../../store/progress/known.ts'
import { withDbRetry } from '../with-db-retry.ts'
import { applyScope } from './filter-scope.ts'
import { freshFacts, isFresh, applyFacts } from './list-facts.ts'
import { isBadRequest, isNotFound, isNotInOrder, requestFor, type ListContext } from './list-request.ts'
import { isAccepted, negotiate } from './negotiate.ts'
import { negotiatedRequest, type ReadPlan } from './read-plan.ts'
import { missingParts, partName, partsOf, requestWith, type Part } from './request-parts.ts'
import { tryForMore, stillIncludes, isRecheckDue } from './retry-refused.ts'

interface Deps extends ListContext {
  readonly sql: Database
  readonly client: Client
}

export interface OpenReadPlan {
  readonly plan: ReadPlan
  /** The plan to try after this failure; undefined when there is none left. */
  next(error: unknown, failed: ReadPlan): Promise<ReadPlan | undefined>
  /** To be called once something that was read by it is written: only a plan that has worked is kept. */
  remember(answered: ReadPlan): Promise<void>
}

export async function openReadPlan(
  deps: Deps,
  resource: Resource,
  { now, capabilities }: Pick<Known, 'now' | 'capabilities'>,
  signal: AbortSignal,
): Promise<OpenReadPlan> {
  const { sql, client } = deps
  const { type, readMethods } = resource
  const first = (read: ReadMethod): ReadPlan => {
    const wanted = requestFor(deps, resource, read)
    return { read, wanted, request: wanted, ordered: true }
  }
  const save = (plan: ReadPlan): Promise<void> => withDbRetry(() => capabilities.save('question', plan), signal)
  const remembered = capabilities.get('question')
  const before = remembered?.value as ReadPlan | undefined
  const known = before === undefined ? undefined : asDeclaredToday(deps, resource, before, now)

  async function recheck(plan: ReadPlan): Promise<ReadPlan> {
    const better = await tryForMore(client, plan, resource, first, signal)
    if (better === undefined) {
      // Saved all the same, so that its age counts from this check.
      await save({ ...before!, looks: (plan.looks ?? 0) + 1 })
      return plan
    }
    await save(better)
    const accepted = partsOf(negotiatedRequest(better)!).map(partName)
    await withDbRetry(() => clearRefusedDrift(sql, type, accepted), signal)
    return better
  }

  /** Read methods that have failed in this run. */
  const failedMethods = new Set<ReadMethod>()
  let negotiated: ReadMethod | undefined
  const isDue = known !== undefined && isRecheckDue(known, resource, remembered!.ageMs)
  return {
    plan: applyFacts(isDue ? await recheck(known) : (known ?? first(resource.read))),
    async next(error, failed) {
      const { read, wanted, request } = failed
      if (request !== null && isNotInOrder(error)) return await inAnotherOrder(client, failed, now, signal)
      if (isBadRequest(error) && wanted !== null && negotiated !== read) {
        negotiated = read
        const found = await withoutRefused(deps, type, failed, error, signal)
        if (found !== undefined) return found
      }
      if (!isNotFound(error) && !isBadRequest(error)) return undefined
      // Another method may hold less, so one that has worked is given up only after the second failure in a row.
      if (isDeepStrictEqual(read, before?.read) && before?.doubted !== true && failedMethods.size === 0) {
        await save({ ...before!, doubted: true })
        return undefined
      }
      failedMethods.add(read)
      const next = readMethods.find((method) => !failedMethods.has(method))
      return next === undefined ? undefined : first(next)
    },
    async remember(worked) {
      // Saving resets the age, and a plan saved after each read would never be due for a recheck.
      if (worked !== known || before?.doubted === true) await save(worked)
    },
  }
}

/** The plan without the parts the server refuses; undefined when it refuses even the bare list. */
async function withoutRefused(
  { sql, client }: Deps,
  type: string,
  { read, wanted }: ReadPlan,
  error: unknown,
  signal: AbortSignal,
): Promise<ReadPlan | undefined> {
  // Of nested lists, one refused: it is negotiated with.
  const sample = read.from === 'below' ? pathOf(error) : undefined
  const sampled = sample === undefined ? wanted! : { ...wanted!, path: sample }
  try {
    const { request, refused } = await negotiate(client, sampled, error, signal)
    const notes = refused.map((member) => ({ member, kind: 'refused', sample: 'answered with status 400' }) as const)
    await withDbRetry(() => recordDrift(sql, type, notes), signal)
    if (!stillIncludes(read, request)) return undefined
    const plan = { read, wanted, request: { ...request, path: wanted!.path }, ordered: true }
    return sample === undefined ? plan : { ...plan, sample }
  } catch (failure) {
    if (isBadRequest(failure) || isNotFound(failure)) return undefined
    throw failure
  }
}

/** Sorted by id where the server accepts that; else in the order the list has. */
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
 * The remembered plan, for today's catalog, slug and settings: what was refused stays left out, what was declared since is
 * requested. Undefined when its read method is no longer declared.
 */
function asDeclaredToday(place: ListContext, resource: Resource, found: ReadPlan, now: Date): ReadPlan | undefined {
  const read = resource.readMethods.find((one) => isDeepStrictEqual(one, found.read))
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
  // The order of the list may have changed by now: the read finds out.
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
