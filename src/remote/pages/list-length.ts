/** What a page reports of its list's length, and whether it holds as many records as its place in the list requires. */
import type { UnreadableRecord, Page } from './page.ts'

/** Records, readable or not. */
export const placeCount = ({ ids, unusable, parts }: Page): number => parts?.held ?? ids.length + unusable.length

/** One id for each record that the list counts; a record without a known id gets its place as one. */
export const countedIds = (page: Page): string[] => [
  ...page.ids,
  ...unreadableIn(page).map(({ id, place }) => id ?? `place ${place}`),
]

export const unreadableIn = ({ parts }: Page): readonly UnreadableRecord[] => parts?.unreadable ?? []

/** Whether the page reported this count, and all its parts the same. */
export const reportsCount = ({ recordCount, parts }: Page, count: number | null): boolean =>
  recordCount === count && parts?.countsDiffer !== true

/** One document that holds as many different records as the list counts is the complete list. */
export function asOnlyPageIfComplete(page: Page): Page {
  const { ids, unusable, recordCount } = page
  if (recordCount === null || recordCount === 0 || ids.length + unusable.length !== recordCount) return page
  return new Set(ids).size === ids.length ? { ...page, number: 1, pageCount: 1 } : page
}

/**
 * Whether a page holds as many records as its place in the list requires; one that does not was cut short.
 *
 * @param size of the server's pages except the last one; it may be less than requested.
 */
export function isFullPage(page: Page, size: number): boolean {
  const { number, recordCount, pageCount, parts } = page
  if (parts !== undefined) return parts.full
  if (recordCount === null || pageCount === null) return true
  const held = placeCount(page)
  if (number < pageCount) return held === size
  return held === (number === pageCount ? recordCount - size * (pageCount - 1) : 0)
}

/** The size of the server's pages, from one that is not the last; null when it cannot be inferred. */
export function inferPageSize(page: Page, requested: number | null): number | null {
  const { number, recordCount, pageCount, parts } = page
  if (recordCount === null || pageCount === null) return null
  const size =
    parts !== undefined ? parts.size : number < pageCount ? placeCount(page) : pageCount <= 1 ? recordCount : requested
  return size !== null && size * pageCount >= recordCount && size * (pageCount - 1) < recordCount ? size : null
}
