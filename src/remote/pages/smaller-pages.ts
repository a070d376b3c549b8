/**
 * A page that cannot be read at once is read in smaller ones, of sizes that divide it, so that their ends meet its own:
 *
 *   100 ✗ ──► 50 ✗ ──► 25 ✓ 25 ✓ ──► 50 …      the page is too much for the server: 504, silence, a body over the limits
 *   100 ✗ ──► 50 ✓ 50 ✗ ──► … ──► 1 ✗          one record fails every page that holds it: it is skipped, and parked
 *
 * A size that is too much is not tried again while the list is read, once it has failed at another place, too: otherwise a
 * gateway that was away for a moment would cost a hundredfold of requests. An outage is neither: before a record is skipped, and
 * before a 500 is split, the server has to respond to another request for the list.
 */
import { listOutOfReach } from '../../errors/resources.ts'
import { factOf, hasCode, type SyncError } from '../../errors/sync-error.ts'
import type { Attempts } from '../http/retry.ts'
import { isFullPage, placeCount } from './list-length.ts'
import { attemptsForPart, isPageFailure, isTooMuch, type ListFacts } from './page-failures.ts'
import type { UnreadableRecord, PageOptions, Page } from './page.ts'

type Fetch = (number: number, size: number, attempts?: Attempts) => Promise<Page>

interface FailedPage extends PageOptions {
  readonly path: string
  readonly number: number
  readonly size: number
  /** What the page failed with; undefined where its size is known to be too much. */
  readonly failed: SyncError | undefined
  readonly facts: ListFacts
  readonly fetch: Fetch
  /** The id of the record at a place; null where the server does not send it. */
  readonly idAt: (place: number) => Promise<string | null>
}

/** A page number behind the end of any list. */
const FAR = 10_000_000
/** Unreadable records of one list, at some twenty requests each: with more of them it is not about single records. */
const MAX_UNREADABLE = 50

/** What was read so far of the page. */
interface Reading {
  readonly page: FailedPage
  readonly parts: Part[]
  readonly unreadable: UnreadableRecord[]
  /** The largest size that may be tried. */
  largest: number
  /** The page that was too much most recently. */
  tooMuch: { readonly size: number; readonly number: number } | undefined
  /** The newest, which says which parts are behind the end. */
  count: number | null
  largestCount: number | null
  isPaged: boolean
  /** The server has responded to something else since the page failed. */
  isReachable: boolean
}

/** @throws SyncError what the page failed with, or SYNC_LIST_OUT_OF_REACH. */
export async function fetchInSmallerPages(page: FailedPage): Promise<Page> {
  const { failed, facts, size, number, fromEnd = false } = page
  const reading: Reading = {
    page,
    parts: [],
    unreadable: [],
    largest: facts.largestSize,
    tooMuch: undefined,
    count: null,
    largestCount: null,
    isPaged: false,
    isReachable: false,
  }
  if (failed !== undefined && !isTooMuch(failed)) {
    if (!(await responds(reading, FAR, 1)) && !(await responds(reading, 1, undefined))) throw failed
  } else if (failed !== undefined && size > 1) noteTooMuch(reading, failed, number, size)
  const list = size === 1 ? await readPart(reading, number, 1) : await readSmaller(reading, number, size)
  if (list !== undefined) return list
  const { parts, unreadable, largest, tooMuch } = reading
  if (tooMuch !== undefined && (await isTooMuchElsewhere(reading, tooMuch)))
    facts.largestSize = Math.min(facts.largestSize, largest)
  // Read only now: the page fetched for that comparison may report a newer count, and then the parts differ from it.
  // Read from its end, a page is the last one only if nothing was behind it at first: where records were deleted since, what was
  // behind it has moved onto parts that were read before.
  const count = fromEnd ? reading.largestCount : reading.count
  const pageCount = count === null || !reading.isPaged ? null : Math.ceil(count / size)
  return joined({ parts, unreadable, number, size, fromEnd, recordCount: count, pageCount })
}

async function fetchNoting(reading: Reading, ...args: Parameters<Fetch>): Promise<Page> {
  const page = await reading.page.fetch(...args)
  reading.count = page.recordCount ?? reading.count
  if (reading.count !== null) reading.largestCount = Math.max(reading.largestCount ?? 0, reading.count)
  reading.isPaged ||= page.pageCount !== null
  return page
}

/** @returns the complete list, where the server sends that instead of a page. */
async function readSmaller(reading: Reading, number: number, size: number): Promise<Page | undefined> {
  const smaller = sizeBelow(size)
  const ratio = size / smaller
  for (let index = 0; index < ratio; index++) {
    const part = (number - 1) * ratio + (reading.page.fromEnd === true ? ratio - index : index + 1)
    const list = await readPart(reading, part, smaller)
    if (list !== undefined) return list
  }
  return undefined
}

async function readPart(reading: Reading, number: number, size: number): Promise<Page | undefined> {
  const { count, largest, parts } = reading
  const isBehindEnd = count !== null && (number - 1) * size >= count
  if (isBehindEnd) return undefined
  if (size > largest) return await readSmaller(reading, number, size)
  try {
    const page = await fetchNoting(reading, number, size, attemptsForPart)
    // Its validator belongs to another address.
    if (page.number === 1 && page.pageCount === 1) return { ...page, validator: null }
    parts.push({ page, size })
    return undefined
  } catch (error) {
    if (!isPageFailure(error)) throw error
    if (size > 1) {
      noteTooMuch(reading, error, number, size)
      return await readSmaller(reading, number, size)
    }
    await skipRecord(reading, number, error)
    return undefined
  }
}

