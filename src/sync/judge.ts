/** What may be called whole, from the numbers alone. */
import type { Resource } from '../resource.ts'
import type { Outcome } from '../store/runs.ts'

interface Evidence {
  readonly read: Resource['read']['from']
  readonly seen: number
  readonly firstCount: number | null
  readonly total: number | null
  readonly parked: number
  /** Filters that would have made the list whole, which the server refuses. */
  readonly refused: readonly string[]
  /** Of documents read one by one: the records they hang on. */
  readonly parent: Parent | null
}

export interface Parent {
  readonly type: string
  /** Null when it was never read whole. */
  readonly asOf: Date | null
}

interface Verdict {
  readonly outcome: Outcome
  readonly message: string | null
  /** Every record was met, though some may be set aside. */
  readonly whole: boolean
}

/** Decides whether everything was read, and says what is missing or may be. */
export function judge({ read, seen, firstCount, total, parked, refused, parent }: Evidence): Verdict {
  const incomplete = (message: string) => ({ outcome: 'incomplete' as const, message, whole: false })
  if (read === 'list' || read === 'included') {
    if (total === null) return incomplete('The list did not say how many records it has, so nothing proves it whole.')
    if (firstCount !== null && firstCount !== total) {
      return incomplete(
        `The list went from ${firstCount} to ${total} records while it was read; pages may have shifted.`,
      )
    }
    if (seen !== total) return incomplete(`The list says it has ${total} records, but ${seen} different ones were met.`)
  }
  if (refused.length > 0) {
    return incomplete(`The server refuses ${refused.join(', ')}, so archived records may be missing from the list.`)
  }
  if (parent?.asOf === null) {
    return incomplete(`${parent.type} was never read whole, so some may be missing here. Pull ${parent.type} first.`)
  }
  if (parked === 0) return { outcome: 'ok', message: null, whole: true }
  const message = `${parked} could not be loaded and are set aside, with the reason, in sync.parked.`
  return { outcome: 'incomplete', message, whole: true }
}
