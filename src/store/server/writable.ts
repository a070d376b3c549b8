/** Checks that the database is writable: a standby, and a server without space for its log, still serve reads. */
import type { Database } from '../connection/database.ts'

/** A successful check holds this long. */
const ENOUGH_MS = 5_000

/**
 * Locks the row of the newest migration: that is a write (a record in the log, flushed at the commit) that leaves nothing to
 * clean up and blocks no other transaction.
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
