import type { Model } from '../model/model.ts'
import { inOrder, type Link, type Linkage, type Memo, type Rec, type Records } from '../records/records.ts'
import { createSigner } from '../records/signing.ts'
import type { Switches } from '../switches.ts'
import { createTemplates } from './templates.ts'

/** The address of one account's API, as it stands in links. */
export interface Place {
  readonly origin: string
  readonly slug: string
}

export type Fieldsets = ReadonlyMap<string, ReadonlySet<string>>

export interface Documents {
  /** the JSON of resource objects, with the commas between them */
  pieces(recs: readonly Rec[], linkedOf: (rec: Rec) => readonly string[], fields: Fieldsets): Buffer[]
  /** what a relationship holds: null for an empty to-one */
  linkage(rec: Rec, name: string): Link | null | Link[]
  /** the same as it is sent */
  linkageText(rec: Rec, name: string): string
  address(path: string): string
  /** how many addresses were signed so far: a body that has some is new each time */
  signed(): number
}

export function createDocuments(deps: { records: Records; place: () => Place; switches: Switches }): Documents {
  const { records, switches } = deps

  // "By default the library's links lose the account segment" (API notes §12)
  const address = (path: string): string => {
    const { origin, slug } = deps.place()
    const found = path.replace(/^\/lines-of-business(?=\/|$)/, `/${switches.lobPath}`)
    return switches.linksWithAccount ? `${origin}/${slug}/v1${found}` : `${origin}/v1${found}`
  }

  function linkage(rec: Rec, name: string): Link | null | Link[] {
    const model = modelOf(rec)
    const toOne = model.toOne[name]
    if (toOne !== undefined) {
      // the account is the same for all, so it is not stored; its linkage id is the slug (API notes §2)
      const held = rec.toOne[name] ?? (toOne.type === 'accounts' && !(name in rec.toOne) ? deps.place().slug : null)
      return toLink(toOne.type, held)
    }
    const toMany = model.toMany[name]
    if (toMany === undefined) return []
    const planted = rec.toMany?.[name]
    if (planted !== undefined || toMany.via === null) return (planted ?? []).map((id) => ({ type: toMany.type, id }))
    return records.referring(toMany.type, toMany.via, rec.id).map(({ type, id }) => ({ type, id }))
  }

  function modelOf(rec: Rec): Model {
    const table = records.table(rec.type)
    if (table === undefined) throw new RangeError(`no resource is called ${rec.type}`)
    return table.model
  }

  const spelled = (type: string): string => (type === 'lines-of-business' ? switches.lobType : type)

  function linkageText(rec: Rec, name: string): string {
    const held = linkage(rec, name)
    if (switches.lobType === 'lines-of-business') return JSON.stringify(held)
    const sent = (link: Link): Link => ({ type: spelled(link.type), id: link.id })
    return JSON.stringify(held === null ? null : Array.isArray(held) ? held.map(sent) : sent(held))
  }

  const templates = createTemplates(address, spelled)
  const signer = createSigner()

  function shown(rec: Rec, fields: ReadonlySet<string> | null, withheld: readonly string[]): Rec['attributes'] {
    const own = fields === null ? rec.attributes : only(rec.attributes, fields)
    const left = withheld.length === 0 ? own : only(own, new Set(Object.keys(own)).difference(new Set(withheld)))
    return switches.signedAddresses ? signer.sign(left) : left
  }

  function write(
    rec: Rec,
    model: Model,
    linked: readonly string[],
    fields: ReadonlySet<string> | null,
    shape: string,
  ): string {
    const { linksWithAccount, lobPath, lobType, withheldRelationships, withheldAttributes } = switches
    const hidden = withheldRelationships[rec.type] ?? []
    const key = `${shape} ${String(linksWithAccount)} ${lobPath} ${lobType} ${hidden.join(',')}`
    const template = templates(model, linked, fields, hidden, key)
    const id = encodeURIComponent(rec.id)
    const attributes = shown(rec, fields, withheldAttributes[rec.type] ?? [])
    let text = `{"id":${JSON.stringify(rec.id)}${template.head.join(id)}${JSON.stringify(attributes)}`
    for (const { run, name } of template.relationships) {
      text += run.join(id)
      if (name !== null) text += linkageText(rec, name)
    }
    return text + template.tail
  }

  /** Adjacent records of one buffer leave as one stretch: a page asked for twice is one piece, and nothing is copied. */
  function pieces(recs: readonly Rec[], linkedOf: (rec: Rec) => readonly string[], query: Fieldsets): Buffer[] {
    const memos: (Memo | null)[] = []
    const fresh: { at: number; text: string; size: number; shape: string; stamp: number; kept: boolean }[] = []
    let size = 0
    for (const rec of recs) {
      const model = modelOf(rec)
      const linked = linkedOf(rec)
      const fields = query.get(rec.type) ?? null
      const shape = fields === null ? linked.join(',') : `${linked.join(',')}|${[...fields].join(',')}`
      // a to-many's linkage changes with other records: it is good for one version of all data only
      const stamp = linked.some((name) => model.toMany[name] !== undefined) ? records.version : 0
      const held = shape === '' ? rec.plain : rec.memo
      if (held !== null && held.shape === shape && held.stamp === stamp) memos.push(held)
      else {
        const signed = signer.count()
        const text = write(rec, model, linked, fields, shape)
        const bytes = Buffer.byteLength(text)
        const kept = signer.count() === signed
        fresh.push({ at: memos.length, text, size: bytes, shape, stamp, kept })
        memos.push(null)
        size += bytes + 1
      }
    }
    const buffer = Buffer.allocUnsafeSlow(size)
    let from = 0
    for (const { at, text, size: bytes, shape, stamp, kept } of fresh) {
      buffer.write(text, from)
      buffer.write(',', from + bytes)
      const memo = { shape, stamp, buffer, from, to: from + bytes }
      from = memo.to + 1
      memos[at] = memo
      const rec = recs[at]
      if (rec === undefined || !kept) continue
      if (shape === '') rec.plain = memo
      else rec.memo = memo
    }
    return stretches(memos)
  }

  return { pieces, linkage, linkageText, address, signed: () => signer.count() }
}

function stretches(memos: readonly (Memo | null)[]): Buffer[] {
  const parts: Buffer[] = []
  let open: { buffer: Buffer; from: number; to: number } | null = null
  for (const memo of memos) {
    if (memo === null) continue
    if (open !== null && open.buffer === memo.buffer && open.to + 1 === memo.from) open.to = memo.to
    else {
      if (open !== null) parts.push(open.buffer.subarray(open.from, open.to), comma)
      open = { buffer: memo.buffer, from: memo.from, to: memo.to }
    }
  }
  if (open !== null) parts.push(open.buffer.subarray(open.from, open.to))
  return parts
}

const comma = Buffer.from(',')

function toLink(type: string, held: Linkage): Link | null {
  if (held === null) return null
  return typeof held === 'string' ? { type, id: held } : { type: held.type, id: held.id }
}

function only(attributes: Rec['attributes'], fields: ReadonlySet<string>): Rec['attributes'] {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => fields.has(name)))
}

/** Records a relationship reaches; links to what does not exist are skipped, as a join would. */
export function reached(records: Records, linkage: Link | null | Link[]): Rec[] {
  const links = linkage === null ? [] : Array.isArray(linkage) ? linkage : [linkage]
  const found: Rec[] = []
  for (const link of links) {
    const rec = records.at(link)
    if (rec !== undefined) found.push(rec)
  }
  return found.sort(inOrder)
}
