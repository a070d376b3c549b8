/**
 * Whether the filters that are to make a list whole hide some of it: `filter[active]=true,false` leaves out a record whose
 * flag is null (1,595 of 1,598 at a real server), and nothing in the list tells. So it is counted what other lists hold:
 *
 *   plain   without the filters: all, or only what the server shows by default
 *   blank   `true,false,`: the library reads what stands behind the last comma as null, so this is all there can be
 *
 * The smallest list that is proved to hold the others is read; where none is, both, and what either holds counts as met. It
 * costs a few small requests once, and one a reading to see that it still holds.
 */
import { isDeepStrictEqual } from 'node:util'
import { hasCode } from '../../errors/sync-error.ts'
import type { Client } from '../../remote/client.ts'
import { isPageFailure } from '../../remote/pages/page-failures.ts'
import { fetchPage, type ListRequest } from '../../remote/pages/pages.ts'
import { isBadRequest } from './list-request.ts'
import type { ReadPlan } from './read-plan.ts'

export interface FilterScope {
  readonly shown: 'filtered' | 'blank' | 'plain' | 'both'
  /**
   * What shows that it still holds. `plain`, `blank`: that list counts as many as the one that is read · `value`: what is
   * shown by default is one of the filter's values · null: nothing has to be asked, or all of it again.
   */
  readonly watch: 'plain' | 'blank' | 'value' | null
  /** The counts contradict each other: some record may be in no list. */
  readonly unsettled?: boolean
}

type Variant = 'plain' | 'blank' | 'first'

const isFilter = (name: string): boolean => name.startsWith('filter[')

/** As it was negotiated, before a scope was laid on it. */
export const negotiatedRequest = ({ base, request }: Pick<ReadPlan, 'base' | 'request'>): ListRequest | null =>
  base ?? request

function withScope(question: ReadPlan, scope: FilterScope): ReadPlan {
  const { also: _also, base: _base, ...rest } = question
  const base = negotiatedRequest(question)!
  const plain = { ...base, query: withFilters(base, () => undefined) }
  const blank = { ...base, query: withFilters(base, (value) => `${value},`) }
  switch (scope.shown) {
    case 'filtered':
      return { ...rest, request: base, scope }
    case 'blank':
      return { ...rest, request: blank, base, scope }
    case 'plain':
      return { ...rest, request: plain, base, scope }
    case 'both':
      return { ...rest, request: base, also: plain, scope }
  }
}

/** What was negotiated may be another question by now; which list of it is read stays. */
export const applyScope = (question: ReadPlan): ReadPlan =>
  question.scope === undefined ? question : withScope(question, question.scope)

function withFilters({ query }: ListRequest, change: (value: string) => string | undefined): Record<string, string> {
  const entries = Object.entries(query).flatMap(([name, value]) => {
    const changed = isFilter(name) ? change(value) : value
    return changed === undefined ? [] : [[name, changed] as const]
  })
  return Object.fromEntries(entries)
}

const filtersOf = ({ query }: ListRequest): string[] => Object.keys(query).filter(isFilter)

interface Looking {
  readonly client: Client
  readonly signal: AbortSignal
  /** Ids of some records of the list that have the first value of its filters, and of some that have another one. */
  readonly examples: (filters: readonly string[]) => Promise<Examples>
}

export interface Examples {
  readonly first: readonly string[]
  readonly others: readonly string[]
}

/**
 * Looks whether what the question was found to need still holds, and finds out what it needs where that is not known.
 *
 * @param count of the list as it was read just now; null: it has to be asked for.
 * @returns the question with its scope: the same one where it holds.
 */
export async function determineScope(looking: Looking, question: ReadPlan, count: number | null): Promise<ReadPlan> {
  try {
    return await settled(looking, question, count)
  } catch (error) {
    // What was read is no worse for it. Nobody knows what it hides, and the next reading counts again.
    if (!isPageFailure(error)) throw error
    const { scope = { shown: 'filtered', watch: null } } = question
    return withScope(question, { ...scope, unsettled: true })
  }
}

