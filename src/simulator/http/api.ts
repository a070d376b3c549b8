import { hash } from 'node:crypto'
import { foreignAnswer } from '../control/foreign.ts'
import { Refusal, invalidFieldValue, notAcceptable, recordNotFound, unsupportedMedia } from '../errors.ts'
import { answer, nothing, type Answer, type Call } from '../exchange.ts'
import { isWritable, type Model } from '../model/model.ts'
import { meDocument } from '../oauth/me.ts'
import type { Tokens } from '../oauth/tokens.ts'
import type { Documents } from '../read/documents.ts'
import { linkageDocument, listDocument, singleDocument } from '../read/lists.ts'
import { checkWhole, shownOf } from '../read/paging.ts'
import { readQuery } from '../read/query.ts'
import type { Selection } from '../read/selection.ts'
import type { Rec } from '../records/records.ts'
import type { Route } from '../routes.ts'
import type { World } from '../world.ts'
import { act, begun } from '../write/actions.ts'
import type { Progress } from '../write/progress.ts'
import { createRecord, updateRecord } from '../write/writes.ts'

export type ApiDeps = World & {
  readonly models: ReadonlyMap<string, Model>
  readonly documents: Documents
  readonly select: Selection
  readonly tokens: Tokens
  readonly progress: Progress
  /** differs per started simulator, so that an ETag of another one never matches */
  readonly instance: string
}

const jsonApi = 'application/vnd.api+json'
const noQuery = new URLSearchParams()

export function answerApi(deps: ApiDeps, route: Route, call: Call): Answer {
  const { model, id } = route
  if (route.kind === 'none' || call.method === 'OPTIONS') throw new Refusal(404)
  const token = /^Bearer (\S+)$/i.exec(call.headers.authorization ?? '')?.[1]
  if (token === undefined || !deps.tokens.accepts(token)) throw new Refusal(401)
  const reads = call.method === 'GET' || call.method === 'HEAD'
  checkHeaders(call, reads, route)
  if (route.kind === 'me') {
    if (!reads) throw new Refusal(404)
    return tagged(deps, call, () => meDocument(deps))
  }
  if (model === null || route.slug !== deps.account.slug) throw new Refusal(404)
  const { forbidden, readOnly } = deps.switches
  if (forbidden.includes(model.type) || (route.listed !== null && forbidden.includes(route.listed)))
    throw new Refusal(403)
  if (!reads && readOnly.includes(model.type)) throw new Refusal(403)
  if (id === null && deps.switches.missingLists.includes(model.type)) throw new Refusal(404)
  if (id === null) return reads ? tagged(deps, call, list(deps, model, call, null)) : create(deps, model, call)
  if (reads && route.kind === 'record' && deps.switches.missingRecords.includes(model.type)) throw recordNotFound(id)
  const rec = find(deps, model, id)
  if (route.kind === 'record') return record(deps, model, rec, call, reads)
  const name = route.name ?? ''
  if (route.kind === 'linkage') {
    if (!reads || (model.toOne[name] ?? model.toMany[name]) === undefined) throw new Refusal(404)
    return tagged(deps, call, () => linkageDocument(deps, model, rec, name))
  }
  const acted = act(deps, rec, name, call.method === 'HEAD' ? { ...call, method: 'GET' } : call)
  if (acted === 'record') return answer(200, jsonApi, single(deps, model, rec, noQuery))
  return acted ?? related(deps, model, rec, name, call, reads)
}

/** 406 and 415 as the library answers them (API notes §6, §12); an upload is multipart. */
function checkHeaders(call: Call, reads: boolean, route: Route): void {
  const accept = call.headers.accept
  const fits = accept === undefined || accept.split(',').some((entry) => [jsonApi, '*/*'].includes(entry.trim()))
  if (!fits && route.name !== 'download') throw notAcceptable(accept)
  // the library compares the media type without its parameters
  const type = (call.headers['content-type'] ?? '').split(';')[0]?.trim() ?? ''
  const carries = ['POST', 'PATCH', 'PUT'].includes(call.method) && route.kind !== 'under'
  if (!reads && carries && type !== jsonApi) throw unsupportedMedia(type)
}

function find(deps: ApiDeps, model: Model, id: string): Rec {
  const rec = deps.records.get(model.type, id)
  if (rec !== undefined) return rec
  // "a non-numeric id is 400 code 103, not 404" (API notes §12)
  throw /^\d+$/.test(id) ? recordNotFound(id) : invalidFieldValue(id, 'id')
}

