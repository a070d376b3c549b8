/** Documents that are no list: a single one, or one for each record of another resource. */
import type { RemoteRecord } from '../../catalog/resource.ts'
import { hasCode, reason } from '../../errors/sync-error.ts'
import { isObject } from '../../exact-json.ts'
import { mapInBatches } from '../../map-concurrent.ts'
import { parseDocument } from '../../remote/documents/document.ts'
import type { UnusableRecord } from '../../store/progress/parked-records.ts'
import { syntheticPage, type Batch, type Parents, type ReadContext, type ReadPage } from './read-page.ts'

const batchOf = (page: ReadPage, position: string | null): Batch => ({
  position,
  pass: 1,
  pages: [page],
  steady: true,
  full: true,
})

export async function* readSingleton({ client, signal }: ReadContext, path: string): AsyncGenerator<Batch> {
  const { records } = await client.get(path, parseDocument, signal)
  yield batchOf({ ...syntheticPage(1, records, []), recordCount: 1 }, null)
}

/** Attempts at one document: some never succeed (API notes §2b), and the others should not wait for them. */
const DOCUMENT_ATTEMPTS = 2

interface DocumentsBelow {
  /** Of the documents. */
  readonly type: string
  readonly parents: Parents
  readonly pathOf: (id: string) => string
}

/** One document for each parent. Its row takes the parent's id: the document's own is unknown (API notes §2, merge-data). */
export async function* readEach(
  { client, concurrency, signal }: ReadContext,
  { type, parents: { ids: parents, from }, pathOf }: DocumentsBelow,
): AsyncGenerator<Batch> {
  const read = async (id: string): Promise<RemoteRecord | UnusableRecord> => {
    try {
      const { records } = await client.get(pathOf(id), parseDocument, signal, { attempts: DOCUMENT_ATTEMPTS })
      const attributes = records[0]?.attributes
      if (isObject(attributes)) return { type, id, attributes }
      return { id, reason: 'Its attributes are not an object.', body: records[0] ?? null }
    } catch (error) {
      if (!isOneDocumentsFault(error)) throw error
      return { id, reason: reason(error), body: null }
    }
  }
  let number = from
  for await (const { items, results } of mapInBatches(parents, concurrency, read)) {
    const records = results.filter((result) => 'type' in result)
    const unusable = results.filter((result) => 'reason' in result)
    yield batchOf(syntheticPage(number++, records, unusable), items.at(-1) ?? null)
  }
}

const ONE_DOCUMENT = [
  'SYNC_REMOTE_FAILED',
  'SYNC_REMOTE_TIMEOUT',
  'SYNC_BODY_UNREADABLE',
  'SYNC_REQUEST_REFUSED',
] as const

const isOneDocumentsFault = (error: unknown): boolean => hasCode(error, ...ONE_DOCUMENT)
