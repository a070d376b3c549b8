/** Reads a small list in memory and proves it complete: nested below one record, of a few projects, or of recent changes. */
import { hasCode } from '../../errors/sync-error.ts'
import type { Client } from '../../remote/client.ts'
import { readBothEnds } from '../../remote/pages/both-ends.ts'
import { isPastPagingLimit, fetchFirstPage, readForward } from '../../remote/pages/forward-pages.ts'
import { countedIds, isFullPage, reportsCount, inferPageSize } from '../../remote/pages/list-length.ts'
import type { ListRequest, Page } from '../../remote/pages/pages.ts'
import { planChains, readReverse } from '../../remote/pages/reverse-pages.ts'

export interface CompleteList {
  readonly pages: readonly Page[]
  /** Every record that was in it throughout was seen. */
  readonly proved: boolean
}

/** A list that changes while it is read is read again, so many times in all. */
const TRIES = 4

/** One small enough to hold in memory. @throws whatever `fetchPage` throws. */
export async function readCompleteList(
  client: Client,
  request: ListRequest,
  signal: AbortSignal,
): Promise<CompleteList> {
  let pages: Page[] = []
  const take = (some: readonly Page[], tries: number): Promise<void> => {
    if (tries > last) pages = []
    last = tries
    pages.push(...some)
    return Promise.resolve()
  }
  let last = 1
  const proved = await readUntilComplete(client, request, take, signal)
  return { pages, proved }
}

/** Gets every page, and in later tries every page again. */
type Take = (pages: readonly Page[], reading: number) => Promise<void>

/** @returns whether every record that was in it throughout was seen. @throws whatever `fetchPage` throws. */
export async function readUntilComplete(
  client: Client,
  request: ListRequest,
  take: Take,
  signal: AbortSignal,
): Promise<boolean> {
  let before: ReadonlySet<string> | undefined
  for (let tries = 1; ; tries++) {
    const opening = await fetchFirstPage(client, request, signal)
    const reading = createReading(opening, (pages) => take(pages, tries))
    const ordered = await readOnce(client, request, opening, reading, signal)
    const proved = opening.recordCount !== null && isProved(reading, ordered, opening.recordCount, before)
    if (proved || tries === TRIES || opening.recordCount === null) return proved
    before = reading.ids
  }
}

interface Reading {
  readonly ids: Set<string>
  pages: number
  steady: boolean
  full: boolean
  take(pages: readonly Page[]): Promise<void>
}

function createReading(opening: Page, take: (pages: readonly Page[]) => Promise<void>): Reading {
  const size = inferPageSize(opening, null)
  return {
    ids: new Set(),
    pages: 0,
    steady: true,
    full: true,
    async take(pages) {
      for (const page of pages) {
        this.pages++
        this.steady &&= reportsCount(page, opening.recordCount)
        this.full &&= size !== null && isFullPage(page, size)
        for (const id of countedIds(page)) this.ids.add(id)
      }
      await take(pages)
    },
  }
}

/** @returns whether it was read in the order of ids, from its end. */
async function readOnce(
  client: Client,
  request: ListRequest,
  opening: Page,
  reading: Reading,
  signal: AbortSignal,
): Promise<boolean> {
  const { pageCount } = opening
  const through = async (pages: AsyncIterable<Page>): Promise<false> => {
    for await (const page of pages) await reading.take([page])
    return false
  }
  if (pageCount === null) return await through(readForward(client, request, opening, signal))
  if (pageCount <= 1) {
    await reading.take([opening])
    return true
  }
  const read = async (ordered: boolean): Promise<boolean> => {
    const recall = () => Promise.resolve(undefined)
    const chains = planChains(pageCount, 1)
    for await (const links of readReverse({ client, request, chains, ordered, recall, batch: 1000, signal })) {
      await reading.take(links.pages)
    }
    return ordered
  }
  try {
    return await read(true).catch((error: unknown) => {
      if (!isNotInOrder(error)) throw error
      return read(false)
    })
  } catch (error) {
    if (!isPastPagingLimit(error)) throw error
    return await through(readBothEnds(client, request, opening, signal))
  }
}

export const isNotInOrder = (error: unknown): boolean => hasCode(error, 'SYNC_LIST_NOT_IN_ORDER')

/** The proofs of `completeness.ts`, for a list that is read at once. */
function isProved(
  { ids, pages, steady, full }: Reading,
  ordered: boolean,
  count: number,
  before: ReadonlySet<string> | undefined,
): boolean {
  if (ordered || pages <= 1) return steady ? ids.size === count : full
  return before !== undefined && ids.intersection(before).size === count
}
