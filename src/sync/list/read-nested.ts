/** A resource whose lists are nested below the records of another one. */
import { hasCode, type SyncErrorOf } from '../../errors/sync-error.ts'
import { mapInBatches } from '../../map-concurrent.ts'
import type { ListRequest } from '../../remote/pages/pages.ts'
import type { Batch, ReadPage } from './page-batch.ts'
import { syntheticPage, toReadPage, type ParentRecords, type ReadContext, type WantedType } from './read-list.ts'
import { readCompleteList } from './read-small-list.ts'

interface Below extends Omit<ParentRecords, 'type'> {
  readonly wanted: WantedType
  readonly request: Pick<ListRequest, 'query' | 'pageSize'>
  /** The address of a parent itself. */
  readonly parentOf: (id: string) => string
}

interface List {
  readonly pages: readonly ReadPage[]
  readonly proved: boolean
}

/** So many existing parents without such a list prove that there is none. */
const SCOUTS = 2

/** @throws SyncError SYNC_REQUEST_REFUSED with status 404 when the first parents exist and have no such list. */
export async function* readNestedLists(
  { client, concurrency, signal }: ReadContext,
  { wanted, request, parents, pathOf, parentOf, from }: Below,
): AsyncGenerator<Batch> {
  let answered = from > 1
  /** The error of the last existing parent without such a list, and how many there are. */
  let missing: { readonly error: unknown; readonly lists: number } | undefined

  const read = async (id: string): Promise<List> => {
    try {
      const { pages, proved } = await readCompleteList(client, { ...request, path: pathOf(id) }, signal)
      answered = true
      return { pages: pages.map((page) => toReadPage(page, wanted)), proved }
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
  const scouts: List[] = []
  for (const id of parents) {
    if (answered) break
    scouts.push(await read(id))
    // Where no list ever worked there is none; otherwise the failure is this parent's own.
    const none = missing !== undefined && (missing.lists >= SCOUTS || scouts.length === parents.length)
    if (!answered && none) throw missing!.error
  }
  let number = from
  const readUnread = async (id: string, index: number): Promise<List> => scouts[index] ?? (await read(id))
  for await (const { items, results } of mapInBatches(parents, concurrency, readUnread)) {
    const pages = results.flatMap((list) => list.pages)
    const records = pages.flatMap((page) => page.records)
    const unusable = pages.flatMap((page) => page.unusable)
    const proved = results.every((list) => list.proved)
    yield { position: items.at(-1) ?? null, pages: [syntheticPage(number++, records, unusable, proved)] }
  }
}

export const isNotFound = (error: unknown): error is SyncErrorOf<'SYNC_REQUEST_REFUSED'> =>
  hasCode(error, 'SYNC_REQUEST_REFUSED') && error.facts.status === 404