async function settled(looking: Looking, question: ReadPlan, count: number | null): Promise<ReadPlan> {
  const base = negotiatedRequest(question)
  if (base === null || question.read.from === 'below' || filtersOf(base).length === 0) return question
  const { scope } = question
  // It holds all there can be, whatever becomes of it.
  if (scope?.shown === 'blank') return question
  const counter = counterOf(looking, base)
  const recount = () => counter.count(base.query)
  const read = scope?.shown === 'plain' ? null : count
  if (scope !== undefined && read !== null && (await holds(scope, counter, read))) return question
  // What it counted when it was read may be another count by now.
  let all = scope === undefined && read !== null ? read : await recount()
  let before: FilterScope | undefined
  for (let tries = 1; all !== null; tries++) {
    if (scope !== undefined && (await holds(scope, counter, all))) return question
    const found = await find(looking, base, counter, all)
    // A record that comes between two counts looks like one that is hidden: what is found is found twice.
    const isPlain = found.shown === 'filtered' && found.unsettled !== true
    if (isPlain || isDeepStrictEqual(found, before) || tries === TRIES) {
      return isDeepStrictEqual(found, scope) ? question : withScope(question, found)
    }
    before = found
    all = await recount()
  }
  return question
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

/** Null: it is refused, or not counted. */
function counterOf({ client, signal }: Looking, base: ListRequest): Counter {
  const count: Count = async ({ include: _include, sort: _sort, ...query }) => {
    const one = (number: number) => fetchPage(client, { ...base, query, pageSize: 1, included: false }, number, signal)
    try {
      // The first record may be one that fails every page which holds it.
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

/** That list only: the one that is read was answered a moment ago. */
const isDenied = (error: unknown): boolean => hasCode(error, 'SYNC_REQUEST_REFUSED', 'SYNC_FORBIDDEN')

const firstOf = (values: string): string => values.split(',', 1)[0]!
const othersOf = (values: string): string => values.slice(firstOf(values).length + 1)

/** @param all what the filtered list holds. */
async function find(looking: Looking, base: ListRequest, counter: Counter, all: number): Promise<FilterScope> {
  const plain = await counter.of('plain')
  const blank = await counter.of('blank')
  const more = blank !== null && blank > all
  if (more && blank >= (plain ?? 0) && (await isUnderstood(base, counter, all, blank))) {
    return { shown: 'blank', watch: null }
  }
  const unsettled = more ? { unsettled: true } : {}
  // No list without the filters to compare with.
  if (plain === null) return { shown: 'filtered', watch: blank === all ? 'blank' : null, ...unsettled }
  const first = await counter.of('first')
  const values = first === null ? [] : [first, all - first]
  // By default one of the values is shown. Whether there are nulls that does not tell, but the blank value may.
  if (plain < all && values.includes(plain)) {
    return { shown: 'filtered', watch: blank === all ? 'blank' : 'value', ...unsettled }
  }
  // With one value only there is nothing that may stand for as many others.
  const shows = plain === all && values.includes(0) ? true : await showsAll(looking, base, values)
  if (plain === all && shows !== false) return { shown: 'filtered', watch: 'plain', ...unsettled }
  if (plain > all && shows === true) return { shown: 'plain', watch: null, ...unsettled }
  return { shown: 'both', watch: null, ...unsettled }
}

/** That the blank value stands for null, and not for no filter at all: what each value finds adds up. */
async function isUnderstood(base: ListRequest, counter: Counter, all: number, blank: number): Promise<boolean> {
  const first = await counter.of('first')
  const firstOrBlank = await counter.count(withFilters(base, (values) => `${firstOf(values)},`))
  const othersOrBlank = await counter.count(withFilters(base, (values) => `${othersOf(values)},`))
  if (first === null || firstOrBlank === null || othersOrBlank === null) return false
  return first + othersOrBlank === blank && firstOrBlank + (all - first) === blank
}

/** Whether the list without filters holds what they find; undefined when that cannot be asked. */
async function showsAll(
  { client, examples, signal }: Looking,
  base: ListRequest,
  values: readonly number[],
): Promise<boolean | undefined> {
  const { first, others } = await examples(filtersOf(base))
  if ((values[0] !== 0 && first.length === 0) || (values[1] !== 0 && others.length === 0)) return undefined
  const ids = [...first, ...others]
  if (ids.length === 0) return undefined
  const { include: _include, sort: _sort, ...query } = withFilters(base, () => undefined)
  const asked = { ...base, query: { ...query, 'filter[id]': ids.join(',') }, pageSize: ids.length, included: false }
  try {
    const page = await fetchPage(client, asked, 1, signal)
    if (page.ids.some((id) => !ids.includes(id))) return undefined
    return ids.every((id) => page.ids.includes(id))
  } catch (error) {
    if (isBadRequest(error)) return undefined
    throw error
  }
}
