/**
 * Finds which parts of a request the server accepts. Declared includes, filters and page sizes are partly unconfirmed (API
 * notes, confidence marks), and one that is refused must not cost the whole list.
 *
 * The 400 may name the part. That is believed where leaving the part out changes the response, so each refused part costs
 * one request. Where the response names nothing (the bare library may send no body, API notes §12), or says the same each
 * time, parts are tested in groups, by halves: about log n requests for each refused part of n, instead of n.
 */
import { factOf, SyncError } from '../../errors/sync-error.ts'
import type { Client } from '../../remote/client.ts'
import type { ListRequest } from '../../remote/pages/page.ts'
import { fetchPage } from '../../remote/pages/pages.ts'
import { isBadRequest } from './list-request.ts'
import { errorDetail, partsNamedBy, partName, partsOf, requestWith, withoutParts, type Part } from './request-parts.ts'

export interface Negotiated {
  readonly request: ListRequest
  /** The parts left out: `include=lob`, `filter[active]`, `page[size]=250`. */
  readonly refused: readonly string[]
}

export const isAccepted = async (client: Client, request: ListRequest, signal: AbortSignal): Promise<boolean> =>
  (await refusalOf(client, request, signal)) === null

/**
 * Null when the request is accepted, whatever the page holds: a record at which the server fails is no refusal. Without a
 * page size one record is requested, since a page of the server's default size could not be read in smaller parts; only
 * for the bare list may that size be what is refused.
 */
export async function refusalOf(client: Client, request: ListRequest, signal: AbortSignal): Promise<SyncError | null> {
  const sized = request.pageSize === null ? { ...request, pageSize: 1 } : request
  const refusal = await refusalOfPage(client, sized, signal)
  const mayBeTheSize = sized !== request && Object.keys(request.query).length === 0
  return refusal === null || !mayBeTheSize ? refusal : await refusalOfPage(client, request, signal)
}

async function refusalOfPage(client: Client, request: ListRequest, signal: AbortSignal): Promise<SyncError | null> {
  try {
    await fetchPage(client, request, 1, signal, undefined, { skipUnreadable: true })
    return null
  } catch (error) {
    if (error instanceof SyncError && isBadRequest(error)) return error
    // The request was accepted, and the server failed at a record.
    if (request.pageSize === null && factOf(error, 'status') === 500) return null
    throw error
  }
}

/**
 * @param refusal the response to the whole request.
 * @throws the refusal of the bare list, when even that is refused.
 */
export async function negotiate(
  client: Client,
  wanted: ListRequest,
  refusal: unknown,
  signal: AbortSignal,
): Promise<Negotiated> {
  const ask: Ask = (parts) => refusalOf(client, requestWith(wanted, parts), signal)
  const { taken, refused, open } = await byNames(ask, partsOf(wanted), refusal)
  const rest = open.length === 0 && taken !== null ? { taken, refused: [] } : await byHalves(ask, taken, open)
  return { request: requestWith(wanted, rest.taken), refused: [...refused, ...rest.refused].map(partName) }
}

/** The refusal of these parts together; null when the server accepts them. */
type Ask = (parts: readonly Part[]) => Promise<SyncError | null>

interface ByNames {
  /** Null: nothing was accepted, and all open parts are refused together. */
  readonly taken: readonly Part[] | null
  readonly refused: readonly Part[]
  /** Parts that the names did not decide: none was named, or several at once. */
  readonly open: readonly Part[]
}

async function byNames(ask: Ask, parts: readonly Part[], first: unknown): Promise<ByNames> {
  const refused: Part[] = []
  const undecided: Part[] = []
  let open = parts
  for (let why = first; ;) {
    const named = partsNamedBy(why, open)
    if (named.length === 0) return { taken: null, refused, open: [...open, ...undecided] }
    const left = withoutParts(open, named, why)
    const next = await ask(left)
    if (next !== null && left.length === 0) throw next
    // The same message for any request names nothing.
    if (next !== null && errorDetail(next) === errorDetail(why))
      return { taken: null, refused, open: [...open, ...undecided] }
    const known = named.length === 1 ? refused : undecided
    known.push(...named)
    if (next === null) return { taken: left, refused, open: undecided }
    open = left
    why = next
  }
}

/** @param start the accepted parts; null: none is known yet, and all of these are refused together. */
async function byHalves(ask: Ask, start: readonly Part[] | null, parts: readonly Part[]) {
  // A refusal concerns the parts only where the bare list is accepted.
  const bare = start === null ? await ask([]) : null
  if (bare !== null) throw bare
  const refused: Part[] = []
  let taken = start ?? []
  let open = parts
  let size = parts.length
  for (let isRefused = start === null; open.length > 0; isRefused = false) {
    const group = open.slice(0, size)
    const rest = open.slice(size)
    const why = isRefused ? undefined : await ask([...taken, ...group])
    if (why === null) {
      taken = [...taken, ...group]
      open = rest
    } else {
      const found = await firstRefused(ask, taken, group, why)
      taken = found.taken
      refused.push(found.part)
      open = withoutParts([...found.left, ...rest], [found.part], found.why)
    }
    // So many as are likely to hold one refused part, by what was found so far: where most are refused, halving costs more
    // than testing one by one.
    if (refused.length > 0) size = Math.max(1, Math.round((taken.length + refused.length) / refused.length))
  }
  return { taken, refused }
}

/** The first of `group` that is refused beside `start`, which is accepted while the whole group is not. */
async function firstRefused(ask: Ask, start: readonly Part[], group: readonly Part[], refusal: unknown) {
  let taken = start
  let candidates = group
  let left: readonly Part[] = []
  let why = refusal
  while (candidates.length > 1) {
    const half = candidates.slice(0, Math.ceil(candidates.length / 2))
    const others = candidates.slice(half.length)
    const refused = await ask([...taken, ...half])
    if (refused === null) {
      taken = [...taken, ...half]
      candidates = others
    } else {
      left = [...others, ...left]
      candidates = half
      why = refused
    }
  }
  return { taken, part: candidates[0]!, left, why }
}
