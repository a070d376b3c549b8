/**
 * The beginning of a read, to be compared with times of records. Those are by ScopeStack's clock; where the database's clock
 * is ahead of it, a record changed during the read would count as older than the beginning, and be missed.
 */
import type { Client } from '../remote/client.ts'
import type { Database } from '../store/connection/database.ts'
import { databaseTime } from '../store/progress/watermark.ts'

/** @param at a time of the database's clock; left out, now. */
export async function earlierClockTime(
  { sql, client }: { readonly sql: Database; readonly client: Pick<Client, 'time'> },
  at?: Date,
): Promise<Date> {
  const here = await databaseTime(sql)
  const there = client.time()
  const aheadMs = there === null ? 0 : Math.max(0, here.getTime() - there)
  return new Date((at ?? here).getTime() - aheadMs)
}
