/**
 * One measured phase, in a process of its own, so that its peak memory is measured alone and no cache is warm from another
 * phase. Prints one JSON line. Settings are environment variables, as the product's.
 */
import { once } from 'node:events'
import { finished } from 'node:stream/promises'
import { openWorker } from '../src/assemble/worker.ts'
import { catalog } from '../src/catalog/registry.ts'
import type { RemoteRecord, Resource } from '../src/catalog/resource.ts'
import { readConfig } from '../src/config/config.ts'
import { mapConcurrent } from '../src/map-concurrent.ts'
import { requestToken } from '../src/remote/auth/grants.ts'
import { parseDocument } from '../src/remote/documents/document.ts'
import { createHttp } from '../src/remote/http/http.ts'
import { pagePath, type ListRequest } from '../src/remote/pages/pages.ts'
import { openDatabase, quote } from '../src/store/connection/database.ts'
import { rowColumns, createRowEncoder } from '../src/store/mirror/row.ts'
import { migrate } from '../src/store/schema/migrate.ts'
import { supportsIncremental } from '../src/sync/incremental/can-read.ts'
import { requestFor } from '../src/sync/list/list-request.ts'
import { pull } from '../src/sync/run/run.ts'

const SLUG = 'demo'
const config = readConfig({ credentials: true })
const never = new AbortController().signal
const lists = [...catalog.values()].filter((resource) => resource.read.from === 'list' && resource.byDefault)

interface Result {
  readonly ms: number
  readonly records: number
  readonly bytes: number
}

const PHASES: Readonly<Record<string, () => Promise<Result>>> = {
  download: () => readAll((body) => void body.length),
  parse: () => readAll((body) => void parseDocument(body, '')),
  copy: copyAll,
  pull: () => pullAll(false),
  changes: () => pullAll(true),
}

/** Requests every page that the worker would request, with as many in flight, and passes each body to `use`. */
async function readAll(use: (body: string, resource: Resource) => void): Promise<Result> {
  const http = createHttp({ connections: config.concurrency })
  const { accessToken } = await requestToken(
    { http, credentials: config, userAgent: 'bench' },
    { grant_type: 'client_credentials' },
    never,
  )
  const headers = { authorization: `Bearer ${accessToken}`, accept: 'application/vnd.api+json' }
  let bytes = 0
  const get = async (request: ListRequest, page: number, resource: Resource): Promise<string> => {
    const { body } = await http.send({ method: 'GET', url: config.apiUrl + pagePath(request, page), headers }, never)
    bytes += body.length
    use(body, resource)
    return body
  }
  const started = performance.now()
  let records = 0
  const otherPages: (() => Promise<unknown>)[] = []
  await mapConcurrent(lists, config.concurrency, async (resource) => {
    const request = requestFor({ slug: SLUG, catalog, pageSize: config.pageSize }, resource, resource.read)!
    const { pageCount, recordCount } = parseDocument(await get(request, 1, resource), '')
    records += recordCount ?? 0
    for (let page = 2; page <= (pageCount ?? 1); page++) otherPages.push(() => get(request, page, resource))
  })
  await mapConcurrent(otherPages, config.concurrency, (read) => read())
  const ms = performance.now() - started
  await http.close()
  return { ms, records, bytes }
}

/** The writing limit: the same rows, already in COPY's text format, into the empty tables, one COPY a table. */
async function copyAll(): Promise<Result> {
  const lines = new Map<Resource, string[]>()
  const makers = new Map(lists.map((resource) => [resource, createRowEncoder(resource)]))
  await readAll((body, resource) => {
    const own = lines.get(resource) ?? []
    lines.set(resource, own)
    for (const record of parseDocument(body, '').records as RemoteRecord[]) {
      const row = makers.get(resource)!(record)
      own.push(`${row.line}\t${row.hash}\n`)
    }
  })
  await migrate(config.databaseUrl!)
  const sql = openDatabase(config.databaseUrl!)
  const started = performance.now()
  let records = 0
  let bytes = 0
  for (const [resource, own] of lines) {
    const names = [...rowColumns(resource), 'sync_hash'].map(quote).join(', ')
    const stream = await sql.unsafe(`copy scopestack.${quote(resource.table)} (${names}) from stdin`).writable()
    for (let start = 0; start < own.length; start += 5000) {
      const chunk = own.slice(start, start + 5000).join('')
      bytes += chunk.length
      if (!stream.write(chunk)) await once(stream, 'drain')
    }
    stream.end()
    await finished(stream)
    records += own.length
  }
  const ms = performance.now() - started
  await sql.end()
  return { ms, records, bytes }
}

/** @param changesOnly an incremental run: only its resources, and of those only what changed. */
async function pullAll(changesOnly: boolean): Promise<Result> {
  const url = config.databaseUrl!
  const sql = openDatabase(url)
  const worker = await openWorker(config, { url, sql, embedded: undefined, close: async () => {} }, never, () => {})
  const started = performance.now()
  const report = await pull(worker, {
    resources: [...catalog.values()].filter((one) => one.byDefault && (!changesOnly || supportsIncremental(one))),
    changesOnly,
    restart: true,
    signal: never,
    onEvent: () => {},
  })
  const ms = performance.now() - started
  const failed = report.outcomes.filter(({ outcome }) => outcome !== 'ok')
  if (failed.length > 0) throw new Error(`not ok: ${JSON.stringify(failed)}`)
  await worker.close()
  await sql.end()
  return { ms, records: report.outcomes.reduce((sum, { seen }) => sum + seen, 0), bytes: 0 }
}

const phase = PHASES[process.argv[2] ?? '']
if (phase === undefined) throw new Error(`phase is one of ${Object.keys(PHASES).join(', ')}`)
const result = await phase()
process.stdout.write(`${JSON.stringify({ ...result, peakRss: process.resourceUsage().maxRSS * 1024 })}\n`)
