/**
 * Checks whether the server by now accepts what it refused once: an include, a filter, a page size, or a read method that
 * failed. An hour after the refusal and then once a day; meanwhile the plan that has worked stays in use.
 */
import type { ReadMethod, Resource } from '../../catalog/resource.ts'
import { hasCode } from '../../errors/sync-error.ts'
import type { Client } from '../../remote/client.ts'
import type { ListRequest } from '../../remote/pages/page.ts'
import { applyScope } from './filter-scope.ts'
import { isBadRequest, isNotFound } from './list-request.ts'
import { isAccepted, negotiate, refusalOf } from './negotiate.ts'
import { negotiatedRequest, type ReadPlan } from './read-plan.ts'
import { includesOf, missingParts, partsNamedBy, partName, partsOf, requestWith, type Part } from './request-parts.ts'

const HOUR_MS = 60 * 60_000
export const DAY_MS = 24 * HOUR_MS

const missingOf = (known: ReadPlan): Part[] => {
  const request = negotiatedRequest(known)
  return known.wanted === null || request === null ? [] : missingParts(known.wanted, request)
}

export function isRecheckDue(known: ReadPlan, { readMethods }: Resource, ageMs: number): boolean {
  const missing = missingOf(known).length > 0
  if (!missing && readMethods.indexOf(known.read) <= 0) return false
  return ageMs >= (missing && (known.looks ?? 0) === 0 ? HOUR_MS : DAY_MS)
}

/** @returns undefined when the server accepts no more than is known. */
export async function tryForMore(
  client: Client,
  known: ReadPlan,
  { readMethods }: Resource,
  first: (read: ReadMethod) => ReadPlan,
  signal: AbortSignal,
): Promise<ReadPlan | undefined> {
  for (const read of readMethods.slice(0, Math.max(0, readMethods.indexOf(known.read)))) {
    const found = await tryMethod(client, first(read), signal)
    if (found !== undefined) return found
  }
  const { wanted, sample } = known
  const request = negotiatedRequest(known)
  const missing = missingOf(known)
  if (wanted === null || request === null || missing.length === 0) return undefined
  try {
    const more = await acceptedOf(client, known, wanted, request, missing, signal)
    if (more === undefined) return undefined
    const { looks: _looks, base: _base, also: _also, ...same } = known
    return applyScope({ ...same, request: more })
  } catch (error) {
    if (!isNotFound(error)) throw error
    // The sample's parent record is gone: the next read finds another one.
    if (sample === undefined) return undefined
    const { base: _base, also: _also, ...same } = known
    return applyScope({ ...same, request: inOrderOf(known, wanted) })
  }
}

/** Three requests at most: everything, everything but what is refused again, and one missing part, another one each time. */
async function acceptedOf(
  client: Client,
  known: ReadPlan,
  wanted: ListRequest,
  request: ListRequest,
  missing: readonly Part[],
  signal: AbortSignal,
): Promise<ListRequest | undefined> {
  const refusal = (asked: ListRequest) => refusalOf(client, { ...asked, path: known.sample ?? asked.path }, signal)
  const all = inOrderOf(known, wanted)
  const why = await refusal(all)
  if (why === null) return all
  if (missing.length === 1) return undefined
  const named = partsNamedBy(why, missing)
  const again = named.length > 0 ? named : missing.filter(({ kind }) => kind === 'size')
  if (again.length > 0 && again.length < missing.length) {
    const kept = partsOf(request).filter((part) => part.kind === 'size' && again.some(({ kind }) => kind === 'size'))
    const others = partsOf(wanted).filter((part) => !again.some((one) => partName(one) === partName(part)))
    const rest = inOrderOf(known, requestWith(wanted, [...kept, ...others]))
    if ((await refusal(rest)) === null) return rest
  }
  const turn = missing[(known.looks ?? 0) % missing.length]!
  const parts = partsOf(request).filter(({ kind }) => kind !== 'size' || turn.kind !== 'size')
  const one = inOrderOf(known, requestWith(wanted, [turn, ...parts]))
  return (await refusal(one)) === null ? one : undefined
}

/** With the sort that was found to be needed. */
function inOrderOf({ request }: ReadPlan, asked: ListRequest): ListRequest {
  const sort = request?.query['sort']
  return sort === undefined ? asked : { ...asked, query: { ...asked.query, sort } }
}

/** A read method that precedes the known one, where its list works. */
async function tryMethod(client: Client, plan: ReadPlan, signal: AbortSignal): Promise<ReadPlan | undefined> {
  const { read, request } = plan
  // Nested lists have no one list to try.
  if (request === null || read.from === 'below') return undefined
  try {
    if (await isAccepted(client, request, signal)) return plan
    const found = await negotiate(client, request, null, signal)
    return stillIncludes(read, found.request) ? { ...plan, request: found.request } : undefined
  } catch (error) {
    if (isNotFound(error) || isBadRequest(error)) return undefined
    if (hasCode(error, 'SYNC_FORBIDDEN')) return undefined
    throw error
  }
}

/** Without the include nothing is read: an empty response must not count as an empty resource. */
export const stillIncludes = (read: ReadMethod, request: ListRequest): boolean =>
  read.from !== 'included' || includesOf(request).includes(read.include)
