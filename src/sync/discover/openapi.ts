/**
 * The description that ScopeStack may serve of its own API. Its Swagger UI is said to be at the root of the API and at
 * /docs (API notes §9); where the document lies is not known, so the page is asked first and then the addresses that the
 * usual generators for Rails use. JSON only: rswag and grape-swagger both serve it.
 */
import type { Resource } from '../../catalog/resource.ts'
import { endsTheRun, SyncError } from '../../errors/sync-error.ts'
import { isObject } from '../../exact-json.ts'
import type { Client } from '../../remote/client.ts'
import { readJson } from '../../remote/documents/document.ts'

export interface ApiDocument {
  readonly address: string
  /** The first word of each path that answers with a list: `project-services`. */
  readonly lists: readonly string[]
}

const PAGES = ['/', '/docs', '/docs/index.html', '/api-docs', '/api-docs/index.html']

const DOCUMENTS = [
  '/swagger.json',
  '/openapi.json',
  '/v1/swagger.json',
  '/v1/openapi.json',
  '/api-docs/v1/swagger.json',
  '/api-docs/v1/openapi.json',
  '/docs/swagger.json',
  '/docs/openapi.json',
  '/swagger_doc.json',
]

/** Undefined when there is none, which is as good as normal. */
export async function findApiDocument(client: Client, signal: AbortSignal): Promise<ApiDocument | undefined> {
  const requested = new Set<string>()
  const waiting = [...PAGES, ...DOCUMENTS]
  for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
    if (requested.has(path)) continue
    requested.add(path)
    const body = await bodyAt(client, path, signal)
    if (body === undefined) continue
    const lists = listsOf(body)
    if (lists !== undefined) return { address: path, lists }
    waiting.unshift(...addressesIn(body, path))
  }
  return undefined
}

async function bodyAt(client: Client, path: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    return await client.get(path, (body) => body, signal, { attempts: 2 })
  } catch (error) {
    if (!(error instanceof SyncError) || endsTheRun(error)) throw error
    return undefined
  }
}

/** Enough for a page with its scripts; a page may name any number. */
const MOST_ADDRESSES = 10

/** Of a Swagger UI; its own is 2 KB. */
const LONGEST_PAGE = 1_000_000
const NAMES_A_DOCUMENT = /^[^?\s\\]*(?:\.json|swagger-initializer\.js)(?:\?[^\s\\]*)?$/

/**
 * Addresses of documents that a Swagger UI page names, and of the script that holds its settings. Of the same server
 * only: the token goes with the request.
 */
export function addressesIn(page: string, path: string): string[] {
  const here = new URL(path, 'http://api')
  return page
    .slice(0, LONGEST_PAGE)
    .split(/["']/)
    .flatMap((quoted) => {
      // In a string of a script each slash, and the quotation mark at the end, may have a backslash before it.
      const plain = quoted.replaceAll('\\/', '/').replace(/\\$/, '')
      return NAMES_A_DOCUMENT.test(plain) && URL.canParse(plain, here.href) ? [new URL(plain, here.href)] : []
    })
    .filter(({ origin }) => origin === here.origin)
    .map(({ pathname, search }) => pathname + search)
    .slice(0, MOST_ADDRESSES)
}

/** Undefined when it is no OpenAPI or Swagger document. */
export function listsOf(body: string): string[] | undefined {
  let document: unknown
  try {
    document = readJson(body)
  } catch {
    return undefined
  }
  if (!isObject(document) || !('swagger' in document || 'openapi' in document)) return undefined
  const paths = isObject(document['paths']) ? document['paths'] : {}
  const lists = Object.entries(paths)
    .filter(([, operations]) => isObject(operations) && 'get' in operations)
    .flatMap(([path]) => listOf(path) ?? [])
  return [...new Set(lists)].toSorted()
}

/** `/{account-slug}/v1/clients` → `clients`; what has an id behind it is one record, and what has more lies below one. */
function listOf(path: string): string | undefined {
  const [, list] = /^(?:\/(?:\{[^/]*\}|:[^/]*|api|v\d+))*\/([^/{}:]+?)(?:\.json)?\/?$/.exec(path) ?? []
  return list !== undefined && /^(api|v\d+)$/.test(list) ? undefined : list
}

/** Lists of the document that no resource is read from. */
export function undeclaredLists({ lists }: ApiDocument, catalog: ReadonlyMap<string, Resource>): string[] {
  const declared = new Set(
    [...catalog.values()].flatMap(({ type, aliases, readMethods }) => [
      type,
      ...aliases,
      ...readMethods.flatMap((read) => ('path' in read ? [read.path.split('/').at(-1)!] : [])),
    ]),
  )
  return lists.filter((list) => !declared.has(list.replaceAll('_', '-')))
}
