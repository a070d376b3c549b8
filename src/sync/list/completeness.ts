/**
 * What may be called whole. A list is proved in one of three ways:
 *
 * - It came on one page, which holds as many records as the list says it has.
 * - It is ordered by id and was read from its end (`remote/pages/reverse-pages.ts`): nothing that lived throughout can have been missed.
 *   While nothing changed, the ids met must be as many as the list said; when it changed, no page may have been cut.
 * - In any other order, or from both ends where the server gives no page so far back: an id that was known before the reading began and was met in it lived when it began. As many of
 *   those as the list said it had then were all there were.
 */
import type { ReadMethod } from '../../catalog/resource.ts'
import type { Outcome } from '../../store/runs/runs.ts'

interface Evidence {
  readonly read: ReadMethod['from']
  readonly ordered: boolean
  /** It gives no page so far back, and was read from both ends. */
  readonly far?: boolean
  /** Different ids of the list. */
  readonly seen: number
  /** Of these, the ones that were not known before the reading. */
  readonly fresh: number
  /** `record-count` when the reading began, and pages. */
  readonly count: number | null
  readonly pages: number | null
  /** Every page said the same count. */
  readonly steady: boolean
  /** Every page held as many records as its place in the list demands; of lists below others, each was proved. */
  readonly full: boolean
  readonly parked: number
  /** Filters that would have made the list whole, which the server refuses. */
  readonly refused: readonly string[]
  /** Of what is read record by record of another resource: that resource. */
  readonly parent: Parent | null
}

export interface Parent {
  readonly type: string
  /** Null when it was never read whole. */
  readonly asOf: Date | null
}

interface Completeness {
  readonly outcome: Outcome
  readonly message: string | null
  /** Every record was met, though some may be set aside. */
  readonly complete: boolean
  /** Reading it again may prove it. */
  readonly again: boolean
}

/** Decides whether everything was read, and says what is missing or may be. */
export function assessCompleteness(evidence: Evidence): Completeness {
  const { read, refused, parent, full, parked } = evidence
  const incomplete = (message: string, again = false) =>
    ({ outcome: 'incomplete', message, complete: false, again }) as const
  if (read === 'list' || read === 'included') {
    if (evidence.count === null) {
      return incomplete('The list did not say how many records it has, so nothing proves it whole.')
    }
    const doubt = doubtOf(evidence, evidence.count)
    // What lies out of reach does so again.
    if (doubt !== null)
      return incomplete(doubt, evidence.far !== true || !evidence.steady || evidence.seen >= evidence.count)
  }
  if (read === 'below' && !full) {
    return incomplete(
      `Some lists below ${parent?.type ?? 'it'} could not be proved whole; they are read again the next time.`,
    )
  }
  const hidden = refusedFiltersMessage(refused)
  if (hidden !== null) return incomplete(hidden)
  if (parent?.asOf === null) {
    return incomplete(`${parent.type} was never read whole, so some may be missing here. Pull ${parent.type} first.`)
  }
  if (parked === 0) return { outcome: 'ok', message: null, complete: true, again: false }
  const message = `${parked} could not be loaded and are set aside, with the reason, in sync.parked.`
  return { outcome: 'incomplete', message, complete: true, again: false }
}

/** Null where none is. */
export const refusedFiltersMessage = (filters: readonly string[]): string | null =>
  filters.length === 0
    ? null
    : `The server refuses ${filters.join(', ')}, so archived records may be missing from the list.`

function doubtOf({ ordered, far = false, seen, fresh, pages, steady, full }: Evidence, count: number): string | null {
  if (seen - fresh === count) return null
  if (far && steady && seen < count) {
    return `The server gives only ${seen} of the ${count} records, from either end: it refuses the pages between. The others are left as they are.`
  }
  const onePage = (pages ?? 2) <= 1
  // Where nothing says which page is the last one, it was read from the front.
  const fromItsEnd = ordered && pages !== null
  if (steady && seen === count && (fromItsEnd || onePage)) return null
  if (fromItsEnd && !steady && full) return null
  if (steady && seen !== count) return `The list says it has ${count} records, but ${seen} different ones were met.`
  if (fromItsEnd) return `The list had ${count} records and changed while it was read, and pages of it came cut short.`
  return `The list is in no order to rely on, and only ${seen - fresh} of its ${count} records were met twice.`
}
