/**
 * Which variant of a filtered list holds every record. `filter[active]=true,false` is meant to show archived records too,
 * but it leaves out a record whose flag is null (1,595 of 1,598 at a real server), and nothing in the list shows that. So
 * the variants are counted (`filter-counts.ts`):
 *
 *   plain   without the filters: everything, or only what the server shows by default
 *   blank   `true,false,`: the library reads the empty value behind the last comma as null, so this is everything
 *
 * The smallest list that is proved to hold the others is read. Where none is, both are read, and a record counts as seen
 * when either holds it. It costs a few small requests once, and one or two in each read to check that it still holds. A
 * check must not rest on what happened to be so when the scope was determined: a list that held no archived record shows
 * nothing of whether the server hides those, and one that shows only active records hides one whose flag becomes null.
 */
import { isDeepStrictEqual } from 'node:util'
import { isPageFailure } from '../../remote/pages/page-failures.ts'
import type { ListRequest } from '../../remote/pages/page.ts'
import {
  createCounter,
  filtersOf,
  hidesNone,
  isUnderstood,
  showsAll,
  withFilters,
  type Counter,
  type Counting,
} from './filter-counts.ts'
import { negotiatedRequest, type FilterScope, type ReadPlan } from './read-plan.ts'

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

/**
 * Checks that the plan's scope still holds, and determines it where it is unknown or no longer holds.
 *
 * @param count of the list as it was just read; null: it has to be requested.
 * @returns the plan with its scope: the same object where it holds.
 */
export async function determineScope(context: Counting, plan: ReadPlan, count: number | null): Promise<ReadPlan> {
  try {
    return await checkScope(context, plan, count)
  } catch (error) {
    // What was read stays valid. What the filters hide is unknown, and the next read counts again.
    if (!isPageFailure(error)) throw error
    const { scope = { shown: 'filtered', watch: null } } = plan
    return withScope(plan, { ...scope, unsettled: true })
  }
}

async function checkScope(context: Counting, plan: ReadPlan, count: number | null): Promise<ReadPlan> {
  const { scope } = plan
  const base = negotiatedRequest(plan)
  // Each of the lists below parents would have to be counted (docs/decisions/002).
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
  context: Counting,
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

async function holds(scope: FilterScope, counter: Counter, all: number): Promise<boolean> {
  const { shown, whole = false, unsettled = false } = scope
  if (unsettled || (shown !== 'filtered' && shown !== 'plain')) return false
  const plain = await counter.plain()
  if (plain === null) return shown === 'filtered' && scope.watch === 'blank' && (await counter.blank()) === all
  if (shown === 'plain') return whole && all <= plain.count
  if (scope.watch === 'plain') return whole && all === plain.count
  return scope.watch === 'value' && (await hidesNone(counter, all, plain))
}

/** @param all the count of the filtered list. */
async function findScope(context: Counting, base: ListRequest, counter: Counter, all: number): Promise<FilterScope> {
  const plain = await counter.plain()
  const blank = await counter.blank()
  const isMore = blank !== null && blank > all
  if (!isMore && plain !== null && (await hidesNone(counter, all, plain))) return { shown: 'filtered', watch: 'value' }
  if (isMore && blank >= (plain?.count ?? 0) && (await isUnderstood(counter, all, blank))) {
    return { shown: 'blank', watch: null }
  }
  const watch = blank === all ? 'blank' : null
  const found = plain === null ? ({ shown: 'filtered', watch } as const) : await compare(plain.count)
  return isMore ? { ...found, unsettled: true } : found

  /** With the list without filters. */
  async function compare(unfiltered: number): Promise<FilterScope> {
    if (unfiltered < all || !(await showsAll(context, base))) return { shown: 'both', watch: null }
    if (unfiltered === all) return { shown: 'filtered', watch: 'plain', whole: true }
    return { shown: 'plain', watch: null, whole: true }
  }
}

/** Whether what is read by it is another list, or two of them. */
export const isOtherList = (one: ReadPlan, other: ReadPlan): boolean =>
  !isDeepStrictEqual([one.request, one.also], [other.request, other.also])
