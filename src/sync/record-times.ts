/** Times of records, which are by ScopeStack's clock, and the beginning of a read, to be compared with them. */
import { isObject } from '../exact-json.ts'
import type { Client } from '../remote/client.ts'

/**
 * By how much the database's clock is ahead of ScopeStack's: a record changed during the read would count as older than its
 * beginning, and be missed.
 *
 * @param here what the database's clock has just shown.
 */
export function clockAheadMs({ client }: { readonly client: Pick<Client, 'time'> }, here: Date): number {
  const there = client.time()
  return there === null ? 0 : Math.max(0, here.getTime() - there)
}

/** When a record last changed, in milliseconds; null where it is no time. */
export function changeTime({ attributes }: { readonly attributes?: unknown }): number | null {
  const value = isObject(attributes) ? attributes['updated-at'] : undefined
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isNaN(time) ? null : time
}
