import type { Kind, Model } from '../model/model.ts'
import { scramble } from '../records/random.ts'
import { idOf, inOrder, type Rec, type Records } from '../records/records.ts'
import type { Switches } from '../switches.ts'
import type { Query, Wanted } from './query.ts'

/** Which records a list holds, in which order. */
export type Selection = (
  model: Model,
  query: Query,
  within: { readonly key: string; readonly recs: readonly Rec[] } | null,
) => readonly Rec[]

/** Enough for every list a worker walks at once; one entry of a million records is 8 MB of references. */
const kept = 24

export function createSelection(deps: { records: Records; switches: Switches; seed: number }): Selection {
  const cache = new Map<string, { readonly stamp: string; readonly recs: readonly Rec[] }>()

  return (model, query, within) => {
    const table = deps.records.table(model.type)
    if (table === undefined) return []
    const { dateFilter, unstableTies, listOrder, activeDefault, emptyFilterValue } = deps.switches
    const flagged = query.filters.some(({ name }) => name === model.hidesWhen?.attribute)
    const hides = model.hidesWhen !== null && activeDefault !== 'all' && !flagged
    // most lists are the whole table: nothing to filter, nothing to keep
    const inItsOrder = query.sort.length === 0 && listOrder === 'id'
    if (within === null && query.filters.length === 0 && inItsOrder && !hides) return table.ordered
    const salt = unstableTies && query.sort.length > 0 ? query.page : 0
    const filters = query.filters.map(({ name, values }) => [name, values])
    const switched = [dateFilter, listOrder, activeDefault, emptyFilterValue]
    const key = JSON.stringify([model.type, within?.key ?? null, filters, query.sort, switched, salt])
    const stamp = within === null ? String(table.version) : `all ${String(deps.records.version)}`
    const held = cache.get(key)
    if (held?.stamp === stamp) return held.recs
    let recs = candidates(deps.records, model, query, within?.recs ?? table.ordered)
    for (const wanted of query.filters) recs = recs.filter(matcher(model, wanted, deps.switches))
    const { hidesWhen } = model
    if (hides && hidesWhen !== null) {
      const { attribute, is } = hidesWhen
      const shown = (flag: unknown): boolean => (activeDefault === 'active' ? flag === !is : flag !== is)
      recs = recs.filter((rec) => shown(rec.attributes[attribute]))
    }
    if (query.sort.length > 0) recs = [...recs].sort(comparator(model, query.sort, deps.seed + salt))
    else if (listOrder === 'newest-first') recs = [...recs].sort((a, b) => inOrder(b, a))
    else if (listOrder === 'grouped') recs = [...recs].sort(activeFirst)
    else if (listOrder === 'shuffled') recs = [...recs].sort(shuffled(deps.seed))
    cache.delete(key)
    cache.set(key, { stamp, recs })
    if (cache.size > kept)
      for (const oldest of cache.keys()) {
        cache.delete(oldest)
        break
      }
    return recs
  }
}

/** An index answers `filter[project]=…` and `filter[id]=…` without a walk over the whole table. */
function candidates(records: Records, model: Model, query: Query, recs: readonly Rec[]): readonly Rec[] {
  const whole = records.table(model.type)?.ordered
  if (recs !== whole) return recs
  const link = query.filters.find(({ filter }) => filter.kind === 'linked')
  if (link !== undefined) {
    const found = new Set(link.values.flatMap((id) => records.referring(model.type, link.filter.on, id)))
    return [...found].sort(inOrder)
  }
  const ids = query.filters.find(({ name }) => name === 'id')
  if (ids === undefined) return recs
  const found = new Set(ids.values.map((id) => records.get(model.type, id)).filter((rec) => rec !== undefined))
  return [...found].sort(inOrder)
}

function matcher(
  model: Model,
  { filter, values }: Wanted,
  { dateFilter, emptyFilterValue }: Switches,
): (rec: Rec) => boolean {
  const { on } = filter
  if (on === 'id') {
    const ids = new Set(values)
    return (rec) => ids.has(rec.id)
  }
  const lower = values.map((value) => value.toLowerCase())
  switch (filter.kind) {
    case 'linked': {
      const ids = new Set(values)
      return (rec) => ids.has(idOf(rec.toOne[on]) ?? '')
    }
    case 'contains':
      return (rec) => {
        const text = textOf(rec.attributes[on]).toLowerCase()
        return lower.some((value) => text.includes(value))
      }
    case 'words':
      return (rec) => {
        const text = `${textOf(rec.attributes[on])} ${textOf(rec.attributes['client-name'])}`.toLowerCase()
        return lower.some((value) => text.includes(value))
      }
    case 'has-tag':
      return (rec) => {
        const held = rec.attributes[on]
        return Array.isArray(held) && held.some((tag) => values.includes(String(tag)))
      }
    case 'after-day': {
      if (dateFilter === 'ignored') return () => true
      // by day (API notes §4): a record changed on the named day is in
      const day = (values[0] ?? '').slice(0, 10)
      return (rec) => textOf(rec.attributes[on]).slice(0, 10) >= day && rec.attributes[on] !== null
    }
    case 'flag':
    case 'equals': {
      const exact = model.attributes[on]?.kind === 'boolean' ? new Set(lower) : new Set(values)
      if (emptyFilterValue === 'nothing') exact.delete('')
      return (rec) => exact.has(textOf(rec.attributes[on]))
    }
  }
}

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : value === null || value === undefined ? '' : JSON.stringify(value)

const numeric = new Set<Kind>(['decimal', 'integer', 'number'])

/** Postgres' order: null last going up, first going down; ties in no meaningful order (API notes §12). */
function comparator(model: Model, sort: Query['sort'], salt: number): (a: Rec, b: Rec) => number {
  return (a, b) => {
    for (const { name, down } of sort) {
      const order =
        name === 'id' ? inOrder(a, b) : compare(a.attributes[name], b.attributes[name], model.attributes[name]?.kind)
      if (order !== 0) return down ? -order : order
    }
    return scramble(a.rank, salt) - scramble(b.rank, salt)
  }
}

const activeFirst = (a: Rec, b: Rec): number => Number(isActive(b)) - Number(isActive(a)) || inOrder(a, b)

/** what has no such attribute is never archived */
const isActive = (rec: Rec): boolean => rec.attributes['active'] !== false

const shuffled =
  (seed: number) =>
  (a: Rec, b: Rec): number =>
    scramble(a.rank, seed) - scramble(b.rank, seed) || inOrder(a, b)

function compare(a: unknown, b: unknown, kind: Kind | undefined): number {
  const noA = a === null || a === undefined
  const noB = b === null || b === undefined
  if (noA || noB) return noA && noB ? 0 : noA ? 1 : -1
  if (kind !== undefined && numeric.has(kind)) return Number(a) - Number(b)
  const left = textOf(a)
  const right = textOf(b)
  return left < right ? -1 : left > right ? 1 : 0
}
