/** Times of records, which are by ScopeStack's clock, and the beginning of a read, to be compared with them. */
import { isObject } from '../exact-json.ts'
import type { Client } from '../remote/client.ts'
import type { Database } from '../store/connection/database.ts'
import { databaseTime } from '../store/progress/watermark.ts'

/**
 * Where the database's clock is ahead of ScopeStack's, a record changed during the read would count as older than its
 * beginning, and be missed.
 *
 * @param at a time of the database's clock; left out, now.
 */
export async function earlierClockTime(
  { sql, client }: { readonly sql: Database; readonly client: Pick<Client, 'time'> },
  at?: Date,
): Promise<Date> {
  const here = await databaseTime(sql)
  const there = client.time()
  const aheadMs = there === null ? 0 : Math.max(0, here.getTime() - there)
  return new Date((at ?? here).getTime() - aheadMs)
}

/** When a record last changed, in milliseconds; null where it is no time. */
export function changeTime({ attributes }: { readonly attributes?: unknown }): number | null {
  const value = isObject(attributes) ? attributes['updated-at'] : undefined
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isNaN(time) ? null : time
}
