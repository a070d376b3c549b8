/**
 * The views of schema `scopestack_live`: of each mirrored table its living rows, of each to-many its pairs, of user-defined fields a
 * column each. What they are is SQL (migrations/0022_living_views.sql), so that a statement that adds a column can have them follow.
 */
import { codeOf, type Database } from '../connection/database.ts'

/** A view that was made or changed, or could not be: `busy` where a report reads it, which the next call tries again. */
export interface LiveViewResult {
  readonly view: string
  readonly outcome: 'made' | 'changed' | 'busy' | 'failed'
  readonly problem: string | null
}

/**
 * Writes and locks nothing where the views are right. Waits 0.2 s at most for who reads a view, and then leaves it as it is.
 *
 * @param table only the views of this one.
 */
export async function refreshLiveViews(sql: Database, table: string | null = null): Promise<LiveViewResult[]> {
  try {
    return await sql<LiveViewResult[]>`
      select view_name as view, outcome, problem from sync.refresh_live_views(${table})`
  } catch (error) {
    // A role without rights on schema sync, or a schema of an older release: the next "migrate" of the owner does it.
    if (/^(42501|42883)$/.test(codeOf(error))) return []
    throw error
  }
}
