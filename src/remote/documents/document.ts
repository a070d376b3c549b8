/** Parses JSON:API documents (https://jsonapi.org/format/1.0/). Pure: it can be tested without a network. */
import type { RemoteRecord } from '../../catalog/resource.ts'
import { bodyUnreadable } from '../../errors/requests.ts'
import { hasTooManyValues, isObject, MOST_VALUES, parseExact } from '../../exact-json.ts'
import { fillEmptyLinkage } from './linkage.ts'

export interface Document {
  /** Members of `data` that are records; a single record is a list of one. */
  readonly records: readonly RemoteRecord[]
  /** Members of `data` that are no records: no object, or no string `type` and `id`. */
  readonly unusable: readonly unknown[]
  readonly included: readonly RemoteRecord[]
  /** `meta.record-count` and `meta.page-count`; null when the server does not send it. */
  readonly recordCount: number | null
  readonly pageCount: number | null
  /** The links of the list name no next page. */
  readonly last?: true
}

/**
 * @param url of the request: for the message, and for its `include`, which decides which relationships must be complete.
 * @throws SyncError SYNC_BODY_UNREADABLE (retry) when it is not a JSON:API document: a cut or foreign body is never an
 *   end of data.
 */
export function parseDocument(body: string, url: string): Document {
  const document = readDocument(body, url)
  const data = Array.isArray(document['data']) ? document['data'] : document['data'] === null ? [] : [document['data']]
  const records = data.filter(isRecord)
  const included = Array.isArray(document['included']) ? document['included'].filter(isRecord) : []
  fillEmptyLinkage({ records, included }, url)
  return {
    records,
    unusable: records.length === data.length ? [] : data.filter((member) => !isRecord(member)),
    included,
    ...countsOf(document, data.length),
  }
}

/**
 * A count below the records of this page, or one page where there is a next link, is about the page and not the list: then the
 * list has no count.
 */
function countsOf(document: Readonly<Record<string, unknown>>, held: number) {
  const meta = isObject(document['meta']) ? document['meta'] : {}
  const links = isObject(document['links']) ? document['links'] : {}
  const [recordCount, pageCount] = [countOf(meta['record-count']), countOf(meta['page-count'])]
  const hasNext = typeof links['next'] === 'string' && links['next'] !== ''
  const contradicts = (recordCount !== null && recordCount < held) || (hasNext && pageCount !== null && pageCount <= 1)
  const isLast = typeof links['first'] === 'string' && !hasNext
  const counts = contradicts ? { recordCount: null, pageCount: null } : { recordCount, pageCount }
  return isLast ? { ...counts, last: true as const } : counts
}

/**
 * `data` as it came: the caller that requested one record checks that it is one.
 *
 * @throws SyncError like `parseDocument`.
 */
export const primaryDataOf = (body: string, url: string): unknown => readDocument(body, url)['data']

function readDocument(body: string, url: string): Readonly<Record<string, unknown>> {
  const document = parseJson(body, url)
  if (!isObject(document) || !('data' in document)) {
    throw bodyUnreadable({ url, problem: 'it is JSON without a "data" member', start: excerptOf(body) })
  }
  return document
}

/** JSON from outside. @throws when it is not JSON, or has too many values. */
export function readJson(body: string): unknown {
  if (hasTooManyValues(body)) throw new RangeError(`more than ${MOST_VALUES} values`)
  return JSON.parse(body)
}

function parseJson(body: string, url: string): unknown {
  if (hasTooManyValues(body)) {
    throw bodyUnreadable({ url, problem: `it holds more than ${MOST_VALUES} values`, tooLarge: true })
  }
  try {
    return parseExact(body)
  } catch {
    // Without its cause, which quotes the body and keeps all of it in memory.
    throw bodyUnreadable({ url, problem: problemOf(body), start: excerptOf(body) })
  }
}

/** For an error, which may live long: a copy, since a slice would keep the whole body in memory. */
export const excerptOf = (body: string): string => Buffer.from(body.trimStart().slice(0, 80)).toString()

function problemOf(body: string): string {
  if (body.trim() === '') return 'it is empty'
  if (body.trimStart().startsWith('<')) return 'it is HTML'
  return /^[[{]/.test(body.trimStart()) ? 'it is cut short' : 'it is not JSON'
}

/** Also as text. A number beyond a Postgres integer is no count. */
function countOf(value: unknown): number | null {
  const count = typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value
  return Number.isInteger(count) && Number(count) >= 0 && Number(count) <= 2_147_483_647 ? Number(count) : null
}

const isRecord = (value: unknown): value is RemoteRecord =>
  isObject(value) && typeof value['id'] === 'string' && value['id'] !== '' && typeof value['type'] === 'string'
