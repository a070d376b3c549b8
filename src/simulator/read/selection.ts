/** Which records a list shows, and in which order. A selection is kept until a record of the type changes. */
import type { Kind, Model } from '../model/model.ts'
import { scramble } from '../records/random.ts'
import { compareIds, idOf, type Rec, type Records } from '../records/records.ts'
import type { Switches } from '../switches.ts'
import type { AppliedFilter, Query } from './query.ts'

/** The records of a list, in its order; `within`: those of a nested list. */
export type Selection = (model: Model, query: Query, within: Within | null) => readonly Rec[]

interface Within {
  readonly key: string
  readonly recs: readonly Rec[]
}

interface Deps {
  readonly records: Records
  readonly switches: Switches
  readonly seed: number
}

export function createSelection(deps: Deps): Selection {
  const cached = createCache()

  return (model, query, within) => {
    const table = deps.records.table(model.type)
    if (table === undefined) return []
    const visible = visibilityOf(model, query, deps.switches)
    const order = orderOf(model, query, deps)
    // most lists are the complete table in its own order: no filter, no need of the cache
    if (within === null && query.filters.length === 0 && visible === null && order === null) return table.ordered

    const select = (): readonly Rec[] => {
      const predicates = query.filters.map((filter) => matcher(model, filter, deps.switches))
      if (visible !== null) predicates.push(visible)
      const from = candidates(deps.records, model, query, within?.recs ?? table.ordered)
      const found = predicates.reduce((left, fits) => left.filter(fits), from)
      return order === null ? found : [...found].sort(order)
    }
    const version = within === null ? String(table.version) : `all ${String(deps.records.version)}`
    return cached(keyOf(model, query, within, deps.switches), version, select)
  }
}

/** Enough for every list that a worker reads at once; one entry of a million records is 8 MB of references. */
const cacheSize = 24

function createCache(): (key: string, version: string, select: () => readonly Rec[]) => readonly Rec[] {
  const cache = new Map<string, { readonly version: string; readonly recs: readonly Rec[] }>()
  return (key, version, select) => {
    const cached = cache.get(key)
    if (cached?.version === version) return cached.recs
    const recs = select()
    cache.delete(key)
    cache.set(key, { version, recs })
    if (cache.size > cacheSize) cache.delete([...cache.keys()][0] ?? '')
    return recs
  }
}

function keyOf(model: Model, { filters, sort, page }: Query, within: Within | null, switches: Switches): string {
  const { dateFilter, listOrder, activeDefault, emptyFilterValue } = switches
  const values = filters.map((filter) => [filter.name, filter.values])
  const switched = [dateFilter, listOrder, activeDefault, emptyFilterValue]
  const salt = saltOf(sort, page, switches)
  return JSON.stringify([model.type, within?.key ?? null, values, sort, switched, salt])
}

/** Ties change places from page to page. */
const saltOf = (sort: Query['sort'], page: number, { unstableTies }: Switches): number =>
  unstableTies && sort.length > 0 ? page : 0

/** Whether the list shows a record that no filter concerns; null: it shows all. */
function visibilityOf({ hidesWhen }: Model, { filters }: Query, { activeDefault }: Switches): Predicate | null {
  if (hidesWhen === null || activeDefault === 'all') return null
  const { attribute, is } = hidesWhen
  if (filters.some(({ name }) => name === attribute)) return null
  return activeDefault === 'active'
    ? (rec) => rec.attributes[attribute] === !is
    : (rec) => rec.attributes[attribute] !== is
}

type Predicate = (rec: Rec) => boolean
type Order = (a: Rec, b: Rec) => number

/** null: the order of the table, by id. */
function orderOf(model: Model, { sort, page }: Query, { switches, seed }: Deps): Order | null {
  if (sort.length > 0) return comparator(model, sort, seed + saltOf(sort, page, switches))
  switch (switches.listOrder) {
    case 'id':
      return null
    case 'newest-first':
      return (a, b) => compareIds(b, a)
    case 'grouped':
      return activeFirst
    case 'shuffled':
      return shuffled(seed)
  }
}

/** An index gives the records of `filter[project]=…` and `filter[id]=…` without a scan of the table. */
function candidates(records: Records, model: Model, query: Query, recs: readonly Rec[]): readonly Rec[] {
  if (recs !== records.table(model.type)?.ordered) return recs
  const link = query.filters.find(({ filter }) => filter.kind === 'linked')
  if (link !== undefined) {
    const linked = new Set(link.values.flatMap((id) => records.referring(model.type, link.filter.on, id)))
    return [...linked].sort(compareIds)
  }
  const ids = query.filters.find(({ name }) => name === 'id')
  if (ids === undefined) return recs
  const found = new Set(ids.values.map((id) => records.get(model.type, id)).filter((rec) => rec !== undefined))
  return [...found].sort(compareIds)
}

function matcher(
  model: Model,
  { filter, values }: AppliedFilter,
  { dateFilter, emptyFilterValue }: Switches,
): Predicate {
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
        const tags = rec.attributes[on]
        return Array.isArray(tags) && tags.some((tag) => values.includes(String(tag)))
      }
    case 'after-day': {
      if (dateFilter === 'ignored') return () => true
      // by day (API notes §4): a record that changed on the given day matches
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
function comparator(model: Model, sort: Query['sort'], salt: number): Order {
  return (a, b) => {
    for (const { name, down } of sort) {
      const order =
        name === 'id' ? compareIds(a, b) : compare(a.attributes[name], b.attributes[name], model.attributes[name]?.kind)
      if (order !== 0) return down ? -order : order
    }
    return scramble(a.rank, salt) - scramble(b.rank, salt)
  }
}

const activeFirst: Order = (a, b) => Number(isActive(b)) - Number(isActive(a)) || compareIds(a, b)

/** a record without the attribute is never archived */
const isActive = (rec: Rec): boolean => rec.attributes['active'] !== false

const shuffled =
  (seed: number): Order =>
  (a, b) =>
    scramble(a.rank, seed) - scramble(b.rank, seed) || compareIds(a, b)

function compare(a: unknown, b: unknown, kind: Kind | undefined): number {
  const noA = a === null || a === undefined
  const noB = b === null || b === undefined
  if (noA || noB) return noA && noB ? 0 : noA ? 1 : -1
  if (kind !== undefined && numeric.has(kind)) return Number(a) - Number(b)
  const left = textOf(a)
  const right = textOf(b)
  return left < right ? -1 : left > right ? 1 : 0
}
