/** A resource whose lists hang on the records of another one. */
import type { ListRequest } from '../remote/pages.ts'
import { SyncError } from '../sync-error.ts'
import type { Batch } from './commit.ts'
import { pageOf, toReadPage, type Parents, type Reading, type Wanted } from './read.ts'
import { readWholeList } from './whole-list.ts'

interface Below extends Omit<Parents, 'type'> {
  readonly wanted: Wanted
  readonly question: Pick<ListRequest, 'query' | 'pageSize'>
  /** The address of a parent itself. */
  readonly parentOf: (id: string) => string
}

/** @throws SyncError SYNC_REQUEST_REFUSED with status 404 when a parent is there and has no such list. */
export async function* readBelow(
  { client, concurrency, signal }: Reading,
  { wanted, question, parents, pathOf, parentOf, from }: Below,
): AsyncGenerator<Batch> {
  let answered = from > 1

  const read = async (id: string) => {
    try {
      const { pages, proved } = await readWholeList(client, { ...question, path: pathOf(id) }, signal)
      answered = true
      return { pages: pages.map((page) => toReadPage(page, wanted)), proved }
    } catch (error) {
      if (!isNotFound(error)) throw error
      // Deleted since its own list was read.
      if (!(await exists(parentOf(id)))) return { pages: [], proved: true }
      // Where none ever answered there is no such list; else it is this one's trouble.
      if (!answered) throw error
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

  for (let start = 0; start < parents.length; start += concurrency) {
    const ids = parents.slice(start, start + concurrency)
    const lists = await Promise.all(ids.map(read))
    const pages = lists.flatMap((list) => list.pages)
    const records = pages.flatMap((page) => page.records)
    const unusable = pages.flatMap((page) => page.unusable)
    const proved = lists.every((list) => list.proved)
    yield { position: ids.at(-1) ?? null, pages: [pageOf(from + start / concurrency, records, unusable, proved)] }
  }
}

export const isNotFound = (error: unknown): error is SyncError =>
  error instanceof SyncError && error.code === 'SYNC_REQUEST_REFUSED' && error.facts['status'] === 404
