/**
 * The third lock where ScopeStack answers for no single record (S6): a row is taken for deleted when two whole readings in
 * a row missed it, hours apart, so that nothing that passes (a deployment, a replica that lags) hides it from both.
 */
import type { Database } from '../../store/connection/database.ts'
import { forgetCapability, readCapability, saveCapability } from '../../store/progress/capabilities.ts'
import { databaseTime } from '../../store/progress/watermark.ts'

const NAME = 'missing'

/** Longer than any outage of a night is likely to be; two nightly readings are further apart, and so are morning and night. */
export const HOURS_APART = 6

/** What is remembered has a limit; those behind it begin to wait when the first ones are settled. */
const MOST = 10_000

/** By when a whole reading first missed them, of all that came since. */
type Missing = readonly { readonly since: string; readonly ids: readonly string[] }[]

/**
 * Of `ids`, which a whole reading has just missed, those that may be buried.
 *
 * @returns what has to be remembered is saved with `confirm`, once they are.
 */
export async function missedTwice(
  sql: Database,
  resource: string,
  ids: readonly string[],
): Promise<{ readonly due: readonly string[]; readonly confirm: () => Promise<void> }> {
  const now = await databaseTime(sql)
  const before = ((await readCapability(sql, resource, NAME))?.value ?? []) as Missing
  const missed = new Set(ids)
  const waiting = before.map(({ since, ids: earlier }) => ({ since, ids: earlier.filter((id) => missed.has(id)) }))
  const isDue = (since: string): boolean => now.getTime() - Date.parse(since) >= HOURS_APART * 60 * 60_000
  const due = waiting.flatMap((group) => (isDue(group.since) ? group.ids : []))
  const known = new Set(waiting.flatMap((group) => group.ids))
  const fresh = ids.filter((id) => !known.has(id)).slice(0, MOST - known.size)
  const left = [...waiting.filter(({ since }) => !isDue(since)), { since: now.toISOString(), ids: fresh }]
  return {
    due,
    confirm: () =>
      saveCapability(
        sql,
        resource,
        NAME,
        left.filter((group) => group.ids.length > 0),
      ),
  }
}

/** A whole reading has met them all, or each of them could be asked for. */
export const clearMissing = (sql: Database, resource: string): Promise<void> => forgetCapability(sql, resource, NAME)
