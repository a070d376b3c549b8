/**
 * What is asked of a list, and what of it the server takes. Each include, filter and page size that is declared is
 * only believed (API notes, confidence marks); one that is refused must not cost the list. Which one it was is found by
 * leaving things out, never by reading the error: the bare library sends no body with some of them (API notes §12).
 */
import type { Client } from '../remote/client.ts'
import { fetchPage, type ListRequest } from '../remote/pages.ts'
import type { Resource } from '../resource.ts'
import { SyncError } from '../sync-error.ts'

/** Everything the catalog would like to have. */
export function fullRequest(slug: string, resource: Resource, pageSize: number): ListRequest {
  const path = resource.read.from === 'list' ? resource.read.path : resource.type
  return { path: `/${slug}/v1/${path}`, query: queryFor(resource.whole, resource.include), pageSize }
}

/** The list that carries `resource` in its `included`. */
export function carrierRequest(slug: string, carrier: Resource, include: string, pageSize: number): ListRequest {
  return { ...fullRequest(slug, carrier, pageSize), query: queryFor(carrier.whole, [include]), included: true }
}

function queryFor(whole: Readonly<Record<string, string>>, include: readonly string[]): Record<string, string> {
  const query: Record<string, string> = {}
  for (const [name, value] of Object.entries(whole)) query[`filter[${name}]`] = value
  if (include.length > 0) query['include'] = include.join(',')
  return query
}

/** A 400: something in the question is not to the server's liking. */
export const isRefusal = (error: unknown): boolean =>
  error instanceof SyncError && error.code === 'SYNC_REQUEST_REFUSED' && error.facts['status'] === 400

export interface Negotiated {
  readonly request: ListRequest
  /** What was left out: `include=lob`, `filter[active]`, `page[size]=250`. */
  readonly refused: readonly string[]
}

/** Filters that are wanted and not asked for, since the server refuses them. */
export const refusedFilters = (wanted: ListRequest | null, asked: ListRequest | null): string[] =>
  Object.keys(wanted?.query ?? {}).filter((name) => name !== 'include' && !(name in (asked?.query ?? {})))

/** Tried in this order when the wanted size is refused; 100 is the library's own maximum where one is set. */
const SMALLER_PAGES = [100, 50, 20]

/**
 * Builds the request up from the bare list, one part at a time. A few requests more than the parts it has, once a day.
 *
 * @throws whatever the bare list answers with, when even that is refused.
 */
export async function negotiate(client: Client, wanted: ListRequest, signal: AbortSignal): Promise<Negotiated> {
  const refused: string[] = []
  let request: ListRequest = { ...wanted, query: {}, pageSize: null }
  await fetchPage(client, request, 1, signal)

  const attempt = async (candidate: ListRequest): Promise<boolean> => {
    try {
      await fetchPage(client, candidate, 1, signal)
      request = candidate
      return true
    } catch (error) {
      if (isRefusal(error)) return false
      throw error
    }
  }

  const size = wanted.pageSize ?? Number.POSITIVE_INFINITY
  for (const pageSize of [size, ...SMALLER_PAGES.filter((smaller) => smaller < size)]) {
    if (await attempt({ ...request, pageSize })) break
    refused.push(`page[size]=${pageSize}`)
  }
  const { include, ...filters } = wanted.query
  for (const [name, value] of Object.entries(filters)) {
    if (!(await attempt({ ...request, query: { ...request.query, [name]: value } }))) refused.push(name)
  }
  if (include !== undefined && !(await attempt({ ...request, query: { ...request.query, include } }))) {
    for (const name of include.split(',')) {
      const sofar = request.query['include']
      const longer = sofar === undefined ? name : `${sofar},${name}`
      if (!(await attempt({ ...request, query: { ...request.query, include: longer } })))
        refused.push(`include=${name}`)
    }
  }
  return { request, refused }
}