function noteTooMuch(reading: Reading, error: SyncError, number: number, size: number): void {
  // Beside an unreadable record the size is not what is wrong.
  if (!isTooMuch(error) || reading.unreadable.length > 0) return
  reading.largest = sizeBelow(size)
  reading.tooMuch = { size, number }
}

/** Reads the record once more; if it fails again, although the server responds, it is noted as unreadable. */
async function skipRecord(reading: Reading, place: number, error: SyncError): Promise<void> {
  const { path, facts, failed, idAt, skipUnreadable = false } = reading.page
  if (skipUnreadable) await confirmReachable(reading, error)
  try {
    reading.parts.push({ page: await fetchNoting(reading, place, 1, skipUnreadable ? 1 : undefined), size: 1 })
    return
  } catch (again) {
    if (!isPageFailure(again)) throw again
    if (!skipUnreadable) throw failed ?? again
  }
  facts.unreadable.add(`${path} ${place}`)
  if (facts.unreadable.size > MAX_UNREADABLE) throw failed ?? error
  reading.largest = facts.largestSize
  reading.tooMuch = undefined
  reading.unreadable.push({ id: await idAt(place), path, place, reason: reasonOf(error, place, path) })
}

/** @throws SyncError what failed in an outage; SYNC_LIST_OUT_OF_REACH where the server fails every page from some place on. */
async function confirmReachable(reading: Reading, error: SyncError): Promise<void> {
  if (reading.isReachable) return
  const { path, number, failed } = reading.page
  if (!(await responds(reading, FAR, 1))) {
    if (!(await responds(reading, 1, undefined))) throw failed ?? error
    if (!(await responds(reading, FAR, 1))) throw listOutOfReach({ path, page: number, status: statusOf(error) })
  }
  reading.isReachable = true
}

async function responds(reading: Reading, number: number, attempts: number | undefined): Promise<boolean> {
  try {
    await fetchNoting(reading, number, 1, attempts)
    return true
  } catch (error) {
    if (isPageFailure(error)) return false
    // A 4xx is a response, too.
    if (hasCode(error, 'SYNC_REQUEST_REFUSED')) return true
    throw error
  }
}

/** Tries that size at another place, where there is one: a single record may be slow. */
async function isTooMuchElsewhere(
  reading: Reading,
  { size, number }: NonNullable<Reading['tooMuch']>,
): Promise<boolean> {
  if (reading.unreadable.length > 0) return false
  const { page, count } = reading
  const first = ((page.number - 1) * page.size) / size + 1
  const last = (page.number * page.size) / size
  const other = number === first ? last : first
  const isFilled = count === null || other * size <= count
  try {
    await fetchNoting(reading, isFilled ? other : number, size, 1)
    return false
  } catch (error) {
    if (!isPageFailure(error)) throw error
    return isTooMuch(error)
  }
}

interface Part {
  readonly page: Page
  readonly size: number
}

interface Joined extends Pick<Page, 'number' | 'recordCount' | 'pageCount'> {
  /** In the order of reading. */
  readonly parts: readonly Part[]
  readonly unreadable: readonly UnreadableRecord[]
  readonly size: number
  readonly fromEnd: boolean
}

function joined({ parts, unreadable, number, size, fromEnd, recordCount, pageCount }: Joined): Page {
  const pages = (fromEnd ? parts.toReversed() : parts).map(({ page }) => page)
  const records = pages.flatMap((page) => page.records)
  // Read from the end, the first of two states of a record that has moved is the newer one.
  const seen = new Set<string>()
  const isFirst = ({ id }: { id: string }): boolean => !fromEnd || seen.size < seen.add(id).size
  const kept = records.filter(isFirst)
  const countsDiffer = pages.some((page) => page.recordCount !== recordCount)
  return {
    number,
    records: kept,
    ids: kept.map(({ id }) => id),
    unusable: pages.flatMap((page) => page.unusable),
    included: pages.flatMap((page) => page.included),
    recordCount,
    pageCount,
    validator: null,
    isEtagWrong: false,
    cached: null,
    parts: {
      size,
      held: pages.reduce((sum, page) => sum + placeCount(page), 0) + unreadable.length,
      // Read from the front, a record may have moved from a part to come onto one that was read.
      full: (fromEnd || !countsDiffer) && parts.every((part) => isFullPage(part.page, part.size)),
      countsDiffer,
      unreadable: unreadable.toSorted((a, b) => a.place - b.place),
    },
  }
}

const statusOf = (error: SyncError): number | null => factOf(error, 'status') ?? null

function reasonOf(error: SyncError, place: number, path: string): string {
  const status = statusOf(error)
  const what =
    status === null ? error.sentence : `ScopeStack answers ${status} to every page that holds it, also to it alone.`
  return `${what} It stands at place ${place} of ${path}. Report it to ScopeStack support; it loads by itself once it can be read.`
}

/** By its least factor: halves of an even one. */
function sizeBelow(size: number): number {
  for (let factor = 2; factor * factor <= size; factor++) if (size % factor === 0) return size / factor
  return 1
}
