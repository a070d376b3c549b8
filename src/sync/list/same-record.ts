/**
 * Whether a response holds the record that was requested. Seen: a PATCH whose response was another client's document, which
 * gave the row that client's id and moved its projects. So no other record is written anywhere.
 */
import type { RemoteRecord, Resource } from '../../catalog/resource.ts'
import { otherRecord } from '../../errors/requests.ts'
import { isObject } from '../../exact-json.ts'
import { isStorable } from '../../store/values/codec.ts'

export interface Account {
  readonly slug: string
  /** Undefined where it is not known; then any number counts as it. */
  readonly accountId?: string | undefined
}

export interface ExpectedRecord extends Account {
  readonly resource: Resource
  /** Null for a new record, whose id is not known yet. */
  readonly id: string | null
}

/**
 * @param response `data` of a document, and the URL of its request.
 * @throws SyncError SYNC_ANSWER_FOREIGN
 */
export function requireSameRecord({ data, url }: { data: unknown; url: string }, wanted: ExpectedRecord): RemoteRecord {
  const objection = mismatchOf(data, wanted)
  if (objection !== null) throw otherRecord({ url, problem: objection })
  return data as RemoteRecord
}

export const isSameRecord = (record: RemoteRecord, wanted: ExpectedRecord): boolean =>
  mismatchOf(record, wanted) === null

/** What it is instead, as part of a sentence; null when it is the record. */
export function mismatchOf(data: unknown, expected: ExpectedRecord): string | null {
  if (data === null || data === undefined) return 'it holds no record'
  if (Array.isArray(data)) return 'it is a list, and one record was expected'
  if (!isObject(data) || typeof data['type'] !== 'string' || typeof data['id'] !== 'string' || data['id'] === '') {
    return 'it holds nothing with a type and an id'
  }
  return otherIdentity(data['type'], data['id'], expected) ?? unfitContent(data, expected)
}

function otherIdentity(type: string, id: string, { resource, id: expected }: ExpectedRecord): string | null {
  if (type !== resource.type && !resource.aliases.includes(type)) {
    return `it is of ${named(type)}, not of ${resource.type}`
  }
  if (expected === null) return isStorable(id) ? null : `it is of ${resource.type} ${named(id)}`
  return id === expected ? null : `it is of ${resource.type} ${named(id)}, not of ${expected}`
}

function unfitContent(
  { attributes, relationships }: Readonly<Record<string, unknown>>,
  { resource, ...account }: ExpectedRecord,
): string | null {
  // A record without any would empty the row.
  if (!isObject(attributes)) return 'its attributes are not an object'
  if (!isObject(relationships ?? {})) return 'its relationships are not an object'
  if (isDeeper(attributes, MOST_LEVELS)) return `its values are nested deeper than ${MOST_LEVELS} levels`
  const owner = accountOf(resource, relationships)
  return owner === undefined || isOf(owner, account) ? null : `it is of account ${named(owner)}, not of ${account.slug}`
}

/** Postgres' jsonb and Ruby's parser take fewer, and values are compared and written by recursion: the stack would overflow. */
const MOST_LEVELS = 500

const isDeeper = (value: unknown, levels: number): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (levels === 0 || Object.values(value).some((one) => isDeeper(one, levels - 1)))

/** The account a record names as its owner; undefined where it names none. */
function accountOf({ columns }: Resource, relationships: unknown): string | undefined {
  const column = columns.find(({ from, target }) => from === 'to-one' && target === 'accounts')
  const linkage = isObject(relationships) ? relationships[column?.member ?? 'account'] : undefined
  const end = isObject(linkage) ? linkage['data'] : undefined
  // A relationship of that name may lead to something else, such as the CRM's own accounts.
  if (!isObject(end) || end['type'] !== 'accounts') return undefined
  const { id } = end
  return typeof id === 'string' || typeof id === 'number' ? String(id) : undefined
}

/** Responses name it by its slug; request bodies by its number, which a server may well return (API notes §8). */
const isOf = (owner: string, { slug, accountId }: Account): boolean =>
  owner === slug || (accountId === undefined ? /^\d+$/.test(owner) : owner === accountId)

/** Remote text, quoted for a sentence. */
const named = (text: string): string => JSON.stringify(text.slice(0, 60))
