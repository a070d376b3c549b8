/**
 * Which variant of a filtered list holds every record. `filter[active]=true,false` is meant to show archived records too,
 * but it leaves out a record whose flag is null (1,595 of 1,598 at a real server), and nothing in the list shows that. So
 * the variants are counted:
 *
 *   plain   without the filters: everything, or only what the server shows by default
 *   blank   `true,false,`: the library reads the empty value behind the last comma as null, so this is everything
 *
 * The smallest list that is proved to hold the others is read. Where none is, both are read, and a record counts as seen
 * when either holds it. It costs a few small requests once, and one in each read to check that it still holds.
 */
import { isDeepStrictEqual } from 'node:util'
import { hasCode } from '../../errors/sync-error.ts'
import type { Client } from '../../remote/client.ts'
import { isPageFailure } from '../../remote/pages/page-failures.ts'
import { fetchPage, type ListRequest } from '../../remote/pages/pages.ts'
import { isBadRequest } from './list-request.ts'
import { negotiatedRequest, type FilterScope, type ReadPlan } from './read-plan.ts'

type Variant = 'plain' | 'blank' | 'first'

const isFilter = (name: string): boolean => name.startsWith('filter[')

function withScope(plan: ReadPlan, scope: FilterScope): ReadPlan {
  const { also: _also, base: _base, ...rest } = plan
  const base = negotiatedRequest(plan)!
  const plain = { ...base, query: withFilters(base, () => undefined) }
  const blank = { ...base, query: withFilters(base, (value) => `${value},`) }
  if (scope.shown === 'both') return { ...rest, request: base, also: plain, scope }
  if (scope.shown === 'filtered') return { ...rest, request: base, scope }
  return { ...rest, request: scope.shown === 'blank' ? blank : plain, base, scope }
}

/** The negotiated request may have changed since; which variant of it is read stays. */
export const applyScope = (plan: ReadPlan): ReadPlan => (plan.scope === undefined ? plan : withScope(plan, plan.scope))

function withFilters({ query }: ListRequest, change: (value: string) => string | undefined): Record<string, string> {
  const entries = Object.entries(query).flatMap(([name, value]) => {
    const changed = isFilter(name) ? change(value) : value
    return changed === undefined ? [] : [[name, changed] as const]
  })
  return Object.fromEntries(entries)
}

const filtersOf = ({ query }: ListRequest): string[] => Object.keys(query).filter(isFilter)

interface Context {
  readonly client: Client
  readonly signal: AbortSignal
  /** Ids of some records in the mirror with the first value of the filters, and of some with another value. */
  readonly examples: (filters: readonly string[]) => Promise<Examples>
}

export interface Examples {
  readonly first: readonly string[]
  readonly others: readonly string[]
}

/**
 * Checks that the plan's scope still holds, and determines it where it is unknown or no longer holds.
 *
 * @param count of the list as it was just read; null: it has to be requested.
 * @returns the plan with its scope: the same object where it holds.
 */
export async function determineScope(context: Context, plan: ReadPlan, count: number | null): Promise<ReadPlan> {
  try {
    return await checkScope(context, plan, count)
  } catch (error) {
    // What was read stays valid. What the filters hide is unknown, and the next read counts again.
    if (!isPageFailure(error)) throw error
    const { scope = { shown: 'filtered', watch: null } } = plan
    return withScope(plan, { ...scope, unsettled: true })
  }
}

async function checkScope(context: Context, plan: ReadPlan, count: number | null): Promise<ReadPlan> {
  const { scope } = plan
  const base = negotiatedRequest(plan)
  if (base === null || plan.read.from === 'below' || filtersOf(base).length === 0) return plan
  // It holds everything there can be, whatever changes.
  if (scope?.shown === 'blank') return plan
  const counter = createCounter(context, base)
  const asRead = scope?.shown === 'plain' ? null : count
  if (scope !== undefined && asRead !== null && (await holds(scope, counter, asRead))) return plan
  // What it counted when it was read may have changed by now.
  const first = scope === undefined ? asRead : null
  const found = await findScopeTwice(context, { base, counter, scope, first })
  return found === undefined || isDeepStrictEqual(found, scope) ? plan : withScope(plan, found)
}

interface Search {
  readonly base: ListRequest
  readonly counter: Counter
  /** The scope so far. */
  readonly scope: FilterScope | undefined
  /** The count of the filtered list; null: it has to be requested. */
  readonly first: number | null
}

/**
 * A record created between two counts looks like a hidden one, so a scope that reads more counts only when it is found
 * twice in a row.
 *
 * @returns undefined when the list is not counted.
 */
async function findScopeTwice(
  context: Context,
  { base, counter, scope, first }: Search,
): Promise<FilterScope | undefined> {
  let all = first ?? (await counter.count(base.query))
  let before: FilterScope | undefined
  for (let tries = 1; all !== null; tries++) {
    if (scope !== undefined && (await holds(scope, counter, all))) return scope
    const found = await findScope(context, base, counter, all)
    const isPlain = found.shown === 'filtered' && found.unsettled !== true
    if (isPlain || isDeepStrictEqual(found, before) || tries === TRIES) return found
    before = found
    all = await counter.count(base.query)
  }
  return undefined
}

