/** What is asked of a list: everything the catalog would like to have. */
import { createHash } from 'node:crypto'
import type { ReadMethod, Resource } from '../../catalog/resource.ts'
import { hasCode, type SyncErrorOf } from '../../errors/sync-error.ts'
import type { ListRequest } from '../../remote/pages/pages.ts'
import { ROW_FORMAT } from '../../store/mirror/row.ts'
import { declarationDigest } from './declared-columns.ts'

export interface ListContext {
  readonly slug: string
  readonly catalog: ReadonlyMap<string, Resource>
  readonly pageSize: number
}

/** Null where there is no list: one document, or one for each record of another resource. */
export function requestFor(
  { slug, catalog, pageSize }: ListContext,
  resource: Resource,
  read: ReadMethod,
): ListRequest | null {
  if (read.from === 'list') return listRequest(slug, resource, read.path, pageSize)
  if (read.from === 'included') return carrierRequest(slug, catalog.get(read.list)!, resource, read.include, pageSize)
  // Its path has the parent's id; it is asked like any list otherwise.
  if (read.from === 'below') return listRequest(slug, resource, read.path, pageSize)
  return null
}

const listRequest = (slug: string, resource: Resource, path: string, pageSize: number): ListRequest => ({
  path: `/${slug}/v1/${path}`,
  query: queryFor(resource.completeFilters, resource.include),
  pageSize,
})

/** The list that carries `resource` in its `included`; the keys of what is carried come with a dotted include. */
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

/** A 400: something in the question is not to the server's liking. */
export const isBadRequest = (error: unknown): error is SyncErrorOf<'SYNC_REQUEST_REFUSED'> =>
  hasCode(error, 'SYNC_REQUEST_REFUSED') && error.facts.status === 400

/** Filters that are wanted and not asked for, since the server refuses them. */
export const refusedFilters = (wanted: ListRequest | null, asked: ListRequest | null): string[] =>
  Object.keys(wanted?.query ?? {}).filter((name) => name !== 'include' && !(name in (asked?.query ?? {})))

/** Another question, or another declaration, gives another digest: pages that were known under it are not any more. */
export const requestDigest = (request: ListRequest | null, resource: Resource): string =>
  createHash('sha1')
    .update(JSON.stringify([ROW_FORMAT, request, declarationDigest(resource)]))
    .digest('base64')
