/**
 * Pages that were loaded before, and how far the server is trusted that they have not changed.
 *
 * An `ETag` saves the transfer, and a wrong one hides changes for ever: a 304 has no body that could contradict it. So now
 * and then a full read transfers every page and compares its digest with the one that came with the same `ETag`. A server
 * whose ETags were wrong once, or that responds with 304 to an `ETag` it never gave, is not trusted again: from then on pages
 * are compared by their bytes, which still saves parsing and loading.
 */
import { randomUUID } from 'node:crypto'
import type { Resource } from '../../catalog/resource.ts'
import type { Client } from '../../remote/client.ts'
import { pagePath, type CacheTrust, type ListRequest } from '../../remote/pages/page.ts'
import type { Database } from '../../store/connection/database.ts'
import type { Capabilities } from '../../store/progress/known.ts'
import { readPageValidators, readCachedPage } from '../../store/progress/page-cache.ts'
import { withDbRetry } from '../with-db-retry.ts'
import type { PageCache } from './list-reader.ts'

interface Deps {
  readonly sql: Database
  readonly client: Client
  readonly resource: Resource
  /** Of the request and the declaration. */
  readonly digest: string
  /** Days for which a 304 is trusted. */
  readonly recheckDays: number
  readonly capabilities: Capabilities
  readonly signal: AbortSignal
}

const DAY_MS = 24 * 60 * 60_000

/** One ETag came with two different bodies: ETags of the resource are never trusted again. */
const ETAGS = { name: 'etags', wrong: 'lied' }
/** Every page of a complete list was transferred, at that time. */
const BODIES = 'bodies'
export const bodiesRead = { [BODIES]: 'read' }

/** @param filled some pages may be there: a first read need not look for each. */
export async function openPageCache(
  deps: Deps,
  request: ListRequest,
  { resumed, filled }: { resumed: boolean; filled: boolean },
): Promise<PageCache> {
  const distrust = (): Promise<void> => distrustEtags(deps)
  if (!filled) return { recall: () => Promise.resolve(undefined), trust: null, transfersAll: true, distrust }
  return pageCacheOf(deps, await trustIn(deps, request, resumed))
}

/** With a trust that is decided already: that of the process which shares its list. */
export function pageCacheOf(
  { sql, resource, digest, capabilities, signal }: Omit<Deps, 'client' | 'recheckDays'>,
  trust: CacheTrust,
): PageCache {
  const { type, table } = resource
  const key = { resource: type, table, question: digest }
  return {
    trust,
    async recall(number) {
      const page = await withDbRetry(() => readCachedPage(sql, key, number), signal)
      if (page === undefined) return undefined
      const { ids, carriers, intact, ...rest } = page
      // Where rows of a page changed since by another read method, its ETag must have changed, too.
      return { ...rest, trust: intact ? trust : 'none', ids: carriers ?? ids, carried: carriers === null ? null : ids }
    },
    transfersAll: trust !== 'etag',
    distrust: () => distrustEtags({ capabilities, signal }),
  }
}

async function trustIn(deps: Deps, request: ListRequest, resumed: boolean): Promise<CacheTrust> {
  const { client, capabilities, recheckDays, signal } = deps
  if (capabilities.get(ETAGS.name)?.value === ETAGS.wrong) return 'body'
  const checkedAgeMs = capabilities.get(BODIES)?.ageMs ?? null
  // A first read transferred every page before it was interrupted.
  const isFresh = checkedAgeMs === null ? resumed : checkedAgeMs < recheckDays * DAY_MS
  if (isFresh) return 'etag'
  if (checkedAgeMs !== null && (await saysUnchangedToAnything(client, request, signal))) await distrustEtags(deps)
  return 'body'
}

/** One small request: an `ETag` that the server never gave must not match. */
async function saysUnchangedToAnything(client: Client, request: ListRequest, signal: AbortSignal): Promise<boolean> {
  const { include: _, ...query } = request.query
  const path = pagePath({ ...request, query, pageSize: 1 }, 1)
  const known = { etag: `W/"${randomUUID()}"`, digest: null, value: true }
  return await client.get(path, () => false, signal, { cached: known })
}

const distrustEtags = ({ capabilities, signal }: Pick<Deps, 'capabilities' | 'signal'>): Promise<void> =>
  withDbRetry(() => capabilities.save(ETAGS.name, ETAGS.wrong), signal)

/** For `verify`: the last validators of the pages, to compare with the present ones; every page is parsed. */
export async function openPageMarks(
  deps: Omit<Deps, 'client' | 'recheckDays'>,
  onWrongEtag: () => void,
): Promise<PageCache> {
  const { sql, resource, digest, signal } = deps
  const key = { resource: resource.type, question: digest }
  const marks = await withDbRetry(() => readPageValidators(sql, key), signal)
  return {
    recall(number) {
      const mark = marks.get(number)
      const nothing = { ids: [], carried: null, recordCount: null, pageCount: null }
      return Promise.resolve(mark === undefined ? undefined : { ...nothing, validator: mark, trust: 'none' })
    },
    trust: null,
    transfersAll: true,
    distrust() {
      onWrongEtag()
      return distrustEtags(deps)
    },
  }
}
