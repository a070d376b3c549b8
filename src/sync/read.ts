/** The four ways a resource is read, all as batches of pages in order, so that one snapshot serves them all. */
import type { Client } from '../remote/client.ts'
import { isObject, parseDocument } from '../remote/document.ts'
import { readPages, type ListRequest, type Page } from '../remote/pages.ts'
import type { RemoteRecord } from '../resource.ts'
import { isStorable, storable } from '../store/codec.ts'
import { reason, SyncError } from '../sync-error.ts'

export interface Batch {
  readonly pages: readonly ReadPage[]
  /** For documents read one by one: the parent the next run goes on behind. */
  readonly position: string | null
}

export interface ReadPage {
  readonly number: number
  readonly records: readonly RemoteRecord[]
  /** Set aside before loading, with the reason. */
  readonly unusable: readonly { readonly id: string | null; readonly reason: string; readonly body: unknown }[]
  /** Records the whole list has, as this page said; null when nothing can be counted. */
  readonly recordCount: number | null
  /** Where the records came with another list: the ids of that list, which is what its count speaks of. */
  readonly carriers?: readonly string[]
}

interface Reading {
  readonly client: Client
  readonly from: number
  /** Requests in flight. */
  readonly concurrency: number
  readonly signal: AbortSignal
}

/** A batch is what has arrived; this only bounds one transaction when the database is the slower side. */
const BATCH_RECORDS = 1000

/** A few more than are in flight, so that the network does not idle while a batch is being written; each is memory. */
const windowFor = (concurrency: number): number => concurrency + 4

export async function* readList(reading: Reading, request: ListRequest, type: string): AsyncGenerator<Batch> {
  for await (const pages of pagesOf(reading, request)) {
    yield { position: null, pages: pages.map((page) => listPage(page, type)) }
  }
}

function listPage({ number, records, unusable, recordCount }: Page, type: string): ReadPage {
  const sorted = sortOut(records, type)
  const nameless = unusable.map((body) => ({ id: null, reason: 'It has no id and type of its own.', body }))
  return { number, recordCount, records: sorted.records, unusable: [...nameless, ...sorted.unusable] }
}

function sortOut(records: readonly RemoteRecord[], type: string): Pick<ReadPage, 'records' | 'unusable'> {
  const fits = (record: RemoteRecord): boolean => objectionTo(record, type) === null
  if (records.every(fits)) return { records, unusable: [] }
  return {
    records: records.filter(fits),
    unusable: records.flatMap((body) => {
      const objection = objectionTo(body, type)
      return objection === null ? [] : [{ id: storable(body.id), reason: objection, body }]
    }),
  }
}

function objectionTo(record: RemoteRecord, type: string): string | null {
  // It would load into the wrong table.
  if (record.type !== type) return `Its type is ${JSON.stringify(record.type)}, not "${type}".`
  // A row would be made of it all the same, without the values it holds.
  if (!isObject(record.attributes ?? {})) return 'Its attributes are not an object.'
  if (!isObject(record.relationships ?? {})) return 'Its relationships are not an object.'
  return isStorable(record.id) ? null : 'Its id holds U+0000 or half a character, which Postgres does not store.'
}

/** The records of `type` that come with another list. Each page carries its own, so the same one comes many times. */
export async function* readIncluded(reading: Reading, carrier: ListRequest, type: string): AsyncGenerator<Batch> {
  for await (const pages of pagesOf(reading, carrier)) {
    yield {
      position: null,
      pages: pages.map(({ number, records, included, recordCount }) => ({
        number,
        recordCount,
        carriers: records.map(({ id }) => storable(id)),
        ...sortOut(
          included.filter((record) => record.type === type),
          type,
        ),
      })),
    }
  }
}

export async function* readSingleton({ client, signal }: Reading, path: string): AsyncGenerator<Batch> {
  const { records } = await client.get(path, parseDocument, signal)
  yield { position: null, pages: [{ number: 1, records, unusable: [], recordCount: 1 }] }
}

/** Attempts at one document: some never succeed (API notes §2b), and the others should not wait long for them. */
const DOCUMENT_ATTEMPTS = 2

/**
 * One document for each parent. Its row takes the parent's id: the document's own is unknown (API notes §2, merge-data).
 *
 * @param parents ids in the order that `position` goes by.
 */
export async function* readEach(
  { client, from, concurrency, signal }: Reading,
  { type, parents, pathOf }: { type: string; parents: readonly string[]; pathOf: (id: string) => string },
): AsyncGenerator<Batch> {
  for (let start = 0; start < parents.length; start += concurrency) {
    const ids = parents.slice(start, start + concurrency)
    const answers = await Promise.all(
      ids.map(async (id): Promise<RemoteRecord | { id: string; reason: string; body: unknown }> => {
        try {
          const { records } = await client.get(pathOf(id), parseDocument, signal, DOCUMENT_ATTEMPTS)
          const attributes = records[0]?.attributes
          if (isObject(attributes)) return { type, id, attributes }
          return { id, reason: 'Its attributes are not an object.', body: records[0] ?? null }
        } catch (error) {
          if (!isOneDocumentsFault(error)) throw error
          return { id, reason: reason(error), body: null }
        }
      }),
    )
    yield {
      position: ids.at(-1) ?? null,
      pages: [
        {
          number: from + start / concurrency,
          records: answers.filter((answer) => 'type' in answer),
          unusable: answers.filter((answer) => 'reason' in answer),
          recordCount: null,
        },
      ],
    }
  }
}

const ONE_DOCUMENT: ReadonlySet<string> = new Set([
  'SYNC_REMOTE_FAILED',
  'SYNC_REMOTE_TIMEOUT',
  'SYNC_BODY_UNREADABLE',
  'SYNC_REQUEST_REFUSED',
])

const isOneDocumentsFault = (error: unknown): boolean => error instanceof SyncError && ONE_DOCUMENT.has(error.code)

const pagesOf = ({ client, from, concurrency, signal }: Reading, request: ListRequest): AsyncGenerator<Page[]> =>
  readPages({ client, request, from, window: windowFor(concurrency), batch: BATCH_RECORDS, signal })
