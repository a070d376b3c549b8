/** Whether the role of the credentials may read a resource, found out with one cheap request. */
import type { ReadMethod, Resource } from '../../catalog/resource.ts'
import { factOf, hasCode, SyncError, endsTheRun } from '../../errors/sync-error.ts'
import type { Client } from '../../remote/client.ts'
import { parseDocument } from '../../remote/documents/document.ts'
import { pagePath } from '../../remote/pages/page.ts'

/** `missing`: no read method leads to it (404, 400) · `untried`: it is read below a record, of which none is known. */
export type Access =
  | { readonly resource: Resource; readonly state: 'readable' | 'forbidden' | 'missing' | 'untried' }
  | { readonly resource: Resource; readonly state: 'failed'; readonly error: SyncError }

interface Deps {
  readonly client: Client
  readonly slug: string
  readonly catalog: ReadonlyMap<string, Resource>
  /** The id of some record of a resource; null where none is known. */
  readonly someId: (type: string) => Promise<string | null>
}

/**
 * A page of one record, without includes and filters: the privilege is the list's.
 *
 * @param first the read method that worked before.
 * @throws SyncError that every other request would meet, too.
 */
export async function probeAccess(
  deps: Deps,
  resource: Resource,
  first: ReadMethod | undefined,
  signal: AbortSignal,
): Promise<Access> {
  const methods = [...(first === undefined ? [] : [first]), ...resource.readMethods]
  const paths = new Set<string>()
  for (const method of methods) {
    const path = await pathFor(deps, method)
    if (path !== null) paths.add(path)
  }
  if (paths.size === 0) return { resource, state: 'untried' }
  for (const path of paths) {
    try {
      await deps.client.get(path, parseDocument, signal)
      return { resource, state: 'readable' }
    } catch (error) {
      if (!(error instanceof SyncError) || endsTheRun(error)) throw error
      if (hasCode(error, 'SYNC_FORBIDDEN')) return { resource, state: 'forbidden' }
      if (!isNoSuchList(error)) return { resource, state: 'failed', error }
    }
  }
  return { resource, state: 'missing' }
}

const isNoSuchList = (error: SyncError): boolean =>
  hasCode(error, 'SYNC_REQUEST_REFUSED') && [400, 404].includes(factOf(error, 'status') ?? 0)

async function pathFor({ slug, catalog, someId }: Deps, read: ReadMethod): Promise<string | null> {
  const base = `/${slug}/v1`
  const one = (path: string, query: Record<string, string> = {}): string =>
    pagePath({ path: `${base}/${path}`, query, pageSize: 1 }, 1)
  switch (read.from) {
    case 'singleton':
      return read.path
    case 'list':
      return one(read.path)
    case 'included': {
      const carrier = catalog.get(read.list)?.read
      return one(carrier?.from === 'list' ? carrier.path : read.list, { include: read.include })
    }
    default: {
      const id = await someId(read.parent)
      if (id === null) return null
      const path = `${read.parent}/${encodeURIComponent(id)}/${read.path}`
      return read.from === 'below' ? one(path) : `${base}/${path}?${new URLSearchParams(read.query).toString()}`
    }
  }
}
