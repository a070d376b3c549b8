/** Documents of a list, of one record and of a linkage, with included records, counts and links. */
import type { Model } from '../model/model.ts'
import type { Rec, Records } from '../records/records.ts'
import type { Switches } from '../switches.ts'
import { relatedRecords, type Documents } from './documents.ts'
import type { ListPage } from './paging.ts'
import type { IncludeTree, Query } from './query.ts'
import { permissions } from './templates.ts'

interface Deps {
  readonly records: Records
  readonly documents: Documents
  readonly switches: Switches
}

interface Included {
  readonly recs: ReadonlyMap<string, Rec>
  /** the relationships that carry linkage, by type of the included record */
  readonly linked: ReadonlyMap<string, readonly string[]>
}

function includedOf(deps: Deps, query: Query, primary: readonly Rec[]): Included {
  const found = new Map<string, Rec>()
  const linked = new Map<string, string[]>()
  const own = new Set(primary)
  const walk = (recs: readonly Rec[], tree: IncludeTree): void => {
    for (const [name, below] of tree) {
      const next = recs.flatMap((rec) => relatedRecords(deps.records, deps.documents.linkage(rec, name)))
      for (const rec of next) {
        if (!own.has(rec)) found.set(`${rec.type} ${rec.id}`, rec)
        const names = linked.get(rec.type) ?? []
        for (const inner of below.keys()) if (!names.includes(inner)) names.push(inner)
        linked.set(rec.type, names)
      }
      if (below.size > 0) walk([...new Set(next)], below)
    }
  }
  walk(primary, query.include)
  return { recs: found, linked }
}

function addIncluded(deps: Deps, query: Query, primary: readonly Rec[], parts: Buffer[]): void {
  if (query.include.size === 0) return
  const { recs, linked } = includedOf(deps, query, primary)
  const linkedOf = (rec: Rec): readonly string[] => {
    const names = linked.get(rec.type) ?? []
    return deps.switches.nestedNulls === 'told' ? names : names.filter((name) => !isEmpty(deps, rec, name))
  }
  parts.push(
    Buffer.from(',"included":['),
    ...deps.documents.serialize([...recs.values()], linkedOf, query.fields),
    Buffer.from(']'),
  )
}

function isEmpty({ documents }: Deps, rec: Rec, name: string): boolean {
  const linkage = documents.linkage(rec, name)
  return linkage === null || (Array.isArray(linkage) && linkage.length === 0)
}

/** The relationships of the primary records that carry linkage. */
function topLinks({ records, switches }: Deps, { include, fields }: Query): (rec: Rec) => readonly string[] {
  const names = [...include.keys()]
  if (switches.sparseFields !== 'unlinked' || fields.size === 0) return () => names
  return ({ type }) => {
    const model = records.table(type)?.model
    return names.filter((name) => !fields.has((model?.toOne[name] ?? model?.toMany[name])?.type ?? ''))
  }
}

export function listDocument(
  deps: Deps,
  { query, recs, paged }: ListPage,
  address: string,
  params: URLSearchParams,
): Buffer[] {
  const from = (query.page - 1) * query.size
  const isReordered = deps.switches.sparseFields === 'reordered' && query.fields.size > 0
  const shown = (isReordered ? recs.toReversed() : recs).slice(from, from + query.size)
  const data = deps.documents.serialize(shown, topLinks(deps, query), query.fields)
  const parts = [Buffer.from('{"data":['), ...data, Buffer.from(']')]
  addIncluded(deps, query, shown, parts)
  if (!paged) {
    parts.push(Buffer.from(`,"meta":${JSON.stringify({ 'record-count': recs.length, permissions })}}`))
    return parts
  }
  const pages = Math.ceil(recs.length / query.size)
  const meta = { 'record-count': recs.length, 'page-count': pages, permissions }
  const links = pageLinks(query, pages, address, params)
  parts.push(Buffer.from(`,"meta":${JSON.stringify(meta)},"links":${JSON.stringify(links)}}`))
  return parts
}

/** `last` of an empty list is page 1; a page past the end still has a `prev` that leads to no page (API notes §3, §12). */
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
  const parts = [Buffer.from('{"data":'), ...deps.documents.serialize([rec], () => top, query.fields)]
  addIncluded(deps, query, [rec], parts)
  parts.push(Buffer.from('}'))
  return parts
}

export function linkageDocument(deps: Deps, model: Model, rec: Rec, name: string): Buffer {
  const self = deps.documents.address(`/${model.type}/${encodeURIComponent(rec.id)}`)
  const links = { self: `${self}/relationships/${name}`, related: `${self}/${name}` }
  return Buffer.from(`{"links":${JSON.stringify(links)},"data":${deps.documents.linkageText(rec, name)}}`)
}
