/** The request for a list, with everything that the catalog declares. */
import type { ReadMethod, Resource } from '../../catalog/resource.ts'
import { hasCode, type SyncErrorOf } from '../../errors/sync-error.ts'
import type { ListRequest } from '../../remote/pages/page.ts'

export interface ListContext {
  readonly slug: string
  readonly catalog: ReadonlyMap<string, Resource>
  readonly pageSize: number
}

/** Null where there is no list: a single document, or one for each record of another resource. */
export function requestFor(
  { slug, catalog, pageSize }: ListContext,
  resource: Resource,
  read: ReadMethod,
): ListRequest | null {
  if (read.from === 'list') return listRequest(slug, resource, read.path, pageSize)
  if (read.from === 'included') return carrierRequest(slug, catalog.get(read.list)!, resource, read.include, pageSize)
  // The path gets the parent's id; otherwise it is a list like any other.
  if (read.from === 'below') return listRequest(slug, resource, read.path, pageSize)
  return null
}

const listRequest = (slug: string, resource: Resource, path: string, pageSize: number): ListRequest => ({
  path: `/${slug}/v1/${path}`,
  query: queryFor(resource.completeFilters, resource.include),
  pageSize,
})

/** The list that holds `resource` in its `included`; the keys of the included records come with a dotted include. */
function carrierRequest(
  slug: string,
  carrier: Resource,
  { include: keys }: Resource,
  include: string,
  pageSize: number,
): ListRequest {
  const path = carrier.read.from === 'list' ? carrier.read.path : carrier.type
  const includes = [include, ...keys.map((key) => `${include}.${key}`)]
  return { path: `/${slug}/v1/${path}`, query: queryFor(carrier.completeFilters, includes), pageSize, included: true }
}

export function queryFor(whole: Readonly<Record<string, string>>, include: readonly string[]): Record<string, string> {
  const query: Record<string, string> = {}
  for (const [name, value] of Object.entries(whole)) query[`filter[${name}]`] = value
  if (include.length > 0) query['include'] = include.join(',')
  return query
}

/** A 400 refuses this request only; others may succeed. */
export const isBadRequest = (error: unknown): error is SyncErrorOf<'SYNC_REQUEST_REFUSED'> =>
  hasCode(error, 'SYNC_REQUEST_REFUSED') && error.facts.status === 400

export const isNotFound = (error: unknown): error is SyncErrorOf<'SYNC_REQUEST_REFUSED'> =>
  hasCode(error, 'SYNC_REQUEST_REFUSED') && error.facts.status === 404

export const isNotInOrder = (error: unknown): boolean => hasCode(error, 'SYNC_LIST_NOT_IN_ORDER')

/** Declared filters that are left out because the server refuses them. */
export const refusedFilters = (wanted: ListRequest | null, asked: ListRequest | null): string[] =>
  Object.keys(wanted?.query ?? {}).filter((name) => name !== 'include' && !(name in (asked?.query ?? {})))
