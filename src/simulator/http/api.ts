/** The JSON:API itself: token, headers, route, then read or write, in the order in which ScopeStack checks them. */
import { createHash, hash } from 'node:crypto'
import { misleadingResponse } from '../control/misleading-response.ts'
import { Refusal, invalidFieldValue, jsonApi, notAcceptable, recordNotFound, unsupportedMedia } from '../errors.ts'
import { documentResponse, httpResponse, noBody, type HttpRequest, type HttpResponse } from '../exchange.ts'
import { isWritable, type Model } from '../model/model.ts'
import { meDocument } from '../oauth/me.ts'
import type { Tokens } from '../oauth/tokens.ts'
import type { Documents } from '../read/documents.ts'
import { linkageDocument, listDocument, singleDocument } from '../read/lists.ts'
import { checkSerializable, listPage } from '../read/paging.ts'
import { readQuery } from '../read/query.ts'
import type { Selection } from '../read/selection.ts'
import type { Rec } from '../records/records.ts'
import type { Route } from '../routes.ts'
import type { World } from '../world.ts'
import { performAction, startDocument } from '../write/actions.ts'
import type { Progress } from '../write/progress.ts'
import { createRecord, updateRecord } from '../write/writes.ts'

export interface ApiDeps extends World {
  readonly models: ReadonlyMap<string, Model>
  readonly documents: Documents
  readonly select: Selection
  readonly tokens: Tokens
  readonly progress: Progress
  /** differs per started simulator, so that an ETag of another one never matches */
  readonly instance: string
}

const noQuery = new URLSearchParams()

export function handleApi(deps: ApiDeps, route: Route, request: HttpRequest): HttpResponse {
  if (route.kind === 'none' || request.method === 'OPTIONS') throw new Refusal(404)
  checkToken(deps, request)
  const reads = request.method === 'GET' || request.method === 'HEAD'
  checkHeaders(request, reads, route)
  if (route.kind === 'me') {
    if (!reads) throw new Refusal(404)
    return taggedResponse(deps, request, () => meDocument(deps))
  }
  const model = accessibleModel(deps, route, reads)
  if (route.id === null) {
    return reads ? taggedResponse(deps, request, list(deps, model, request, null)) : create(deps, model, request)
  }
  const rec = find(deps, model, route.id)
  if (route.kind === 'record') return reads ? show(deps, model, rec, request) : change(deps, model, rec, request)
  const name = route.name ?? ''
  if (route.kind === 'related') return actionOrRelated(deps, model, rec, name, request, reads)
  if (!reads || (model.toOne[name] ?? model.toMany[name]) === undefined) throw new Refusal(404)
  return taggedResponse(deps, request, () => linkageDocument(deps, model, rec, name))
}

function checkToken(deps: ApiDeps, request: HttpRequest): void {
  const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
  if (token === undefined || !deps.tokens.accepts(token)) throw new Refusal(401)
}

/** 406 and 415 as the library sends them (API notes §6, §12); an upload is multipart. */
function checkHeaders(request: HttpRequest, reads: boolean, route: Route): void {
  const accept = request.headers.accept
  const fits = accept === undefined || accept.split(',').some((entry) => [jsonApi, '*/*'].includes(entry.trim()))
  if (!fits && route.name !== 'download') throw notAcceptable(accept)
  // the library compares the media type without its parameters
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim() ?? ''
  const carries = ['POST', 'PATCH', 'PUT'].includes(request.method) && route.kind !== 'related'
  if (!reads && carries && type !== jsonApi) throw unsupportedMedia(type)
}

/** The model behind the route, if the account and the switches let the request reach it. */
function accessibleModel(deps: ApiDeps, { slug, model, kind, id, listed }: Route, reads: boolean): Model {
  if (model === null || slug !== deps.account.slug) throw new Refusal(404)
  const { forbidden, readOnly, missingLists, missingRecords } = deps.switches
  if (forbidden.includes(model.type) || (listed !== null && forbidden.includes(listed))) throw new Refusal(403)
  if (!reads && readOnly.includes(model.type)) throw new Refusal(403)
  if (id === null && missingLists.includes(model.type)) throw new Refusal(404)
  if (id !== null && reads && kind === 'record' && missingRecords.includes(model.type)) throw recordNotFound(id)
  return model
}

function find(deps: ApiDeps, model: Model, id: string): Rec {
  const rec = deps.records.get(model.type, id)
  if (rec !== undefined) return rec
  // "a non-numeric id is 400 code 103, not 404" (API notes §12)
  throw /^\d+$/.test(id) ? recordNotFound(id) : invalidFieldValue(id, 'id')
}

function show(deps: ApiDeps, model: Model, rec: Rec, request: HttpRequest): HttpResponse {
  deps.progress.poll(rec)
  checkSerializable(deps.switches, model, rec, readQuery(deps, model, request.params))
  return taggedResponse(deps, request, () => single(deps, model, rec, request.params))
}

function change(deps: ApiDeps, model: Model, rec: Rec, request: HttpRequest): HttpResponse {
  if (!isWritable(model) || request.method === 'POST') throw new Refusal(404)
  // the query is checked before anything is written
  readQuery(deps, model, request.params)
  if (request.method === 'DELETE') {
    const misleading = misleadingFor(deps, model, rec, request, 200)
    deps.changes.remove(rec)
    return misleading ?? httpResponse(204, null, noBody)
  }
  const stale = deps.switches.foreignWrites === 'stale'
  const before = stale ? Buffer.concat(single(deps, model, rec, request.params)) : null
  updateRecord(deps, model, rec, request.body)
  if (before !== null) return documentResponse(200, before)
  const misleading = misleadingFor(deps, model, rec, request, 200)
  return misleading ?? documentResponse(200, single(deps, model, rec, request.params))
}

