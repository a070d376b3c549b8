/**
 * A page that is not to be had at once is read in smaller ones, of sizes that divide it, so that their ends meet its own:
 *
 *   100 ✗ ──► 50 ✗ ──► 25 ✓ 25 ✓ ──► 50 …      the page is too much for the server: 504, silence, a body over the limits
 *   100 ✗ ──► 50 ✓ 50 ✗ ──► … ──► 1 ✗          one record of it fails all that shows it: read without it, and parked
 *
 * A size that is too much is not tried again while the list is read, once the next larger one has failed at another place,
 * too: a gateway that was away for a moment would else cost a hundredfold of requests. An outage is none of both: before
 * a record is given up, and before a 500 is looked into, the server has to answer something else of the list.
 */
import { listOutOfReach } from '../../errors/resources.ts'
import { factOf, hasCode, type SyncError } from '../../errors/sync-error.ts'
import type { Attempts } from '../http/retry.ts'
import { isFullPage, placeCount } from './list-length.ts'
import { attemptsForPart, isPageFailure, isTooMuch, type ListFacts } from './page-failures.ts'
import type { UnreadableRecord, PageOptions, Page } from './pages.ts'

type Ask = (number: number, size: number, attempts?: Attempts) => Promise<Page>

interface Split extends PageOptions {
  readonly path: string
  readonly number: number
  readonly size: number
  /** What the page failed with; undefined where it is known to be too much. */
  readonly failed: SyncError | undefined
  readonly learned: ListFacts
  readonly ask: Ask
  /** The id of the record at a place; null where it is not told. */
  readonly nameAt: (place: number) => Promise<string | null>
}

/** Behind the end of any list. */
const FAR = 10_000_000
/** Records of one list that are read around, at some twenty requests each: past these it is no matter of single records. */
const MOST_BROKEN = 50

/** @throws SyncError what the page failed with, or SYNC_LIST_OUT_OF_REACH. */
export async function fetchInSmallerPages(list: Split): Promise<Page> {
  const { failed, learned: known, size: whole, number: asked, fromEnd = false, skipUnreadable = false } = list
  const parts: Part[] = []
  const broken: UnreadableRecord[] = []
  let most = known.most
  /** What was just too much, and where: the first place of its page. */
  let tooMuch: { size: number; number: number } | undefined
  let count: number | null = null
  let isPaged = false
  let isAnswered = false

  const ask: Ask = async (...question) => {
    const page = await list.ask(...question)
    count = page.recordCount ?? count
    isPaged ||= page.pageCount !== null
    return page
  }

  async function split(number: number, size: number): Promise<Page | undefined> {
    const smaller = sizeBelow(size)
    const ratio = size / smaller
    for (let index = 0; index < ratio; index++) {
      const part = (number - 1) * ratio + (fromEnd ? ratio - index : index + 1)
      const all = await read(part, smaller)
      if (all !== undefined) return all
    }
    return undefined
  }

  /** @returns the whole list, where that is what comes. */
  async function read(number: number, size: number): Promise<Page | undefined> {
    // Nothing stands there.
    if (count !== null && (number - 1) * size >= count) return undefined
    if (size > most) return await split(number, size)
    try {
      const page = await ask(number, size, attemptsForPart)
      // It bears the mark of another address.
      if (page.number === 1 && page.pageCount === 1) return { ...page, validator: null }
      parts.push({ page, size })
    } catch (error) {
      if (!isPageFailure(error)) throw error
      if (size === 1) await readAround(number, error)
      else {
        note(error, number, size)
        return await split(number, size)
      }
    }
    return undefined
  }

  function note(error: SyncError, number: number, size: number): void {
    // Where a record fails, its page's size is not what is wrong.
    if (!isTooMuch(error) || broken.length > 0) return
    most = sizeBelow(size)
    tooMuch = { size, number }
  }

  /** It fails for good, other than the list: what it is called is asked for, and the rest goes on. */
  async function readAround(place: number, error: SyncError): Promise<void> {
    if (skipUnreadable && !isAnswered) {
      // A server that gives nothing from some place on gives nothing behind it either, when it answers again.
      if (!(await answers(FAR, 1))) {
        if (!(await answers(1, undefined))) throw failed ?? error
        if (!(await answers(FAR, 1))) {
          throw listOutOfReach({ path: list.path, page: asked, status: statusOf(error) })
        }
      }
      isAnswered = true
    }
    try {
      parts.push({ page: await ask(place, 1, skipUnreadable ? 1 : undefined), size: 1 })
      return
    } catch (again) {
      if (!isPageFailure(again)) throw again
      if (!skipUnreadable) throw failed ?? again
    }
    known.unreadable.add(`${list.path} ${place}`)
    if (known.unreadable.size > MOST_BROKEN) throw failed ?? error
    most = known.most
    tooMuch = undefined
    const { path } = list
    broken.push({ id: await list.nameAt(place), path, place, reason: reasonOf(error, place, path) })
  }

  async function answers(number: number, attempts: number | undefined): Promise<boolean> {
    try {
      await ask(number, 1, attempts)
      return true
    } catch (error) {
      if (isPageFailure(error)) return false
      // A refusal is an answer.
      if (hasCode(error, 'SYNC_REQUEST_REFUSED')) return true
      throw error
    }
  }

  if (failed !== undefined && !isTooMuch(failed)) {
    if (!(await answers(FAR, 1)) && !(await answers(1, undefined))) throw failed
  } else if (failed !== undefined && whole > 1) note(failed, asked, whole)
  const all = whole === 1 ? await read(asked, 1) : await split(asked, whole)
  if (all !== undefined) return all
  if (tooMuch !== undefined && (await staysTooMuch(tooMuch))) known.most = Math.min(known.most, most)
  const pageCount = count === null || !isPaged ? null : Math.ceil(count / whole)
  return together({ parts, broken, number: asked, size: whole, fromEnd, recordCount: count, pageCount })

  /** At another place where there is one: a record may be slow alone. */
  async function staysTooMuch({ size, number }: { size: number; number: number }): Promise<boolean> {
    if (broken.length > 0) return false
    const first = ((asked - 1) * whole) / size + 1
    const last = (asked * whole) / size
    const other = number === first ? last : first
    const isFilled = count === null || other * size <= count
    try {
      await ask(isFilled ? other : number, size, 1)
      return false
    } catch (error) {
      if (!isPageFailure(error)) throw error
      return isTooMuch(error)
    }
  }
}

