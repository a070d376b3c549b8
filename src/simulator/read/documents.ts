/**
 * Turns records into JSON:API documents. The JSON of a record is kept from page to page: large accounts are served from memory
 * at the speed of a copy.
 */
import type { Model } from '../model/model.ts'
import { compareIds, type CachedJson, type Link, type Linkage, type Rec, type Records } from '../records/records.ts'
import { createSigner, type Signer } from '../records/signing.ts'
import type { Switches } from '../switches.ts'
import { createTemplates, type Templates } from './templates.ts'

/** The base of one account's API, as links have it. */
export interface ApiBase {
  readonly origin: string
  readonly slug: string
}

export type Fieldsets = ReadonlyMap<string, ReadonlySet<string>>

export interface Documents {
  /** the JSON of resource objects, with the commas between them */
  serialize(recs: readonly Rec[], linkedOf: (rec: Rec) => readonly string[], fields: Fieldsets): Buffer[]
  /** the targets of a relationship: null for an empty to-one */
  linkage(rec: Rec, name: string): Link | null | Link[]
  /** the same as it is sent */
  linkageText(rec: Rec, name: string): string
  address(path: string): string
  /** how many addresses were signed so far: a body that has some is new each time */
  signed(): number
}

interface Deps {
  readonly records: Records
  readonly apiBase: () => ApiBase
  readonly switches: Switches
}

interface Serializer extends Deps {
  readonly templates: Templates
  readonly signer: Signer
}

export function createDocuments(deps: Deps): Documents {
  const { apiBase, switches } = deps

  // "By default the library's links lose the account segment" (API notes §12)
  const address = (path: string): string => {
    const { origin, slug } = apiBase()
    const spelled = path.replace(/^\/lines-of-business(?=\/|$)/, `/${switches.lobPath}`)
    return switches.linksWithAccount ? `${origin}/${slug}/v1${spelled}` : `${origin}/v1${spelled}`
  }

  const signer = createSigner()
  const templates = createTemplates(address, (type) => typeName(switches, type))
  const serializer = { ...deps, templates, signer }
  return {
    serialize: (recs, linkedOf, fields) => serialize(serializer, recs, linkedOf, fields),
    linkage: (rec, name) => linkageOf(deps, rec, name),
    linkageText: (rec, name) => linkageText(deps, rec, name),
    address,
    signed: () => signer.count(),
  }
}

function modelOf(records: Records, rec: Rec): Model {
  const table = records.table(rec.type)
  if (table === undefined) throw new RangeError(`no resource is called ${rec.type}`)
  return table.model
}

function linkageOf({ records, apiBase }: Deps, rec: Rec, name: string): Link | null | Link[] {
  const model = modelOf(records, rec)
  const toOne = model.toOne[name]
  if (toOne !== undefined) {
    // the account is the same for all, so it is not stored; its linkage id is the slug (API notes §2)
    const isAccount = toOne.type === 'accounts' && !(name in rec.toOne)
    return toLink(toOne.type, rec.toOne[name] ?? (isAccount ? apiBase().slug : null))
  }
  const toMany = model.toMany[name]
  if (toMany === undefined) return []
  const stored = rec.toMany?.[name]
  if (stored !== undefined || toMany.via === null) return (stored ?? []).map((id) => ({ type: toMany.type, id }))
  return records.referring(toMany.type, toMany.via, rec.id).map(({ type, id }) => ({ type, id }))
}

function toLink(type: string, linkage: Linkage): Link | null {
  if (linkage === null) return null
  return typeof linkage === 'string' ? { type, id: linkage } : { type: linkage.type, id: linkage.id }
}

const typeName = ({ lobType }: Switches, type: string): string => (type === 'lines-of-business' ? lobType : type)

function linkageText(deps: Deps, rec: Rec, name: string): string {
  const linkage = linkageOf(deps, rec, name)
  if (deps.switches.lobType === 'lines-of-business') return JSON.stringify(linkage)
  const spelled = (link: Link): Link => ({ type: typeName(deps.switches, link.type), id: link.id })
  return JSON.stringify(linkage === null ? null : Array.isArray(linkage) ? linkage.map(spelled) : spelled(linkage))
}

/** What the JSON of one record depends on, beside the record. */
interface Shape {
  readonly model: Model
  /** the relationships with linkage */
  readonly linked: readonly string[]
  readonly fields: ReadonlySet<string> | null
  /** both as a key of the cache; empty: neither */
  readonly key: string
  /** the version of all data for which the JSON is valid; 0: for any */
  readonly version: number
}

function shapeOf({ records }: Deps, rec: Rec, linked: readonly string[], fieldsets: Fieldsets): Shape {
  const model = modelOf(records, rec)
  const fields = fieldsets.get(rec.type) ?? null
  const key = fields === null ? linked.join(',') : `${linked.join(',')}|${[...fields].join(',')}`
  // the linkage of a to-many changes with other records
  const version = linked.some((name) => model.toMany[name] !== undefined) ? records.version : 0
  return { model, linked, fields, key, version }
}

