/**
 * The third lock where ScopeStack serves no single records (S6): a row counts as deleted when two full reads in a row, hours
 * apart, missed it, so that no passing condition (a deployment, a lagging replica) hides it from both.
 */
import type { Database } from '../../store/connection/database.ts'
import type { Capabilities } from '../../store/progress/known.ts'
import { databaseTime } from '../../store/progress/watermark.ts'

const NAME = 'missing'

/** Longer than any outage of a night is likely to be; two nightly readings are further apart, and so are morning and night. */
export const HOURS_APART = 6

/** The most ids that are remembered; the others begin to wait when the first ones are closed. */
const MOST = 10_000

/** Ids by the time of the first of all full reads in a row that missed them. */
type Missing = readonly { readonly since: string; readonly ids: readonly string[] }[]

/**
 * Of `ids`, which a full read has just missed, those that may be marked deleted.
 *
 * @returns with `confirm`, which saves what is to be remembered, once they are marked.
 */
export async function missedTwice(
  sql: Database,
  capabilities: Capabilities,
  ids: readonly string[],
): Promise<{ readonly due: readonly string[]; readonly confirm: () => Promise<void> }> {
  const now = await databaseTime(sql)
  const before = (capabilities.get(NAME)?.value ?? []) as Missing
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
      capabilities.save(
        NAME,
        left.filter((group) => group.ids.length > 0),
      ),
  }
}

/** A full read has seen them all, or each could be requested by itself. */
export const clearMissing = (capabilities: Capabilities): Promise<void> => capabilities.forget(NAME)
