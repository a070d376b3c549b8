/**
 * Whether a read was complete: every record that existed during the whole read was seen. Only then may what was not seen be
 * marked deleted, and only then do the watermark and `last complete as of` move.
 *
 * A matching count proves nothing. While the pages are read from the front, a record is deleted, the one at the next page's
 * start moves onto a page that was already read, another record is created, and the count is right again. So a list counts
 * as complete by one of three proofs:
 *
 * 1. **One page.** It holds as many records as the list says it has.
 * 2. **From its end.** The list is ordered by id and was read from its last page to its first (`remote/pages/reverse-pages.ts`).
 *    Deletions move records towards the pages still to be read, new records take the highest ids, so nothing that existed
 *    throughout is missed. While the count stood still, the ids seen must be as many as it says; when it changed, no page
 *    may have been cut short.
 * 3. **Known before.** In any other order, or from both ends where the server refuses the far pages: an id that was in the
 *    mirror before the read began and was seen in it existed at its beginning. As many of those as the list counted then
 *    were all there were.
 *
 * When none holds, the list is read again, three passes in all (`snapshot/snapshot-passes.ts`): a second pass knows the
 * records of the first, so a list in no order can be proved by it. After that the outcome is `incomplete`: what was read is
 * written, nothing is marked deleted, nothing moves, and the next run begins again.
 */
import type { ReadMethod } from '../../catalog/resource.ts'
import type { Outcome } from '../../store/runs/runs.ts'

/** What a read of a list has shown. */
export interface ListEvidence {
  readonly ordered: boolean
  /** The server refuses the far pages, so the list was read from both ends. */
  readonly far?: boolean
  /** Different ids seen. */
  readonly seen: number
  /** Those of them that were not known before the read. */
  readonly fresh: number
  /** Null where the list does not count its pages. */
  readonly pages: number | null
  /** Every page gave the same count. */
  readonly steady: boolean
  /** Every page held as many records as its place demands; of nested lists, each was proved complete. */
  readonly full: boolean
}

interface ReadEvidence extends ListEvidence {
  readonly read: ReadMethod['from']
  /** `record-count` when the read began. */
  readonly count: number | null
  readonly parked: number
  /** Filters that the list needs to hold everything, and the server refuses. */
  readonly refused: readonly string[]
  /** The resource whose records the read began with, where there is one. */
  readonly parent: Parent | null
}

export interface Parent {
  readonly type: string
  /** Null when it was never read completely. */
  readonly asOf: Date | null
}

interface Completeness {
  readonly outcome: Outcome
  readonly message: string | null
  /** Every record was seen, though some may be parked. */
  readonly complete: boolean
  /** Another pass may prove it. */
  readonly again: boolean
}

/** Decides whether everything was read, and says what is missing or may be. */
export function assessCompleteness(evidence: ReadEvidence): Completeness {
  const { read, refused, parent, full, parked } = evidence
  const incomplete = (message: string, again = false) =>
    ({ outcome: 'incomplete', message, complete: false, again }) as const
  if (read === 'list' || read === 'included') {
    if (evidence.count === null) {
      return incomplete('The list did not say how many records it has, so nothing proves it complete.')
    }
    if (!isProvedComplete(evidence, evidence.count)) {
      // Pages that were out of reach will be so again.
      const again = evidence.far !== true || !evidence.steady || evidence.seen >= evidence.count
      return incomplete(unprovedMessage(evidence, evidence.count), again)
    }
  }
  if (read === 'below' && !full) {
    return incomplete(
      `Some lists below ${parent?.type ?? 'it'} could not be proved complete; they are read again the next time.`,
    )
  }
  const hidden = refusedFiltersMessage(refused)
  if (hidden !== null) return incomplete(hidden)
  if (parent?.asOf === null) {
    return incomplete(
      `${parent.type} was never read completely, so some may be missing here. Pull ${parent.type} first.`,
    )
  }
  if (parked === 0) return { outcome: 'ok', message: null, complete: true, again: false }
  const message = `${parked} could not be loaded and are parked, with the reason, in sync.parked.`
  return { outcome: 'incomplete', message, complete: true, again: false }
}

/** Null where none is refused. */
export const refusedFiltersMessage = (filters: readonly string[]): string | null =>
  filters.length === 0
    ? null
    : `The server refuses ${filters.join(', ')}, so archived records may be missing from the list.`

/** One of the three proofs above holds. */
export function isProvedComplete(evidence: ListEvidence, count: number): boolean {
  const { seen, fresh, pages, steady, full } = evidence
  if (seen - fresh === count) return true
  const inOnePage = (pages ?? 2) <= 1
  return isFromItsEnd(evidence) ? (steady ? seen === count : full) : inOnePage && steady && seen === count
}

/** Without a count of pages nothing says which one is the last, and the list was read from the front. */
const isFromItsEnd = ({ ordered, pages }: ListEvidence): boolean => ordered && pages !== null

function unprovedMessage(evidence: ListEvidence, count: number): string {
  const { far = false, seen, fresh, steady } = evidence
  if (far && steady && seen < count) {
    return `The server gives only ${seen} of the ${count} records, from either end: it refuses the pages between. The others are left as they are.`
  }
  if (steady && seen !== count) return `The list says it has ${count} records, but ${seen} different ones were seen.`
  if (isFromItsEnd(evidence)) {
    return `The list had ${count} records and changed while it was read, and pages of it came cut short.`
  }
  return `The list is in no order to rely on, and only ${seen - fresh} of its ${count} records were seen twice.`
}
