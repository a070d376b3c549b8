import type { RemoteRecord, Resource } from '../../catalog/resource.ts'
/**
 * Whether an answer is of the record that was asked for. Seen: a PATCH answered with another client's document, which gave the
 * row that client's id, and took its projects along. So nothing that is not of the very record is written anywhere.
 */
import { otherRecord } from '../../errors/requests.ts'
import { isObject } from '../../remote/documents/document.ts'
import { isStorable } from '../../store/mirror/codec.ts'

export interface Account {
  readonly slug: string
  /** Undefined: not known here; then any number passes for it. */
  readonly accountId?: string | undefined
}

export interface ExpectedRecord extends Account {
  readonly resource: Resource
  /** Null: of a record that is new, whose id nobody knows. */
  readonly id: string | null
}

/**
 * @param answer `data` of a document, and where it was asked for.
 * @throws SyncError SYNC_ANSWER_FOREIGN
 */
export function requireSameRecord({ data, url }: { data: unknown; url: string }, wanted: ExpectedRecord): RemoteRecord {
  const objection = mismatchOf(data, wanted)
  if (objection !== null) throw otherRecord({ url, problem: objection })
  return data as RemoteRecord
}

/** Of the members of a list. */
export const isSameRecord = (record: RemoteRecord, wanted: ExpectedRecord): boolean =>
  mismatchOf(record, wanted) === null

/** In the middle of a sentence, what it is instead; null when it is the record. */
export function mismatchOf(data: unknown, { resource, id, ...account }: ExpectedRecord): string | null {
  if (data === null || data === undefined) return 'it holds no record'
  if (Array.isArray(data)) return 'it is a list, and one record was expected'
  if (!isObject(data) || typeof data['type'] !== 'string' || typeof data['id'] !== 'string' || data['id'] === '') {
    return 'it holds nothing with a type and an id'
  }
  const { type, attributes, relationships } = data
  if (type !== resource.type && !resource.aliases.includes(type))
    return `it is of ${named(type)}, not of ${resource.type}`
  if (id === null ? !isStorable(data['id']) : data['id'] !== id) {
    return `it is of ${resource.type} ${named(data['id'])}${id === null ? '' : `, not of ${id}`}`
  }
  // A record without any would empty the row.
  if (!isObject(attributes)) return 'its attributes are not an object'
  if (!isObject(relationships ?? {})) return 'its relationships are not an object'
  if (isDeeper(attributes, MOST_LEVELS)) return `its values are nested deeper than ${MOST_LEVELS} levels`
  const owner = accountOf(resource, relationships)
  return owner === undefined || isOf(owner, account) ? null : `it is of account ${named(owner)}, not of ${account.slug}`
}

/** Postgres' jsonb and Ruby's parser take fewer, and what compares and writes it goes down by calls: the stack would end. */
const MOST_LEVELS = 500

const isDeeper = (value: unknown, levels: number): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (levels === 0 || Object.values(value).some((one) => isDeeper(one, levels - 1)))

/** The account that a record says it belongs to; undefined where it does not say. */
function accountOf({ columns }: Resource, relationships: unknown): string | undefined {
  const column = columns.find(({ from, target }) => from === 'to-one' && target === 'accounts')
  const linkage = isObject(relationships) ? relationships[column?.member ?? 'account'] : undefined
  const end = isObject(linkage) ? linkage['data'] : undefined
  // A relationship of that name may lead to something else, such as the CRM's own accounts.
  if (!isObject(end) || end['type'] !== 'accounts') return undefined
  const { id } = end
  return typeof id === 'string' || typeof id === 'number' ? String(id) : undefined
}

/** Answers name it by its slug; bodies by its number, which a server may well give back (API notes §8). */
const isOf = (owner: string, { slug, accountId }: Account): boolean =>
  owner === slug || (accountId === undefined ? /^\d+$/.test(owner) : owner === accountId)

/** Remote text in a sentence. */
const named = (text: string): string => JSON.stringify(text.slice(0, 60))
