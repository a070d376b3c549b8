/** Asks for one record by its own address. */
import type { Client } from '../remote/client.ts'
import { parseDocument } from '../remote/document.ts'
import type { Read, RemoteRecord, Resource } from '../resource.ts'
import { SyncError } from '../sync-error.ts'
import { isNotFound } from './below.ts'
import type { Question } from './question.ts'
import { sortOut } from './read.ts'

/** The record, if it could be read; of documents without an id of their own an empty list. */
type Answer = 'gone' | 'unsure' | readonly RemoteRecord[]
export type Ask = (id: string) => Promise<Answer>

interface Asker {
  readonly client: Client
  readonly slug: string
  readonly resource: Resource
  readonly question: Question
  readonly signal: AbortSignal
}

export function askerOf(asker: Asker): Ask {
  const { client, resource, question, signal } = asker
  const { type, aliases } = resource
  return async (id) => {
    try {
      const { records } = await client.get(addressOf(asker, id), parseDocument, signal)
      const found = sortOut(records, { type, aliases, carried: false }).records
      return found.length > 0 || question.read.from === 'each' ? found : 'unsure'
    } catch (error) {
      if (isNotFound(error)) return 'gone'
      if (isRefused(error)) return 'unsure'
      throw error
    }
  }
}

/** @param known some that are there: where not even these are found by their address, 404 proves nothing. */
export async function isHeard(ask: Ask, known: readonly string[]): Promise<boolean> {
  const answers = await Promise.all(known.map(ask))
  return answers.length === 0 || answers.some((answer) => answer !== 'gone')
}

function addressOf({ slug, resource, question }: Asker, id: string): string {
  const { read, request } = question
  const base = `/${slug}/v1/${pathOf(read, resource)}/${encodeURIComponent(id)}`
  if (read.from === 'each') return `${base}/${read.path}?${new URLSearchParams(read.query).toString()}`
  const include = read.from === 'included' ? undefined : request?.query['include']
  return include === undefined ? base : `${base}?${new URLSearchParams({ include }).toString()}`
}

function pathOf(read: Read, { type }: Resource): string {
  if (read.from === 'list') return read.path
  return read.from === 'each' ? read.parent : type
}

const isRefused = (error: unknown): boolean =>
  error instanceof SyncError && (error.code === 'SYNC_REQUEST_REFUSED' || error.code === 'SYNC_FORBIDDEN')
