/** A list small enough to hold in memory, read and proved at once: what lies below one record, or belongs to a few. */
import { layChains, readChains } from '../remote/chains.ts'
import type { Client } from '../remote/client.ts'
import { fetchPage, isFull, readForward, sizeFrom, type ListRequest, type Page } from '../remote/pages.ts'
import { SyncError } from '../sync-error.ts'

export interface WholeList {
  readonly pages: readonly Page[]
  /** Every record that was in it throughout was met. */
  readonly proved: boolean
}

/** A list that changes while it is read is read again; past this it is left unproved. */
const TRIES = 4

/** @throws whatever `fetchPage` throws. */
export async function readWholeList(client: Client, request: ListRequest, signal: AbortSignal): Promise<WholeList> {
  let before: ReadonlySet<string> | undefined
  for (let tries = 1; ; tries++) {
    const opening = await fetchPage(client, request, 1, signal)
    const { pages, ordered } = await readOnce(client, request, opening, signal)
    const ids = new Set(pages.flatMap((page) => page.ids))
    const proved = opening.recordCount !== null && isProved({ opening, pages, ids, ordered, before })
    if (proved || tries === TRIES || opening.recordCount === null) return { pages, proved }
    before = ids
  }
}

async function readOnce(
  client: Client,
  request: ListRequest,
  opening: Page,
  signal: AbortSignal,
): Promise<{ pages: Page[]; ordered: boolean }> {
  const { pageCount } = opening
  if (pageCount === null)
    return { pages: await Array.fromAsync(readForward(client, request, opening, signal)), ordered: false }
  if (pageCount <= 1) return { pages: [opening], ordered: true }
  const read = async (ordered: boolean): Promise<Page[]> => {
    const pages: Page[] = []
    const recall = () => Promise.resolve(undefined)
    const chains = layChains(pageCount, 1)
    for await (const links of readChains({ client, request, chains, ordered, recall, batch: 1000, signal })) {
      pages.push(...links.pages)
    }
    return pages
  }
  try {
    return { pages: await read(true), ordered: true }
  } catch (error) {
    if (!isNotInOrder(error)) throw error
    return { pages: await read(false), ordered: false }
  }
}

export const isNotInOrder = (error: unknown): boolean =>
  error instanceof SyncError && error.code === 'SYNC_LIST_NOT_IN_ORDER'

interface Evidence {
  readonly opening: Page
  readonly pages: readonly Page[]
  readonly ids: ReadonlySet<string>
  readonly ordered: boolean
  readonly before: ReadonlySet<string> | undefined
}

/** See `judge.ts`, which reasons the same way about a list that is too long to hold. */
function isProved({ opening, pages, ids, ordered, before }: Evidence): boolean {
  const { recordCount: count } = opening
  const size = sizeFrom(opening, null)
  const steady = pages.every((page) => page.recordCount === count)
  if (ordered || pages.length <= 1) {
    return steady ? ids.size === count : pages.every((page) => size !== null && isFull(page, size))
  }
  return before !== undefined && ids.intersection(before).size === count
}
