import type { Model } from '../model/model.ts'
import type { Link, Rec, Records } from '../records/records.ts'
import type { Switches } from '../switches.ts'
import { reached, type Documents } from './documents.ts'
import type { Shown } from './paging.ts'
import type { IncludeTree, Query } from './query.ts'
import { permissions } from './templates.ts'

interface Deps {
  readonly records: Records
  readonly documents: Documents
  readonly switches: Switches
}

/** The relationships that carry linkage, by type of the included record. */
type Shapes = ReadonlyMap<string, readonly string[]>

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
  return { found, shapes: byType }
}

function withIncluded(deps: Deps, query: Query, primary: readonly Rec[], parts: Buffer[]): void {
  if (query.include.size === 0) return
  const { found, shapes } = included(deps, query, primary)
  const told = (rec: Rec): readonly string[] => {
    const names = shapes.get(rec.type) ?? []
    if (deps.switches.nestedNulls === 'told') return names
    return names.filter((name) => !isNobody(deps.documents.linkage(rec, name)))
  }
  parts.push(
    Buffer.from(',"included":['),
    ...deps.documents.pieces([...found.values()], told, query.fields),
    Buffer.from(']'),
  )
}

const isNobody = (held: Link | null | Link[]): boolean => held === null || (Array.isArray(held) && held.length === 0)

export function listDocument(
  deps: Deps,
  { query, recs, paged }: Shown,
  address: string,
  params: URLSearchParams,
): Buffer[] {
  const from = (query.page - 1) * query.size
  const shown = recs.slice(from, from + query.size)
  const top = [...query.include.keys()]
  const parts = [Buffer.from('{"data":['), ...deps.documents.pieces(shown, () => top, query.fields), Buffer.from(']')]
  withIncluded(deps, query, shown, parts)
  if (!paged) {
    parts.push(Buffer.from(`,"meta":${JSON.stringify({ 'record-count': recs.length, permissions })}}`))
    return parts
  }
  const pages = Math.ceil(recs.length / query.size)
  const meta = { 'record-count': recs.length, 'page-count': pages, permissions }
  parts.push(
    Buffer.from(`,"meta":${JSON.stringify(meta)},"links":${JSON.stringify(pageLinks(query, pages, address, params))}}`),
  )
  return parts
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

export function singleDocument(deps: Deps, query: Query, rec: Rec | null): Buffer[] {
  if (rec === null) return [Buffer.from('{"data":null}')]
  const top = [...query.include.keys()]
  const parts = [Buffer.from('{"data":'), ...deps.documents.pieces([rec], () => top, query.fields)]
  withIncluded(deps, query, [rec], parts)
  parts.push(Buffer.from('}'))
  return parts
}

export function linkageDocument(deps: Deps, model: Model, rec: Rec, name: string): Buffer {
  const self = deps.documents.address(`/${model.type}/${encodeURIComponent(rec.id)}`)
  const links = { self: `${self}/relationships/${name}`, related: `${self}/${name}` }
  return Buffer.from(`{"links":${JSON.stringify(links)},"data":${deps.documents.linkageText(rec, name)}}`)
}
