/** Some records of a resource: from both ends of its list, where the oldest and the newest are, whatever its order. */
import type { RemoteRecord, Resource, ReadMethod } from '../../catalog/resource.ts'
import { requestRefused } from '../../errors/resources.ts'
import { endsTheRun, SyncError } from '../../errors/sync-error.ts'
import { isObject } from '../../exact-json.ts'
import type { Client } from '../../remote/client.ts'
import { parseDocument } from '../../remote/documents/document.ts'
import { fetchFirstPage, unlessPastPagingLimit } from '../../remote/pages/forward-pages.ts'
import type { ListRequest, Page } from '../../remote/pages/page.ts'
import { fetchPage } from '../../remote/pages/pages.ts'
import { isBadRequest, requestFor, type ListContext } from '../list/list-request.ts'
import { negotiate } from '../list/negotiate.ts'
import type { Tally } from './evidence.ts'

export interface SampleDeps extends ListContext {
  readonly client: Client
}

export interface Sample {
  /** Records the whole list has; null when nothing says so. */
  readonly total: number | null
  /** The list that was read, without its includes; null where there is none of its own. */
  readonly list: ListRequest | null
  readonly refused: readonly string[]
}

/** A record that fails its page says nothing of the others. */
const WITHOUT = { skipUnreadable: true } as const

/** From either end, so a list is read whole when it has no more than twice as many. */
const PAGES = 3
/** From either end of the other resource, where there is a request for each of its records. */
const PARENTS = 3

/**
 * @param take is given every record, some of them more than once.
 * @throws SyncError of the first way of reading it that is declared, when none of them answers.
 */
export async function readSample(
  deps: SampleDeps,
  resource: Resource,
  take: (record: RemoteRecord) => void,
  signal: AbortSignal,
): Promise<Sample> {
  let failed: unknown
  let first: Sample | undefined
  for (const read of resource.readMethods) {
    let seen = 0
    const count = (record: RemoteRecord): void => {
      seen++
      take(record)
    }
    try {
      const sample = await readBy(deps, resource, read, count, signal)
      first ??= sample
      // Six parents that have none prove little, and another way may look at more of them.
      if (seen > 0 || read.from !== 'below') return sample
    } catch (error) {
      if (!(error instanceof SyncError) || endsTheRun(error)) throw error
      failed ??= error
    }
  }
  if (first === undefined) throw failed
  return first
}

function readBy(
  deps: SampleDeps,
  resource: Resource,
  read: ReadMethod,
  take: (record: RemoteRecord) => void,
  signal: AbortSignal,
): Promise<Sample> {
  const { type, aliases } = resource
  const wanted = requestFor(deps, resource, read)
  switch (read.from) {
    case 'list':
      return sampleList(deps, wanted!, ({ records }) => records.forEach(take), signal)
    case 'included': {
      const own = (record: RemoteRecord): void => {
        if (record.type === type || aliases.includes(record.type)) take(record)
      }
      return sampleCarrier(deps, wanted!, read, ({ included }) => included.forEach(own), signal)
    }
    case 'singleton':
      return sampleOne(deps, read.path, take, signal)
    case 'each':
      return sampleBelow(deps, read.parent, (id) => sampleDocument(deps, read, id, resource, take, signal), signal)
    case 'below':
      return sampleBelow(deps, read.parent, (id) => sampleNested(deps, read, id, wanted!, take, signal), signal)
  }
}

const NO_LIST: Sample = { total: null, list: null, refused: [] }

async function sampleList(
  { client }: SampleDeps,
  wanted: ListRequest,
  visit: (page: Page) => void,
  signal: AbortSignal,
): Promise<Sample> {
  const { request, refused, opening } = await open(client, wanted, signal)
  visit(opening)
  const last = opening.pageCount ?? PAGES
  for (let number = 2; number <= last; number++) {
    if (number > PAGES && number <= last - PAGES) continue
    const page = await unlessPastPagingLimit(fetchPage(client, request, number, signal, undefined, WITHOUT))
    if (page === undefined) break
    visit(page)
    if (page.records.length === 0) break
  }
  const { include: _, ...query } = request.query
  return { total: opening.recordCount, list: { ...request, query }, refused }
}

/** Its count and its refusals are those of the other list. */
async function sampleCarrier(
  deps: SampleDeps,
  wanted: ListRequest,
  { include }: Below<'included'>,
  visit: (page: Page) => void,
  signal: AbortSignal,
): Promise<Sample> {
  const { refused } = await sampleList(deps, wanted, visit, signal)
  // Without it there was nothing to read.
  if (refused.includes(`include=${include}`)) throw requestRefused({ url: wanted.path, status: 400, detail: include })
  return { ...NO_LIST, refused: refused.filter((part) => part.startsWith(`include=${include}.`)) }
}

