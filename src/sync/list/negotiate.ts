import { factOf, SyncError } from '../../errors/sync-error.ts'
/**
 * What of a request the server takes. Each include, filter and page size that is declared is only believed (API notes,
 * confidence marks); one that is refused must not cost the list.
 *
 * Which one it was the refusal may say. It is believed where leaving that part out changes the answer, so each refused part
 * costs one request. Where it says nothing (the bare library may send no body, API notes §12), or the same whatever is
 * asked, parts are tested in groups, by halves: about log n requests for each of n that is refused. One by one it was n.
 */
import type { Client } from '../../remote/client.ts'
import { fetchPage, type ListRequest } from '../../remote/pages/pages.ts'
import { isBadRequest } from './list-request.ts'
import { errorDetail, partsNamedBy, partName, partsOf, requestWith, withoutParts, type Part } from './request-parts.ts'

export interface Negotiated {
  readonly request: ListRequest
  /** What was left out: `include=lob`, `filter[active]`, `page[size]=250`. */
  readonly refused: readonly string[]
}

/** Whether the server answers it at all. */
export const isAccepted = async (client: Client, request: ListRequest, signal: AbortSignal): Promise<boolean> =>
  (await refusalOf(client, request, signal)) === null

/**
 * Null when it is answered. Whether it is taken is asked, not what the page holds: a record that fails the page is no
 * refusal, and without a size of its own the page is asked for with one record, since a page of the server's own size could
 * not be read in parts. Only of the bare list a size may be what is refused.
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
    // It was taken, and failed at what it found.
    if (request.pageSize === null && factOf(error, 'status') === 500) return null
    throw error
  }
}

/**
 * @param refusal what the server answered to all of it.
 * @throws whatever the bare list answers with, when even that is refused.
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

/** Answers what the server refuses them with, together; null when it takes them. */
type Ask = (parts: readonly Part[]) => Promise<SyncError | null>

interface ByNames {
  /** Null: nothing was answered, and all that is open is refused together. */
  readonly taken: readonly Part[] | null
  readonly refused: readonly Part[]
  /** What the names left open: none was named, or several at once. */
  readonly open: readonly Part[]
}

async function byNames(ask: Ask, parts: readonly Part[], first: unknown): Promise<ByNames> {
  const refused: Part[] = []
  const aside: Part[] = []
  let open = parts
  for (let why = first; ;) {
    const named = partsNamedBy(why, open)
    if (named.length === 0) return { taken: null, refused, open: [...open, ...aside] }
    const left = withoutParts(open, named, why)
    const next = await ask(left)
    if (next !== null && left.length === 0) throw next
    // It says so whatever is asked.
    if (next !== null && errorDetail(next) === errorDetail(why))
      return { taken: null, refused, open: [...open, ...aside] }
    const known = named.length === 1 ? refused : aside
    known.push(...named)
    if (next === null) return { taken: left, refused, open: aside }
    open = left
    why = next
  }
}

/** @param start what is taken; null: that is not known yet, and all of these are refused together. */
async function byHalves(ask: Ask, start: readonly Part[] | null, parts: readonly Part[]) {
  // A refusal says nothing of its parts unless the bare list is answered.
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
    // As many as hold about one that is refused, by what was met so far: where most are refused, halving costs more than
    // asking one by one.
    if (refused.length > 0) size = Math.max(1, Math.round((taken.length + refused.length) / refused.length))
  }
  return { taken, refused }
}

/** The first of `group` that is refused beside `start`, which is taken while all of it is not. */
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