function record(deps: ApiDeps, model: Model, rec: Rec, call: Call, reads: boolean): Answer {
  if (reads) {
    deps.progress.poll(rec)
    checkWhole(deps.switches, model, rec, readQuery(deps, model, call.params))
    return tagged(deps, call, () => single(deps, model, rec, call.params))
  }
  if (!isWritable(model) || call.method === 'POST') throw new Refusal(404)
  // the query is checked before anything is written
  readQuery(deps, model, call.params)
  if (call.method === 'DELETE') {
    const foreign = foreignTo(deps, model, rec, call, 200)
    deps.changes.remove(rec)
    return foreign ?? answer(204, null, nothing)
  }
  const before = deps.switches.foreignWrites === 'stale' ? Buffer.concat(single(deps, model, rec, call.params)) : null
  updateRecord(deps, model, rec, call.body)
  if (before !== null) return answer(200, jsonApi, before)
  return foreignTo(deps, model, rec, call, 200) ?? answer(200, jsonApi, single(deps, model, rec, call.params))
}

function foreignTo(deps: ApiDeps, model: Model, rec: Rec, call: Call, status: number): Answer | null {
  const kind = deps.switches.foreignWrites
  if (kind === 'off') return null
  const bodyOf = (one: Rec): Buffer => Buffer.concat(single(deps, model, one, call.params))
  const other = deps.records.table(model.type)?.ordered.find((one) => one !== rec)
  return foreignAnswer(kind, status, bodyOf(rec), other === undefined ? null : bodyOf(other))
}

function create(deps: ApiDeps, model: Model, call: Call): Answer {
  if (call.method !== 'POST' || !isWritable(model)) throw new Refusal(404)
  readQuery(deps, model, call.params)
  const rec = createRecord(deps, model, call.body)
  begun(deps, rec)
  const foreign = foreignTo(deps, model, rec, call, 201)
  if (foreign !== null) return foreign
  const location = deps.documents.address(`/${model.type}/${rec.id}`)
  return answer(201, jsonApi, single(deps, model, rec, call.params), { Location: location })
}

function related(deps: ApiDeps, model: Model, rec: Rec, name: string, call: Call, reads: boolean): Answer {
  const target = model.toOne[name] ?? model.toMany[name]
  const of = target === undefined ? undefined : deps.models.get(target.type)
  if (!reads || of === undefined) throw new Refusal(404)
  if (model.toOne[name] === undefined) return tagged(deps, call, list(deps, of, call, { rec, name, parent: model }))
  const held = deps.documents.linkage(rec, name)
  const found = held === null || Array.isArray(held) ? null : (deps.records.at(held) ?? null)
  return tagged(deps, call, () => singleDocument(deps, readQuery(deps, of, call.params), found))
}

/** What is refused is refused at once, also to who asks whether anything has changed. */
function list(
  deps: ApiDeps,
  of: Model,
  call: Call,
  within: { rec: Rec; name: string; parent: Model } | null,
): () => Buffer[] {
  const query = readQuery(deps, of, call.params)
  const write = (recs: readonly Rec[], path: string): (() => Buffer[]) => {
    const shown = shownOf(deps.switches, of, query, recs)
    return () => listDocument(deps, shown, deps.documents.address(path), call.params)
  }
  if (within === null) return write(deps.select(of, query, null), `/${of.type}`)
  const { rec, name, parent } = within
  const held = deps.documents.linkage(rec, name)
  const links = Array.isArray(held) ? held : []
  const recs = links.map((link) => deps.records.at(link)).filter((found) => found !== undefined)
  const path = `/${parent.type}/${rec.id}/${name}`
  return write(deps.select(of, query, { key: path, recs }), path)
}

const single = (deps: ApiDeps, model: Model, rec: Rec, params: URLSearchParams): Buffer[] =>
  singleDocument(deps, readQuery(deps, model, params), rec)

/** A weak ETag from the data's version and the address: right for any change, and no body is hashed (a 200 kB page would
 *  cost 0.2 ms). A change elsewhere changes it too, as the price. */
function tagged(deps: ApiDeps, call: Call, body: () => Buffer[] | Buffer): Answer {
  const { etags, signedAddresses } = deps.switches
  if (etags === 'none') return answer(200, jsonApi, body())
  const before = deps.documents.signed()
  const made = signedAddresses ? body() : null
  // A page with addresses that are signed anew is never the same: the library's server makes its ETag of the body.
  const fresh = deps.documents.signed() > before ? ` ${String(before)}` : ''
  const version = etags === 'constant' ? '' : String(deps.records.version) + fresh
  const address = `${version} ${call.path}?${call.params.toString()}`
  const about = `${deps.instance} ${etags === 'one' ? '' : address}`
  const etag = `W/"${hash('md5', about)}"`
  const asked = (call.headers['if-none-match'] ?? '').split(',').map((entry) => entry.trim())
  if (asked.includes(etag) || (etags === 'blind' && call.headers['if-none-match'] !== undefined))
    return answer(304, null, nothing, { ETag: etag })
  return answer(200, jsonApi, made ?? body(), { ETag: etag })
}
