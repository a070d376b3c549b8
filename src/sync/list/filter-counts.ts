/** What the variants of a filtered list count, by requests for one record, and what follows from that (`filter-scope.ts`). */
import { hasCode } from '../../errors/sync-error.ts'
import { isObject } from '../../exact-json.ts'
import type { Client } from '../../remote/client.ts'
import { isPageFailure } from '../../remote/pages/page-failures.ts'
import type { ListRequest, Page } from '../../remote/pages/page.ts'
import { fetchPage } from '../../remote/pages/pages.ts'
import { isBadRequest } from './list-request.ts'

export interface Counting {
  readonly client: Client
  readonly signal: AbortSignal
  /** Ids of some records in the mirror with the first value of the filters, and of some with another value. */
  readonly examples: (filters: readonly string[]) => Promise<Examples>
}

export interface Examples {
  readonly first: readonly string[]
  readonly others: readonly string[]
}

const isFilter = (name: string): boolean => name.startsWith('filter[')

export const filtersOf = ({ query }: ListRequest): string[] => Object.keys(query).filter(isFilter)

/** @param change makes the new values of a filter, undefined: without it. */
export function withFilters(
  { query }: ListRequest,
  change: (values: string) => string | undefined,
): Record<string, string> {
  const entries = Object.entries(query).flatMap(([name, values]) => {
    const changed = isFilter(name) ? change(values) : values
    return changed === undefined ? [] : [[name, changed] as const]
  })
  return Object.fromEntries(entries)
}

/** The list without filters. */
export interface Plain {
  readonly count: number
  /** The filtered member of one of its first records: null is null, undefined unknown. */
  readonly flag: unknown
}

/** Counts are null where the request is refused, or the list gives none. */
export interface Counter {
  readonly count: (query: Readonly<Record<string, string>>) => Promise<number | null>
  readonly plain: () => Promise<Plain | null>
  readonly blank: () => Promise<number | null>
  /** With the first value of each filter, or the others; `blank` as well. */
  readonly value: (which: Value, blank?: 'blank') => Promise<number | null>
  /** Which value that is. */
  readonly valueOf: (flag: unknown) => Value | undefined
}

type Value = 'first' | 'others'

export function createCounter({ client, signal }: Counting, base: ListRequest): Counter {
  const record = (number: number, { include: _include, sort: _sort, ...query }: ListRequest['query']): Promise<Page> =>
    fetchPage(client, { ...base, query, pageSize: 1, included: false }, number, signal)
  async function anyRecord(query: ListRequest['query']): Promise<Page | null> {
    try {
      // The first record may be one at which the server fails.
      return await record(1, query).catch((error: unknown) => {
        if (!isPageFailure(error)) throw error
        return record(2, query)
      })
    } catch (error) {
      if (isDenied(error)) return null
      throw error
    }
  }
  const filter = filtersOf(base)[0]!
  const flagIn = ({ records: [one] }: Page): unknown =>
    isObject(one?.attributes) ? one.attributes[filter.slice('filter['.length, -1)] : undefined
  const count: Counter['count'] = async (query) => (await anyRecord(query))?.recordCount ?? null
  return {
    count,
    async plain() {
      const query = withFilters(base, () => undefined)
      const page = await anyRecord(query)
      if (page === null || page.recordCount === null) return null
      const flag = flagIn(page)
      // The first record may come without its attributes.
      if (flag !== undefined || page.recordCount < 2) return { count: page.recordCount, flag }
      const second = await record(2, query).catch((error: unknown) => {
        if (!isPageFailure(error) && !isDenied(error)) throw error
        return undefined
      })
      return { count: page.recordCount, flag: second && flagIn(second) }
    },
    blank: () => count(withFilters(base, (values) => `${values},`)),
    value: (which, blank) => count(withFilters(base, (values) => part(values, which) + (blank ? ',' : ''))),
    valueOf(flag) {
      const values = base.query[filter]!.split(',')
      const at = typeof flag === 'boolean' || typeof flag === 'string' ? values.indexOf(String(flag)) : -1
      return at < 0 ? undefined : at === 0 ? 'first' : 'others'
    },
  }
}

/** That variant only: the list that is read answered a moment ago. */
const isDenied = (error: unknown): boolean => hasCode(error, 'SYNC_REQUEST_REFUSED', 'SYNC_FORBIDDEN')

function part(values: string, which: Value): string {
  const first = values.split(',', 1)[0]!
  return which === 'first' ? first : values.slice(first.length + 1)
}

/**
 * No other list is known to hold a record that the filtered one leaves out. Where the server shows by default the records
 * of one value, and perhaps those whose flag is null, the list without filters and those of the other value are as many
 * together as the filtered list has: each record whose flag is null makes them more, whether the first shows it, or the
 * empty value finds it. The same holds where it shows all, as long as no record has the other value.
 *
 * @param all the count of the filtered list.
 */
export async function hidesNone(counter: Counter, all: number, { count, flag }: Plain): Promise<boolean> {
  const isBlankNoMore = async () => ((await counter.blank()) ?? 0) <= all
  if (count === 0) return await isBlankNoMore()
  const shown = counter.valueOf(flag)
  if (shown === undefined) return false
  const hidden = shown === 'first' ? 'others' : 'first'
  const orBlank = await counter.value(hidden, 'blank')
  if (orBlank !== null && count + orBlank === all) return true
  // A server may take no empty value, or read it as no filter.
  const without = await counter.value(hidden)
  return without !== null && count + without === all && (await isBlankNoMore())
}

/** The blank value means null, and not "no filter": the counts of the values add up. */
export async function isUnderstood(counter: Counter, all: number, blank: number): Promise<boolean> {
  const first = await counter.value('first')
  const firstOrBlank = await counter.value('first', 'blank')
  const othersOrBlank = await counter.value('others', 'blank')
  if (first === null || firstOrBlank === null || othersOrBlank === null) return false
  return first + othersOrBlank === blank && firstOrBlank + (all - first) === blank
}

/** Whether the list without filters is seen to hold records of both values: then it holds whatever its server has. */
export async function showsAll({ client, examples, signal }: Counting, base: ListRequest): Promise<boolean> {
  const { first, others } = await examples(filtersOf(base))
  // A value without a record shows nothing.
  if (first.length === 0 || others.length === 0) return false
  const ids = [...first, ...others]
  const { include: _include, sort: _sort, ...query } = withFilters(base, () => undefined)
  const request = { ...base, query: { ...query, 'filter[id]': ids.join(',') }, pageSize: ids.length, included: false }
  try {
    const page = await fetchPage(client, request, 1, signal)
    return page.ids.every((id) => ids.includes(id)) && ids.every((id) => page.ids.includes(id))
  } catch (error) {
    if (isBadRequest(error)) return false
    throw error
  }
}
