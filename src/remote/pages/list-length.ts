/** What a page says of its list's length, and whether it holds what its place in the list demands. */
import type { UnreadableRecord, Page } from './pages.ts'

/** Records, or what should have been some. */
export const placeCount = ({ ids, unusable, parts }: Page): number => parts?.held ?? ids.length + unusable.length

/** Of what the list counts: a record whose id is not told stands for itself by its place. */
export const countedIds = (page: Page): string[] => [
  ...page.ids,
  ...unreadableIn(page).map(({ id, place }) => id ?? `place ${place}`),
]

export const unreadableIn = ({ parts }: Page): readonly UnreadableRecord[] => parts?.unreadable ?? []

/** What the page said of the list's length, where it did not say different things. */
export const reportsCount = ({ recordCount, parts }: Page, count: number | null): boolean =>
  recordCount === count && parts?.countsDiffer !== true

/** One document that holds as many different records as the list counts is the whole list. */
export function asOnlyPageIfComplete(page: Page): Page {
  const { ids, unusable, recordCount } = page
  if (recordCount === null || recordCount === 0 || ids.length + unusable.length !== recordCount) return page
  return new Set(ids).size === ids.length ? { ...page, number: 1, pageCount: 1 } : page
}

/**
 * Whether a page holds as many records as its place in the list demands: any other was cut.
 *
 * @param size of a page that is not the last, as the server makes them, which may be less than was asked for.
 */
export function isFullPage(page: Page, size: number): boolean {
  const { number, recordCount, pageCount, parts } = page
  if (parts !== undefined) return parts.full
  if (recordCount === null || pageCount === null) return true
  const held = placeCount(page)
  if (number < pageCount) return held === size
  return held === (number === pageCount ? recordCount - size * (pageCount - 1) : 0)
}

/** The size of the server's pages, from a page that is not the last one; null when this one is, and nothing fits. */
export function inferPageSize(page: Page, asked: number | null): number | null {
  const { number, recordCount, pageCount, parts } = page
  if (recordCount === null || pageCount === null) return null
  const size =
    parts !== undefined ? parts.size : number < pageCount ? placeCount(page) : pageCount <= 1 ? recordCount : asked
  return size !== null && size * pageCount >= recordCount && size * (pageCount - 1) < recordCount ? size : null
}
