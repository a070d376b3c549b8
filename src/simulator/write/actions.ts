/**
 * Actions on a record that are not create, read, update or delete: documents built in the background, uploads, survey
 * calculations.
 */
import { internal, invalidResource } from '../errors.ts'
import { documentResponse, httpResponse, type HttpResponse, type HttpRequest } from '../exchange.ts'
import type { ApiBase } from '../read/documents.ts'
import { mergeContent } from '../read/merge-data.ts'
import { recommend } from '../read/surveys.ts'
import { scramble } from '../records/random.ts'
import { idOf, type Rec, type Records } from '../records/records.ts'
import type { Changes } from './changes.ts'
import type { Progress } from './progress.ts'

interface Deps {
  readonly records: Records
  readonly changes: Changes
  readonly progress: Progress
  readonly apiBase: () => ApiBase
  readonly seed: number
  readonly now: () => number
}

/** null: no such endpoint. `record`: the response is the record as it now is. */
export type ActionResult = HttpResponse | 'record' | null

/** The endpoints that are not CRUD (API notes §2b). The methods of approve, decline, rescope, cancel and
 *  synchronize-standard are unknown, so those links get 404. */
export function performAction(deps: Deps, rec: Rec, name: string, request: HttpRequest): ActionResult {
  switch (`${rec.type} ${name}`) {
    case 'projects merge-data':
      return request.method === 'GET' ? mergeData(deps, rec) : null
    case 'document-templates download':
      return request.method === 'GET' ? download(rec) : null
    case 'document-templates upload':
      return request.method === 'POST' ? upload(deps, rec, request) : null
    case 'surveys calculate':
      return request.method === 'PUT' ? calculate(deps, rec) : null
    case 'surveys apply':
      return request.method === 'PUT' ? apply(deps, rec) : null
    case 'surveys recommendations':
      return request.method === 'GET' ? recommendations(rec) : null
    default:
      return null
  }
}

/** "Some projects answer with a server error" (API notes §2b): here one in twenty, always the same ones. */
function mergeData(deps: Deps, rec: Rec): HttpResponse {
  if (scramble(rec.rank, deps.seed) % 20 === 0) throw internal()
  const { origin, slug } = deps.apiBase()
  const self = `${origin}/${slug}/v1/projects/${rec.id}/merge-data`
  const data = {
    id: rec.id,
    type: 'merge-data',
    links: { self },
    attributes: { content: mergeContent(deps.records, rec) },
  }
  return documentResponse(200, JSON.stringify({ data }))
}

function download(rec: Rec): HttpResponse {
  const filename = String(rec.attributes['merge-template-filename'] ?? 'template.docx')
  const type = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'
  // only the signature of a zip file: enough for a test that compares bytes
  return httpResponse(200, type, Buffer.from(`PK\u0003\u0004simulated template ${rec.id}`), {
    'Content-Disposition': `attachment; filename="${filename.replace(/[^\w.-]/g, '_')}"`,
  })
}

function upload(deps: Deps, rec: Rec, request: HttpRequest): ActionResult {
  const text = request.body.toString('latin1')
  if (!text.includes('name="document_template[merge_template]"'))
    throw invalidResource('document_template[merge_template]')
  const filename = /filename="([^"]*)"/.exec(text)?.[1] ?? 'template.docx'
  deps.changes.update(rec, { attributes: { 'merge-template-filename': filename } })
  return 'record'
}

function calculate(deps: Deps, rec: Rec): ActionResult {
  deps.changes.update(rec, { attributes: { status: 'calculating' } })
  const services = (deps.records.table('services')?.ordered ?? []).slice(0, 20)
  const finish = (): void => {
    const recommended = recommend(rec, services, new Date(deps.now()).toISOString())
    const calculations = recommended.map(({ quantity }, at) => ({ calculation_id: at + 1, value: quantity }))
    deps.changes.update(rec, { attributes: { status: 'calculated', recommendations: recommended, calculations } })
  }
  deps.progress.begin(rec, [() => undefined, finish])
  return 'record'
}

function apply(deps: Deps, rec: Rec): ActionResult {
  deps.changes.update(rec, { attributes: { status: 'applying' } })
  deps.progress.begin(rec, [
    () => {
      deps.changes.update(rec, { attributes: { status: 'applied' } })
    },
  ])
  return 'record'
}

const recommendations = (rec: Rec): HttpResponse =>
  documentResponse(200, JSON.stringify({ data: rec.attributes['recommendations'] ?? [] }))

/** A created document is built in the background: pending, processing, finished. */
export function startDocument(deps: Deps, rec: Rec): void {
  if (rec.type !== 'project-documents') return
  const templateId = String(rec.attributes['template-id'] ?? '')
  const template = deps.records.get('document-templates', templateId)
  const known = template !== undefined || templateId === 'pricing' || templateId === 'breakdown'
  const name = template?.attributes['name'] ?? (known ? templateId : null)
  if (name !== null) deps.records.update(rec, { attributes: { 'template-name': name } })
  const project = idOf(rec.toOne['project']) ?? ''
  const { origin } = deps.apiBase()
  const result = known
    ? { status: 'finished', 'document-url': `${origin}/_files/${project}-${rec.id}.pdf` }
    : { status: 'error', 'error-text': `Template ${templateId} could not be found` }
  deps.progress.begin(rec, [
    () => {
      deps.changes.update(rec, { attributes: { status: 'processing' } })
    },
    () => {
      deps.changes.update(rec, { attributes: result })
    },
  ])
}
