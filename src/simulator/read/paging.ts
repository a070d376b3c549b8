/** Which records of a list are on a page; and the records and pages that switches make fail. */
import { ApiError, internal, invalidPage } from '../errors.ts'
import type { Model } from '../model/model.ts'
import type { Rec } from '../records/records.ts'
import type { Switches } from '../switches.ts'
import type { Query } from './query.ts'

/** One page of a list; of a list without pages the only one. */
export interface ListPage {
  readonly query: Query
  readonly recs: readonly Rec[]
  readonly paged: boolean
}

/** Throws the error that the switches have for the page. */
export function listPage(switches: Switches, model: Model, query: Query, recs: readonly Rec[]): ListPage {
  const paged = !switches.unpagedLists.includes(model.type)
  const effective = paged ? query : { ...query, page: 1, size: Math.max(1, recs.length) }
  const { page, size } = effective
  const from = (page - 1) * size
  const to = Math.min(from + size, Math.max(from, recs.length))
  const { heavyPages, pageDepth } = switches
  if (heavyPages !== null && size > heavyPages)
    throw new ApiError(504, '504', 'Gateway Timeout', 'The page took too long.')
  if (pageDepth !== null && (to > pageDepth || (page > 1 && from >= pageDepth)))
    throw invalidPage(`no page is given behind place ${String(pageDepth)}.`)
  for (const rec of recs.slice(from, to)) checkSerializable(switches, model, rec, query)
  return { query: effective, recs, paged }
}

/** A broken record fails every response that has any of its attributes. */
export function checkSerializable({ brokenRecords }: Switches, model: Model, rec: Rec, query: Query): void {
  if (brokenRecords[model.type]?.includes(rec.id) !== true) return
  const fields = query.fields.get(model.type)
  if (fields === undefined || [...fields].some((name) => name in model.attributes)) throw internal()
}
