import { joined, permissions, reached } from './documents.ts'
import type { Documents } from './documents.ts'
import type { Model } from './model/model.ts'
import type { IncludeTree, Query } from './query.ts'
import type { Rec, Records } from './records.ts'

type Deps = { readonly records: Records; readonly documents: Documents }

/** Named relationships and sparse fields per type: what decides a resource object's shape in one answer. */
type Shapes = { readonly top: readonly string[]; readonly byType: ReadonlyMap<string, readonly string[]> }

function included(deps: Deps, query: Query, primary: readonly Rec[]): { found: Map<string, Rec>; shapes: Shapes } {
  const found = new Map<string, Rec>()
  const byType = new Map<string, string[]>()
  const own = new Set(primary)
  const walk = (recs: readonly Rec[], tree: IncludeTree): void => {
    for (const [name, below] of tree) {
      const next: Rec[] = []
      for (const rec of recs) next.push(...reached(deps.records, deps.documents.linkage(rec, name)))
      for (const rec of next) {
        if (!own.has(rec)) found.set(`${rec.type} ${rec.id}`, rec)
        const names = byType.get(rec.type) ?? []
        for (const inner of below.keys()) if (!names.includes(inner)) names.push(inner)
        byType.set(rec.type, names)
      }
      if (below.size > 0) walk([...new Set(next)], below)
    }
  }
  walk(primary, query.include)
  return { found, shapes: { top: [...query.include.keys()], byType } }
}

function objects(
  deps: Deps,
  query: Query,
  recs: Iterable<Rec>,
  linked: (rec: Rec) => readonly string[],
  into: (Buffer | string)[],
): void {
  let first = true
  for (const rec of recs) {
    if (!first) into.push(comma)
    first = false
    into.push(deps.documents.bytes(rec, linked(rec), query.fields.get(rec.type) ?? null))
  }
}

const comma = Buffer.from(',')

function withIncluded(deps: Deps, query: Query, primary: readonly Rec[], parts: (Buffer | string)[]): void {
  if (query.include.size === 0) return
  const { found, shapes } = included(deps, query, primary)
  parts.push(',"included":[')
  objects(deps, query, found.values(), (rec) => shapes.byType.get(rec.type) ?? [], parts)
  parts.push(']')
}

export function listDocument(
  deps: Deps,
  query: Query,
  recs: readonly Rec[],
  address: string,
  params: URLSearchParams,
): Buffer {
  const from = (query.page - 1) * query.size
  const shown = recs.slice(from, from + query.size)
  const top = [...query.include.keys()]
  const parts: (Buffer | string)[] = ['{"data":[']
  objects(deps, query, shown, () => top, parts)
  parts.push(']')
  withIncluded(deps, query, shown, parts)
  const pages = Math.ceil(recs.length / query.size)
  const meta = { 'record-count': recs.length, 'page-count': pages, permissions }
  parts.push(`,"meta":${JSON.stringify(meta)},"links":${JSON.stringify(pageLinks(query, pages, address, params))}}`)
  return joined(parts)
}

/** `last` of an empty list is page 1; a page past the end still has a `prev` that points at nothing (API notes §3, §12). */
function pageLinks(query: Query, pages: number, address: string, params: URLSearchParams): Record<string, string> {
  const others = [...params].filter(([key]) => key !== 'page' && !key.startsWith('page['))
  const to = (page: number): string => {
    const all = [...others, ['page[number]', String(page)], ['page[size]', String(query.size)]]
    return `${address}?${all.map(([key, value]) => `${encodeURIComponent(key ?? '')}=${encodeURIComponent(value ?? '')}`).join('&')}`
  }
  const links: Record<string, string> = { first: to(1) }
  if (query.page > 1) links['prev'] = to(query.page - 1)
  if (query.page < pages) links['next'] = to(query.page + 1)
  links['last'] = to(Math.max(pages, 1))
  return links
}

export function singleDocument(deps: Deps, query: Query, rec: Rec | null): Buffer {
  if (rec === null) return Buffer.from('{"data":null}')
  const parts: (Buffer | string)[] = ['{"data":']
  objects(deps, query, [rec], () => [...query.include.keys()], parts)
  withIncluded(deps, query, [rec], parts)
  parts.push('}')
  return joined(parts)
}

export function linkageDocument(deps: Deps, model: Model, rec: Rec, name: string): Buffer {
  const self = deps.documents.address(`/${model.type}/${encodeURIComponent(rec.id)}`)
  const links = { self: `${self}/relationships/${name}`, related: `${self}/${name}` }
  return Buffer.from(JSON.stringify({ links, data: deps.documents.linkage(rec, name) }))
}
