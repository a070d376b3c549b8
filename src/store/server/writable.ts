/** Whether the database takes what is written: a standby, and one that is out of space for its log, answer questions, too. */
import type { Database } from '../connection/database.ts'

/** What was true a moment ago need not be proved to each who asks. */
const ENOUGH_MS = 5_000

/**
 * Locks the row of the newest migration, which is a write (a record in the log, flushed at the commit), leaves nothing
 * behind to be cleaned up, and is in nobody's way.
 */
export function createWriteCheck(sql: Database): () => Promise<void> {
  let proved = -Infinity
  return async () => {
    if (performance.now() - proved < ENOUGH_MS) return
    await sql`
      select from sync.__drizzle_migrations
      where id = (select max(id) from sync.__drizzle_migrations) for no key update`
    proved = performance.now()
  }
}
