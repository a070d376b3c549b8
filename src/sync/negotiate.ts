/**
 * What of a request the server takes. Each include, filter and page size that is declared is only believed (API notes,
 * confidence marks); one that is refused must not cost the list. Which one it was is found by leaving things out, never by
 * reading the error: the bare library sends no body with some of them (API notes §12).
 */
import type { Client } from '../remote/client.ts'
import { fetchPage, type ListRequest } from '../remote/pages.ts'
import { isRefusal } from './request.ts'

export interface Negotiated {
  readonly request: ListRequest
  /** What was left out: `include=lob`, `filter[active]`, `page[size]=250`. */
  readonly refused: readonly string[]
}

/** Tried in this order when the wanted size is refused; 100 is the library's own maximum where one is set. */
const SMALLER_PAGES = [100, 50, 20]

/** Whether the server answers it at all. */
export async function isTaken(client: Client, request: ListRequest, signal: AbortSignal): Promise<boolean> {
  try {
    await fetchPage(client, request, 1, signal)
    return true
  } catch (error) {
    if (isRefusal(error)) return false
    throw error
  }
}

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
    const taken = await isTaken(client, candidate, signal)
    if (taken) request = candidate
    return taken
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
