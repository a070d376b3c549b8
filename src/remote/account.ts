/** The account that the credentials belong to: `GET /v1/me` (integration guide §8). */
import { bodyUnreadable } from '../errors/requests.ts'
import { isObject } from '../exact-json.ts'
import type { Client } from './client.ts'
import { parseDocument } from './documents/document.ts'

export interface Account {
  readonly id: string
  /** Part of every other address. */
  readonly slug: string
  readonly user: string
}

export const fetchAccount = (client: Client, signal: AbortSignal): Promise<Account> =>
  client.get('/v1/me', parseAccount, signal)

function parseAccount(body: string, url: string): Account {
  const attributes = parseDocument(body, url).records[0]?.attributes
  const { 'account-id': id, 'account-slug': slug, name } = isObject(attributes) ? attributes : {}
  if ((typeof id !== 'number' && typeof id !== 'string') || typeof slug !== 'string' || slug === '') {
    throw bodyUnreadable({ url, problem: 'it has no account-id and account-slug' })
  }
  return { id: String(id), slug, user: typeof name === 'string' ? name : '' }
}