async function open(
  client: Client,
  wanted: ListRequest,
  signal: AbortSignal,
): Promise<{ request: ListRequest; refused: readonly string[]; opening: Page }> {
  try {
    return { request: wanted, refused: [], opening: await fetchFirstPage(client, wanted, signal) }
  } catch (error) {
    if (!isBadRequest(error)) throw error
    const { request, refused } = await negotiate(client, wanted, error, signal)
    return { request, refused, opening: await fetchFirstPage(client, request, signal) }
  }
}

async function sampleOne(
  { client }: SampleDeps,
  path: string,
  take: (record: RemoteRecord) => void,
  signal: AbortSignal,
): Promise<Sample> {
  const { records } = await client.get(path, parseDocument, signal)
  records.forEach(take)
  return { ...NO_LIST, total: records.length }
}

/** One that fails says nothing of the others, unless all do. */
async function sampleBelow(
  deps: SampleDeps,
  parent: string,
  visit: (id: string) => Promise<readonly string[]>,
  signal: AbortSignal,
): Promise<Sample> {
  const ids = await idsAtBothEnds(deps, deps.catalog.get(parent)!, signal)
  let refused: readonly string[] = []
  let failed: unknown
  let answered = ids.length === 0
  for (const id of ids) {
    try {
      refused = await visit(id)
      answered = true
    } catch (error) {
      if (!(error instanceof SyncError) || endsTheRun(error)) throw error
      failed = error
    }
  }
  if (!answered) throw failed
  return { ...NO_LIST, refused }
}

async function idsAtBothEnds({ client, slug }: SampleDeps, parent: Resource, signal: AbortSignal): Promise<string[]> {
  const path = parent.read.from === 'list' ? parent.read.path : parent.type
  const request = { path: `/${slug}/v1/${path}`, query: {}, pageSize: PARENTS }
  const opening = await fetchFirstPage(client, request, signal)
  const { pageCount } = opening
  const ending =
    pageCount !== null && pageCount > 1
      ? await unlessPastPagingLimit(fetchPage(client, request, pageCount, signal, undefined, WITHOUT))
      : undefined
  return [...new Set([...opening.records, ...(ending?.records ?? [])].map(({ id }) => id))]
}

type Below<From> = Extract<ReadMethod, { readonly from: From }>

async function sampleDocument(
  { client, slug }: SampleDeps,
  { parent, path, query }: Below<'each'>,
  id: string,
  { type }: Resource,
  take: (record: RemoteRecord) => void,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const address = `/${slug}/v1/${parent}/${encodeURIComponent(id)}/${path}?${new URLSearchParams(query).toString()}`
  const { records } = await client.get(address, parseDocument, signal)
  const attributes = records[0]?.attributes
  if (isObject(attributes)) take({ type, id, attributes })
  return []
}

async function sampleNested(
  { client, slug }: SampleDeps,
  { parent, path }: Below<'below'>,
  id: string,
  wanted: ListRequest,
  take: (record: RemoteRecord) => void,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const address = `/${slug}/v1/${parent}/${encodeURIComponent(id)}/${path}`
  const { opening, refused } = await open(client, { ...wanted, path: address }, signal)
  opening.records.forEach(take)
  return refused
}

/** Small: what is included may be large, such as everything that hangs on a project. */
const INCLUDING = 10

/**
 * Finds the types of undeclared relationships: linkage only comes with an include (API notes §2). One by one, since one that is refused would get all refused. A relationship that the server does not include keeps its
 * unknown end.
 */
export async function readRelationshipTypes(
  client: Client,
  list: ListRequest,
  tally: Tally,
  members: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  for (const member of members) {
    const request = { ...list, query: { ...list.query, include: member }, pageSize: INCLUDING }
    try {
      const opening = await fetchPage(client, request, 1, signal)
      for (const record of opening.records) tally.addEnd(record, member)
      const { pageCount } = opening
      if (tally.ends.get(member)!.types.size > 0 || pageCount === null || pageCount < 2) continue
      // Old records may have an empty relationship where new ones have one.
      const ending = await fetchPage(client, request, pageCount, signal)
      for (const record of ending.records) tally.addEnd(record, member)
    } catch (error) {
      if (!(error instanceof SyncError) || endsTheRun(error)) throw error
    }
  }
}
