/** A list as it is requested, and one page of it. */
import type { Document } from '../documents/document.ts'

export interface ListRequest {
  /** `/{account-slug}/v1/clients` */
  readonly path: string
  /** Filters, `include` and `sort`. */
  readonly query: Readonly<Record<string, string>>
  /** Null: the server's default. */
  readonly pageSize: number | null
  /**
   * Whether the records in `included` are needed. They are most of a page's size, so where they only came along with the
   * linkage they are discarded at once, rather than kept in memory while the page waits.
   */
  readonly included?: boolean
  /** Types of included records of which nothing but the id is used (`fields[clients]=id`); `sync/list/unused-types.ts`. */
  readonly idsOnly?: readonly string[]
}

export interface Page extends Document {
  /** From 1. */
  readonly number: number
  /** Of the list's own records, in order. */
  readonly ids: readonly string[]
  /** Null of a page that was read in parts. */
  readonly validator: PageValidator | null
  /** It has the `ETag` of another body: the server's ETags cannot be trusted. */
  readonly isEtagWrong: boolean
  /** Present when it was read in smaller pages. */
  readonly parts?: Parts
  /** The next page, where that was read to find out how the list pages. */
  readonly behind?: Page
  /** The cache entry, where the page has not changed. It has no records then, only their ids. */
  readonly cached: CachedPage | null
}

/** How a page was read in smaller ones. */
export interface Parts {
  /** Of the page that was requested. */
  readonly size: number
  /** Places of the list that were read; more than different records when some moved meanwhile. */
  readonly held: number
  /** Each part held as many records as its place requires. */
  readonly full: boolean
  /** The parts reported different counts. */
  readonly countsDiffer: boolean
  /** Records that fail every page which holds them. */
  readonly unreadable: readonly UnreadableRecord[]
}

export interface UnreadableRecord {
  /** Null where the server does not send even that. */
  readonly id: string | null
  /** The list's. */
  readonly path: string
  /** Its place in the list, from 1. */
  readonly place: number
  readonly reason: string
}

/** What shows whether a page has changed. */
export interface PageValidator {
  /** Null where the server sends none. */
  readonly etag: string | null
  /** Of the body, 0.8 ms a MB: it proves an `ETag` right or wrong. Null for pages that an older version cached. */
  readonly digest: string | null
}

/**
 * How far a cached page is trusted. `etag`: the server's 304 is enough · `body`: the page is transferred, and the same digest
 * spares the parsing · `none`: it is only compared.
 */
export type CacheTrust = 'etag' | 'body' | 'none'

/** What is cached of a page. */
export interface CachedPage {
  readonly validator: PageValidator
  readonly trust: CacheTrust
  /** Of the list's own records. */
  readonly ids: readonly string[]
  /** Of the records in `included`; null where those are not needed. */
  readonly carried: readonly string[] | null
  readonly recordCount: number | null
  readonly pageCount: number | null
}

/** The address of one page. */
export function pagePath({ path, query, pageSize, idsOnly = [] }: ListRequest, number: number): string {
  const parameters = new URLSearchParams({ ...query, 'page[number]': String(number) })
  if (pageSize !== null) parameters.set('page[size]', String(pageSize))
  // A list of no fields is refused by the library, and the id is one.
  if ('include' in query) for (const type of idsOnly) parameters.set(`fields[${type}]`, 'id')
  return `${path}?${parameters.toString()}`
}

/** How a page is read that fails as one. */
export interface PageOptions {
  /** The list is read from its end; then the parts of a page have to be, too, or a record that moves between them is missed. */
  readonly fromEnd?: boolean
  /** The page is returned without the records that fail it; otherwise they fail the request. */
  readonly skipUnreadable?: boolean
  /** It fails where smaller pages, or one without `idsOnly`, might succeed. */
  readonly asRequested?: boolean
}
