import { ApiError, internal, invalidPage } from '../errors.ts'
import type { Model } from '../model/model.ts'
import type { Rec } from '../records/records.ts'
import type { Switches } from '../switches.ts'
import type { Query } from './query.ts'

/** What a page of a list shows; of a list without pages the one there is. */
export interface Shown {
  readonly query: Query
  readonly recs: readonly Rec[]
  readonly paged: boolean
}

/** Throws what the switches give in place of the page. */
export function shownOf(switches: Switches, model: Model, query: Query, recs: readonly Rec[]): Shown {
  const paged = !switches.unpagedLists.includes(model.type)
  const asked = paged ? query : { ...query, page: 1, size: Math.max(1, recs.length) }
  const from = (asked.page - 1) * asked.size
  const to = Math.min(from + asked.size, Math.max(from, recs.length))
  const { heavyPages, pageDepth } = switches
  if (heavyPages !== null && asked.size > heavyPages)
    throw new ApiError(504, '504', 'Gateway Timeout', 'The page took too long.')
  if (pageDepth !== null && (to > pageDepth || (asked.page > 1 && from >= pageDepth)))
    throw invalidPage(`no page is given behind place ${String(pageDepth)}.`)
  for (const rec of recs.slice(from, to)) checkWhole(switches, model, rec, query)
  return { query: asked, recs, paged }
}

/** One whose attributes cannot be written fails all that shows them. */
export function checkWhole({ brokenRecords }: Switches, model: Model, rec: Rec, query: Query): void {
  if (brokenRecords[model.type]?.includes(rec.id) !== true) return
  const fields = query.fields.get(model.type)
  if (fields === undefined || [...fields].some((name) => name in model.attributes)) throw internal()
}