/** A list that keeps changing is counted again. */
const TRIES = 3

async function holds(
  { shown, watch, unsettled = false }: FilterScope,
  counter: Counter,
  all: number,
): Promise<boolean> {
  if (shown === 'plain') return all <= ((await counter.of('plain')) ?? 0)
  if (watch === null || unsettled) return false
  if (watch !== 'value') return (await counter.of(watch)) === all
  const [plain, first] = [await counter.of('plain'), await counter.of('first')]
  return plain !== null && first !== null && [first, all - first].includes(plain)
}

type Count = (query: Readonly<Record<string, string>>) => Promise<number | null>

interface Counter {
  readonly count: Count
  readonly of: (variant: Variant) => Promise<number | null>
}

/** Counts are null where the request is refused, or the list gives none. */
function createCounter({ client, signal }: Context, base: ListRequest): Counter {
  const count: Count = async ({ include: _include, sort: _sort, ...query }) => {
    const one = (number: number) => fetchPage(client, { ...base, query, pageSize: 1, included: false }, number, signal)
    try {
      // The first record may be one at which the server fails.
      const page = await one(1).catch((error: unknown) => {
        if (!isPageFailure(error)) throw error
        return one(2)
      })
      return page.recordCount
    } catch (error) {
      if (isDenied(error)) return null
      throw error
    }
  }
  const query = {
    plain: withFilters(base, () => undefined),
    blank: withFilters(base, (value) => `${value},`),
    first: withFilters(base, firstOf),
  }
  return { count, of: (variant) => count(query[variant]) }
}

/** That variant only: the list that is read answered a moment ago. */
const isDenied = (error: unknown): boolean => hasCode(error, 'SYNC_REQUEST_REFUSED', 'SYNC_FORBIDDEN')

const firstOf = (values: string): string => values.split(',', 1)[0]!
const othersOf = (values: string): string => values.slice(firstOf(values).length + 1)

/** @param all the count of the filtered list. */
async function findScope(context: Context, base: ListRequest, counter: Counter, all: number): Promise<FilterScope> {
  const plain = await counter.of('plain')
  const blank = await counter.of('blank')
  const isMore = blank !== null && blank > all
  if (isMore && blank >= (plain ?? 0) && (await isUnderstood(base, counter, all, blank))) {
    return { shown: 'blank', watch: null }
  }
  const watch = blank === all ? 'blank' : null
  const found = plain === null ? ({ shown: 'filtered', watch } as const) : await compare(plain)
  return isMore ? { ...found, unsettled: true } : found

  /** With the list without filters. */
  async function compare(unfiltered: number): Promise<FilterScope> {
    const first = await counter.of('first')
    const values = first === null ? [] : [first, all - first]
    // By default one of the values is shown. That does not show whether there are nulls, but the blank value may.
    if (unfiltered < all && values.includes(unfiltered)) return { shown: 'filtered', watch: watch ?? 'value' }
    // With one value only, no null can take the place of a record with the other value.
    const showsEverything = unfiltered === all && values.includes(0) ? true : await showsAll(context, base, values)
    if (unfiltered === all && showsEverything !== false) return { shown: 'filtered', watch: 'plain' }
    if (unfiltered > all && showsEverything === true) return { shown: 'plain', watch: null }
    return { shown: 'both', watch: null }
  }
}

/** The blank value means null, and not "no filter": the counts of the values add up. */
async function isUnderstood(base: ListRequest, counter: Counter, all: number, blank: number): Promise<boolean> {
  const first = await counter.of('first')
  const firstOrBlank = await counter.count(withFilters(base, (values) => `${firstOf(values)},`))
  const othersOrBlank = await counter.count(withFilters(base, (values) => `${othersOf(values)},`))
  if (first === null || firstOrBlank === null || othersOrBlank === null) return false
  return first + othersOrBlank === blank && firstOrBlank + (all - first) === blank
}

/** Whether the list without filters holds what they find; undefined when that cannot be requested. */
async function showsAll(
  { client, examples, signal }: Context,
  base: ListRequest,
  values: readonly number[],
): Promise<boolean | undefined> {
  const { first, others } = await examples(filtersOf(base))
  if ((values[0] !== 0 && first.length === 0) || (values[1] !== 0 && others.length === 0)) return undefined
  const ids = [...first, ...others]
  if (ids.length === 0) return undefined
  const { include: _include, sort: _sort, ...query } = withFilters(base, () => undefined)
  const request = { ...base, query: { ...query, 'filter[id]': ids.join(',') }, pageSize: ids.length, included: false }
  try {
    const page = await fetchPage(client, request, 1, signal)
    if (page.ids.some((id) => !ids.includes(id))) return undefined
    return ids.every((id) => page.ids.includes(id))
  } catch (error) {
    if (isBadRequest(error)) return undefined
    throw error
  }
}
