/** One request for a page, and what is made of its body; a page that is cached is recognized before it is parsed. */
import { hash } from 'node:crypto'
import { endsTheRun, SyncError } from '../../errors/sync-error.ts'
import type { Client, ParseBody } from '../client.ts'
import { parseDocument } from '../documents/document.ts'
import type { Attempts } from '../http/retry.ts'
import { pagePath, type CachedPage, type ListRequest, type Page, type PageValidator } from './page.ts'

export async function fetchOnce(
  client: Client,
  request: ListRequest,
  number: number,
  signal: AbortSignal,
  { known, attempts }: { known?: CachedPage | undefined; attempts?: Attempts },
): Promise<Page> {
  const unchanged = known === undefined || known.trust === 'none' ? undefined : asCached(known, number)
  const parse: ParseBody<Page> = (body, url, etag, digestOf = () => hash('sha1', body, 'base64')) => {
    const mark = { etag: etag ?? null, digest: digestOf() }
    // A server may quote our secrets: its bytes differ with each token, and not the text, from which they are taken out.
    if (unchanged?.validator?.digest === mark.digest) return unchanged
    const document = parseDocument(body, url)
    return {
      ...document,
      included: request.included === true ? document.included : [],
      number,
      ids: document.records.map(({ id }) => id),
      validator: mark,
      isEtagWrong: known !== undefined && contradicts(known.validator, mark),
      cached: null,
    }
  }
  const { etag = null, digest = null } = unchanged?.validator ?? {}
  return await client.get(pagePath(request, number), parse, signal, {
    attempts,
    cached: unchanged && { etag: known?.trust === 'etag' ? etag : null, digest, value: unchanged },
  })
}

/** One `ETag`, two bodies. */
const contradicts = (before: PageValidator, now: PageValidator): boolean =>
  before.etag !== null && before.etag === now.etag && before.digest !== null && before.digest !== now.digest

/** The id of a record that fails its page: most likely an attribute fails, so it is requested without attributes. */
export async function idAt(
  client: Client,
  { path, query }: ListRequest,
  place: number,
  signal: AbortSignal,
): Promise<string | null> {
  const { include: _, ...rest } = query
  // The library refuses an empty list of fields.
  const bare = { path, query: { ...rest, [`fields[${path.slice(path.lastIndexOf('/') + 1)}]`]: 'id' }, pageSize: 1 }
  try {
    const { ids } = await fetchOnce(client, bare, place, signal, { attempts: 1 })
    return ids.length === 1 ? ids[0]! : null
  } catch (error) {
    if (!(error instanceof SyncError) || endsTheRun(error)) throw error
    return null
  }
}

const asCached = (known: CachedPage, number: number): Page => ({
  number,
  ids: known.ids,
  validator: known.validator,
  recordCount: known.recordCount,
  pageCount: known.pageCount,
  records: [],
  unusable: [],
  included: [],
  isEtagWrong: false,
  cached: known,
})
