/** Finds a record by what tells it from all others: how a creation whose answer was lost is looked for. */
import { fetchPage } from '../remote/pages.ts'
import type { RemoteRecord, Resource } from '../resource.ts'
import type { Change } from '../store/outbox.ts'
import { listRequest, type Asking } from './check.ts'
import { heldBy } from './conflict.ts'
import { isNearly } from './same.ts'
import type { Entry, Members } from './fold.ts'

/** Past so many pages of look-alikes nobody is found for sure. */
const MOST_PAGES = 20

/**
 * What an address holds for sure with the rest of a question: nginx takes 8 KB, Puma 10 KB, and each letter may be nine
 * characters there.
 */
const LONGEST_VALUE = 4_000

/** Members and values; null when the resource has no key, this record has nothing in it, or more than can be asked for. */
export function keyOf({ naturalKey }: Resource, { attributes, relationships }: Change): Members | null {
  if (naturalKey === undefined) return null
  const [first] = naturalKey
  const values = naturalKey.map((member) => [member, attributes[member] ?? relationships[member] ?? null] as const)
  const asked = values.find(([member]) => member === first)?.[1]
  if (typeof asked !== 'string' || asked === '') return null
  return encodeURIComponent(csvField(asked).toWellFormed()).length > LONGEST_VALUE ? null : Object.fromEntries(values)
}

/** @returns all that have the key; null when there are too many to be sure. */
export async function lookUp(
  asking: Asking,
  resource: Resource,
  key: Members,
  signal: AbortSignal,
): Promise<RemoteRecord[] | null> {
  const [first, value] = Object.entries(key)[0]!
  const request = await listRequest(asking, resource)
  const query = { ...request.query, [`filter[${first}]`]: csvField(String(value)) }
  const found: RemoteRecord[] = []
  for (let number = 1; number <= MOST_PAGES; number++) {
    const page = await fetchPage(asking.client, { ...request, query }, number, signal)
    // Filters by name match a part of it (API notes §4).
    found.push(...page.records.filter((record) => holds(resource, record, key)))
    if (page.records.length === 0 || (page.pageCount !== null && number >= page.pageCount)) return found
  }
  return null
}

/** A filter's value is read as a line of CSV: a comma would mean "or" (API notes §4). */
const csvField = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

const holds = (resource: Resource, record: RemoteRecord, key: Members): boolean =>
  resource.columns
    .filter(({ member, writable }) => writable && member in key)
    .every((column) => {
      const held = heldBy(record, column)
      return held === undefined || isNearly(column.kind, held, key[column.member])
    })

/** Whether a record is what was sent: each member, each user-defined field. */
export const isWhatWasSent = (
  resource: Resource,
  record: RemoteRecord,
  { attributes, relationships }: Change,
): boolean =>
  resource.columns.every((column) => {
    const { member, kind, entries, from } = column
    const given = (from === 'attribute' ? attributes : relationships)[member]
    if (given === undefined) return true
    if (entries !== undefined && Array.isArray(given)) {
      return (given as Entry[]).every((one) =>
        isNearly(kind, heldBy(record, column, String(one[entries[0]])), one[entries[1]] ?? null),
      )
    }
    const held = heldBy(record, column)
    return held === undefined || isNearly(kind, held, given)
  })
