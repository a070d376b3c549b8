/** Reads all records of a resource by its plan, whatever the read method: a snapshot does, and `verify`. */
import type { Resource } from '../../catalog/resource.ts'
import type { Database } from '../../store/connection/database.ts'
import { mirroredIds } from '../../store/mirror/ids.ts'
import { withDbRetry } from '../with-db-retry.ts'
import { allDocuments, assessNested, type Completeness } from './completeness.ts'
import { readList, type List, type Passes } from './list-reader.ts'
import { readEach, readSingleton } from './read-documents.ts'
import { readNestedLists } from './read-nested.ts'
import type { Batch, ReadContext } from './read-page.ts'
import { orderOf, type ReadPlan } from './read-plan.ts'

export interface RecordsToRead extends ReadContext {
  readonly sql: Database
  readonly slug: string
  readonly resource: Resource
  readonly plan: ReadPlan
  /** How many pages its list had the last time. */
  readonly lastPages: number | null
}

interface Begin {
  /** The parent after which it goes on; null: from the first. */
  readonly position: string | null
  /** Number of the first batch below parents. */
  readonly from: number
  readonly openCache?: List['openCache']
  readonly sharing?: List['sharing']
  readonly opening?: List['opening']
}

/** Nothing is read in chains. */
const NO_LIST = { count: null, pages: null, chains: null, size: 0, transfersAll: true }

/** @param passes keeps what was seen, of a list in several passes. */
export async function* readRecords(
  deps: RecordsToRead,
  passes: Passes,
  begin: Begin,
): AsyncGenerator<Batch, Completeness> {
  const { plan, resource, lastPages } = deps
  const { read, request } = plan
  if (read.from === 'list' || read.from === 'included') {
    const wanted = { type: resource.type, aliases: resource.aliases, carried: read.from === 'included' }
    const chains = deps.concurrency + 2
    const { openCache, opening, sharing } = begin
    const list = { request: request!, wanted, order: orderOf(plan), chains, lastPages, openCache, opening, sharing }
    return yield* readList(deps, list, passes)
  }
  await passes.begin(NO_LIST, begin.position !== null)
  const batches = read.from === 'singleton' ? readSingleton(deps, read.path) : await readBelow(deps, read, begin)
  for await (const batch of batches) {
    passes.add(batch)
    yield batch
  }
  if (read.from !== 'below') return allDocuments()
  // An earlier process may have read some of the lists.
  return assessNested((await passes.tally()).full, read.parent)
}

async function readBelow(
  deps: RecordsToRead,
  read: Extract<ReadPlan['read'], { from: 'each' | 'below' }>,
  { position, from }: Begin,
): Promise<AsyncGenerator<Batch, unknown>> {
  const { sql, slug, resource, plan, signal } = deps
  const { type, aliases } = resource
  const ids = await withDbRetry(() => mirroredIds(sql, read.parent.replaceAll('-', '_'), position), signal)
  const parents = { ids, from }
  const parentOf = (id: string): string => `/${slug}/v1/${read.parent}/${id}`
  const pathOf = (id: string): string => `${parentOf(id)}/${read.path}`
  if (read.from === 'below') {
    const wanted = { type, aliases, carried: false }
    return readNestedLists(deps, { wanted, request: plan.request!, parent: read.parent, parents, pathOf, parentOf })
  }
  const query = new URLSearchParams(read.query).toString()
  return readEach(deps, { type, parents, pathOf: (id) => `${pathOf(id)}?${query}` })
}
