/**
 * Whether a read was complete: every record that existed during the whole read was seen. Only then may what was not seen be
 * marked deleted (S6), and only then do the watermark and `last complete as of` move. This file alone decides it, from what
 * the list reader has seen, and this file alone makes a `CompleteList`, without which no row is marked deleted.
 *
 * A matching count proves nothing. While the pages are read from the front, a record is deleted, the one at the next page's
 * start moves onto a page that was already read, another record is created, and the count is right again. So a list counts
 * as complete by one of three proofs:
 *
 * 1. **One page.** It holds as many records as the list says it has, and came in one response: read in parts it is a list of
 *    several pages.
 * 2. **From its end.** The list is ordered by id and was read from its last page to its first (`remote/pages/reverse-pages.ts`).
 *    Deletions move records towards the pages still to be read, new records take the highest ids, so nothing that existed
 *    throughout is missed. While the count stood still, the ids seen must be as many as it says; when it changed, no page
 *    may have been cut short.
 * 3. **Known before.** In any other order, or from both ends where the server refuses the far pages: an id that was known
 *    before the read began and was seen in it existed at its beginning. As many of those as the list counted then were all
 *    there were.
 *
 *   fromEnd  steady  full   pages  seen = count  known = count   proof
 *   any      any     any    any    any           yes             known before
 *   yes      yes     any    any    yes           no              from its end
 *   yes      no      yes    any    any           no              from its end
 *   no       yes     yes    1      yes           no              one page
 *   any other                                                    none
 *
 * A count of 0 on every page of a list that has records is wrong, and proves nothing: without that, a first read would know as
 * many as it counts, none.
 *
 * When none holds, the list is read again, a few passes in all (`list-reader.ts`): a second pass knows the records of the
 * first, so a list in no order can be proved by it. After that the outcome is `incomplete`: what was read is written, nothing
 * is marked deleted, nothing moves, and the next run begins again.
 *
 * What is no list by page number has proofs of its own: a stretch of a list newest first (`incremental/newest-first.ts`), the
 * lists nested below each parent, and a list that is asked for a few ids.
 */
import type { CompleteList, ProvedMissing } from '../../store/mirror/tombstones.ts'
import type { ParkedRecord } from '../../store/progress/parked-records.ts'

/** What a pass over a list has shown. */
export interface ListEvidence {
  /** `record-count` when the pass began; null where the list has none. */
  readonly count: number | null
  /** Of the list; where it does not count them, those that were read. */
  readonly pages: number
  /** It was read in the order of ids, from its last page to its first. */
  readonly fromEnd: boolean
  /** The server refuses the far pages, so it was read from both ends. */
  readonly bothEnds: boolean
  /** Different ids seen. */
  readonly seen: number
  /** Those of them that were known before the pass. */
  readonly known: number
  /** Every page gave the same count. */
  readonly steady: boolean
  /** Every page held as many records as its place demands; one in parts only where it was read from its end, in the order of ids. */
  readonly full: boolean
}

/** Why a read is not complete, with what its message names. */
export type Gap =
  | { readonly kind: 'uncounted' | 'stretch' | 'ties' }
  | {
      readonly kind: 'out-of-reach' | 'miscounted' | 'cut' | 'unordered'
      readonly count: number
      readonly seen: number
      readonly known: number
    }
  | { readonly kind: 'filters'; readonly refused: readonly string[] }
  | { readonly kind: 'nested' | 'parents'; readonly parent: string }

/** `again`: another pass may prove it. */
export type Completeness =
  | { readonly complete: true; readonly list: CompleteList }
  | { readonly complete: false; readonly gap: Gap; readonly again: boolean }

/** The only one there is. */
const PROOF = {} as CompleteList
const COMPLETE: Completeness = { complete: true, list: PROOF }

const incomplete = (gap: Gap, again = false): Completeness => ({ complete: false, gap, again })

export function assessList(evidence: ListEvidence): Completeness {
  const { count, seen, known, bothEnds, steady, fromEnd } = evidence
  if (count === null) return incomplete({ kind: 'uncounted' })
  if (isProved(evidence)) return COMPLETE
  const facts = { count, seen, known }
  // Pages that were out of reach will be so again.
  if (bothEnds && steady && seen < count) return incomplete({ kind: 'out-of-reach', ...facts })
  if (steady && seen !== count) return incomplete({ kind: 'miscounted', ...facts }, true)
  return incomplete({ kind: fromEnd ? 'cut' : 'unordered', ...facts }, true)
}

