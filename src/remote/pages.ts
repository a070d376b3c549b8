/**
 * Reads a list page by page: several in flight, handed on in order. Pages are counted by number: the links of the bare
 * library lose the account from their path (API notes §12), and a link may lead to another origin.
 */
import { pageRepeated } from '../errors.ts'
import type { Client } from './client.ts'
import { parseDocument, type Document } from './document.ts'

export interface ListRequest {
  /** `/{account-slug}/v1/clients` */
  readonly path: string
  /** Filters and `include`. */
  readonly query: Readonly<Record<string, string>>
  /** Null: the server's own. */
  readonly pageSize: number | null
  /**
   * Whether the records in `included` are wanted for themselves. They are most of a page's size, so otherwise, when they
   * only came along with the keys, they are let go at once rather than held while the page waits its turn.
   */
  readonly included?: boolean
}

export interface Page extends Document {
  /** From 1. */
  readonly number: number
}

/** The address of one page. */
export function pagePath({ path, query, pageSize }: ListRequest, number: number): string {
  const parameters = new URLSearchParams({ ...query, 'page[number]': String(number) })
  if (pageSize !== null) parameters.set('page[size]', String(pageSize))
  return `${path}?${parameters.toString()}`
}

export const fetchPage = async (
  client: Client,
  request: ListRequest,
  number: number,
  signal: AbortSignal,
): Promise<Page> => {
  const document = await client.get(pagePath(request, number), parseDocument, signal)
  return { ...document, included: request.included === true ? document.included : [], number }
}

interface Options {
  readonly client: Client
  readonly request: ListRequest
  /** The page to begin with; the ones before it were written by an earlier run. */
  readonly from: number
  /** Pages asked for and not yet handed on, at most. */
  readonly window: number
  /** Records handed on together, about. */
  readonly batch: number
  readonly signal: AbortSignal
}

/**
 * Yields the pages that have come, in order and without gaps, at least one at a time: the slower the consumer, the more
 * pages it gets at once.
 *
 * @throws SyncError SYNC_PAGE_REPEATED when a page is the one before it again; whatever `client.get` throws.
 */
export async function* readPages({ client, request, from, window, batch, signal }: Options): AsyncGenerator<Page[]> {
  const stop = new AbortController()
  const either = AbortSignal.any([signal, stop.signal])
  const asked = new Map<number, { promise: Promise<Page>; page: Page | undefined }>()
  const ask = (number: number): void => {
    const entry: { promise: Promise<Page>; page: Page | undefined } = {
      promise: fetchPage(client, request, number, either).then((page) => (entry.page = page)),
      page: undefined,
    }
    // It is awaited in its turn; until then its failure must not count as unhandled.
    entry.promise.catch(() => {})
    asked.set(number, entry)
  }

  let next = from
  let previous: Page | undefined
  ask(from)
  try {
    for (let ended = false; !ended;) {
      const ready: Page[] = []
      let records = 0
      do {
        const page = await asked.get(next)!.promise
        asked.delete(next)
        if (previous !== undefined && repeats(page, previous)) {
          throw pageRepeated({ url: pagePath(request, next), page: next })
        }
        ready.push(page)
        records += page.records.length
        previous = page
        next++
        ended = isLast(page)
      } while (!ended && records < batch && asked.get(next)?.page !== undefined)
      if (!ended) {
        const last = previous.pageCount ?? next
        for (let number = next; number <= last && number < next + window; number++) {
          if (!asked.has(number)) ask(number)
        }
      }
      yield ready
    }
  } finally {
    stop.abort()
  }
}

/** An empty page ends the list whatever the count says: a page past the end is 200 with empty `data` (API notes §12). */
const isLast = ({ number, records, unusable, pageCount }: Page): boolean =>
  records.length + unusable.length === 0 || (pageCount !== null && number >= pageCount)

const repeats = (page: Page, previous: Page): boolean =>
  page.records.length > 0 &&
  page.records.length === previous.records.length &&
  page.records.every(({ id }, index) => id === previous.records[index]?.id)
