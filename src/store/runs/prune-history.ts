/** Deletes versions of the history that ended long ago (SYNC_HISTORY_DAYS). */
import { codeOf, type Database } from '../connection/database.ts'

/** So few that a step is over before another session notices. */
const PRUNED_AT_ONCE = 2_000

/** @returns whether there may be more. */
export async function pruneHistory(sql: Database, days: number): Promise<boolean> {
  try {
    const [row] = await sql<{ count: number }[]>`select sync.prune_history(${days}, ${PRUNED_AT_ONCE}) as count`
    return row!.count === PRUNED_AT_ONCE
  } catch (error) {
    // A role that only works, and was made after the migration: docs/deployment.md has the grant.
    if (codeOf(error) === '42501') return false
    throw error
  }
}