interface Part {
  readonly page: Page
  readonly size: number
}

interface Found extends Pick<Page, 'number' | 'recordCount' | 'pageCount'> {
  /** As they were read. */
  readonly parts: readonly Part[]
  readonly broken: readonly UnreadableRecord[]
  readonly size: number
  readonly fromEnd: boolean
}

function together({ parts, broken, number, size, fromEnd, recordCount, pageCount }: Found): Page {
  const pages = (fromEnd ? parts.toReversed() : parts).map(({ page }) => page)
  const records = pages.flatMap((page) => page.records)
  // From the end, what stands in front is the newer state of a record that has moved.
  const met = new Set<string>()
  const isFirst = ({ id }: { id: string }): boolean => !fromEnd || met.size < met.add(id).size
  const kept = records.filter(isFirst)
  return {
    number,
    records: kept,
    ids: kept.map(({ id }) => id),
    unusable: pages.flatMap((page) => page.unusable),
    included: pages.flatMap((page) => page.included),
    recordCount,
    pageCount,
    validator: null,
    etagLied: false,
    cached: null,
    parts: {
      size,
      held: pages.reduce((sum, page) => sum + placeCount(page), 0) + broken.length,
      full: parts.every((part) => isFullPage(part.page, part.size)),
      countsDiffer: pages.some((page) => page.recordCount !== recordCount),
      unreadable: broken.toSorted((a, b) => a.place - b.place),
    },
  }
}

const statusOf = (error: SyncError): number | null => factOf(error, 'status') ?? null

function reasonOf(error: SyncError, place: number, path: string): string {
  const status = statusOf(error)
  const what =
    status === null ? error.message : `ScopeStack answers ${status} to every page that holds it, also to it alone.`
  return `${what} It stands at place ${place} of ${path}. Report it to ScopeStack support; it loads by itself once it can be read.`
}

/** By its least factor: halves of an even one. */
function sizeBelow(size: number): number {
  for (let factor = 2; factor * factor <= size; factor++) if (size % factor === 0) return size / factor
  return 1
}