/** One of the three proofs above holds. */
function isProved({ count, pages, fromEnd, seen, known, steady, full }: ListEvidence): boolean {
  const isWrong = count === 0 && steady && seen > 0
  if (known === count && !isWrong) return true
  if (fromEnd) return steady ? seen === count : full
  return pages <= 1 && steady && full && seen === count
}

/** Lists nested below each record of another resource. @param proved each of them was. */
export const assessNested = (proved: boolean, parent: string): Completeness =>
  proved ? COMPLETE : incomplete({ kind: 'nested', parent })

/** Documents that were each asked for by their own address: all of them came, or failed the read. */
export const allDocuments = (): Completeness => COMPLETE

/** What a list read newest first has shown, from its front back to the watermark. */
export interface StretchEvidence {
  /** From the first page. */
  readonly count: number | null
  readonly ids: number
  /** Records read, some of them twice. */
  readonly places: number
  readonly steady: boolean
  readonly full: boolean
}

/** Every page gave the same count, none was cut short, and as many different ids were seen as places were read. */
export function assessStretch({ count, ids, places, steady, full }: StretchEvidence): Completeness {
  if (count === null) return incomplete({ kind: 'uncounted' })
  if (steady && full && ids === places) return COMPLETE
  // Where nothing changed, records of one time change places, and will do so again.
  return incomplete({ kind: steady && full ? 'ties' : 'stretch' }, true)
}

/** A list filtered by ids. The server ignores the filter where other records come, or several pages. */
export const isWholeSelection = (
  { recordCount, ids }: { readonly recordCount: number | null; readonly ids: readonly string[] },
  asked: ReadonlySet<string>,
): boolean => recordCount === ids.length && ids.every((id) => asked.has(id))

export interface Parent {
  readonly type: string
  /** Null when it was never read completely. */
  readonly asOf: Date | null
}

/** A complete list holds every record only with its filters, and only below all parents. */
export function assessRead(
  list: Completeness,
  { refused, parent }: { readonly refused: readonly string[]; readonly parent: Parent | null },
): Completeness {
  if (!list.complete) return list
  if (refused.length > 0) return incomplete({ kind: 'filters', refused })
  if (parent?.asOf === null) return incomplete({ kind: 'parents', parent: parent.type })
  return list
}

/** Rows that a complete list of an earlier run lacked, and that the database would not mark. */
export const missingEarlier = (rows: readonly ParkedRecord[]): ProvedMissing => ({
  ids: rows.filter(({ missing }) => missing).map(({ id }) => id),
  list: PROOF,
})

/** The message of a run. */
export function gapMessage(gap: Gap): string {
  switch (gap.kind) {
    case 'uncounted':
      return 'The list did not say how many records it has, so nothing proves it complete.'
    case 'stretch':
    case 'ties':
      return 'What changed kept changing while it was read; the next run reads it again.'
    case 'out-of-reach':
      return `The server gives only ${gap.seen} of the ${gap.count} records, from either end: it refuses the pages between. The others are left as they are.`
    case 'miscounted':
      return `The list says it has ${gap.count} records, but ${gap.seen} different ones were seen.`
    case 'cut':
      return `The list had ${gap.count} records and changed while it was read, and pages of it came cut short.`
    case 'unordered':
      return `The list is in no order to rely on, and only ${gap.known} of its ${gap.count} records were seen twice.`
    case 'nested':
      return `Some lists below ${gap.parent} could not be proved complete; they are read again the next time.`
    case 'filters':
      return refusedFiltersMessage(gap.refused)
    case 'parents':
      return `${gap.parent} was never read completely, so some may be missing here. Pull ${gap.parent} first.`
  }
}

export const refusedFiltersMessage = (filters: readonly string[]): string =>
  `The server refuses ${filters.join(', ')}, so archived records may be missing from the list.`

export const parkedMessage = (count: number): string =>
  `${count} could not be loaded and are parked, with the reason, in sync.parked.`