function misleadingFor(
  deps: ApiDeps,
  model: Model,
  rec: Rec,
  request: HttpRequest,
  status: number,
): HttpResponse | null {
  const kind = deps.switches.foreignWrites
  if (kind === 'off') return null
  const bodyOf = (shown: Rec): Buffer => Buffer.concat(single(deps, model, shown, request.params))
  const other = deps.records.table(model.type)?.ordered.find((candidate) => candidate !== rec)
  return misleadingResponse(kind, status, bodyOf(rec), other === undefined ? null : bodyOf(other))
}

function create(deps: ApiDeps, model: Model, request: HttpRequest): HttpResponse {
  if (request.method !== 'POST' || !isWritable(model)) throw new Refusal(404)
  readQuery(deps, model, request.params)
  const rec = createRecord(deps, model, request.body)
  startDocument(deps, rec)
  const misleading = misleadingFor(deps, model, rec, request, 201)
  if (misleading !== null) return misleading
  const location = deps.documents.address(`/${model.type}/${rec.id}`)
  return documentResponse(201, single(deps, model, rec, request.params), { Location: location })
}

function actionOrRelated(
  deps: ApiDeps,
  model: Model,
  rec: Rec,
  name: string,
  request: HttpRequest,
  reads: boolean,
): HttpResponse {
  const result = performAction(deps, rec, name, request.method === 'HEAD' ? { ...request, method: 'GET' } : request)
  if (result === 'record') return documentResponse(200, single(deps, model, rec, noQuery))
  return result ?? related(deps, model, rec, name, request, reads)
}

function related(
  deps: ApiDeps,
  model: Model,
  rec: Rec,
  name: string,
  request: HttpRequest,
  reads: boolean,
): HttpResponse {
  const target = model.toOne[name] ?? model.toMany[name]
  const targetModel = target === undefined ? undefined : deps.models.get(target.type)
  if (!reads || targetModel === undefined) throw new Refusal(404)
  if (model.toOne[name] === undefined)
    return taggedResponse(deps, request, list(deps, targetModel, request, { rec, name, parent: model }))
  const linkage = deps.documents.linkage(rec, name)
  const found = linkage === null || Array.isArray(linkage) ? null : (deps.records.at(linkage) ?? null)
  return taggedResponse(deps, request, () => singleDocument(deps, readQuery(deps, targetModel, request.params), found))
}

/** Refuses what it has to refuse at once, before the ETag is compared, and returns the writer of the body. */
function list(
  deps: ApiDeps,
  model: Model,
  request: HttpRequest,
  within: { rec: Rec; name: string; parent: Model } | null,
): () => Buffer[] {
  const query = readQuery(deps, model, request.params)
  const writer = (recs: readonly Rec[], path: string): (() => Buffer[]) => {
    const page = listPage(deps.switches, model, query, recs)
    return () => listDocument(deps, page, deps.documents.address(path), request.params)
  }
  if (within === null) return writer(deps.select(model, query, null), `/${model.type}`)
  const { rec, name, parent } = within
  const linkage = deps.documents.linkage(rec, name)
  const links = Array.isArray(linkage) ? linkage : []
  const recs = links.map((link) => deps.records.at(link)).filter((found) => found !== undefined)
  const path = `/${parent.type}/${rec.id}/${name}`
  return writer(deps.select(model, query, { key: path, recs }), path)
}

const single = (deps: ApiDeps, model: Model, rec: Rec, params: URLSearchParams): Buffer[] =>
  singleDocument(deps, readQuery(deps, model, params), rec)

/**
 * With a weak ETag from the data's version and the address: it differs after any change, and no body is hashed (a page of
 * 200 kB would cost 0.2 ms). The price: a change of another record changes it too. With `honest304` it is of the body.
 */
function taggedResponse(deps: ApiDeps, request: HttpRequest, body: () => Buffer[] | Buffer): HttpResponse {
  const { etags, signedAddresses, honest304 } = deps.switches
  if (etags === 'none') return documentResponse(200, body())
  const before = deps.documents.signed()
  const written = signedAddresses || honest304 ? body() : null
  // A page with addresses that are signed anew is never the same: the library's server makes its ETag of the body.
  const signatures = deps.documents.signed() > before ? ` ${String(before)}` : ''
  const data = honest304 && written !== null ? digestOf(written) : String(deps.records.version) + signatures
  const version = etags === 'constant' ? '' : data
  const about = etags === 'one' ? '' : `${version} ${request.path}?${request.params.toString()}`
  const etag = `W/"${hash('md5', `${deps.instance} ${about}`)}"`
  const ifNoneMatch = request.headers['if-none-match']
  const known = (ifNoneMatch ?? '').split(',').map((entry) => entry.trim())
  if (known.includes(etag) || (etags === 'blind' && ifNoneMatch !== undefined))
    return httpResponse(304, null, noBody, { ETag: etag })
  return documentResponse(200, written ?? body(), { ETag: etag })
}

/** As Rack makes it, with all that it costs. */
function digestOf(body: Buffer[] | Buffer): string {
  const digest = createHash('sha256')
  for (const piece of Array.isArray(body) ? body : [body]) digest.update(piece)
  return digest.digest('hex')
}
