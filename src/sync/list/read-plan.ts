/**
 * How a resource is read: by which of its declared read methods, and with which of the declared includes, filters and page
 * size (`open-read-plan.ts`). The names of the fields are stored in `sync.capabilities`, and renaming one would forget what was
 * found.
 */
import type { ReadMethod } from '../../catalog/resource.ts'
import type { ListRequest } from '../../remote/pages/page.ts'

export interface ReadPlan {
  readonly read: ReadMethod
  /** Everything that is declared; null where there is no list. */
  readonly wanted: ListRequest | null
  /** The part of it that the server accepts. */
  readonly request: ListRequest | null
  /** The list comes ordered by id, by itself or by `sort=id`. */
  readonly ordered: boolean
  readonly learned?: ListFacts
  /** It worked before, and was a 404 the last time. */
  readonly doubted?: boolean
  /** The negotiated request, where a variant of it is read (`filter-scope.ts`). */
  readonly base?: ListRequest
  /** The second list, where no one list is proved to hold everything. */
  readonly also?: ListRequest
  /** Which variant is read. */
  readonly scope?: FilterScope
  /** How often it was checked whether the server accepts more by now. */
  readonly looks?: number
  /** When the list was found not to be ordered by id. */
  readonly misordered?: string
  /** Of nested lists: the one that refused something. */
  readonly sample?: string
}

/** What a read has learned about its list, so that the next one starts with it (`list-facts.ts`). */
export interface ListFacts {
  /** The server fails at larger pages. */
  readonly most?: { readonly size: number; readonly at: string }
  /** When the server refused the far pages: the list is read from both ends. */
  readonly farAt?: string
  /** When the server ignored the page parameters: one document held the whole list. */
  readonly unpagedAt?: string
}

/** Which variant of a filtered list is read (`filter-scope.ts`). */
export interface FilterScope {
  readonly shown: 'filtered' | 'blank' | 'plain' | 'both'
  /**
   * How to check that the filtered list still holds everything. `plain`: that list counts as many · `value`: the server shows
   * by default the records of one of the filter's values, and the counts add up · `blank`: the list without filters is refused,
   * and that one counts as many · null: nothing to check, or everything again.
   */
  readonly watch: 'plain' | 'blank' | 'value' | null
  /** The list without filters was seen to hold records of both values. A scope of an earlier release lacks it. */
  readonly whole?: boolean
  /** The counts contradict each other: some record may be in no list. */
  readonly unsettled?: boolean
}

/** From which end a list is read, and by what (`list-reader.ts`). */
export type ReadingOrder = 'from-end' | 'by-number' | 'both-ends'

export function orderOf({ ordered, learned }: Pick<ReadPlan, 'ordered' | 'learned'>): ReadingOrder {
  if (learned?.farAt !== undefined) return 'both-ends'
  return ordered ? 'from-end' : 'by-number'
}

/** The request as it was negotiated, before a scope was applied. */
export const negotiatedRequest = ({ base, request }: Pick<ReadPlan, 'base' | 'request'>): ListRequest | null =>
  base ?? request