interface Fresh {
  readonly at: number
  readonly shape: Shape
  readonly text: string
  readonly bytes: number
  /** not of a record with signed addresses: they differ in each response */
  readonly cacheable: boolean
}

/** A record that is cached is sent from the buffer it was written into; all that are not are written into one new buffer. */
function serialize(
  deps: Serializer,
  recs: readonly Rec[],
  linkedOf: (rec: Rec) => readonly string[],
  fieldsets: Fieldsets,
): Buffer[] {
  const slices: (CachedJson | null)[] = []
  const fresh: Fresh[] = []
  for (const rec of recs) {
    const shape = shapeOf(deps, rec, linkedOf(rec), fieldsets)
    const cached = shape.key === '' ? rec.plain : rec.cached
    if (cached !== null && cached.shape === shape.key && cached.version === shape.version) slices.push(cached)
    else {
      fresh.push(write(deps, rec, shape, slices.length))
      slices.push(null)
    }
  }
  fill(recs, slices, fresh)
  return joined(slices)
}

function write(deps: Serializer, rec: Rec, shape: Shape, at: number): Fresh {
  const signed = deps.signer.count()
  const text = textOf(deps, rec, shape)
  return { at, shape, text, bytes: Buffer.byteLength(text), cacheable: deps.signer.count() === signed }
}

function textOf(deps: Serializer, rec: Rec, { model, linked, fields, key }: Shape): string {
  const { linksWithAccount, lobPath, lobType, withheldRelationships, withheldAttributes, signedAddresses } =
    deps.switches
  const hidden = withheldRelationships[rec.type] ?? []
  const templateKey = `${key} ${String(linksWithAccount)} ${lobPath} ${lobType} ${hidden.join(',')}`
  const template = deps.templates(model, linked, fields, hidden, templateKey)
  const id = encodeURIComponent(rec.id)
  const shown = shownAttributes(rec, fields, withheldAttributes[rec.type] ?? [])
  const attributes = signedAddresses ? deps.signer.sign(shown) : shown
  let text = `{"id":${JSON.stringify(rec.id)}${template.head.join(id)}${JSON.stringify(attributes)}`
  for (const { run, name } of template.relationships) {
    text += run.join(id)
    if (name !== null) text += linkageText(deps, rec, name)
  }
  return text + template.tail
}

function shownAttributes(
  { attributes }: Rec,
  fields: ReadonlySet<string> | null,
  withheld: readonly string[],
): Rec['attributes'] {
  if (fields === null && withheld.length === 0) return attributes
  return Object.fromEntries(
    Object.entries(attributes).filter(([name]) => (fields === null || fields.has(name)) && !withheld.includes(name)),
  )
}

/** Writes the fresh texts into one buffer, with a comma behind each, and caches where they are. */
function fill(recs: readonly Rec[], slices: (CachedJson | null)[], fresh: readonly Fresh[]): void {
  const buffer = Buffer.allocUnsafeSlow(fresh.reduce((sum, { bytes }) => sum + bytes + 1, 0))
  let from = 0
  for (const { at, shape, text, bytes, cacheable } of fresh) {
    const to = from + bytes
    buffer.write(text, from)
    buffer.write(',', to)
    const slice = { shape: shape.key, version: shape.version, buffer, from, to }
    from = to + 1
    slices[at] = slice
    const rec = recs[at]
    if (rec === undefined || !cacheable) continue
    if (shape.key === '') rec.plain = slice
    else rec.cached = slice
  }
}

const comma = Buffer.from(',')

/** Adjacent slices of one buffer become one piece: a page that is requested twice is one piece, and nothing is copied. */
function joined(slices: readonly (CachedJson | null)[]): Buffer[] {
  const pieces: Buffer[] = []
  let open: { buffer: Buffer; from: number; to: number } | null = null
  for (const slice of slices) {
    if (slice === null) continue
    if (open !== null && open.buffer === slice.buffer && open.to + 1 === slice.from) open.to = slice.to
    else {
      if (open !== null) pieces.push(open.buffer.subarray(open.from, open.to), comma)
      open = { buffer: slice.buffer, from: slice.from, to: slice.to }
    }
  }
  if (open !== null) pieces.push(open.buffer.subarray(open.from, open.to))
  return pieces
}

/** The targets of a relationship that exist, as a join gives them. */
export function relatedRecords(records: Records, linkage: Link | null | Link[]): Rec[] {
  const links = linkage === null ? [] : Array.isArray(linkage) ? linkage : [linkage]
  const found: Rec[] = []
  for (const link of links) {
    const rec = records.at(link)
    if (rec !== undefined) found.push(rec)
  }
  return found.sort(compareIds)
}
