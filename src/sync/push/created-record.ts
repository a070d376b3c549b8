/** Which record a create produced: the one in the response, unless something contradicts it. */
import { isEditable, type Column, type RemoteRecord, type Resource } from '../../catalog/resource.ts'
import type { HttpResponse } from '../../remote/http/http.ts'
import type { Change } from '../../store/changes/change.ts'
import { isNearlySame } from '../../store/changes/equality.ts'
import { remoteValueOf } from '../../store/changes/fields.ts'
import { idsOfOtherCreates, wasMirroredBefore } from '../../store/outbox/similar-creates.ts'
import type { PushDeps, Attempt } from './attempt.ts'

/** Why this cannot be the created record, as part of a sentence; null when nothing contradicts it. */
export async function mismatchWithCreated(
  deps: PushDeps,
  attempt: Attempt,
  record: RemoteRecord,
): Promise<string | null> {
  const { change, resource } = attempt
  const { id } = record
  if (change.knownIds?.includes(id)) return `record ${id} was there before, with the same name`
  if (await wasMirroredBefore(deps.sql, resource, change, id)) return `record ${id} was there before`
  if ((await idsOfOtherCreates(deps.sql, change, [id])).has(id))
    return `record ${id} is the answer to another new row as well`
  return speaksOf(resource, record, change) ? null : `record ${id} holds other values`
}

/**
 * Not every value: ScopeStack may ignore or reformat some. Its natural key must be the same; where it has none, no foreign
 * key may differ, and one of its texts must be the same.
 */
function speaksOf(resource: Resource, record: RemoteRecord, change: Change): boolean {
  const given = resource.columns.flatMap((column) => {
    const local = (column.from === 'attribute' ? change.attributes : change.relationships)[column.member] ?? null
    const held = remoteValueOf(record, column)
    return local === null || held === undefined || !isEditable(column) ? [] : [same(column, held, local)]
  })
  const [attributes, ends] = [given.filter(isAttribute), given.filter((one) => !isAttribute(one))]
  const { naturalKey } = resource
  if (naturalKey !== undefined) {
    const key = given.filter(({ column }) => naturalKey.includes(column.member))
    return key.every(({ isSame }) => isSame) && key.some(isAttribute)
  }
  const texts = attributes.filter(({ column }) => column.kind === 'text')
  const proof = texts.length > 0 ? texts : ends.length > 0 ? ends : attributes
  return ends.every(({ isSame }) => isSame) && proof.some(({ isSame }) => isSame)
}

type Compared = ReturnType<typeof same>
const isAttribute = ({ column }: Compared): boolean => column.from === 'attribute'

const same = (column: Column, held: unknown, local: unknown) => ({
  column,
  isSame: isNearlySame(column.kind, held, local) || lower(held) === lower(local),
})

const lower = (value: unknown): unknown => (typeof value === 'string' ? value.trim().toLowerCase() : value)

/**
 * The id of the record that `Location` names. The URL itself is never followed: it may lead anywhere, and the library's own
 * lacks the account (API notes §12).
 */
export function idInLocation({ headers }: HttpResponse, { type, aliases }: Resource, path: string): string | null {
  const { location } = headers
  const given = Array.isArray(location) ? location[0] : location
  if (given === undefined || given.length > LONGEST_ADDRESS) return null
  try {
    const { pathname } = new URL(given, 'https://scopestack.invalid')
    const [id = '', kind = ''] = pathname
      .split('/')
      .filter((part) => part !== '')
      .map(decodeURIComponent)
      .toReversed()
    return [type, ...aliases, path.split('/').at(-1)].includes(kind) ? id : null
  } catch {
    return null
  }
}

const LONGEST_ADDRESS = 2_000
