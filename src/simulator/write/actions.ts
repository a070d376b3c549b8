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

/** null: no such endpoint. `record`: answer with the record as it now is. */
export type ActionResult = HttpResponse | 'record' | null

/** The endpoints that are not CRUD (API notes §2b). Verbs of approve, decline, rescope, cancel and synchronize-standard are
 *  unknown, so those links lead nowhere. */
export function performAction(deps: Deps, rec: Rec, name: string, call: HttpRequest): ActionResult {
  switch (`${rec.type} ${name}`) {
    case 'projects merge-data':
      return call.method === 'GET' ? mergeData(deps, rec) : null
    case 'document-templates download':
      return call.method === 'GET' ? download(rec) : null
    case 'document-templates upload':
      return call.method === 'POST' ? upload(deps, rec, call) : null
    case 'surveys calculate':
      return call.method === 'PUT' ? calculate(deps, rec) : null
    case 'surveys apply':
      return call.method === 'PUT' ? apply(deps, rec) : null
    case 'surveys recommendations':
      return call.method === 'GET' ? recommendations(rec) : null
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
  // a zip's signature and nothing behind it: enough for whoever checks that bytes came through
  return httpResponse(200, type, Buffer.from(`PK\u0003\u0004simulated template ${rec.id}`), {
    'Content-Disposition': `attachment; filename="${filename.replace(/[^\w.-]/g, '_')}"`,
  })
}

function upload(deps: Deps, rec: Rec, call: HttpRequest): ActionResult {
  const text = call.body.toString('latin1')
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

/** A posted document is built in the background: pending, processing, finished. */
export function startDocument(deps: Deps, rec: Rec): void {
  if (rec.type !== 'project-documents') return
  const asked = String(rec.attributes['template-id'] ?? '')
  const template = deps.records.get('document-templates', asked)
  const known = template !== undefined || asked === 'pricing' || asked === 'breakdown'
  const name = template?.attributes['name'] ?? (known ? asked : null)
  if (name !== null) deps.records.update(rec, { attributes: { 'template-name': name } })
  const project = idOf(rec.toOne['project']) ?? ''
  const { origin } = deps.apiBase()
  const end = known
    ? { status: 'finished', 'document-url': `${origin}/_files/${project}-${rec.id}.pdf` }
    : { status: 'error', 'error-text': `Template ${asked} could not be found` }
  deps.progress.begin(rec, [
    () => {
      deps.changes.update(rec, { attributes: { status: 'processing' } })
    },
    () => {
      deps.changes.update(rec, { attributes: end })
    },
  ])
}
