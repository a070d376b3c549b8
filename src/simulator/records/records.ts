/** The records in memory, by type, with the indexes that filters use. */
import type { Model } from '../model/model.ts'

export interface Link {
  readonly type: string
  readonly id: string
}
/** An id of the type the model names, or a whole link where a test stored another type. */
export type Linkage = string | Link | null

export type Fields = Record<string, unknown>

export interface Content {
  readonly attributes: Fields
  readonly toOne: Record<string, Linkage>
  /** only to-manys that have no to-one on the other side */
  readonly toMany?: Record<string, readonly string[]>
}

/** Attribute values are never changed in place: thousands of records share one `languages` object. */
export interface Rec {
  readonly type: string
  readonly id: string
  readonly rank: number
  attributes: Fields
  toOne: Record<string, Linkage>
  toMany: Record<string, readonly string[]> | null
  cached: CachedJson | null
  /** the same without any linkage: a project listed with includes is also included by its parts, at the same time */
  plain: CachedJson | null
}

/** A record's JSON is a slice of the buffer that was written for the page it first appeared on. */
export interface CachedJson {
  readonly shape: string
  readonly version: number
  readonly buffer: Buffer
  readonly from: number
  readonly to: number
}

export interface Table {
  readonly model: Model
  readonly byId: Map<string, Rec>
  readonly ordered: Rec[]
  version: number
  /** of all records that ever existed: the id of a deleted one is not used again */
  highestId: number
}

type Index = Map<string, Set<Rec>>

/** Ids are digits at ScopeStack; any other id that a test stores comes after them. */
const rankOf = (id: string): number => (/^\d{1,15}$/.test(id) ? Number(id) : Number.MAX_SAFE_INTEGER)

export function compareIds(a: Rec, b: Rec): number {
  if (a.rank !== b.rank) return a.rank - b.rank
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0
}

export const idOf = (linkage: Linkage | undefined): string | null =>
  linkage === undefined || linkage === null ? null : typeof linkage === 'string' ? linkage : linkage.id

export class Records {
  /** grows with every change; part of each ETag */
  version = 0
  readonly #tables = new Map<string, Table>()
  readonly #indexes = new Map<string, Index>()

  constructor(models: Iterable<Model>) {
    for (const model of models)
      this.#tables.set(model.type, { model, byId: new Map(), ordered: [], version: 0, highestId: 0 })
  }

  tables(): Iterable<Table> {
    return this.#tables.values()
  }

  table(type: string): Table | undefined {
    return this.#tables.get(type)
  }

  get(type: string, id: string): Rec | undefined {
    return this.#tables.get(type)?.byId.get(id)
  }

  at(link: Link): Rec | undefined {
    return this.get(link.type, link.id)
  }

  add(type: string, id: string, content: Content): Rec {
    const table = this.#tableOf(type)
    if (table.byId.has(id)) throw new RangeError(`${type} ${id} exists already`)
    const rec: Rec = {
      type: table.model.type,
      id,
      rank: rankOf(id),
      attributes: content.attributes,
      toOne: content.toOne,
      toMany: content.toMany ?? null,
      cached: null,
      plain: null,
    }
    if (rec.rank !== Number.MAX_SAFE_INTEGER) table.highestId = Math.max(table.highestId, rec.rank)
    table.byId.set(id, rec)
    insertInOrder(table.ordered, rec)
    this.#index(rec, 'in')
    this.#changed(table)
    return rec
  }

  update(rec: Rec, change: Partial<Content>): void {
    if (change.toOne !== undefined) this.#index(rec, 'out')
    if (change.attributes !== undefined) rec.attributes = { ...rec.attributes, ...change.attributes }
    if (change.toMany !== undefined) rec.toMany = { ...rec.toMany, ...change.toMany }
    if (change.toOne !== undefined) {
      rec.toOne = { ...rec.toOne, ...change.toOne }
      this.#index(rec, 'in')
    }
    rec.cached = null
    rec.plain = null
    this.#changed(this.#tableOf(rec.type))
  }

  remove(rec: Rec): void {
    const table = this.#tableOf(rec.type)
    table.byId.delete(rec.id)
    const at = table.ordered.indexOf(rec)
    if (at >= 0) table.ordered.splice(at, 1)
    this.#index(rec, 'out')
    this.#changed(table)
  }

  nextId = (type: string): string => String(this.#tableOf(type).highestId + 1)

  /** Records of `type` whose to-one `name` is `id`. The index is built at first use: most are never used, and each
   *  costs about 60 bytes a record. */
  referring(type: string, name: string, id: string): Rec[] {
    const key = `${type} ${name}`
    let index = this.#indexes.get(key)
    if (index === undefined) {
      index = new Map()
      this.#indexes.set(key, index)
      for (const rec of this.#tableOf(type).ordered) addToIndex(index, idOf(rec.toOne[name]), rec)
    }
    return [...(index.get(id) ?? [])].sort(compareIds)
  }

  clearCachedJson(): void {
    for (const { ordered } of this.#tables.values()) {
      for (const rec of ordered) {
        rec.cached = null
        rec.plain = null
      }
    }
    this.version += 1
  }

  #index(rec: Rec, direction: 'in' | 'out'): void {
    for (const [name, linkage] of Object.entries(rec.toOne)) {
      const index = this.#indexes.get(`${rec.type} ${name}`)
      if (index === undefined) continue
      const id = idOf(linkage)
      if (direction === 'in') addToIndex(index, id, rec)
      else if (id !== null) index.get(id)?.delete(rec)
    }
  }

  #changed(table: Table): void {
    table.version += 1
    this.version += 1
  }

  #tableOf(type: string): Table {
    const table = this.#tables.get(type)
    if (table === undefined) throw new RangeError(`no resource is called ${type}`)
    return table
  }
}

function addToIndex(index: Index, id: string | null, rec: Rec): void {
  if (id === null) return
  const set = index.get(id)
  if (set === undefined) index.set(id, new Set([rec]))
  else set.add(rec)
}

/** New ids are nearly always the highestId: an append, or a short walk back. */
function insertInOrder(ordered: Rec[], rec: Rec): void {
  let at = ordered.length
  while (at > 0) {
    const before = ordered[at - 1]
    if (before === undefined || compareIds(before, rec) <= 0) break
    at -= 1
  }
  if (at === ordered.length) ordered.push(rec)
  else ordered.splice(at, 0, rec)
}
