import { isEditable, type Column, type RemoteRecord, type Resource } from '../../catalog/resource.ts'
/** Which record a new row became: what its creation was answered with is believed where nothing speaks against it. */
import type { Answer } from '../../remote/client.ts'
import type { Change } from '../../store/outbox/claim.ts'
import { idsOfOtherCreates, wasMirroredBefore } from '../../store/outbox/in-flight.ts'
import type { PushDeps, Attempt } from './attempt.ts'
import { remoteValueOf } from './conflict.ts'
import { isNearlySame } from './equality.ts'

/** In the middle of a sentence, why this cannot be the record that was made; null when nothing speaks against it. */
export async function mismatchWithCreated(
  deps: PushDeps,
  sending: Attempt,
  record: RemoteRecord,
): Promise<string | null> {
  const { change, resource } = sending
  const { id } = record
  if (change.knownIds?.includes(id)) return `record ${id} was there before, with the same name`
  if (await wasMirroredBefore(deps.sql, resource, change, id)) return `record ${id} was there before`
  if ((await idsOfOtherCreates(deps.sql, change, [id])).has(id))
    return `record ${id} is the answer to another new row as well`
  return speaksOf(resource, record, change) ? null : `record ${id} holds other values`
}

/**
 * Not all that was sent: ScopeStack may leave something out, or spell it in its own way. What tells it from other records
 * must be there; where nothing does, none of its keys may be another one, and one of its texts must be the same.
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
 * The id of the record that `Location` names: the address itself is never followed, since it may lead anywhere, and the
 * library's own lacks the account (API notes §12).
 */
export function idInLocation({ headers }: Answer, { type, aliases }: Resource, path: string): string | null {
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
