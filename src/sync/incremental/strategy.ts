/**
 * How the changed records of a resource can be requested. How ScopeStack really handles the filter and the sort was never
 * observed (API notes §4, §10), so both are tried before they are trusted, once a day.
 */
import type { Resource } from '../../catalog/resource.ts'
import type { Client } from '../../remote/client.ts'
import { isPastPagingLimit } from '../../remote/pages/forward-pages.ts'
import { placeCount } from '../../remote/pages/list-length.ts'
import { isPageFailure } from '../../remote/pages/page-failures.ts'
import type { ListRequest, Page } from '../../remote/pages/page.ts'
import { fetchPage } from '../../remote/pages/pages.ts'
import type { Database } from '../../store/connection/database.ts'
import type { Capabilities } from '../../store/progress/known.ts'
import { newestRow } from '../../store/progress/watermark.ts'
import { isBadRequest } from '../list/list-request.ts'
import { changeTime } from '../record-times.ts'
import { withDbRetry } from '../with-db-retry.ts'

/** `filter`: by `filter[updated-at.after]` · `sort`: newest first, back to the watermark · `none`: only by a full read. */
export type ChangeStrategy = 'filter' | 'sort' | 'none'

const CHANGED = 'updated-at'
const AFTER = `${CHANGED}.after`
const DAY_MS = 24 * 60 * 60_000

interface Deps {
  readonly sql: Database
  readonly client: Client
  readonly capabilities: Capabilities
}

/**
 * @param asked as it is known to be taken.
 * @throws SyncError SYNC_REQUEST_REFUSED when even that is refused: what is refused then says nothing of filter and sort.
 */
export async function changeStrategyFor(
  { sql, client, capabilities }: Deps,
  resource: Resource,
  asked: ListRequest,
  signal: AbortSignal,
): Promise<ChangeStrategy> {
  const known = capabilities.get('changes')
  if (known !== undefined && known.ageMs < DAY_MS) return known.value as ChangeStrategy
  const newest = await withDbRetry(() => newestRow(sql, resource), signal)
  // An empty list shows nothing.
  if (newest === undefined) return 'none'
  // The probe needs no includes.
  const { include: _, ...query } = asked.query
  const request = { ...asked, query }
  const prober = proberOf(client, request, signal)
  const found = (await isFilterEffective(prober, resource, request, newest.at))
    ? 'filter'
    : (await isSortEffective(prober, request))
      ? 'sort'
      : 'none'
  await withDbRetry(() => capabilities.save('changes', found), signal)
  return found
}

/** Records changed on the day before `at` or later: the filter works by days (API notes §4). */
export const changedSince = (request: ListRequest, at: Date): ListRequest => ({
  ...request,
  query: { ...request.query, [`filter[${AFTER}]`]: new Date(at.getTime() - DAY_MS).toISOString().slice(0, 10) },
})

/** In a total order: a bulk update gives many records the same time, and without the id ties change places between pages. */
export const newestFirst = (request: ListRequest): ListRequest => ({
  ...request,
  query: { ...request.query, sort: `-${CHANGED},id` },
})

const FAR = new Date('2999-01-01T00:00:00Z')

/** Undefined when it is refused, or fails (a 500 is some servers' word for it), though without filter and sort it is answered. */
type Prober = (probe: ListRequest, number?: number) => Promise<Page | undefined>

function proberOf(client: Client, plain: ListRequest, signal: AbortSignal): Prober {
  let answered = false
  return async (probe, number = 1) => {
    const { page, failed } = await unlessRefused(
      fetchPage(client, probe, number, signal, undefined, { skipUnreadable: true }),
    )
    const isDoubtful = page === undefined && (failed || !answered)
    if (isDoubtful) await fetchPage(client, { ...plain, pageSize: probe.pageSize }, 1, signal)
    answered = true
    return page
  }
}

/** A day far ahead must leave nothing, and the day before the newest known change must leave something. */
async function isFilterEffective(
  ask: Prober,
  { filters }: Resource,
  request: ListRequest,
  newest: Date,
): Promise<boolean> {
  if (!filters.includes(AFTER)) return false
  const one = { ...request, pageSize: 1 }
  const none = await ask(changedSince(one, FAR))
  if (none === undefined || placeCount(none) > 0) return false
  const some = await ask(changedSince(one, newest))
  return some !== undefined && placeCount(some) > 0
}

async function isSortEffective(ask: Prober, request: ListRequest): Promise<boolean> {
  const sorted = newestFirst(request)
  const page = await ask(sorted)
  if (page === undefined || !isNewestFirst(page)) return false
  const [newest, ...others] = timesOf(page)
  if (newest === undefined) return false
  // A page of one time only is in every order: then the end of the list has to be older.
  if (others.some((time) => time < newest) || page.pageCount === null || page.pageCount <= 1) return true
  const end = await ask(sorted, page.pageCount)
  const oldest = end === undefined ? undefined : timesOf(end).at(-1)
  return oldest !== undefined && oldest < newest
}

const timesOf = ({ records }: Pick<Page, 'records'>): number[] =>
  records.map(changeTime).filter((time) => time !== null)

/** Records without a time may stand anywhere. */
export function isNewestFirst({ records }: Pick<Page, 'records'>): boolean {
  const times = timesOf({ records })
  return times.every((time, index) => index === 0 || time <= times[index - 1]!)
}

async function unlessRefused(asked: Promise<Page>): Promise<{ page: Page | undefined; failed: boolean }> {
  try {
    return { page: await asked, failed: false }
  } catch (error) {
    const failed = isPageFailure(error)
    if (failed || isBadRequest(error) || isPastPagingLimit(error)) return { page: undefined, failed }
    throw error
  }
}
