/** Small lists: held in memory until they are proved complete; and a resource whose lists are nested below the records of another one. */
import { mapInBatches } from '../../map-concurrent.ts'
import type { ListRequest } from '../../remote/pages/page.ts'
import { assessNested, type Completeness } from './completeness.ts'
import { readList, type List } from './list-reader.ts'
import { isNotFound } from './list-request.ts'
import { PassesInMemory } from './passes-in-memory.ts'
import {
  syntheticPage,
  takeAll,
  type Batch,
  type Parents,
  type ReadContext,
  type ReadPage,
  type WantedType,
} from './read-page.ts'

export interface SmallList {
  /** Of the last pass. */
  readonly pages: readonly ReadPage[]
  readonly completeness: Completeness
}

type SmallListRequest = Pick<List, 'request' | 'wanted'> & Partial<Pick<List, 'opening'>>

/** @throws whatever `fetchPage` throws. */
export async function readSmallList(context: ReadContext, list: SmallListRequest): Promise<SmallList> {
  let pages: ReadPage[] = []
  let last = 1
  const completeness = await takeAll(readListInTries(context, list), (batch) => {
    // Only one pass is held in memory.
    if (batch.pass > last) pages = []
    last = batch.pass
    pages.push(...batch.pages)
  })
  return { pages, completeness }
}

/** A list that changes while it is read is read again, so many times in all. */
const TRIES = 4

/** The same batch by batch: every pass brings every page again. */
export const readListInTries = (context: ReadContext, list: SmallListRequest): AsyncGenerator<Batch, Completeness> =>
  readList(context, { ...list, order: 'from-end', tryOrders: true, chains: 1 }, new PassesInMemory(TRIES))

interface NestedLists {
  readonly wanted: WantedType
  readonly request: Pick<ListRequest, 'query' | 'pageSize'>
  /** Their type. */
  readonly parent: string
  readonly parents: Parents
  readonly pathOf: (id: string) => string
  /** The address of a parent itself. */
  readonly parentOf: (id: string) => string
}

/** So many existing parents without such a list prove that there is none. */
const SCOUTS = 2

interface OneOfMany {
  readonly pages: readonly ReadPage[]
  readonly proved: boolean
}

/** @throws SyncError SYNC_REQUEST_REFUSED with status 404 when the first parents exist and have no such list. */
export async function* readNestedLists(
  context: ReadContext,
  { wanted, request, parent, parents: { ids: parents, from }, pathOf, parentOf }: NestedLists,
): AsyncGenerator<Batch, Completeness> {
  const { client, concurrency, signal } = context
  let answered = from > 1
  let areAllProved = true
  /** The error of the last existing parent without such a list, and how many there are. */
  let missing: { readonly error: unknown; readonly lists: number } | undefined

  const read = async (id: string): Promise<OneOfMany> => {
    try {
      const { pages, completeness } = await readSmallList(context, {
        request: { ...request, path: pathOf(id) },
        wanted,
      })
      answered = true
      return { pages, proved: completeness.complete }
    } catch (error) {
      if (!isNotFound(error)) throw error
      // The parent was deleted since its list was read.
      if (!(await exists(parentOf(id)))) return { pages: [], proved: true }
      missing = { error, lists: (missing?.lists ?? 0) + 1 }
      return { pages: [], proved: false }
    }
  }

  const exists = async (path: string): Promise<boolean> => {
    try {
      await client.get(path, () => true, signal)
      return true
    } catch (error) {
      if (isNotFound(error)) return false
      throw error
    }
  }

  // Where there is no such list at all, the first few parents show it, and the others cost no request.
  const scouts: OneOfMany[] = []
  for (const id of parents) {
    if (answered) break
    scouts.push(await read(id))
    // Where no list ever worked there is none; otherwise the failure is this parent's own.
    const none = missing !== undefined && (missing.lists >= SCOUTS || scouts.length === parents.length)
    if (!answered && none) throw missing!.error
  }
  let number = from
  const readUnread = async (id: string, index: number): Promise<OneOfMany> => scouts[index] ?? (await read(id))
  for await (const { items, results } of mapInBatches(parents, concurrency, readUnread)) {
    const pages = results.flatMap((list) => list.pages)
    const records = pages.flatMap((page) => page.records)
    const unusable = pages.flatMap((page) => page.unusable)
    const proved = results.every((list) => list.proved)
    areAllProved &&= proved
    const page = syntheticPage(number++, records, unusable, proved)
    yield { position: items.at(-1) ?? null, pass: 1, pages: [page], steady: true, full: proved }
  }
  return assessNested(areAllProved, parent)
}
